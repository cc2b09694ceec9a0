"""A small integer program: branch and bound over linear programs, remembered for other costs.

A program of some ten whole numbers takes the solver milliseconds, most of which go into
getting ready for a large one. Here its linear relaxation stays with the solver, every branch
changes a bound or two and goes on from the last basis, which takes a tenth of that.

Most programs are minimised again at other costs. A `Tree` therefore keeps the parts that its
branches ended in, which together hold every solution, and the vertices in which it found the
best of their relaxations. In a vertex as many constraints meet (columns at a bound, rows at a
limit) as there are columns; let K be their normals. At any cost c, weak duality bounds a part
without a linear program, with the limits that the part sets (Schrage and Wolsey, *Operations
Research* 33, 1985) ::

    z = K⁻ᵀ c,    c·x = z·(K x) ≥ Σ_k min(z_k lower_k, z_k upper_k)    for all x in the part

This holds whatever vertex is taken, of any part, at any cost; where it is still the best one the
bound is the worth of the relaxation. Only parts where the best such bound lies below the best
solution at hand are looked at again.
"""

import math
from dataclasses import dataclass, replace
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from allocator.errors import SolverError
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.engine import SMALL_GAP, Linear, run_small

INTEGRAL = 1e-7
"""Distance from a whole number that is rounding."""
NODES = 2_000
"""Linear programs after which a program is left to the solver's own branch and bound."""
MOST_PARTS, MOST_VERTICES, MOST_SOLUTIONS = 100, 20, 40
"""Parts beyond which a tree grows anew; vertices and solutions that it keeps."""
Constraints: TypeAlias = npt.NDArray[np.intp]
"""Columns by position, then rows by position behind them."""
SOUND = 1e-9
"""Error of an inverse up to which it is relied on."""
NO_PRICE = 1e-7
"""Dual value on a side without a limit that is rounding, as for the solver."""

Bounds: TypeAlias = dict[int, tuple[float, float]]
"""What branches allow: lower and upper bound by column, infinite where there was none."""


def relaxed(arrays: Arrays, cost: Vector, linear: Linear) -> tuple[Vector | None, float]:
    """Minimise the linear relaxation of a program, once; see `Tree.minimise`."""
    if not len(cost):
        return cost, 0.0
    linear.take(Linear.model(arrays), cost)
    try:
        return linear.solve() or (None, math.inf)
    except SolverError:
        linear.renew()
        return next(run_small([(arrays.relaxed(), cost)], linear.seed))


class _TooLong(Exception):  # noqa: N818 - a finding, not an error
    """More linear programs than a small program should need."""


@dataclass(frozen=True)
class _Part:
    """Part of what a program allows.

    Attributes
    ----------
    worth
        A bound on what it can be worth at the cost it was last looked at for.
    bounds
        Its bounds.
    empty
        Whether nothing is in it.
    """

    worth: float
    bounds: Bounds
    empty: bool = False


