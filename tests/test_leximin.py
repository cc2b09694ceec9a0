"""The largest ratio, then the next: against handing out lots, and against trying every quota."""

import io
import itertools
import math
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from allocator.cli.summary import print_summary
from allocator.errors import InvalidPolicy
from allocator.keys import fair_shares
from allocator.loading import load
from allocator.policies import policy_from, read_policy
from allocator.report.language import Texts
from allocator.report.tables import goal_rows
from allocator.report.words import goals_in_words
from allocator.settings_of_policy import policy_with_comments
from allocator.solve import solve, whole
from allocator.solve.compile import compile_program
from allocator.solve.engine import Settings
from allocator.solve.progress import Clock, Progress
from allocator.solve.secants import Secants
from allocator.solve.stages import Stages
from allocator.verify import verify
from models.instance import Instance
from models.options import Method, SolveOptions
from models.plan import GoalResult, Level, Plan, Status
from models.policy import Key, Policy
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


@pytest.mark.parametrize("first", range(0, 150, 50))
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
    choices: list[list[int]] = []
    for m, room in zip(ids, instance.dwellings["dwellings"], strict=True):
        lattice = {*range(0, target + 1, step), *range(odd, target + 1, step)}
        possible = [q for q in sorted(lattice) if q == 0 or q >= asked.floor]
        low, high = (asked.min_ratio or 0.0) * fair[m], room
        for decision in asked.fixed:
            if decision.municipality_id == m and decision.relation == "at_least":
                low = max(low, decision.persons)
            if decision.municipality_id == m and decision.relation == "at_most":
                high = min(high, decision.persons)
        choices.append([exact[m]] if m in exact else [q for q in possible if low <= q <= high])
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


@pytest.mark.parametrize("first", range(0, 120, 30))
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


# Who lies at a level stays open.


@pytest.mark.parametrize("method", [Method.WHOLE, Method.DECOMPOSED])
@pytest.mark.parametrize("roomy", [0, 1, 2])
def test_of_equals_the_next_goal_chooses_who_takes_more(roomy: int, method: Method) -> None:
    room = [20.0 if i == roomy else 10.0 for i in range(3)]
    homes = [measure(f"homes{i}", "dwellings", site_id=f"000{i + 1}", beds=1) for i in range(3)]
    asked = policy([SHORTFALL, REFINED, {"terms": {"cost": 1.0}}], step=10)
    plan = solve(
        tiny([100] * 3, 40, room, measures=homes),
        asked,
        EXACT.model_copy(update={"method": method}),
    )
    assert plan.quotas["quota"].tolist() == [20 if i == roomy else 10 for i in range(3)]
    assert plan.goals[2].value == 0
    counts = [(level.municipalities, level.proven) for level in plan.goals[1].levels]
    assert counts == [(1, True), (2, True)]


def test_more_lie_at_a_level_where_a_pool_leaves_no_room_beside_it() -> None:
    """Five equals take 60: two at 20 would do, but two of them share room for one lot of ten."""
    instance = pooled(tiny([100] * 5, 60, [20.0, 20.0, 20.0, 20.0, 20.0]), ["0001", "0002"], 10.0)
    quotas, (_, refined) = optimised(instance, policy([SHORTFALL, REFINED], step=10))
    assert [(level.ratio, level.municipalities) for level in refined.levels] == [
        (pytest.approx(20 / 12), 2),
        (pytest.approx(10 / 12), 2),
        (0.0, 1),
    ]
    assert sorted(quotas[2:]) == [10, 20, 20]


# What stands outside: no fair share, decisions taken, no goal before it.


def test_without_a_fair_share_there_is_no_ratio() -> None:
    asked = policy([SHORTFALL, REFINED], step=10)
    asked = asked.model_copy(update={"key": Key(name="weighted", weights={"jobs": 1.0})})
    instance = tiny([100] * 3, 60, [20.0, 50.0, 50.0], towns={"jobs": [0.0, 1.0, 1.0]})
    quotas, (_, refined) = optimised(instance, asked)
    assert quotas == [20, 20, 20]
    assert told(refined) == pytest.approx([20 / 30, 20 / 30])


