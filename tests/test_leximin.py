"""The largest ratio first, then the next: against handing out lots, and against trying every quota."""

import itertools
import math
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from allocator.keys import fair_shares
from allocator.policies import policy_from
from allocator.solve import solve, whole
from allocator.solve.compile import compile_program
from allocator.solve.engine import Settings
from allocator.solve.leximin.lots import SAME
from allocator.solve.progress import Clock
from allocator.solve.secants import Secants
from allocator.solve.stages import Stages
from models.instance import Instance
from models.options import Method, SolveOptions
from models.plan import GoalResult, Plan, Status
from models.policy import Policy, Term
from models.program import build, collect
from tests.small import measure, tiny

SHORTFALL: dict[str, Any] = {"terms": {"shortfall": 1.0}}
REFINED: dict[str, Any] = {"terms": {"max_ratio": 1.0}, "refined": True}
UNFAIRNESS: dict[str, Any] = {"terms": {"unfairness": 1.0}}
EXACT = SolveOptions(gap=0.0)


def policy(goals: list[dict[str, Any]], **settings: Any) -> Policy:
    return policy_from({"goals": goals, **settings})


def optimised(instance: Instance, asked: Policy) -> tuple[list[int], list[GoalResult]]:
    """Return quotas and goals of the whole program, without the checks around it."""
    data = collect(instance, asked, fair_shares(instance, asked))
    model = build(data)
    arrays = compile_program(model)
    secants = Secants(data, model.most, arrays)
    stages = Stages(data, arrays, secants, EXACT, Clock(60.0), Settings(60.0))
    results = whole.run(stages)
    assert stages.solution is not None
    return [round(secants.quota(stages.solution, m)) for m in data.municipalities], results


def sorted_ratios(quotas: list[int], fair: list[float]) -> tuple[float, ...]:
    """Return the ratios, largest first, so that those which differ by rounding are equal."""
    return tuple(
        sorted((round(q / f, 9) for q, f in zip(quotas, fair, strict=True) if f), reverse=True)
    )


def told(result: GoalResult) -> list[float]:
    """Return the ratios that the levels say."""
    return [round(level.ratio, 9) for level in result.levels for _ in range(level.municipalities)]


def hand_out(populations: list[int], room: list[int], lots: int, step: int) -> list[int]:
    """Hand out lots one at a time, to whoever's ratio is smallest with it among those with room.

    Of those with equal ratios the largest goes first: a small one that goes without is left with
    a smaller ratio than a large one.
    """
    quotas = [0] * len(populations)
    for _ in range(lots):
        claims = [
            (round((quotas[i] + step) / people, 12), -people, i)
            for i, people in enumerate(populations)
            if quotas[i] + step <= room[i]
        ]
        if not claims:
            break
        quotas[min(claims)[2]] += step
    return quotas


