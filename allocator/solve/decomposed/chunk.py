"""Price some municipalities: solve the small program of each at given prices.

This module knows little but the engine, so that a process which does nothing but price
starts quickly.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from allocator.solve.arrays import Arrays, Vector
from allocator.solve.engine import Flag, NoSolution
from allocator.solve.small import minimise

Indices = npt.NDArray[np.int64]


class Stopped(Exception):  # noqa: N818 - a finding, not an error
    """Pricing was stopped before every municipality was priced."""


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
    """

    matrix: sp.csr_array
    row_lower: Vector
    row_upper: Vector
    lower: Vector
    upper: Vector
    integer: npt.NDArray[np.bool_]
    rows: Indices
    columns: Indices

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
        chunk = self if held is None else self._holding(held)
        programs = chunk._programs(cost, relaxed or held is not None)
        for i, (solution, bound) in enumerate(minimise(programs)):
            if stop is not None and stop.is_set():
                raise Stopped
            if solution is None and held is None:
                raise NoSolution(f"of {len(self)} small programs, that at {i} has no solution")
            values[self.columns[i] : self.columns[i + 1]] = np.nan if solution is None else solution
            bounds[i] = bound
        return values, bounds

    def _holding(self, held: Vector) -> "Chunk":
        lower = np.where(self.integer, held, self.lower)
        return replace(self, lower=lower, upper=np.where(self.integer, held, self.upper))

    def _programs(self, cost: Vector, relaxed: bool) -> Iterator[tuple[Arrays, Vector]]:
        for i in range(len(self)):
            program = self.program(i)
            own = cost[self.columns[i] : self.columns[i + 1]]
            yield program.relaxed() if relaxed else program, own
