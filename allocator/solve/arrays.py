"""The program as sparse arrays: what the compiler hands to a solver."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Vector = npt.NDArray[np.float64]
Columns = Mapping[str, Mapping[Any, int]]


class TriviallyInfeasible(Exception):  # noqa: N818 - a finding, not an error
    """A row without variables cannot hold."""


@dataclass(frozen=True)
class Arrays:
    """A mixed-integer linear program: min cᵀx, row_lower ≤ Ax ≤ row_upper, lower ≤ x ≤ upper.

    Attributes
    ----------
    matrix
        A, shape (rows, columns).
    row_lower, row_upper
        Shape (rows,); infinite where there is none.
    lower, upper
        Shape (columns,).
    integer
        Shape (columns,), true where a column must be whole.
    objectives
        By name: coefficients of shape (columns,) and a constant.
    columns
        Position of every variable: component name, then index.
    row_names
        Component name and index of every row, in order.
    """

    matrix: sp.csr_array
    row_lower: Vector
    row_upper: Vector
    lower: Vector
    upper: Vector
    integer: npt.NDArray[np.bool_]
    objectives: Mapping[str, tuple[Vector, float]]
    columns: Columns
    row_names: tuple[tuple[str, Any], ...]

    def with_rows(self, matrix: sp.csr_array, lower: Vector, upper: Vector, name: str) -> "Arrays":
        """Return a copy with further rows below the others."""
        names = tuple((name, i) for i in range(matrix.shape[0]))
        return replace(
            self,
            matrix=sp.vstack([self.matrix, matrix], format="csr"),
            row_lower=np.concatenate([self.row_lower, lower]),
            row_upper=np.concatenate([self.row_upper, upper]),
            row_names=self.row_names + names,
        )

    def without_rows(self, where: npt.NDArray[np.bool_]) -> "Arrays":
        """Return a copy without the rows for which `where`, shape (rows,), is true."""
        kept = np.flatnonzero(~where)
        return replace(
            self,
            matrix=self.matrix[kept],
            row_lower=self.row_lower[kept],
            row_upper=self.row_upper[kept],
            row_names=tuple(self.row_names[i] for i in kept),
        )

    def with_binaries(self, component: str, indices: Sequence[Any]) -> "Arrays":
        """Return a copy with further columns of zero or one, without entries, behind the others."""
        count, width = len(indices), self.matrix.shape[1]
        blank = sp.csr_array((self.matrix.shape[0], count))
        zero, one = np.zeros(count), np.ones(count)
        return replace(
            self,
            matrix=sp.hstack([self.matrix, blank], format="csr"),
            lower=np.concatenate([self.lower, zero]),
            upper=np.concatenate([self.upper, one]),
            integer=np.concatenate([self.integer, one.astype(bool)]),
            objectives={
                name: (np.concatenate([cost, zero]), constant)
                for name, (cost, constant) in self.objectives.items()
            },
            columns={
                **self.columns,
                component: {index: width + i for i, index in enumerate(indices)},
            },
        )

    def with_bounds(self, lower: Vector, upper: Vector) -> "Arrays":
        """Return a copy with other bounds on the columns."""
        return replace(self, lower=lower, upper=upper)

    def with_row_upper(self, rows: npt.NDArray[np.int_], upper: Vector) -> "Arrays":
        """Return a copy with other upper limits on some rows."""
        row_upper = self.row_upper.copy()
        row_upper[rows] = upper
        return replace(self, row_upper=row_upper)

    def relaxed(self) -> "Arrays":
        """Return the linear program that is left when nothing need be whole."""
        return replace(self, integer=np.zeros_like(self.integer))

    def integers_fixed(self, solution: Vector) -> "Arrays":
        """Return the linear program that is left when the integers are as in `solution`."""
        whole = np.where(self.integer, np.round(solution), 0.0)
        return replace(
            self,
            lower=np.where(self.integer, whole, self.lower),
            upper=np.where(self.integer, whole, self.upper),
            integer=np.zeros_like(self.integer),
        )
