"""A frontier holds every efficient point there is when its steps are fine enough, and no other."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from allocator.sensitivity.executor import Executor
from allocator.sensitivity.frontier import Frontier, InvalidFrontier, frontier
from models.policy import Goal, Term
from tests.sensitivity.cases import EXACT, STEP_COST, Country, draw
from tests.small import tiny


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(processes=2) as one:
        yield one


def drawn(executor: Executor, country: Country, first: str, second: str, points: int) -> Frontier:
    return frontier(
        country.instance,
        country.policy,
        (first, second),
        points=points,
        options=EXACT,
        executor=executor,
    )


def pairs(country: Country, first: str, second: str) -> list[tuple[float, float]]:
    """Return both goals at every plan that is as good in what the policy wants before them."""
    plans = country.plans()
    if "shortfall" not in (first, second):
        least = min(plan["shortfall"] for plan in plans)
        plans = [plan for plan in plans if plan["shortfall"] == least]
    return [(plan[first], plan[second]) for plan in plans]


def efficient(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the pairs that no other improves, in order of the second."""
    found: list[tuple[float, float]] = []
    for one, two in sorted(set(points), key=lambda pair: (pair[1], pair[0])):
        if not found or one < found[-1][0] - 1e-9:
            found.append((one, two))
    return found


def values(found: Frontier) -> list[tuple[float, float]]:
    return [
        (point.first.value, point.second.value)
        for point in found.points
        if point.first is not None and point.second is not None
    ]


@pytest.mark.parametrize("between", [("unfairness", "cost"), ("shortfall", "cost")])
@pytest.mark.parametrize("seed", [1, 2, 3, 6])
def test_every_efficient_point_is_found(
    executor: Executor, seed: int, between: tuple[str, str]
) -> None:
    country = replace(draw(seed), budget=700.0)
    if between[0] == "unfairness":  # few persons, so that fairness alone decides what is bought
        country = replace(country, target=8)
    wanted = efficient(pairs(country, *between))
    steps = round((wanted[-1][1] - wanted[0][1]) / STEP_COST)
    found = drawn(executor, country, *between, points=max(2, steps + 1))
    ones, twos = zip(*wanted, strict=True)
    assert [one for one, _ in values(found)] == pytest.approx(ones, abs=1e-5)
    assert [two for _, two in values(found)] == pytest.approx(twos, abs=1e-3)
    for point in found.points:
        assert point.first is not None
        assert point.second is not None
        assert point.first.gap == pytest.approx(0.0, abs=1e-6)
        assert point.second.gap == pytest.approx(0.0, abs=1e-6)
        assert point.outcome.totals is not None


def test_some_frontiers_have_several_points() -> None:
    counts = [
        len(efficient(pairs(replace(draw(seed), budget=700.0), "shortfall", "cost")))
        for seed in (1, 2, 3, 6)
    ]
    assert max(counts) > 3


@pytest.mark.parametrize(
    "between", [("unfairness", "outcome"), ("outcome", "unfairness"), ("outcome", "cost")]
)
@pytest.mark.parametrize("seed", [3, 6])
def test_points_are_efficient_and_best_below_their_limit(
    executor: Executor, seed: int, between: tuple[str, str]
) -> None:
    country = replace(draw(seed), target=9)
    every = pairs(country, *between)
    wanted = efficient(every)
    found = drawn(executor, country, *between, points=6)
    assert len(values(found)) >= min(2, len(wanted))
    for one, two in values(found):
        assert any(abs(one - a) < 1e-5 and abs(two - b) < 1e-5 for a, b in wanted)
    assert values(found)[0][1] == pytest.approx(wanted[0][1], abs=1e-5)
    assert values(found)[-1][0] == pytest.approx(wanted[-1][0], abs=1e-5)
    for point in found.tried[1:-1]:
        assert point.limit is not None
        assert point.first is not None
        below = min(one for one, two in every if two <= point.limit + 1e-6)
        assert point.first.value == pytest.approx(below, abs=1e-5)
    limits = [point.limit for point in found.tried[:-1] if point.limit is not None]
    steps = [b - a for a, b in pairwise(limits)]
    assert steps == [pytest.approx(step) for step in steps[:1] * len(steps)]


