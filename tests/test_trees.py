"""A small program minimised again and again: as good as each time anew, from what is remembered."""

import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from allocator.solve import small
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.decomposed.chunk import Chunk
from allocator.solve.engine import Linear, NoSolution, Settings, run
from allocator.solve.small import Tree
from tests.test_engine import program, random_program
from tests.test_small import by_trying_everything, whole_programs

CLOSE = 2e-6
"""Difference in worth of two that are proven best."""


class Counting(Linear):
    """Counts the linear programs."""

    count = 0

    def solve(self) -> tuple[Vector, float] | None:
        self.count += 1
        return super().solve()


def costs(seed: int, cost: Vector, count: int, apart: float) -> list[Vector]:
    """Return costs around `cost`, each so far from the one before."""
    random = np.random.default_rng(seed)
    return [cost + apart * random.normal(0, 1, len(cost)).cumsum() * (k > 0) for k in range(count)]


def is_best(arrays: Arrays, cost: Vector, found: tuple[Vector | None, float]) -> None:
    """Check an answer against the solver's own branch and bound."""
    solution, bound = found
    theirs = run(arrays, cost, 0.0, Settings(10.0, 1e-9))
    if theirs.value is None:
        assert solution is None
        assert bound == np.inf
        return
    assert solution is not None
    value = float(cost @ solution)
    scale = max(1.0, abs(theirs.value))
    assert value == pytest.approx(theirs.value, abs=CLOSE * scale)
    assert theirs.value - CLOSE * scale <= bound <= value + 1e-9 * scale
    used = arrays.matrix @ solution
    assert (used >= arrays.row_lower - 1e-6).all()
    assert (used <= arrays.row_upper + 1e-6).all()
    assert (solution >= arrays.lower - 1e-6).all()
    assert (solution <= arrays.upper + 1e-6).all()
    assert np.abs(solution - np.round(solution))[arrays.integer].max(initial=0.0) <= 1e-6


@pytest.mark.parametrize("apart", [0.001, 0.1, 1.0])
@pytest.mark.parametrize("seed", range(40))
def test_other_costs_are_answered_as_if_the_program_were_new(seed: int, apart: float) -> None:
    arrays, cost = random_program(seed)
    tree, linear = Tree(arrays), Linear()
    for other in costs(seed, cost, 8, apart):
        is_best(arrays, other, tree.minimise(other, linear))


@given(program=whole_programs(), data=st.data())
def test_other_costs_are_worth_what_trying_everything_says(
    program: tuple[Arrays, Vector], data: st.DataObject
) -> None:
    arrays, cost = program
    tree, linear, figures = Tree(arrays), Linear(), st.integers(-4, 4)
    for _ in range(4):
        solution, bound = tree.minimise(cost, linear)
        least = by_trying_everything(arrays, cost)
        assert (solution is None) == (least is None)
        if solution is not None and least is not None:
            assert cost @ solution == pytest.approx(least, abs=1e-6)
            assert least - 1e-5 <= bound <= least + 1e-6
        cost = np.array([float(data.draw(figures)) for _ in cost])


@pytest.mark.parametrize("seed", range(30))
def test_columns_without_a_limit_are_answered_too(seed: int) -> None:
    arrays, cost = random_program(seed)
    arrays = replace(arrays, upper=np.where(arrays.integer, arrays.upper, np.inf))
    tree, linear = Tree(arrays), Linear()
    for other in costs(seed, cost, 6, 0.1):
        bounded = np.where(arrays.integer, other, np.abs(other))
        is_best(arrays, bounded, tree.minimise(bounded, linear))


def test_columns_without_a_lower_limit_may_end_below_zero() -> None:
    arrays = program(
        np.array([[1.0, 1.0]]), np.array([-5.0]), np.array([9.0]), np.array([1, 0]) > 0
    )
    arrays = replace(arrays, lower=np.array([0.0, -np.inf]), upper=np.array([3.0, -1.0]))
    tree, linear = Tree(arrays), Linear()
    for cost in ([1.0, 2.0], [-1.0, 1.0], [0.5, 0.1], [2.0, -1.0], [1.0, 2.0]):
        is_best(arrays, np.array(cost), tree.minimise(np.array(cost), linear))


