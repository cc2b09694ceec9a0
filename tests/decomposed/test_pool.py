"""The pool tells what every proposal costs and uses, and which are new."""

import numpy as np
import pytest

from allocator.solve.decomposed.pool import Pool, single
from tests.decomposed.programs import by_hand

ALL = np.array([3.0, 2.0, 4.0, 2.0, 1.0])
NOTHING = np.zeros(5)
HALF = np.array([2.0, 1.0, 4.0, 2.0, 0.0])


def pool() -> Pool:
    arrays, blocks, (cost, _) = by_hand()
    return Pool(blocks, cost, arrays.integer)


def test_costs_and_uses_are_by_municipality_and_leave_common_columns_out() -> None:
    made = pool()
    made.add(ALL)
    assert made.costs.tolist() == [[4.0, 13.0]]
    assert made.uses.toarray().tolist() == [[3.0, 4.0]]
    assert made.new.tolist() == [[True, True]]


def test_a_proposal_made_before_is_not_new() -> None:
    made = pool()
    for values in (ALL, NOTHING, HALF, ALL):
        made.add(values)
    assert made.new.tolist() == [[True, True], [True, True], [True, False], [False, False]]
    assert len(made) == 4


def test_who_is_not_there_repeats_what_it_proposed() -> None:
    made = pool()
    made.add(ALL)
    made.add(NOTHING, np.array([True, False]))
    assert made.values[1].tolist() == [0.0, 0.0, 4.0, 2.0, 0.0]
    assert made.new[1].tolist() == [True, False]


def test_reduced_cost_is_cost_less_what_the_rows_pay() -> None:
    made = pool()
    for values in (ALL, ALL):
        made.add(values)
    assert made.reduced(np.array([3.25])) == pytest.approx(
        np.array([[4.0 - 9.75, 13.0 - 13.0], [np.inf, np.inf]])
    )


def test_the_first_round_with_the_same_proposal_is_told() -> None:
    made = pool()
    assert made.add(ALL).tolist() == [0, 0]
    assert made.add(NOTHING).tolist() == [1, 1]
    assert made.add(HALF).tolist() == [2, 0]
    assert made.add(NOTHING).tolist() == [1, 1]


def test_proposals_with_the_same_whole_numbers_are_known() -> None:
    made = pool()
    for values in (ALL, np.array([1.0, 2.0, 4.0, 1.0, 0.0]), np.array([0.0, 1.0, 1.0, 1.0, 0.0])):
        made.add(values)
    assert made.wholes.tolist() == [[0, 0], [0, 1], [2, 1]]


def test_a_choice_is_put_together_from_the_rounds() -> None:
    made = pool()
    made.add(ALL)
    made.add(NOTHING)
    one, other = single(np.array([0, 1]), 2), single(np.array([1, 0]), 2)
    assert made.combined(one).tolist() == [3.0, 2.0, 0.0, 0.0, 0.0]
    assert made.combined(other).tolist() == [0.0, 0.0, 4.0, 2.0, 0.0]
    assert made.combined((one + other) / 2).tolist() == [1.5, 1.0, 2.0, 1.0, 0.0]
