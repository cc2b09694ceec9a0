"""Levels where every rule there may be is in force, against counting threshold by threshold."""

from contextlib import closing
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from allocator.keys import fair_shares
from allocator.solve import engine, solve, whole
from allocator.solve.arrays import Arrays, TriviallyInfeasible, Vector
from allocator.solve.compile import compile_program
from allocator.solve.decomposed.crew import hire
from allocator.solve.decomposed.levels import ByPrices
from allocator.solve.engine import Ending, Outcome, Settings
from allocator.solve.leximin.lots import Lots
from allocator.solve.leximin.program import with_levels
from allocator.solve.leximin.search import BySearch
from allocator.solve.progress import Clock
from allocator.solve.secants import Secants
from allocator.solve.stages import Infeasible, Stages
from allocator.solve.warm import keeps_all
from models.instance import Instance
from models.options import Method, SolveOptions
from models.plan import Plan, Status
from models.policy import Policy, Term
from models.program import build, collect
from tests.random_small import draw, more

DIGITS = 9
"""Decimals to which ratios are compared: equal shares differ by rounding."""
MANY = 1000.0
"""Persons that no quota reaches."""


def drawn(seed: int) -> tuple[Instance, Policy, int]:
    """Draw a question with a refined goal after those that place people; say which it is."""
    instance, policy = draw(seed)
    goals: list[dict[str, Any]] = [goal.model_dump(mode="json") for goal in policy.goals]
    placing = {Term.SHORTFALL.value, Term.OVERLOAD.value}
    at = sum(not placing.isdisjoint(goal["terms"]) for goal in goals)
    goals.insert(at, {"terms": {"max_ratio": 1.0}, "refined": True})
    changed = policy.model_dump(mode="json") | {"goals": goals}
    return instance, Policy.model_validate(changed), at


def counted(instance: Instance, policy: Policy, at: int) -> list[float] | None:
    """Return the smallest sorted ratios, largest first; none when no plan keeps every demand.

    For every ratio there can be, the largest first, the fewest municipalities that reach it, the
    counts before held: the distribution approach of Ogryczak and Śliwiński (2006).
    """
    stages = placed(instance, policy, at)
    if stages is None:
        return None
    data, secants = stages.data, stages.secants
    fair = {m: f for m, f in data.fair_share.items() if f > 0}
    lattice = {m: [0, *secants.points[m]] for m in fair if m not in data.exact}
    thresholds = {round(q / fair[m], DIGITS) for m, quotas in lattice.items() for q in quotas}
    ratios = [round(q / fair[m], DIGITS) for m, q in data.exact.items() if m in fair]
    before = 0
    for threshold in sorted(thresholds, reverse=True):
        below = {
            m: max((q for q in quotas if round(q / fair[m], DIGITS) < threshold), default=0)
            for m, quotas in lattice.items()
        }
        count = fewest(stages, below, at) if threshold > 0 else len(lattice)
        ratios += [threshold] * (count - before)
        before = count
    return sorted(ratios, reverse=True)


def placed(instance: Instance, policy: Policy, at: int) -> Stages | None:
    """Return a run that holds the goals before `at`; none when no plan keeps every demand."""
    data = collect(instance, policy, fair_shares(instance, policy))
    try:
        model = build(data)
        arrays = compile_program(model)
        secants = Secants(data, model.most, arrays)
        options, settings = SolveOptions(gap=0.0), Settings(60.0)
        stages = Stages(data, arrays, secants, options, Clock(60.0), settings)
        for i in range(at):
            assert stages.settle(stages.goals[i], whole.optimise(stages, i)) is not None
    except (Infeasible, TriviallyInfeasible):
        return None
    return stages