@pytest.mark.parametrize("seed", range(20))
def test_the_same_cost_again_takes_no_linear_program(seed: int) -> None:
    arrays, cost = random_program(seed)
    tree, linear = Tree(arrays), Counting()
    first, _ = tree.minimise(cost, linear)
    before = linear.count
    assert before > 0
    again, _ = tree.minimise(cost, linear)
    assert linear.count == before
    assert first is not None
    assert again is not None
    assert cost @ first == pytest.approx(cost @ again, abs=1e-9)


def test_costs_a_little_apart_take_fewer_linear_programs_than_anew() -> None:
    again = anew = 0
    for seed in range(60):
        arrays, cost = random_program(seed)
        tree, linear = Tree(arrays), Counting()
        tree.minimise(cost, linear)
        fresh = Counting()
        before = linear.count
        for other in costs(seed, cost, 5, 0.01)[1:]:
            tree.minimise(other, linear)
            Tree(arrays).minimise(other, fresh)
        again, anew = again + linear.count - before, anew + fresh.count
    assert again < anew / 3


# Other programs with the same columns.


def narrower(arrays: Arrays, random: np.random.Generator) -> Arrays:
    row = sp.csr_array(random.uniform(0, 1, (1, arrays.matrix.shape[1])))
    return arrays.with_rows(row, np.array([-np.inf]), np.array([random.uniform(2, 8)]), "more")


def wider(arrays: Arrays, random: np.random.Generator) -> Arrays:
    del random
    return replace(arrays, row_upper=arrays.row_upper + 1.5, upper=arrays.upper + 2.0)


def other_limits(arrays: Arrays, random: np.random.Generator) -> Arrays:
    by = random.uniform(-1, 1, len(arrays.row_upper))
    return replace(arrays, row_lower=arrays.row_lower + by, row_upper=arrays.row_upper + by)


def other_coefficients(arrays: Arrays, random: np.random.Generator) -> Arrays:
    matrix = arrays.matrix * random.uniform(0.7, 1.3, arrays.matrix.shape[1])
    return replace(arrays, matrix=sp.csr_array(matrix))


def without_coefficients(arrays: Arrays, random: np.random.Generator) -> Arrays:
    del random
    return replace(arrays, matrix=sp.csr_array(arrays.matrix * 0.0))


def fewer_rows(arrays: Arrays, random: np.random.Generator) -> Arrays:
    del random
    return arrays.without_rows(np.arange(len(arrays.row_upper)) == 0)


Change = Callable[[Arrays, np.random.Generator], Arrays]


@pytest.mark.parametrize(
    "change",
    [narrower, wider, other_limits, other_coefficients, without_coefficients, fewer_rows],
)
@pytest.mark.parametrize("seed", range(25))
def test_another_program_is_answered_as_if_it_were_new(seed: int, change: Change) -> None:
    arrays, cost = random_program(seed)
    arrays = replace(arrays, row_names=tuple(("row", i) for i in range(len(arrays.row_upper))))
    random, linear, tree = np.random.default_rng(seed), Linear(), Tree(arrays)
    for other in costs(seed, cost, 4, 0.3):
        tree.minimise(other, linear)
    changed = change(arrays, random)
    tree = tree.over(changed)
    for other in costs(seed + 1, cost, 4, 0.3):
        is_best(changed, other, tree.minimise(other, linear))


def test_what_had_no_solution_may_have_one_in_another_program() -> None:
    whole = np.ones(2, dtype=bool)
    arrays = program(np.array([[2.0, 2.0]]), np.array([3.0]), np.array([3.0]), whole)
    tree, linear, cost = Tree(arrays), Linear(), np.array([1.0, 2.0])
    assert tree.minimise(cost, linear) == (None, np.inf)
    assert tree.minimise(cost, linear) == (None, np.inf)
    even = tree.over(replace(arrays, row_lower=np.array([4.0]), row_upper=np.array([4.0])))
    solution, bound = even.minimise(cost, linear)
    assert solution is not None
    assert solution.tolist() == [2.0, 0.0]
    assert bound == pytest.approx(2.0)


def test_vertices_of_another_program_that_hardly_meet_are_not_relied_on() -> None:
    """Two rows that are nearly the same make a vertex whose inverse is rounding."""
    whole = np.array([False, False])
    arrays = program(np.array([[1.0, 2.0], [2.0, 1.0]]), np.full(2, 3.0), np.full(2, 9.0), whole)
    tree, linear, cost = Tree(arrays), Linear(), np.array([1.0, 1.0])
    tree.minimise(cost, linear)
    nearly = replace(arrays, matrix=sp.csr_array(np.array([[1.0, 2.0], [1.0, 2.0 + 1e-13]])))
    is_best(nearly, cost, tree.over(nearly).minimise(cost, linear))


