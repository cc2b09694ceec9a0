"""Mixes, choices and steps around a solution, on two municipalities worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from allocator.solve import engine
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.decomposed import choice as choice_module
from allocator.solve.decomposed import master
from allocator.solve.decomposed.blocks import cut
from allocator.solve.decomposed.choice import Begin, Question, Terms, ask
from allocator.solve.decomposed.master import Box, Mix
from allocator.solve.decomposed.neighbourhood import around
from allocator.solve.decomposed.pool import Pool, Weights
from allocator.solve.engine import Settings
from tests.decomposed.programs import by_hand

BEST = np.array([3.0, 2.0, 2.0, 1.0, 0.0])
FULL = np.array([3.0, 2.0, 4.0, 2.0, 0.0])
NOTHING = np.zeros(5)
BOX = Box(np.array([3.0]), np.array([2.0]))


def pool(*rounds: Vector) -> tuple[Pool, Arrays, Vector]:
    """Return a pool of rounds, and the common column in the common row with its cost."""
    arrays, blocks, (cost, _) = by_hand()
    made = Pool(blocks, cost, arrays.integer)
    for values in rounds:
        made.add(values)
    columns = blocks.columns
    common = Arrays(
        matrix=blocks.common[:, columns].tocsr(),
        row_lower=blocks.row_lower,
        row_upper=blocks.row_upper,
        lower=arrays.lower[columns],
        upper=arrays.upper[columns],
        integer=arrays.integer[columns],
        objectives={},
        columns={},
        row_names=(),
    )
    return made, common, cost[columns]


def mixed(*rounds: Vector) -> Mix:
    found = master.mix(*pool(*rounds), 0.0, BOX)
    assert found is not None
    return found


# Mixes.


def test_a_mix_of_one_proposal_is_the_proposal() -> None:
    mix = mixed(BEST)
    assert mix.weights.tolist() == [[1.0, 1.0]]
    assert mix.value == pytest.approx(10.5)
    assert mix.broken == 0.0


def test_a_mix_splits_as_many_municipalities_as_there_are_common_rows() -> None:
    mix = mixed(FULL, NOTHING)
    assert mix.weights == pytest.approx(np.array([[1.0, 0.5], [0.0, 0.5]]))
    assert mix.value == pytest.approx(4 + 13 / 2)
    assert mix.prices == pytest.approx([13 / 4])
    assert mix.broken == pytest.approx(0.0)


def test_prices_stay_in_their_box() -> None:
    narrow = Box(np.array([2.0]), np.array([0.5]))
    mix = master.mix(*pool(FULL, NOTHING), 0.0, narrow)
    assert mix is not None
    assert mix.prices == pytest.approx([2.5])
    assert mix.broken == pytest.approx(2.0)  # the first alone: the row is dear to fill
    assert mix.value == pytest.approx(4 + 2.5 * 2)


def test_many_municipalities_share_rows_and_mix_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(master, "MOST_ROWS", 1)
    mix = mixed(FULL, NOTHING)
    assert mix.weights == pytest.approx(np.array([[5 / 7, 5 / 7], [2 / 7, 2 / 7]]))
    assert mix.value == pytest.approx(17 * 5 / 7)


# Choices.


def asked(
    rounds: list[Vector], *, soft: bool, room: float = np.inf, begin: Vector | None = None
) -> Question:
    made, common, cost = pool(*rounds)
    found = master.mix(made, common, cost, 0.0, BOX)
    assert found is not None
    start = None
    if begin is not None:
        start = Begin(made.add(np.append(begin[:4], 0.0)), begin[4:])
        found = replace(found, weights=np.pad(found.weights, ((0, 1), (0, 0))))
    price = np.array([3.25])
    terms = Terms(
        common=common,
        cost=cost,
        constant=0.0,
        prices=price,
        bounds=made.reduced(price).min(axis=0),
        soft=np.array([soft]),
    )
    return ask(made, terms, found, room, Settings(10.0), start)


def chosen(rounds: list[Vector], *, soft: bool) -> list[int] | None:
    """Return the round chosen for every municipality."""
    question = asked(rounds, soft=soft)
    weights: Weights | None = question.read(question.job.run())
    if weights is None:
        return None
    assert weights.max(axis=0) == pytest.approx([1.0, 1.0])
    return [int(k) for k in weights.argmax(axis=0)]


def test_a_choice_keeps_hard_rows() -> None:
    # Both would be 7 of 5; the second alone (13 + 10 for the one without) beats the first
    # alone (4 + 20).
    choice = chosen([FULL, NOTHING], soft=False)
    assert choice is not None
    assert choice == [1, 0]


def test_there_is_no_choice_where_hard_rows_allow_none() -> None:
    assert chosen([FULL], soft=False) is None


def test_a_soft_row_may_be_broken() -> None:
    choice = chosen([FULL], soft=True)
    assert choice is not None
    assert choice == [0, 0]


def test_the_best_choice_is_found() -> None:
    choice = chosen([NOTHING, FULL, BEST], soft=False)
    assert choice is not None
    assert choice == [1, 2]  # in the third round the first proposed nothing new


def test_who_has_nothing_to_choose_follows_the_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice_module, "OPEN", 1)
    choice = chosen([BEST, NOTHING], soft=False)
    assert choice is not None
    assert choice == [0, 0]


def test_proposals_with_the_same_whole_numbers_are_mixed() -> None:
    question = asked([FULL, np.array([3.0, 2.0, 0.0, 2.0, 0.0])], soft=False)
    weights = question.read(question.job.run())
    assert weights == pytest.approx(np.array([[1.0, 0.5], [0.0, 0.5]]))
    assert weights is not None  # the first proposes the same twice


def test_proposals_with_other_whole_numbers_are_not_mixed() -> None:
    question = asked([FULL, np.array([3.0, 2.0, 0.0, 1.0, 0.0])], soft=False)
    weights = question.read(question.job.run())
    assert weights == pytest.approx(np.array([[1.0, 0.0], [0.0, 1.0]]))


DEAR_PLAN = np.array([2.0, 1.0, 0.0, 0.0, 3.0])


@pytest.mark.parametrize("rounding", [0.0, 1e-5])
def test_a_choice_starts_from_a_plan(rounding: float) -> None:
    plan = DEAR_PLAN + np.array([rounding, 0.0, 0.0, 0.0, 0.0])
    question = asked([FULL, NOTHING], soft=False, room=-1.0, begin=plan)
    job = question.job
    assert job.start is not None
    used = job.arrays.matrix @ job.start
    assert (used >= job.arrays.row_lower - 1e-12).all()
    assert (used <= job.arrays.row_upper + 1e-12).all()
    assert (job.start <= job.arrays.upper).all()
    worth = float(job.cost @ job.start) + job.constant
    assert worth == pytest.approx(2.0 + 0.5 + 30.0, abs=1e-3)
    outcome = job.run()
    assert outcome.value is not None
    assert outcome.value <= worth


def test_the_others_follow_the_plan_that_a_choice_starts_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice_module, "OPEN", 1)
    question = asked([FULL, NOTHING], soft=False, begin=DEAR_PLAN)
    assert question.followed.argmax(axis=0).tolist() == [2, 1]
    assert set(question.municipalities) == {1}


# Around a solution.

NOBODY = np.empty(0, dtype=np.int64)
FIRST, SECOND, BOTH = np.array([0]), np.array([1]), np.array([0, 1])


def stepped(
    solution: Vector, free: np.ndarray, shift: np.ndarray, *, start: bool = True
) -> Vector | None:
    arrays, blocks, wanted = by_hand()
    step = around(arrays, blocks, wanted, solution, free, shift, Settings(10.0), start=start)
    assert step is not None
    outcome = step.job.run()
    found = step.read(outcome)
    if found is not None:
        assert outcome.value == pytest.approx(float(wanted[0] @ found))
    return found


def test_with_nobody_free_the_solution_comes_back() -> None:
    assert stepped(BEST, NOBODY, NOBODY) == pytest.approx(BEST, abs=1e-7)


def test_placements_shift_while_whole_numbers_stay() -> None:
    found = stepped(np.array([3.0, 2.0, 1.0, 1.0, 1.0]), NOBODY, BOTH)
    assert found == pytest.approx(BEST, abs=1e-7)
    found = stepped(np.array([2.0, 1.0, 2.0, 1.0, 1.0]), NOBODY, BOTH)
    assert found == pytest.approx(np.array([2.0, 1.0, 2.0, 1.0, 1.0]), abs=1e-7)


def test_who_is_free_is_solved_anew() -> None:
    found = stepped(np.array([2.0, 1.0, 2.0, 1.0, 1.0]), FIRST, NOBODY)
    assert found == pytest.approx(BEST, abs=1e-7)
    assert stepped(np.array([0.0, 0.0, 0.0, 0.0, 5.0]), BOTH, NOBODY) == pytest.approx(
        BEST, abs=1e-7
    )


def test_what_does_not_add_up_is_mended_where_it_may_move() -> None:
    assert stepped(FULL, SECOND, NOBODY, start=False) == pytest.approx(BEST, abs=1e-7)
    assert stepped(FULL, NOBODY, NOBODY, start=False) is None


def test_what_is_held_and_breaks_a_common_row_gives_nothing() -> None:
    arrays, _, wanted = by_hand()
    budget = sp.csr_array(np.array([[0.0, 1.0, 0.0, 1.0, 0.0]]))
    tight = arrays.with_rows(budget, np.array([-np.inf]), np.array([2.0]), "budget")
    blocks = cut(np.array([0, 0, 1, 1, -1]), tight, 2)
    settings = Settings(10.0)
    assert around(tight, blocks, wanted, BEST, NOBODY, BOTH, settings, start=True) is None
    step = around(tight, blocks, wanted, BEST, FIRST, NOBODY, settings, start=False)
    assert step is not None
    found = step.read(step.job.run())
    assert found == pytest.approx(np.array([2.0, 1.0, 2.0, 1.0, 1.0]), abs=1e-7)


def test_the_best_by_hand_is_the_best_of_the_whole_program() -> None:
    arrays, _, wanted = by_hand()
    best = engine.run(arrays, *wanted, Settings(10.0))
    assert best.value == pytest.approx(10.5)
    assert best.solution == pytest.approx(BEST, abs=1e-7)