def only_capacities(seed: int) -> tuple[list[int], list[int], int, int]:
    """Draw populations (every other time many equal ones), room, lots and the step."""
    random = np.random.default_rng(seed)
    count, step = int(random.integers(2, 9)), int(random.choice([1, 5]))
    some = [100, 200, 300, 450, 777, 1200] if seed % 2 else list(range(50, 2000))
    lots = int(random.integers(1, 40))
    room = random.integers(0, 3 * step * lots // count + 2, count)
    return random.choice(some, count).tolist(), room.tolist(), lots, step


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_where_only_capacities_bind_lots_are_handed_out_one_at_a_time(first: int) -> None:
    bound = 0
    for seed in range(first, first + 50):
        populations, room, lots, step = only_capacities(seed)
        asked = policy([SHORTFALL, REFINED], step=step, floor=0)
        instance = tiny(populations, step * lots, [float(n) for n in room])
        quotas, (_, result) = optimised(instance, asked)
        expected = hand_out(populations, room, lots, step)
        fair = [step * lots * people / sum(populations) for people in populations]
        assert sorted_ratios(quotas, fair) == sorted_ratios(expected, fair), seed
        assert told(result) == pytest.approx(list(sorted_ratios(expected, fair)), abs=1e-8)
        assert all(level.proven for level in result.levels)
        free = hand_out(populations, [step * lots] * len(room), lots, step)
        bound += free != expected
    assert bound > 10


# Everything else is tried out.


def tried(
    instance: Instance, asked: Policy, *, pool: tuple[list[int], float] | None = None
) -> Iterator[tuple[int, ...]]:
    """Yield every vector of quotas of an instance with dwellings, counties and one pool."""
    target, step = asked.target_for(instance.target), asked.step
    exact = {d.municipality_id: d.persons for d in asked.fixed if d.relation == "exact"}
    odd = (target - sum(exact.values())) % step
    ids = instance.municipalities["municipality_id"].tolist()
    county = instance.municipalities["county_id"].tolist()
    fair = fair_shares(instance, asked)
    choices = []
    for m, room in zip(ids, instance.dwellings["dwellings"], strict=True):
        whole_lots = range(0, target + 1, step)
        with_odd = range(odd, target + 1, step) if odd else []
        quotas = [q for q in sorted({*whole_lots, *with_odd}) if q == 0 or q >= asked.floor]
        low, high = (asked.min_ratio or 0.0) * fair[m], room
        for decision in asked.fixed:
            if decision.municipality_id == m and decision.relation == "at_least":
                low = max(low, decision.persons)
            if decision.municipality_id == m and decision.relation == "at_most":
                high = min(high, decision.persons)
        choices.append([exact[m]] if m in exact else [q for q in quotas if low <= q <= high])
    for quotas in itertools.product(*choices):
        loose = [q for q, m in zip(quotas, ids, strict=True) if m not in exact]
        if sum(quotas) > target or sum(q % step != 0 for q in loose) > 1:
            continue
        if pool is not None and sum(quotas[i] for i in pool[0]) > pool[1]:
            continue
        sums = {c: sum(q for q, at in zip(quotas, county, strict=True) if at == c) for c in county}
        if any(
            not (b.at_least or 0) <= sums.get(b.county_id, 0) <= (b.at_most or math.inf)
            for b in asked.county_bounds
        ):
            continue
        yield quotas


def drawn(seed: int) -> tuple[Instance, dict[str, Any], tuple[list[int], float] | None]:
    """Draw two to five municipalities, settings and a pool, so that much of it binds."""
    random = np.random.default_rng(seed)
    count, step = int(random.integers(2, 6)), int(random.choice([4, 5, 10]))
    populations = random.choice([100, 200, 300, 450, 777], count).tolist()
    target = int(random.integers(3, 10)) * step + int(random.choice([0, 0, 3]))
    room = [float(n) for n in random.integers(step, target, count)]
    instance = tiny(populations, target, room)
    ids = instance.municipalities["municipality_id"].tolist()
    settings: dict[str, Any] = {"step": step, "floor": int(random.choice([0, 3, 10, 14]))}
    if random.random() < 0.4:
        most = float(random.integers(step, target))
        settings["county_bounds"] = [{"county_id": "01", "at_most": most}]
    if random.random() < 0.3:
        relation = str(random.choice(["exact", "at_least", "at_most"]))
        persons = int(random.integers(0, int(min(room[0], target)) + 1))
        persons = persons if relation == "exact" else persons // step * step
        settings["fixed"] = [{"municipality_id": ids[0], "relation": relation, "persons": persons}]
    pool = None
    if random.random() < 0.5:
        members = sorted(random.choice(count, int(random.integers(1, count + 1)), False).tolist())
        pool = members, float(random.integers(step, target))
        instance = pooled(instance, [ids[i] for i in members], pool[1])
    return instance, settings, pool


def pooled(instance: Instance, members: list[str], capacity: float) -> Instance:
    """Let some municipalities share GPs, one for every person."""
    rows: dict[str, list[dict[str, Any]]] = {
        "services": [{"service_id": "gp", "name": "GP", "family": "health", "unit": "places"}],
        "needs": [{"group_id": "singles", "service_id": "gp", "units_per_person": 1.0}],
        "shared_capacities": [{"pool_id": "west", "service_id": "gp", "capacity": capacity}],
        "pool_members": [{"pool_id": "west", "municipality_id": m} for m in members],
    }
    return instance.replace(**{name: pd.DataFrame(cells) for name, cells in rows.items()})


def expected(
    instance: Instance, asked: Policy, pool: tuple[list[int], float] | None
) -> tuple[int, tuple[float, ...], float] | None:
    """Return the least shortfall, then the smallest ratios, then the least unfairness."""
    fair = fair_shares(instance, asked).tolist()
    target = asked.target_for(instance.target)
    return min(
        (
            (
                target - sum(quotas),
                sorted_ratios(list(quotas), fair),
                sum((q - f) ** 2 / f for q, f in zip(quotas, fair, strict=True)),
            )
            for quotas in tried(instance, asked, pool=pool)
        ),
        default=None,
    )


@pytest.mark.parametrize("first", range(0, 240, 30))
def test_every_quota_tried_finds_nothing_better(first: int) -> None:
    for seed in range(first, first + 30):
        instance, settings, pool = drawn(seed)
        asked = policy([SHORTFALL, REFINED, UNFAIRNESS], **settings)
        best = expected(instance, asked, pool)
        if best is None:
            continue
        quotas, (shortfall, refined, unfairness) = optimised(instance, asked)
        fair = fair_shares(instance, asked).tolist()
        assert shortfall.value == pytest.approx(best[0], abs=1e-5), seed
        assert sorted_ratios(quotas, fair) == best[1], seed
        assert told(refined) == pytest.approx(list(best[1]), abs=1e-8), seed
        assert all(level.proven for level in refined.levels)
        assert unfairness.value == pytest.approx(best[2], rel=1e-6, abs=1e-6), seed