# Limits.


def test_a_tree_that_grew_too_far_grows_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "MOST_PARTS", 2)
    monkeypatch.setattr(small, "MOST_VERTICES", 2)
    monkeypatch.setattr(small, "MOST_SOLUTIONS", 1)
    for seed in range(20):
        arrays, cost = random_program(seed)
        tree, linear = Tree(arrays), Linear()
        for other in costs(seed, cost, 5, 0.3):
            is_best(arrays, other, tree.minimise(other, linear))


def test_what_takes_too_long_is_left_to_the_solver_and_begun_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for seed in range(20):
        arrays, cost = random_program(seed)
        tree, linear = Tree(arrays), Linear()
        first, second, third = costs(seed, cost, 3, 0.5)
        tree.minimise(first, linear)
        with monkeypatch.context() as few:
            few.setattr(small, "NODES", 1)
            solution, _ = tree.minimise(second, linear)
        assert solution is not None
        assert second @ solution == pytest.approx(
            run(arrays, second, 0.0, Settings(10.0)).value, abs=1e-5
        )
        is_best(arrays, third, tree.minimise(third, linear))


# Many of them, as municipalities are priced.


def chunk_of(programs: list[tuple[Arrays, Vector]]) -> tuple[Chunk, Vector]:
    """Return some programs one below the other, and their costs."""
    all_of_them = [arrays for arrays, _ in programs]
    chunk = Chunk(
        matrix=sp.csr_array(sp.block_diag([arrays.matrix for arrays in all_of_them])),
        row_lower=np.concatenate([arrays.row_lower for arrays in all_of_them]),
        row_upper=np.concatenate([arrays.row_upper for arrays in all_of_them]),
        lower=np.concatenate([arrays.lower for arrays in all_of_them]),
        upper=np.concatenate([arrays.upper for arrays in all_of_them]),
        integer=np.concatenate([arrays.integer for arrays in all_of_them]),
        rows=np.cumsum([0, *(len(arrays.row_lower) for arrays in all_of_them)]),
        columns=np.cumsum([0, *(len(arrays.lower) for arrays in all_of_them)]),
    )
    return chunk, np.concatenate([cost for _, cost in programs])


def test_a_chunk_remembers_neither_what_is_relaxed_nor_what_is_held() -> None:
    chunk, cost = chunk_of([random_program(seed) for seed in range(10)])
    _, whole = chunk.price(cost)
    _, relaxed = chunk.price(cost, relaxed=True)
    values, again = chunk.price(cost)
    assert again == pytest.approx(whole, abs=CLOSE)
    assert (relaxed <= whole + CLOSE).all()
    assert (relaxed < whole - CLOSE).any()
    _, held = chunk.price(-cost, held=values)
    _, other = chunk.price(-cost)
    assert (other <= held + CLOSE).all()
    assert chunk.price(cost)[1] == pytest.approx(whole, abs=CLOSE)


def test_a_chunk_follows_one_with_the_same_columns_only() -> None:
    programs = [random_program(seed) for seed in range(6)]
    before, cost = chunk_of(programs)
    before.price(cost)
    limits = replace(before, row_upper=before.row_upper - 0.01)
    assert not limits.memory.trees
    limits.follow(before)
    assert len(limits.memory.trees) == len(programs)
    fresh, _ = chunk_of(programs)
    fresh = replace(fresh, row_upper=fresh.row_upper - 0.01)
    try:
        expected = fresh.price(cost)[1]
    except NoSolution:
        with pytest.raises(NoSolution):
            limits.price(cost)
    else:
        assert limits.price(cost)[1] == pytest.approx(expected, abs=CLOSE)
    others, _ = chunk_of([random_program(seed) for seed in range(7, 13)])
    others.follow(before)
    assert not others.memory.trees


def test_nothing_that_a_chunk_remembers_travels() -> None:
    chunk, cost = chunk_of([random_program(seed) for seed in range(6)])
    bounds = chunk.price(cost)[1]
    assert chunk.memory.trees
    there = pickle.loads(pickle.dumps(chunk))  # noqa: S301 - our own
    assert not there.memory.trees
    assert there.price(cost)[1] == pytest.approx(bounds, abs=CLOSE)
