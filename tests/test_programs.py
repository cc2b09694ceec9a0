"""A program that is shared is the one that would have been stated."""

from typing import Any

import numpy as np
import pytest

from allocator.keys import fair_shares
from allocator.solve.arrays import Arrays, TriviallyInfeasible
from allocator.solve.compile import compile_program
from allocator.solve.programs import MOST, Programs
from models.instance import Instance
from models.policy import Policy
from models.program import ALL, LEAN, Data, build, collect
from tests.decomposed.programs import everything
from tests.random_small import draw, more


def of(instance: Instance, policy: Policy) -> Data:
    return collect(instance, policy, fair_shares(instance, policy))


def shared(programs: Programs, data: Data, tighten: Any = ALL) -> tuple[Arrays, bool]:
    """Return the program and whether it was there already, and check that it is the right one."""
    laps: list[str] = []
    program = programs.of(data, tighten, laps.append)
    model = build(data, tighten=tighten)
    assert_equal(program.arrays, compile_program(model))
    assert program.most == model.most
    assert laps in (["build"], ["build", "compile"])
    return program.arrays, laps == ["build"]


def assert_equal(one: Arrays, other: Arrays) -> None:
    assert one.columns == other.columns
    assert one.row_names == other.row_names
    for name in ("row_lower", "row_upper", "lower", "upper", "integer"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.matrix != other.matrix).nnz == 0
    assert one.objectives.keys() == other.objectives.keys()
    for name, (cost, constant) in one.objectives.items():
        np.testing.assert_array_equal(cost, other.objectives[name][0])
        assert constant == other.objectives[name][1]


def with_(policy: Policy, **fields: Any) -> Policy:
    return Policy.model_validate({**policy.model_dump(), **fields})


def with_budget(policy: Policy, **budget: float) -> Policy:
    return with_(policy, budget={**policy.budget.model_dump(), **budget})


@pytest.fixture
def question() -> tuple[Instance, Policy]:
    return everything()


def test_budgets_that_buy_the_same_steps_share_a_program(
    question: tuple[Instance, Policy],
) -> None:
    instance, policy = question
    programs = Programs()
    _, known = shared(programs, of(instance, policy))
    assert not known
    for kind in ("total", "dwellings", "transit", "service"):
        budget = policy.budget.model_dump()[kind] + 0.5
        arrays, known = shared(programs, of(instance, with_budget(policy, **{kind: budget})))
        assert known
        assert arrays.row_upper[arrays.row_names.index(("budget", kind))] == budget / 1e6


def test_a_budget_that_buys_fewer_steps_is_another_program(
    question: tuple[Instance, Policy],
) -> None:
    instance, policy = question
    programs = Programs()
    shared(programs, of(instance, policy))
    for kind in ("total", "dwellings", "transit", "service"):
        assert not shared(programs, of(instance, with_budget(policy, **{kind: 0.0})))[1]


def test_what_may_be_given_up_of_a_goal_is_no_part_of_a_program(
    question: tuple[Instance, Policy],
) -> None:
    instance, policy = question
    programs = Programs()
    shared(programs, of(instance, policy))
    goals = policy.model_dump()["goals"]
    given = [{**goals[0], "tolerance": 0.1}, {**goals[1], "tolerance_absolute": 3.0}, *goals[2:]]
    assert shared(programs, of(instance, with_(policy, goals=given)))[1]
    assert not shared(programs, of(instance, with_(policy, goals=given[:2])))[1]


def test_other_figures_and_other_tightening_are_another_program(
    question: tuple[Instance, Policy],
) -> None:
    instance, policy = question
    programs = Programs()
    shared(programs, of(instance, policy))
    assert not shared(programs, of(instance, policy), LEAN)[1]
    assert not shared(programs, of(instance, with_(policy, target=instance.target - 7)))[1]
    no_budget = with_budget(policy, transit=None)  # type: ignore[arg-type]
    assert not shared(programs, of(instance, no_budget))[1]
    # All of them are still there, however often the first is asked for.
    assert shared(programs, of(instance, policy))[1]
    assert shared(programs, of(instance, policy), LEAN)[1]


def test_the_oldest_goes(question: tuple[Instance, Policy]) -> None:
    instance, policy = question
    programs = Programs()
    targets = [instance.target - 7 * i for i in range(MOST + 1)]
    for target in targets:
        assert not shared(programs, of(instance, with_(policy, target=target)))[1]
    assert shared(programs, of(instance, with_(policy, target=targets[-1])))[1]
    assert not shared(programs, of(instance, with_(policy, target=targets[0])))[1]


@pytest.mark.parametrize("seed", more(0, 8))
def test_random_questions_share_only_what_is_theirs(seed: int) -> None:
    programs, random = Programs(), np.random.default_rng(seed)
    instance, policy = draw(seed)
    for _ in range(6):
        budget = {kind: float(random.uniform(0, 2_000)) for kind in ("total", "dwellings")}
        try:
            shared(programs, of(instance, with_budget(policy, **budget)))
        except TriviallyInfeasible:
            return
        capacities = instance.capacities
        grown = capacities.assign(capacity=capacities["capacity"] * random.choice([1.0, 1.1]))
        instance = instance.replace(capacities=grown)