def test_points_between_two_efficient_ones_are_dropped(executor: Executor) -> None:
    country = replace(draw(1), budget=700.0)
    wanted = efficient(pairs(country, "shortfall", "cost"))
    steps = round((wanted[-1][1] - wanted[0][1]) / STEP_COST)
    found = drawn(executor, country, "shortfall", "cost", points=2 * steps + 1)
    kinds = found.table["kind"].tolist()
    assert kinds.count("efficient") == len(wanted)
    assert set(kinds) == {"efficient", "same"}
    assert len(values(found)) == len(wanted)


def test_goals_that_do_not_clash_have_one_point(executor: Executor) -> None:
    plenty = Country((100, 200), 30, (90.0, 90.0), (90.0, 90.0), (2, 2), (0.5, 0.5), 500.0)
    found = drawn(executor, plenty, "unfairness", "cost", points=9)
    assert len(values(found)) == 1
    assert values(found)[0] == pytest.approx((0.0, 0.0))
    assert found.table["kind"].tolist() == ["efficient", "same"]


def test_what_the_policy_wants_before_stays_first(executor: Executor) -> None:
    country = replace(draw(2), budget=700.0)
    least = min(plan["shortfall"] for plan in country.plans())
    found = drawn(executor, country, "unfairness", "cost", points=4)
    assert {country.target - placed for placed in found.table["placed"]} == {least}
    goals = (Goal(terms={Term.UNFAIRNESS: 1.0}),)
    free = frontier(
        country.instance,
        country.policy.model_copy(update={"goals": goals}),
        points=3,
        options=EXACT,
        executor=executor,
    )
    assert free.table["cost"].iloc[0] == 0.0  # then nobody need be placed


def test_outcomes_are_told_as_people_count_them(executor: Executor) -> None:
    country = replace(draw(3), target=9)
    found = drawn(executor, country, "unfairness", "outcome", points=3)
    table = found.table
    assert (table["outcome"] > 0).all()
    assert (table["outcome_bound"] >= table["outcome"] - 1e-6).all()
    most = max(-plan["outcome"] for plan in country.plans())
    assert table["outcome"].max() == pytest.approx(most, abs=1e-5)
    # From the most outcome to the least unfairness.
    assert table["outcome"].is_monotonic_decreasing
    assert table["limit"].iloc[1] < table["outcome"].iloc[0]


def test_a_frontier_without_a_plan_has_no_points(executor: Executor) -> None:
    country = draw(1)
    clash = country.policy.model_copy(update={"min_ratio": 0.99})
    found = frontier(country.instance, clash, points=5, options=EXACT, executor=executor)
    assert found.points == ()
    assert found.table["status"].tolist() == ["infeasible", "infeasible"]
    assert found.table["kind"].tolist() == ["none", "none"]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    instance = draw(1).instance
    with pytest.raises(InvalidFrontier) as caught:
        frontier(instance, None, ("fairness", "luck"), points=1)
    assert [problem.value for problem in caught.value.problems] == ["fairness", "luck", "1"]
    assert "shortfall, overload, unfairness" in str(caught.value)
    with pytest.raises(InvalidFrontier, match="two different goals"):
        frontier(instance, None, ("cost", "cost"))
    with pytest.raises(InvalidFrontier, match="no outcomes"):
        frontier(tiny([100], 5, [9.0]), None, ("unfairness", "outcome"))


def test_a_frontier_has_a_json_form(executor: Executor) -> None:
    found = drawn(executor, replace(draw(1), budget=700.0), "shortfall", "cost", points=3)
    answer = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert (answer["first"], answer["second"]) == ("shortfall", "cost")
    assert len(answer["points"]) == 3
    for point in answer["points"]:
        assert sum(point["quotas"].values()) == point["placed"]
