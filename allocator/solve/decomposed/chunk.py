"""Price some municipalities: solve the small program of each at given prices.

This module knows little but the engine, so that a process which does nothing but price
starts quickly.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from allocator.solve import small
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.engine import Flag, Linear, NoSolution
from allocator.solve.small import MOST_VERTICES, Tree

VERTICES, FEWEST_VERTICES = 20_000, 4
"""Vertices that the trees of all municipalities keep together, some 4 kB each, and the fewest that
each keeps."""
Indices = npt.NDArray[np.int64]


class Stopped(Exception):  # noqa: N818 - a finding, not an error
    """Pricing was stopped before every municipality was priced."""


class Memory:
    """The trees of small programs, kept from round to round; nothing of it travels."""

    def __init__(self) -> None:
        self.trees: list[Tree] = []

    def __reduce__(self) -> tuple[type["Memory"], tuple[()]]:
        return Memory, ()


@dataclass(frozen=True)
class Chunk:
    """The small programs of some municipalities, one below the other.

    Attributes
    ----------
    matrix
        Own rows of all of them, shape (rows, columns); block diagonal.
    row_lower, row_upper
        Shape (rows,).
    lower, upper, integer
        Shape (columns,).
    rows, columns
        Where the rows and columns of each begin, and the end, shape (municipalities + 1,).
    memory
        What earlier rounds found.
    """

    matrix: sp.csr_array
    row_lower: Vector
    row_upper: Vector
    lower: Vector
    upper: Vector
    integer: npt.NDArray[np.bool_]
    rows: Indices
    columns: Indices
    memory: Memory = field(default_factory=Memory, init=False, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.rows) - 1

    def program(self, i: int) -> Arrays:
        """Return the small program of the municipality at position `i`, without objective."""
        top, bottom = self.rows[i], self.rows[i + 1]
        left, right = self.columns[i], self.columns[i + 1]
        first, last = self.matrix.indptr[top], self.matrix.indptr[bottom]
        matrix = sp.csr_array(
            (
                self.matrix.data[first:last],
                self.matrix.indices[first:last] - left,
                self.matrix.indptr[top : bottom + 1] - first,
            ),
            shape=(bottom - top, right - left),
        )
        return Arrays(
            matrix=matrix,
            row_lower=self.row_lower[top:bottom],
            row_upper=self.row_upper[top:bottom],
            lower=self.lower[left:right],
            upper=self.upper[left:right],
            integer=self.integer[left:right],
            objectives={},
            columns={},
            row_names=(),
        )

    def price(
        self,
        cost: Vector,
        *,
        relaxed: bool = False,
        held: Vector | None = None,
        stop: Flag | None = None,
    ) -> tuple[Vector, Vector]:
        """Solve every small program.

        Parameters
        ----------
        cost
            Cost less what the common rows pay, shape (columns,).
        relaxed
            Let nothing be whole.
        held
            Hold whole numbers at these values and move the rest, shape (columns,).
        stop
            When set, give up.

        Returns
        -------
        values
            The solutions, shape (columns,); not a number where nothing is possible with what
            is held.
        bounds
            A proven bound for each, shape (municipalities,); infinite there.

        Raises
        ------
        Stopped
            If `stop` was set before the last was solved.
        NoSolution
            If one of them has none, and nothing is held.
        """
        values, bounds = np.empty(len(cost)), np.empty(len(self))
        linear, lp = Linear(), self if held is None else self._holding(held)
        trees = [] if relaxed or held is not None else self._trees()
        for i in range(len(self)):
            if stop is not None and stop.is_set():
                raise Stopped
            own = slice(self.columns[i], self.columns[i + 1])
            if trees:
                solution, bounds[i] = trees[i].minimise(cost[own], linear)
            else:
                solution, bounds[i] = small.relaxed(lp.program(i), cost[own], linear)
            if solution is None and held is None:
                raise NoSolution(f"of {len(self)} small programs, that at {i} has no solution")
            values[own] = np.nan if solution is None else solution
        return values, bounds

    def follow(self, before: "Chunk") -> None:
        """Begin with what rounds over an earlier program found, where it has the same columns."""
        same = np.array_equal(self.columns, before.columns)
        if same and np.array_equal(self.integer, before.integer):
            trees = enumerate(before.memory.trees)
            self.memory.trees = [tree.over(self.program(i)) for i, tree in trees]

    def _trees(self) -> list[Tree]:
        if not self.memory.trees:
            most = min(MOST_VERTICES, max(FEWEST_VERTICES, VERTICES // max(1, len(self))))
            self.memory.trees = [Tree(self.program(i), most) for i in range(len(self))]
        return self.memory.trees

    def _holding(self, held: Vector) -> "Chunk":
        lower = np.where(self.integer, held, self.lower)
        return replace(self, lower=lower, upper=np.where(self.integer, held, self.upper))