def test_a_decision_above_all_others_does_not_stop_the_rest() -> None:
    decided = [{"municipality_id": "0001", "relation": "exact", "persons": 40}]
    instance = tiny([100, 100, 300, 500], 100, [60.0] * 4)
    plan = solve(instance, policy([SHORTFALL, REFINED], step=5, floor=0, fixed=decided), EXACT)
    assert plan.quotas["quota"].tolist() == [40, 5, 20, 35]
    assert plan.goals[1].value == pytest.approx(4.0)
    assert [level.proven for level in plan.goals[1].levels] == [True] * 4
    assert plan.status is Status.OPTIMAL


@pytest.mark.parametrize("method", [Method.WHOLE, Method.DECOMPOSED])
def test_it_may_be_the_first_goal_and_the_only_one(method: Method) -> None:
    at_least = [{"county_id": "01", "at_least": 30.0}]
    instance = tiny([100, 100, 200], 60, [60.0] * 3)
    asked = policy([REFINED], step=10, county_bounds=at_least)
    plan = solve(instance, asked, EXACT.model_copy(update={"method": method}))
    assert plan.quotas["quota"].tolist() == [10, 0, 20]
    clash = policy([REFINED], step=10, county_bounds=[{"county_id": "01", "at_least": 130.0}])
    none = solve(instance, clash, EXACT.model_copy(update={"method": method}))
    assert none.status is Status.INFEASIBLE
    assert none.conflicts[0].rule == "county_bounds"


@pytest.mark.slow
def test_every_level_of_the_national_plan_is_proven() -> None:
    cost = {"terms": {"unfairness": 1.0, "cost": 1e-7}}
    options = SolveOptions(method=Method.DECOMPOSED, time_limit=600.0)
    plan = solve(load("norway-2024"), policy([SHORTFALL, REFINED, cost]), options)
    refined = plan.goals[1]
    assert plan.totals is not None
    assert plan.totals.shortfall == 0
    assert refined.value == plan.totals.largest_ratio == refined.bound
    assert len(refined.levels) == refined.proven_levels > 200


def test_its_weight_counts() -> None:
    goal = {"terms": {"max_ratio": 3.0}, "refined": True}
    plan = solve(tiny([100, 100], 30, [30.0, 30.0]), policy([SHORTFALL, goal]), EXACT)
    assert plan.goals[1].value == plan.goals[1].bound == pytest.approx(3.0)
    assert [level.ratio for level in plan.goals[1].levels] == [pytest.approx(1.0)]


# What is not proven is said not to be.


def scarce(seed: int) -> tuple[Instance, Policy]:
    """Many municipalities in few pools, where adding up says little."""
    random = np.random.default_rng(seed)
    instance = tiny(random.integers(100, 900, 12).tolist(), 300, [60.0] * 12)
    ids = instance.municipalities["municipality_id"].tolist()
    return pooled(instance, ids[::3], 30.0), policy([SHORTFALL, REFINED, UNFAIRNESS], step=5)


class At:
    """Set from when the run tells of a phase."""

    def __init__(self, phase: str) -> None:
        self.phase, self.flag = phase, threading.Event()

    def __call__(self, progress: Progress) -> None:
        if progress.phase == self.phase:
            self.flag.set()


@pytest.mark.parametrize("level", [0, 1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_a_cancelled_run_says_how_many_levels_are_proven(seed: int, level: int) -> None:
    instance, asked = scarce(seed)
    whole_way = solve(instance, asked, EXACT).goals[1]
    at = At("goal 2 of 3: max_ratio, refined" + (f", level {level}" if level else ""))
    plan = solve(instance, asked, EXACT, progress=at, cancel=at.flag)
    assert at.flag.is_set()
    assert plan.status is Status.LIMIT
    refined = plan.goals[1]
    assert level <= refined.proven_levels < len(refined.levels)
    proven = refined.proven_levels
    assert refined.levels[:proven] == whole_way.levels[:proven]
    assert told(refined) > told(whole_way)
    assert refined.bound is not None
    assert refined.bound <= whole_way.value + 1e-9
    assert verify(instance, asked, plan) == []


def test_a_plan_at_hand_is_a_start_and_no_limit() -> None:
    instance, asked = scarce(1)
    before = solve(instance, policy([SHORTFALL, UNFAIRNESS], step=5), EXACT)
    cold, warm = solve(instance, asked, EXACT), solve(instance, asked, EXACT, start=before)
    assert warm.warm_start
    assert told(warm.goals[1]) == told(cold.goals[1])
    assert warm.status is cold.status is Status.OPTIMAL


# Policies.


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ({"terms": {"unfairness": 1.0}}, "counts unfairness where max_ratio alone"),
        ({"terms": {"max_ratio": 1.0, "cost": 1.0}}, "counts max_ratio, cost where"),
        ({"terms": {"max_ratio": 1.0}, "tolerance": 0.1}, "a tolerance of 0.1"),
        (
            {"terms": {"cost": 1.0}, "tolerance": 0.5, "tolerance_absolute": 2.0},
            "counts cost where max_ratio alone can be refined and has a tolerance of 0.5 where "
            "every level is held as it is and has a tolerance_absolute of 2",
        ),
    ],
)
def test_only_the_largest_ratio_can_be_refined(goal: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidPolicy) as error:
        policy([SHORTFALL, {**goal, "refined": True}])
    (problem,) = error.value.problems
    assert problem.column == "goals.1"
    assert said in problem.message
    assert problem.expected == "write {terms = {max_ratio = 1.0}, refined = true}"