class Tree:
    """A small program that is minimised again and again, at other costs.

    Parameters
    ----------
    arrays
        The program; what is whole in it has finite bounds. Its objective is not looked at.
    vertices
        How many vertices to keep at most.
    """

    def __init__(self, arrays: Arrays, vertices: int = MOST_VERTICES) -> None:
        self.arrays, self._most_vertices = arrays, vertices
        self._count = arrays.matrix.shape[1]
        self._model = Linear.model(arrays)
        self._normals = np.vstack([np.eye(self._count), arrays.matrix.toarray()])
        self._lower = np.concatenate([arrays.lower, arrays.row_lower])
        self._upper = np.concatenate([arrays.upper, arrays.row_upper])
        self._no_lower, self._no_upper = np.isinf(self._lower), np.isinf(self._upper)
        # Limits to multiply with: the price on a side without one is nothing, or of no use.
        lower = np.where(self._no_lower, 0.0, self._lower)
        upper = np.where(self._no_upper, 0.0, self._upper)
        self._column_lower, self._row_lower = np.split(lower, [self._count])
        self._column_upper, self._row_upper = np.split(upper, [self._count])
        self._at_hand = np.empty((0, self._count))
        self._parts = [_Part(-math.inf, {})]
        self._meets: Constraints = np.empty((0, self._count), dtype=np.intp)
        self._duals = np.empty((0, self._count, self._count))
        self._ready = False

    def minimise(self, cost: Vector, linear: Linear) -> tuple[Vector | None, float]:
        """Minimise at a cost.

        Parameters
        ----------
        cost
            Shape (columns,).
        linear
            Solves the linear programs.

        Returns
        -------
        solution, bound
            Best solution, and a proven bound on the objective, `SMALL_GAP` apart at most; none
            and infinity where there is no solution.

        Raises
        ------
        SolverError
            If the solver fails.
        """
        if not self._count:  # nothing to decide, which the solver does not call a solution
            return cost, 0.0
        worths = self._worths(cost)
        solution, value = self._best_at_hand(cost)
        again = worths < value - SMALL_GAP
        left = float(np.where(again, value, worths).min())
        if not again.any():
            return solution, min(value, left)
        order = np.flatnonzero(again)[np.argsort(-worths[again], kind="stable")]
        parts = [replace(self._parts[k], worth=float(worths[k])) for k in order]
        linear.take(self._model, cost)
        search = _Search(self.arrays, linear, parts, (solution, value))
        try:
            search.run()
        except (SolverError, _TooLong):
            linear.renew()
            self._parts, self._ready = [_Part(-math.inf, {})], False
            return next(run_small([(self.arrays, cost)], linear.seed))
        self._learn([part for k, part in enumerate(self._parts) if not again[k]], search)
        solution, value = search.best
        return solution, min(value, left, search.left)

    def over(self, arrays: Arrays) -> Self:
        """Return a tree of another program, begun with the parts and solutions of this one.

        Parameters
        ----------
        arrays
            A program with the same columns, of which the same are whole.
        """
        tree = type(self)(arrays, self._most_vertices)
        rows = len(self._normals)
        wider = not (
            np.array_equal(self._normals, tree._normals[:rows])
            and (self._lower <= tree._lower[:rows]).all()
            and (self._upper >= tree._upper[:rows]).all()
        )
        tree._parts = [replace(part, empty=False) for part in self._parts] if wider else self._parts
        tree._meets, tree._duals = self._meets, self._duals
        if wider:
            there = (self._meets < len(tree._normals)).all(axis=1)
            tree._meets, tree._duals = tree._invert(self._meets[there])
        used = self._at_hand @ tree._normals.T
        kept = (used >= tree._lower - INTEGRAL) & (used <= tree._upper + INTEGRAL)
        tree._at_hand = self._at_hand[kept.all(axis=1)]
        return tree

    def _learn(self, others: list[_Part], search: "_Search") -> None:
        """Keep what a search found, beside the parts that it did not look at."""
        self._parts = others + search.closed
        if len(self._parts) > MOST_PARTS:
            self._parts = [_Part(-math.inf, {})]
        if search.vertices:
            self._meet(np.array(search.vertices))
        for solution in search.found:
            if not (np.abs(self._at_hand - solution) <= INTEGRAL).all(axis=1).any():
                self._at_hand = np.vstack([self._at_hand[-MOST_SOLUTIONS + 1 :], solution])
        self._ready = False

    def _meet(self, basic: npt.NDArray[np.int32]) -> None:
        """Keep vertices by what is basic in them, shape (vertices, rows)."""
        meets = np.ones((len(basic), len(self._normals)), dtype=bool)
        at = np.where(basic >= 0, basic, self._count - 1 - basic)
        meets[np.arange(len(basic))[:, np.newaxis], at] = False
        where = np.nonzero(meets)[1].reshape(len(basic), self._count)
        known, new = {one.tobytes() for one in self._meets}, dict[bytes, int]()
        for k, one in enumerate(where):
            if (key := one.tobytes()) not in known:
                new[key] = k
        meets, duals = self._invert(where[list(new.values())[-self._most_vertices :]])
        self._meets = np.concatenate([self._meets, meets])[-self._most_vertices :]
        self._duals = np.concatenate([self._duals, duals])[-self._most_vertices :]

    def _invert(self, meets: Constraints) -> tuple[Constraints, npt.NDArray[np.float64]]:
        """Return K⁻ᵀ of every vertex, and the vertices that have one to rely on."""
        normals = self._normals[meets]
        try:
            inverses = np.linalg.inv(normals)
        except np.linalg.LinAlgError:  # constraints of another program may not meet in this one
            regular = np.linalg.matrix_rank(normals) == self._count
            meets, normals = meets[regular], normals[regular]
            inverses = np.linalg.inv(normals)
        apart = np.abs(normals @ inverses - np.eye(self._count)).max(axis=(1, 2), initial=0.0)
        sound = apart <= SOUND
        return meets[sound], inverses[sound].transpose(0, 2, 1)

    def _best_at_hand(self, cost: Vector) -> tuple[Vector | None, float]:
        if not len(self._at_hand):
            return None, math.inf
        values = self._at_hand @ cost
        best = int(values.argmin())
        return self._at_hand[best], float(values[best])

    def _worths(self, cost: Vector) -> Vector:
        """Return a bound on what every part can be worth at a cost."""
        if not self._ready:
            self._prepare()
        if not len(self._duals):
            return np.where(self._empty, math.inf, -math.inf)
        prices = np.zeros((len(self._duals), len(self._normals)))
        np.put_along_axis(prices, self._meets, self._duals @ cost, axis=1)
        up, down = np.maximum(prices, 0.0), np.minimum(prices, 0.0)
        useless = ((up > NO_PRICE) & self._no_lower) | ((down < -NO_PRICE) & self._no_upper)
        columns, rows = slice(self._count), slice(self._count, None)
        worths = up[:, columns] @ self._least + down[:, columns] @ self._most
        worths += (up[:, rows] @ self._row_lower + down[:, rows] @ self._row_upper)[:, np.newaxis]
        worths[useless.any(axis=1)] = -math.inf
        return np.where(self._empty, math.inf, worths.max(axis=0))

    def _prepare(self) -> None:
        """Turn the parts into arrays."""
        self._least = np.repeat(self._column_lower[:, np.newaxis], len(self._parts), axis=1)
        self._most = np.repeat(self._column_upper[:, np.newaxis], len(self._parts), axis=1)
        for k, part in enumerate(self._parts):
            for column, (least, most) in part.bounds.items():
                self._least[column, k] = max(self._least[column, k], least)
                self._most[column, k] = min(self._most[column, k], most)
        # Branches may cross bounds of another program; only what is whole is branched on.
        crossed = (self._least > self._most)[self.arrays.integer]
        self._empty = np.array([part.empty for part in self._parts]) | crossed.any(axis=0)
        self._ready = True


