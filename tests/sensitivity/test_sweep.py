"""A sweep finds the best plan at every point, and says between which points another thing binds."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from allocator.loading import load
from allocator.sensitivity.executor import Executor
from allocator.sensitivity.inputs import InvalidOver, Question, Value, evenly, grid, read_over
from allocator.sensitivity.sweep import Sweep, sweep
from allocator.sensitivity.types import State
from allocator.sensitivity.variation import Variation
from models.options import SolveOptions
from models.policy import Policy
from tests.sensitivity.cases import EXACT, Country, draw
from tests.small import tiny


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(processes=2) as one:
        yield one


def swept(executor: Executor, country: Country, over: dict[str, list[Any]]) -> Sweep:
    return sweep(country.instance, country.policy, over, options=EXACT, executor=executor)


# What is varied.


def test_ranges_and_lists_are_read() -> None:
    assert read_over(["budget=0.6e9:1.4e9:3", " step = 1, 5 ", "minors=listed,anywhere"]) == {
        "budget": [600_000_000, 1_000_000_000, 1_400_000_000],
        "step": [1, 5],
        "minors": ["listed", "anywhere"],
    }
    assert read_over(["max_ratio=none,1.5"]) == {"max_ratio": ["none", 1.5]}


def test_ranges_are_even_and_end_where_they_should() -> None:
    assert evenly(0.1, 0.3, 3) == [0.1, 0.2, 0.3]
    assert evenly(30_000, 40_000, 5) == [30_000, 32_500, 35_000, 37_500, 40_000]
    assert evenly(5, 1, 3) == [5, 3, 1]


def test_every_text_that_cannot_be_read_is_told() -> None:
    wrong = ["budget", "=3", "step=", "target=1:2", "target=1:2:1", "floor=a:b:3", "floor=1"]
    with pytest.raises(InvalidOver) as caught:
        read_over(wrong)
    assert [problem.value for problem in caught.value.problems] == [
        "budget", "=3", "step=", "1:2", "target=1:2:1", "a:b:3", "floor=1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "part", "expected"),
    [
        ("budget", 5, "budget.total", 5.0),
        ("budget.transit", 7.5, "budget.transit", 7.5),
        ("target", 40, "target", 40),
        ("key.weights.population", 0.5, "key.weights", {"population": 0.5}),
        ("minors", "anywhere", "minors", "anywhere"),
        ("goals.2.tolerance", 0.1, "goals", 0.1),
    ],
)
def test_settings_reach_the_policy(path: str, value: Any, part: str, expected: Any) -> None:
    base = Question(Policy.model_validate({"key": {"name": "weighted"}}), Variation())
    found: Any = base.with_value(path, value).policy
    for name in part.split("."):
        found = getattr(found, name)
    assert (found[2].tolerance if part == "goals" else found) == expected


def test_capacities_and_assumptions_reach_the_variation() -> None:
    question = Question(Policy(), Variation())
    for path, value in (
        ("assume.housing_turnover", 0.02),
        ("factor.housing", 0.9),
        ("factor.health..gp", 0.8),
        ("added.housing.0301-town.2", 20),
        ("factor.transport.0301", 2),
    ):
        question = question.with_value(path, value)
    assert question.policy == Policy()
    assert question.variation.assume == {"housing_turnover": 0.02}
    said = [c.model_dump(exclude_defaults=True) for c in question.variation.capacities]
    assert said == [
        {"family": "housing", "factor": 0.9},
        {"family": "health", "item": "gp", "factor": 0.8},
        {"family": "housing", "place": "0301-town", "item": "2", "amount": 20.0},
        {"family": "transport", "place": "0301", "factor": 2.0},
    ]


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({}, "0 inputs are varied"),
        ({"step": [1], "floor": [0], "target": [9]}, "3 inputs are varied"),
        ({"step": []}, "it has no values"),
        ({"step": [5, 5]}, "a value is there twice"),
        ({"stepp": [1, 2]}, "maybe step"),
        ({"step": [0, 5]}, "greater than or equal to 1"),
        ({"target": [9, 9.5]}, "integer"),
        ({"min_ratio": [0.5, 2.0], "max_ratio": [1.0]}, "min_ratio (2) is above max_ratio (1)"),
        ({"factor.housing": [-1, 1]}, "greater than or equal to 0"),
        ({"factor.housing": ["much"]}, "the value is no number"),
        ({"added.housing": [1]}, "but 3 are meant"),
        ({"assume.housing_turnover": [0.02]}, "not a packaged Norwegian instance"),
        ({"key.weights.luck": [1], "key.name": ["weighted"]}, "luck"),
    ],
)
def test_what_cannot_be_varied_is_told_before_anything_is_solved(
    over: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidOver) as caught:
        sweep(draw(1).instance, Policy(), over)
    assert said in str(caught.value)


def test_all_wrong_values_are_told_at_once() -> None:
    over: dict[str, list[Value]] = {"floor": [-1, 0, 1.5], "added.housing.0001.1": [-99, 0, "x"]}
    with pytest.raises(InvalidOver) as caught:
        grid(draw(1).instance, Question(Policy(), Variation()), over, 2)
    assert [problem.value for problem in caught.value.problems] == ["-1", "1.5", "x", "-99.0"]


# What is found.


@pytest.mark.parametrize("seed", [0, 5, 8])
def test_every_point_is_the_best_there_is(executor: Executor, seed: int) -> None:
    country = draw(seed)
    budgets, targets = [0, 100, 200, 300, 400], [country.target - 3, country.target]
    found = swept(executor, country, {"budget": budgets, "target": targets})
    table = found.table
    assert table["budget"].tolist() == [b for b in budgets for _ in targets]
    assert table["target"].tolist() == targets * len(budgets)
    for row in table.to_dict("records"):
        at = replace(country, budget=row["budget"], target=row["target"])
        shortfall, unfairness = at.best()
        assert row["goal_1"] == row["shortfall"] == shortfall
        assert row["goal_3"] == pytest.approx(unfairness, rel=1e-6, abs=1e-6)
        assert row["bound_3"] == pytest.approx(unfairness, rel=1e-6, abs=1e-6)
        assert row["state"] == State.SOLVED
    quotas = found.quotas.groupby(["budget", "target"])["quota"].sum()
    placed = table.set_index(["budget", "target"])["placed"]
    assert (quotas == placed).all()
    # More money never leaves more without a place, and more persons never fewer.
    shortfall = table["shortfall"].to_numpy().reshape(len(budgets), len(targets))
    assert (np.diff(shortfall, axis=0) <= 0).all()
    assert (np.diff(shortfall, axis=1) >= 0).all()
    assert len(np.unique(shortfall)) > 2


def test_capacities_along_a_sweep(executor: Executor) -> None:
    country = draw(2)
    found = swept(executor, country, {"added.housing.0001.1": [0, 1, 2, 4]})
    for more, row in zip([0, 1, 2, 4], found.table.to_dict("records"), strict=True):
        shortfall, unfairness = country.with_more("dwellings", 0, more).best()
        assert row["shortfall"] == shortfall
        assert row["goal_3"] == pytest.approx(unfairness, rel=1e-6, abs=1e-6)
    whole = swept(executor, country, {"factor.housing": [0.0, 0.5, 1.0, 2.0]})
    shortfall = whole.table["shortfall"].to_numpy()
    assert (np.diff(shortfall) <= 0).all()
    assert shortfall[0] > shortfall[-1]


def test_words_are_swept_too(executor: Executor) -> None:
    country = draw(1)
    found = swept(executor, country, {"minors": ["listed", "anywhere"], "floor": [0]})
    states = found.table["state"].tolist()
    assert states == [State.SOLVED, State.SOLVED]


def test_what_binds_changes_between_the_right_points(executor: Executor) -> None:
    # Three dwellings a step, at 100 each: two steps let everybody in, a third is not to be paid
    # before there are 300.
    country = Country((100, 100), 20, (10.0, 4.0), (20.0, 12.0), (0, 4), (0.5, 0.5), 0.0)
    found = swept(executor, country, {"budget": [0, 100, 250, 400]})
    assert found.table["shortfall"].tolist() == [6, 3, 0, 0]
    assert found.table["budgets_spent"].tolist() == ["total", "total", "total", ""]
    binding = found.changes[found.changes["what"] == "budget total"]
    assert binding[["input", "from", "to", "before", "after"]].to_dict("records") == [
        {
            "input": "budget",
            "from": 250,
            "to": 400,
            "before": "spent",
            "after": "not spent",
        }
    ]
    housing = found.changes[found.changes["what"] == "municipalities housing"]
    counts = found.table["binds_housing"].tolist()
    turns = [(str(a), str(b)) for a, b in pairwise(counts) if a != b]
    assert list(zip(housing["before"], housing["after"], strict=True)) == turns


def test_where_no_plan_is_found_is_a_change(executor: Executor) -> None:
    country = replace(draw(1), floor=0)
    found = swept(executor, country, {"min_ratio": [0.0, 0.99]})
    assert found.table["status"].tolist() == ["optimal", "infeasible"]
    assert found.table["placed"].notna().tolist() == [True, False]
    assert found.changes[["what", "after"]].to_dict("records") == [
        {"what": "plan", "after": "infeasible"}
    ]


def test_two_inputs_are_compared_along_each(executor: Executor) -> None:
    country = Country((100, 100), 20, (10.0, 4.0), (20.0, 12.0), (0, 4), (0.5, 0.5), 0.0)
    found = swept(executor, country, {"budget": [100, 400], "target": [16, 20]})
    turns = found.changes[found.changes["what"] == "budget total"]
    assert set(zip(turns["input"], turns["other"], strict=True)) == {
        ("budget", "target=16"),
        ("budget", "target=20"),
    }


def test_a_sweep_has_a_json_form(executor: Executor) -> None:
    country = draw(1)
    found = swept(executor, country, {"min_ratio": ["none", 0.99]})
    answer = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert answer["over"] == {"min_ratio": ["none", 0.99]}
    first, second = answer["points"]
    assert first["settings"] == {"min_ratio": "none"}
    assert sum(first["quotas"].values()) == first["totals"]["placed"]
    assert second["status"] == "infeasible"
    assert second["totals"] is None


def test_large_countries_start_from_where_nothing_is_varied() -> None:
    country = tiny([100 + i for i in range(45)], 300, [20.0] * 45)
    with Executor(processes=1) as executor:
        found = sweep(country, None, {"target": [300, 310]}, executor=executor)
        few = sweep(draw(1).instance, None, {"target": [10]}, executor=executor)
    assert [point.outcome.warm_start for point in found.points] == [True, True]
    assert [point.outcome.warm_start for point in few.points] == [False]
    assert found.table["placed"].tolist() == [300, 310]


@pytest.mark.slow
def test_assumptions_of_the_national_instance_are_swept() -> None:
    options = SolveOptions(gap=0.05)
    over = {"assume.housing_turnover": [0.0275, 0.04]}
    found = sweep(load("norway-2024"), Policy(), over, options=options)
    assert found.table["placed"].tolist() == [37_000, 37_000]
    cost = found.table["cost"].tolist()
    assert cost[1] < cost[0]