def test_one_goal_is_refined() -> None:
    with pytest.raises(InvalidPolicy) as error:
        policy([REFINED, SHORTFALL, REFINED])
    (problem,) = error.value.problems
    assert problem.column == "goals"
    assert problem.message == "more than one goal is refined"


def test_the_setting_is_read_written_and_printed(tmp_path: Path) -> None:
    written = tmp_path / "policy.toml"
    goals = ["terms = {shortfall = 1.0}", "terms = {max_ratio = 1.0}\nrefined = true"]
    written.write_text("".join(f"[[goals]]\n{goal}\n" for goal in goals))
    asked = read_policy(written)
    assert [goal.refined for goal in asked.goals] == [False, True]
    assert asked.goals[1].name == "max_ratio, refined"
    assert Policy.model_validate_json(asked.model_dump_json()) == asked
    assert all(not goal["refined"] for goal in tomllib.loads(policy_with_comments())["goals"])
    assert read_policy(None, ["goals.1={terms={max_ratio=1}, refined=true}"]).goals[1].refined


# What is said of it.


def solved() -> tuple[Instance, Policy, Plan]:
    instance, asked = scarce(0)
    return instance, asked, solve(instance, asked, EXACT)


def test_levels_are_verified_against_the_quotas() -> None:
    instance, asked, plan = solved()
    shortfall, refined, last = plan.goals
    first, second, *rest = refined.levels

    def rules(*levels: Level, status: Status = Status.OPTIMAL) -> set[str]:
        goals = (shortfall, refined.model_copy(update={"levels": levels}), last)
        changed = plan.model_copy(update={"goals": goals, "status": status})
        return {violation.rule for violation in verify(instance, asked, changed)}

    def changed(level: Level, **fields: Any) -> Level:
        return level.model_copy(update=fields)

    assert rules(first, second, *rest) == set()
    assert rules() == {"goal_levels"}
    assert rules(first, second, *rest[:-1]) == {"goal_levels"}
    assert rules(changed(first, ratio=first.ratio + 1e-4), second, *rest) == {"goal_levels"}
    assert rules(second, first, *rest) == {"goal_levels"}
    assert rules(changed(first, proven=False), second, *rest) == {"goal_levels", "status"}
    unproven = [changed(level, proven=False) for level in refined.levels]
    assert rules(*unproven) == {"status"}
    assert rules(*unproven, status=Status.LIMIT) == set()
    wrong = last.model_copy(update={"levels": refined.levels})
    goals = plan.model_copy(update={"goals": (shortfall, refined, wrong)})
    assert [v.rule for v in verify(instance, asked, goals)] == ["goal_levels"]


def test_a_plan_with_levels_is_written_and_read() -> None:
    _, _, plan = solved()
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_the_summary_names_the_first_levels() -> None:
    _, _, plan = solved()
    text = io.StringIO()
    print_summary(plan, Console(file=text, width=200), currency="NOK")
    (line,) = [x for x in text.getvalue().splitlines() if x.startswith("levels")]
    levels = plan.goals[1].levels
    assert f"{len(levels)} of {len(levels)} proven: {levels[0].ratio:.3f}" in line
    assert line.endswith("…")


def test_the_report_says_it_in_words() -> None:
    said = goals_in_words(policy([REFINED]), Texts("en"))
    assert said == [f"{Texts('en')('term.max_ratio')}, then the next largest, and so on"]
    _, _, plan = solved()
    verdict = goal_rows(plan, Texts("en"))[1][-1]
    count = len(plan.goals[1].levels)
    assert verdict == f"{count} of {count} levels are proven as low as can be."
