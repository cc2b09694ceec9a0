"""Many small programs: by the solver's own branch and bound, and by ours."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocator.solve import engine, small
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.engine import Linear, Settings, run_small
from allocator.solve.small import Tree
from tests.test_engine import program, random_program

MOST = 3
"""Largest value of a whole number in the programs that are solved by trying everything."""


@st.composite
def whole_programs(draw: st.DrawFn) -> tuple[Arrays, Vector]:
    """Draw a program of up to four whole numbers, which may allow nothing."""
    count, rows = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    figures = st.integers(-4, 4)
    matrix = np.array(
        [[draw(figures) for _ in range(count)] for _ in range(rows)], dtype=np.float64
    )
    lower = np.array([draw(st.integers(-8, 8)) for _ in range(rows)], dtype=np.float64)
    width = np.array([draw(st.integers(0, 5)) for _ in range(rows)], dtype=np.float64)
    cost = np.array([draw(figures) for _ in range(count)], dtype=np.float64)
    arrays = program(matrix, lower, lower + width, np.ones(count, dtype=bool))
    return replace(arrays, upper=np.full(count, float(MOST))), cost


def by_trying_everything(arrays: Arrays, cost: Vector) -> float | None:
    """Return the least cost of all whole numbers that keep the rows; none where none do."""
    least = None
    for values in itertools.product(range(MOST + 1), repeat=len(cost)):
        used = arrays.matrix @ np.array(values, dtype=np.float64)
        if (used >= arrays.row_lower).all() and (used <= arrays.row_upper).all():
            value = float(cost @ np.array(values))
            least = value if least is None else min(least, value)
    return least


def ours(programs: Sequence[tuple[Arrays, Vector]]) -> Iterator[tuple[Vector | None, float]]:
    """Minimise every program once, all with the same solver."""
    linear = Linear()
    for arrays, cost in programs:
        yield Tree(arrays).minimise(cost, linear)


Minimise = Callable[[Sequence[tuple[Arrays, Vector]]], Iterator[tuple[Vector | None, float]]]
both_ways = pytest.mark.parametrize("minimise", [run_small, ours])


@both_ways
@pytest.mark.parametrize("first", range(0, 200, 20))
def test_small_programs_are_solved_as_one_by_one(minimise: Minimise, first: int) -> None:
    programs = [random_program(seed) for seed in range(first, first + 20)]
    found = list(minimise(programs))
    assert len(found) == len(programs)
    for (solution, bound), (arrays, cost) in zip(found, programs, strict=True):
        alone = engine.run(arrays, cost, 0.0, Settings(10.0))
        assert alone.value is not None
        assert solution is not None
        value = float(cost @ solution)
        assert value == pytest.approx(alone.value, rel=1e-5, abs=1e-5)
        assert bound <= alone.value + 1e-6
        assert bound == pytest.approx(alone.value, rel=1e-5, abs=1e-5)
        used = arrays.matrix @ solution
        assert (used >= arrays.row_lower - 1e-6).all()
        assert (used <= arrays.row_upper + 1e-6).all()
        assert np.abs(solution - np.round(solution))[arrays.integer].max(initial=0.0) <= 1e-6


@both_ways
def test_a_small_program_does_not_depend_on_those_before_it(minimise: Minimise) -> None:
    programs = [random_program(seed) for seed in range(30)]
    together = [solution for solution, _ in minimise(programs)]
    alone = [next(iter(minimise([one])))[0] for one in programs]
    for ours, theirs in zip(together, alone, strict=True):
        assert ours is not None
        assert theirs is not None
        assert np.array_equal(ours, theirs)


@both_ways
def test_a_small_program_without_solution_is_told(minimise: Minimise) -> None:
    arrays, cost = random_program(1)
    none = replace(arrays, row_lower=arrays.row_upper + 100.0, row_upper=arrays.row_upper + 100.0)
    (first, _), (second, bound), (third, _) = minimise(
        [(arrays, cost), (none, cost), (arrays, cost)]
    )
    assert first is not None
    assert second is None
    assert bound == np.inf
    assert third is not None


@both_ways
def test_a_small_program_without_columns_costs_nothing(minimise: Minimise) -> None:
    nothing = program(np.empty((0, 0)), np.empty(0), np.empty(0), np.empty(0, dtype=bool))
    ((solution, bound),) = minimise([(nothing, np.empty(0))])
    assert solution is not None
    assert len(solution) == 0
    assert bound == 0.0


def test_a_small_program_that_needs_many_branches_goes_to_the_solver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    programs = [random_program(seed) for seed in range(40)]
    usual = list(ours(programs))
    monkeypatch.setattr(small, "NODES", 3)
    few = list(ours(programs))
    assert [bound for _, bound in few] == pytest.approx([bound for _, bound in usual], abs=1e-5)


@given(program=whole_programs())
def test_a_small_program_is_worth_what_trying_everything_says(
    program: tuple[Arrays, Vector],
) -> None:
    arrays, cost = program
    ((solution, bound),) = ours([program])
    least = by_trying_everything(arrays, cost)
    assert (solution is None) == (least is None)
    if solution is not None and least is not None:
        assert cost @ solution == pytest.approx(least, abs=1e-6)
        assert least - 1e-5 <= bound <= least + 1e-6
