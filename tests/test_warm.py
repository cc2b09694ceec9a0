"""A plan to start from changes nothing of what is certified, whatever became of the question."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from allocator.loading import load
from allocator.solve import solve
from allocator.solve.arrays import Arrays
from allocator.solve.secants import Secants
from allocator.solve.warm import keeps_all, solution_of
from instances.synthetic.build import build
from models.instance import Instance
from models.options import Method, SolveOptions
from models.plan import Plan, Status
from models.policy import Policy
from models.program import build as build_program
from tests.decomposed.programs import compiled, objective
from tests.random_small import draw, more

GAP = 0.02
METHODS = [Method.WHOLE, Method.DECOMPOSED]
Question = tuple[Instance, Policy]


@cache
def country(count: int = 14, seed: int = 2) -> Instance:
    return build(count, seed)


def usual() -> Question:
    """Return a question with room for all, in which measures are needed."""
    return country(), Policy(target=5 * round(0.8 * country().target / 5))


def solved(question: Question, method: Method, start: Plan | None = None) -> Plan:
    options = SolveOptions(method=method, gap=GAP, time_limit=300.0)
    return solve(*question, options, start=start)


@cache
def before(method: Method) -> Plan:
    return solved(usual(), method)


# What may have become of the question.


def same() -> Question:
    return usual()


def target(part: float) -> Callable[[], Question]:
    def change() -> Question:
        instance, policy = usual()
        persons = 5 * round(part * policy.target_for(instance.target) / 5)
        return instance, policy.model_copy(update={"target": persons})

    return change


def budget(part: float) -> Callable[[], Question]:
    def change() -> Question:
        instance, policy = usual()
        assert instance.budget is not None
        total = policy.budget.model_copy(update={"total": part * instance.budget})
        return instance, policy.model_copy(update={"budget": total})

    return change


def step() -> Question:
    instance, policy = usual()
    return instance, policy.model_copy(update={"step": 3, "floor": 7})


def capacity_cut() -> Question:
    """Take away half the dwellings of the municipality that was asked for most."""
    instance, policy = usual()
    quotas = before(Method.WHOLE).quotas
    town = quotas.loc[quotas["quota"].idxmax(), "municipality_id"]
    sites = instance.sites.loc[instance.sites["municipality_id"] == town, "site_id"]
    rows = instance.dwellings
    hit = rows["site_id"].isin(sites)
    rows["dwellings"] = rows["dwellings"].where(~hit, np.floor(rows["dwellings"] / 2))
    return instance.replace(dwellings=rows), policy


def removed() -> Question:
    return without(usual(), usual()[0].municipalities["municipality_id"].iloc[0])


def added() -> Question:
    return build(16, 2), usual()[1]


def another_country() -> Question:
    return build(9, 5), Policy(target=5 * round(0.7 * build(9, 5).target / 5))


def without(question: Question, town: str) -> Question:
    """Return the question without a municipality and all that is in it."""
    instance, policy = question
    gone = set(instance.sites.loc[instance.sites["municipality_id"] == town, "site_id"])
    tables: dict[str, Any] = {}
    for name, table in instance.tables.items():
        keep = pd.Series(data=True, index=table.index)
        if "municipality_id" in table:
            keep &= table["municipality_id"] != town
        if "site_id" in table:
            keep &= ~table["site_id"].isin(gone)
        tables[name] = table[keep]
    return instance.replace(**tables), policy


QUESTIONS = {
    "same": same,
    "target up": target(1.05),
    "target down": target(0.9),
    "budget up": budget(1.5),
    "budget down": budget(0.8),
    "capacity cut": capacity_cut,
    "removed": removed,
    "added": added,
    "another step": step,
    "another country": another_country,
}


def certified(plan: Plan) -> None:
    assert plan.status in (Status.OPTIMAL, Status.WITHIN_GAP)
    for goal in plan.goals:
        assert goal.gap is not None
        assert goal.gap <= GAP + 1e-6


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", list(QUESTIONS))
def test_a_start_changes_nothing_of_what_is_certified(name: str, method: Method) -> None:
    question = QUESTIONS[name]()
    cold = solved(question, method)
    warm = solved(question, method, before(method))
    certified(cold)
    certified(warm)
    for ours, theirs in zip(warm.goals, cold.goals, strict=True):
        assert ours.bound is not None
        assert theirs.bound is not None
        slack = 1e-6 * max(1.0, abs(theirs.value))
        assert ours.bound <= theirs.value + slack
        assert theirs.bound <= ours.value + slack
        if abs(ours.value - theirs.value) > slack:
            return  # later goals are then held at different values


def test_the_cut_breaks_the_old_plan() -> None:
    values, arrays = read_back(before(Method.WHOLE), capacity_cut())
    assert not keeps_all(arrays, values)


def test_a_start_that_found_nothing_is_no_start() -> None:
    policy = usual()[1].model_copy(update={"min_ratio": 5.0})
    nothing = solved((country(), policy), Method.WHOLE)
    assert nothing.status is Status.INFEASIBLE
    certified(solved(usual(), Method.DECOMPOSED, nothing))


# A plan read back as values of the columns.


def read_back(plan: Plan, question: Question) -> tuple[np.ndarray, Arrays]:
    """Return a plan as values of the columns of a question, unfairness read exactly."""
    data, arrays = compiled(*question)
    secants = Secants(data, build_program(data).most, arrays)
    return secants.exact(solution_of(plan, data, arrays)), arrays


@pytest.mark.parametrize("seed", more(0, 30))
def test_a_plan_read_back_keeps_its_own_program(seed: int) -> None:
    instance, policy = draw(seed)
    plan = solve(instance, policy, SolveOptions(method=Method.WHOLE, time_limit=60.0))
    if not plan.found:
        assert plan.status is Status.INFEASIBLE
        return
    values, arrays = read_back(plan, (instance, policy))
    assert keeps_all(arrays, values)
    for goal in plan.goals:
        cost, constant = objective(arrays, goal.terms)
        worth = float(cost @ values) + constant
        assert worth == pytest.approx(goal.value, rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("changed", ["lots", "persons", "steps"])
def test_a_changed_solution_does_not_keep_all(changed: str) -> None:
    values, arrays = read_back(before(Method.WHOLE), usual())
    assert keeps_all(arrays, values)
    values[next(iter(arrays.columns[changed].values()))] += 1_000.0
    assert not keeps_all(arrays, values)


def test_lots_of_another_size_are_rounded_down() -> None:
    plan, question = before(Method.WHOLE), step()
    values, arrays = read_back(plan, question)
    quotas = plan.quotas.set_index("municipality_id")["quota"]
    lots = {m: values[column] for m, column in arrays.columns["lots"].items()}
    assert lots == {m: quota // 3 for m, quota in quotas.items()}


def test_what_is_not_known_any_more_is_left_out() -> None:
    values, arrays = read_back(before(Method.WHOLE), another_country())
    assert len(values) == arrays.matrix.shape[1]
    assert np.isfinite(values).all()


@pytest.mark.parametrize("budget", [340.0, 391.0, 399.0, 399.7, 399.9, 399.99, 400.0])
def test_a_start_that_is_a_little_too_dear_misleads_nobody(budget: float) -> None:
    """The plan at hand costs 400; budgets are counted in millions, where that is very little."""
    instance, options = load("tiny-measures"), SolveOptions(gap=0.0)
    start = solve(instance, Policy(), options)
    assert start.totals is not None
    assert start.totals.cost == pytest.approx(400.0)
    policy = Policy.model_validate({"budget": budget})
    warm, cold = solve(instance, policy, options, start=start), solve(instance, policy, options)
    assert warm.totals is not None
    assert cold.totals is not None
    assert warm.totals.shortfall == cold.totals.shortfall
    assert [goal.value for goal in warm.goals] == pytest.approx([g.value for g in cold.goals])
    assert warm.totals.cost <= budget + 0.1


@pytest.mark.slow
def test_a_target_that_nobody_can_place_is_no_error_from_a_plan_at_hand() -> None:
    """The dual simplex ends without an answer on the relaxation that is asked for here."""
    instance, options = load("norway-2024"), SolveOptions(gap=0.001, time_limit=30.0)
    start = solve(instance, Policy(), options)
    assert start.totals is not None
    assert start.totals.shortfall == 0
    plan = solve(instance, Policy(target=38_600), options, start=start)
    assert plan.totals is not None
    assert plan.totals.shortfall > 0
    assert plan.goals[0].bound is not None
    assert plan.goals[0].bound > 0