def fewest(stages: Stages, below: dict[str, int], at: int) -> int:
    """Return the fewest municipalities with more than `below`, and hold their number."""
    while True:
        counting, cost = with_count(stages, below)
        outcome = optimal(counting, cost)
        assert outcome.solution is not None
        missed = float((stages.secants.exact(outcome.solution) - outcome.solution).sum())
        if missed <= 1e-7 or not stages.counts_unfairness(at):
            break
        stages.arrays, added = stages.secants.add(stages.arrays, outcome.solution, 1)
        if not added:
            break
    count = round(float(cost @ outcome.solution))
    top, none = np.array([count + 0.1]), np.array([-np.inf])
    stages.arrays = counting.with_rows(sp.csr_array(cost.reshape(1, -1)), none, top, "count")
    return count


def optimal(arrays: Arrays, cost: Vector) -> Outcome:
    """Minimise; some of these programs are called infeasible with presolve, some without."""
    outcome = engine.run(arrays, cost, 0.0, Settings(60.0))
    if outcome.ending is Ending.INFEASIBLE:
        outcome = engine.run(arrays, cost, 0.0, Settings(60.0, presolve=False))
    assert outcome.ending is Ending.OPTIMAL
    return outcome


def with_count(stages: Stages, below: dict[str, int]) -> tuple[Arrays, Vector]:
    """Return the program with columns that are one where a quota is above `below`; their sum."""
    name = f"above {stages.arrays.matrix.shape[1]}"
    arrays = stages.arrays.with_binaries(name, list(below))
    rows = np.zeros((len(below), arrays.matrix.shape[1]))
    cost = np.zeros(arrays.matrix.shape[1])
    for row, m in zip(rows, below, strict=True):
        row[arrays.columns["lots"][m]] = stages.data.step
        if stages.data.odd_lot:
            row[arrays.columns["odd"][m]] = stages.data.odd_lot
        row[arrays.columns[name][m]] = -MANY
        cost[arrays.columns[name][m]] = 1.0
    lower, upper = np.full(len(below), -np.inf), np.array([float(q) for q in below.values()])
    return arrays.with_rows(sp.csr_array(rows), lower, upper, "below"), cost


def levels_of(plan: Plan, at: int) -> list[float]:
    return [level.ratio for level in plan.goals[at].levels for _ in range(level.municipalities)]


def agree(seed: int) -> None:
    instance, policy, at = drawn(seed)
    expected = counted(instance, policy, at)
    plans = [
        solve(instance, policy, SolveOptions(method=method, gap=0.0, processes=1))
        for method in (Method.WHOLE, Method.DECOMPOSED)
    ]
    if expected is None:
        assert {plan.status for plan in plans} == {Status.INFEASIBLE}
        return
    for plan in plans:
        assert levels_of(plan, at) == pytest.approx(expected, abs=1e-8), plan.method
        assert all(level.proven for level in plan.goals[at].levels)
    for one, other in zip(plans[0].goals, plans[1].goals, strict=True):
        assert one.bound == pytest.approx(other.bound, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("seed", more(0, 8))
def test_levels_are_those_of_counting_threshold_by_threshold(seed: int) -> None:
    agree(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", more(20, 60))
def test_levels_are_those_of_counting_in_many_more(seed: int) -> None:
    agree(seed)


@pytest.mark.parametrize("seed", range(8))
def test_prices_and_branch_and_bound_answer_alike(seed: int) -> None:
    instance, policy, at = drawn(seed)
    before, stages = placed(instance, policy, 0), placed(instance, policy, at)
    if before is None or stages is None:
        return
    lots = Lots.of(stages.data, stages.secants.points)
    with closing(hire(len(stages.data.municipalities), 1, None)) as crew:
        ways = ByPrices(stages, crew, before.arrays.upper), BySearch(stages)
        for ratio in (0.5, 0.8, 1.0, 1.2, 1.5, 2.5):
            program = with_levels(stages.arrays, lots, lots.at(ratio), ())
            answers = [find(program, stages.clock.elapsed + 20.0) for find in ways]
            found = [answer.solution for answer in answers if answer.solution is not None]
            assert not (found and any(answer.refuted for answer in answers))
            assert all(keeps_all(program, solution) for solution in found)