class _Search:
    """Depth first, upwards first: rounded up, what is bought and who is asked stays possible.

    Parameters
    ----------
    arrays, linear
        The program, and who has taken it.
    parts
        What is to be looked at, the first last.
    best
        The best solution at hand, and its value.
    """

    def __init__(
        self,
        arrays: Arrays,
        linear: Linear,
        parts: list[_Part],
        best: tuple[Vector | None, float],
    ) -> None:
        self._linear, self._whole = linear, np.flatnonzero(arrays.integer)
        self._lower, self._upper = arrays.lower, arrays.upper
        self._set: Bounds = {}
        self._todo = parts
        self.best = best
        self.found: list[Vector] = []
        self.closed: list[_Part] = []
        self.vertices: list[npt.NDArray[np.int32]] = []
        self.left = math.inf  # the least worth of what was left out

    def run(self) -> None:
        """Look at all parts."""
        for _ in range(NODES):
            if not self._todo:
                return
            part = self._todo.pop()
            if self._may_help(part):
                self._todo += self._below(part)
        raise _TooLong

    def _may_help(self, part: _Part) -> bool:
        """Tell whether something of that worth is better than the best; close it if not."""
        if part.worth < self.best[1] - SMALL_GAP:
            return True
        self._close(part)
        return False

    def _close(self, part: _Part) -> None:
        self.left = min(self.left, part.worth)
        self.closed.append(part)

    def _below(self, part: _Part) -> tuple[_Part, ...]:
        """Solve the relaxation of a part, and return its two halves, the first to look at last."""
        self._go_to(part.bounds)
        found = self._linear.solve()
        if found is None:
            self._close(_Part(math.inf, part.bounds, empty=True))
            return ()
        solution, value = found
        solved = _Part(value, part.bounds)
        if not self._may_help(solved):
            self.vertices.append(self._linear.basic())
            return ()
        whole = solution[self._whole]
        apart = np.abs(whole - np.round(whole))
        if not len(apart) or apart.max() <= INTEGRAL:
            self.best = solution, value
            self.found.append(solution)
            self.vertices.append(self._linear.basic())
            self._close(solved)
            return ()
        at = int(apart.argmax())
        column, below = int(self._whole[at]), math.floor(whole[at])
        lower, upper = part.bounds.get(column, (-math.inf, math.inf))
        down = _Part(value, {**part.bounds, column: (lower, float(below))})
        up = _Part(value, {**part.bounds, column: (below + 1.0, upper)})
        return down, up

    def _go_to(self, bounds: Bounds) -> None:
        for column in self._set.keys() - bounds.keys():
            self._linear.bound(column, self._lower[column], self._upper[column])
        for column, (lower, upper) in bounds.items():
            if self._set.get(column) != (lower, upper):
                least, most = self._lower[column], self._upper[column]
                self._linear.bound(column, max(lower, least), min(upper, most))
        self._set = bounds
