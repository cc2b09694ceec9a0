"""Many small integer programs: branch and bound over linear programs that stay warm.

A program of some ten whole numbers takes the solver milliseconds, most of which go into
getting ready for a large one. Here its linear relaxation stays with the solver, every branch
changes a bound or two and goes on from the last basis, which takes a tenth of that.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from allocator.errors import SolverError
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.engine import SMALL_GAP, Linear, run_small

INTEGRAL = 1e-7
"""Distance from a whole number that is rounding."""
NODES = 2_000
"""Linear programs after which a program is left to the solver's own branch and bound."""

Bounds: TypeAlias = dict[int, tuple[float, float]]
"""Lower and upper bound by column, where they differ from those of the program."""


def minimise(
    programs: Iterable[tuple[Arrays, Vector]], seed: int = 0
) -> Iterator[tuple[Vector | None, float]]:
    """Minimise many small programs one after the other.

    Parameters
    ----------
    programs
        Arrays and cost of each; what is whole in them has finite bounds.

    Yields
    ------
    solution, bound
        Best solution, and a proven bound on the objective, `SMALL_GAP` apart at most; none and
        infinity where there is no solution.

    Raises
    ------
    SolverError
        If the solver fails.
    """
    linear = Linear(seed)
    for arrays, cost in programs:
        if not len(cost):  # nothing to decide, which the solver does not call a solution
            yield cost, 0.0
            continue
        try:
            yield _Search(arrays, cost, linear).result()
        except (SolverError, _TooLong):
            linear = Linear(seed)
            yield next(run_small([(arrays, cost)], seed))


class _TooLong(Exception):  # noqa: N818 - a finding, not an error
    """More linear programs than a small program should need."""


@dataclass(frozen=True)
class _Node:
    """Part of what a program allows: its bounds, and a bound on what it can be worth."""

    worth: float
    bounds: Bounds


class _Search:
    """Depth first, upwards first: rounded up, what is bought and who is asked stays possible."""

    def __init__(self, arrays: Arrays, cost: Vector, linear: Linear) -> None:
        self._linear, self._whole = linear, np.flatnonzero(arrays.integer)
        self._lower, self._upper = arrays.lower, arrays.upper
        self._set: Bounds = {}
        self._best: tuple[Vector | None, float] = (None, math.inf)
        self._left = math.inf  # the least worth of what was left out
        linear.take(arrays, cost)

    def result(self) -> tuple[Vector | None, float]:
        """Return the best solution and the proven bound."""
        todo = [_Node(-math.inf, {})]
        for _ in range(NODES):
            if not todo:
                solution, value = self._best
                return solution, min(value, self._left)
            node = todo.pop()
            if self._may_help(node.worth):
                todo += self._below(node)
        raise _TooLong

    def _may_help(self, worth: float) -> bool:
        """Tell whether something of that worth is better than the best; remember it if not."""
        if worth < self._best[1] - SMALL_GAP:
            return True
        self._left = min(self._left, worth)
        return False

    def _below(self, node: _Node) -> tuple[_Node, ...]:
        """Solve the relaxation of a node, and return its two parts, the first to look at last."""
        self._go_to(node.bounds)
        found = self._linear.solve()
        if found is None or not self._may_help(found[1]):
            return ()
        solution, value = found
        whole = solution[self._whole]
        apart = np.abs(whole - np.round(whole))
        if not len(apart) or apart.max() <= INTEGRAL:
            self._best = solution, value
            return ()
        at = int(apart.argmax())
        column, below = int(self._whole[at]), math.floor(whole[at])
        lower, upper = node.bounds.get(column, (self._lower[column], self._upper[column]))
        down = _Node(value, {**node.bounds, column: (lower, float(below))})
        up = _Node(value, {**node.bounds, column: (below + 1.0, upper)})
        return down, up

    def _go_to(self, bounds: Bounds) -> None:
        for column in self._set.keys() - bounds.keys():
            self._linear.bound(column, self._lower[column], self._upper[column])
        for column, (lower, upper) in bounds.items():
            if self._set.get(column) != (lower, upper):
                self._linear.bound(column, lower, upper)
        self._set = bounds
