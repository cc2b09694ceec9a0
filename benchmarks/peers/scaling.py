"""A mixed-integer program in whole numbers only, for solvers that know no others.

Continuous columns are counted in `GRID`-ths: persons in thousandths. Every row is multiplied
by the smallest power of ten (times the grid) at which rounding its coefficients to whole
numbers can shift it by no more than `ROUNDING` of its unit, whatever the columns are (of its
smallest coefficient, where all columns are whole).

Sides are rounded outward, by that shift and, for inequalities, by what rounding each
continuous column to the grid can shift. So a plan of the true program, its columns rounded to
the grid, keeps every scaled inequality; scaled equalities are kept exactly where coefficients
and side are whole on the grid, else within one count. Conversely a scaled plan keeps
the true rows only within `Scaled.tolerance`, which is told a row. Bounds on the goal are those
of the scaled program; that every true plan has one on the grid which keeps equalities and
inequalities at once is likely and not proven, so they are no proof for the true program.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from allocator.solve.arrays import Arrays, Vector
from benchmarks.peers.whole import Row, Whole

GRID = 1000
"""Counts in one unit of a continuous column."""
ROUNDING = 1e-3
"""Most by which rounded coefficients may shift a row, in the unit of the row."""
EXACT = 1e-12
"""Shift of a row that is due to floating point alone."""
LARGEST = 2**62
"""Most that the terms of a row may add up to: half of what 64 bits hold."""
SLIP = 1e-6
"""Counts that floating point may be off by."""


class TooLarge(Exception):  # noqa: N818 - a finding about the program
    """A row does not fit 64-bit whole numbers, or a column has no bound to count to."""


@dataclass(frozen=True)
class Scaled:
    """The program in whole numbers.

    Attributes
    ----------
    program
        Bounds, rows (in the order of the arrays) and goal in counts.
    unit
        Shape (columns,): counts in one unit of the column, 1 where it is whole.
    tolerance
        Shape (rows,): most by which a scaled plan may break the true row, in its unit.
    goal_factor
        Counts in one unit of the goal.
    """

    program: Whole
    unit: Vector
    tolerance: Vector
    goal_factor: int


def scale(arrays: Arrays, cost: Vector, start: Vector | None = None) -> Scaled:
    """Return `arrays` with the goal `cost` in whole numbers, `start` rounded to a hint.

    Raises
    ------
    TooLarge
        If a row does not fit, or a column without an upper bound has none to be deduced.
    """
    unit = np.where(arrays.integer, 1.0, float(GRID))
    upper = useful_upper(arrays, cost)
    if not (np.isfinite(arrays.lower).all() and np.isfinite(upper).all()):
        raise TooLarge("a column has no finite bounds to count between")
    low = np.where(
        arrays.integer, np.ceil(arrays.lower - SLIP), np.floor(arrays.lower * unit + SLIP)
    )
    high = np.where(arrays.integer, np.floor(upper + SLIP), np.ceil(upper * unit - SLIP))
    span = np.maximum(np.abs(low), np.abs(high))
    rows, tolerance = [], np.zeros(arrays.matrix.shape[0])
    matrix = arrays.matrix
    for i in range(matrix.shape[0]):
        part = slice(matrix.indptr[i], matrix.indptr[i + 1])
        columns, values = matrix.indices[part], matrix.data[part]
        sides = float(arrays.row_lower[i]), float(arrays.row_upper[i])
        row, tolerance[i] = _row(columns, values, unit[columns], span[columns], sides)
        rows.append(row)
    used = np.flatnonzero(cost)
    factor, coefficients, _ = _whole(cost[used], unit[used], span[used], ROUNDING)
    program = Whole(
        lower=_integers(low),
        upper=_integers(high),
        rows=rows,
        goal=Row(_integers(used), _integers(coefficients)),
        hint=None if start is None else _integers(np.clip(np.round(start * unit), low, high)),
    )
    return Scaled(program, unit, tolerance, factor)


def useful_upper(arrays: Arrays, cost: Vector) -> Vector:
    """Return upper bounds, deduced for columns that have none and are never better large.

    A column of cost ≥ 0 that rows only push up need not be larger than the most that any of
    them can ask of it, all other columns at their worst.
    """
    upper = arrays.upper.copy()
    open_columns = np.flatnonzero(~np.isfinite(upper) & (cost >= 0))
    matrix, by_column = arrays.matrix, arrays.matrix.tocsc()
    for j in open_columns:
        part = slice(by_column.indptr[j], by_column.indptr[j + 1])
        asked = [float(arrays.lower[j])]
        for i, a in zip(by_column.indices[part], by_column.data[part], strict=True):
            side = arrays.row_lower[i] if a > 0 else -arrays.row_upper[i]
            entries = slice(matrix.indptr[i], matrix.indptr[i + 1])
            others = matrix.indices[entries] != j
            columns = matrix.indices[entries][others]
            values = np.sign(a) * matrix.data[entries][others]
            least = np.where(values > 0, values * arrays.lower[columns], values * upper[columns])
            if np.isfinite(side):
                asked.append((side - float(least.sum())) / abs(float(a)))
        upper[j] = max(asked)
    return upper


def _integers(values: npt.NDArray[Any]) -> list[int]:
    return [int(value) for value in values]


def _whole(values: Vector, unit: Vector, span: Vector, allowed: float) -> tuple[int, Vector, float]:
    """Return the factor, whole coefficients, and the most their rounding shifts the row."""
    real = values / unit
    factor = GRID
    while True:
        exact = real * factor
        rounded = np.round(exact)
        if float(np.abs(rounded) @ span) >= LARGEST:
            raise TooLarge(f"a row of {len(values)} terms does not fit whole numbers")
        shift = float(np.abs(rounded - exact) @ span) / factor
        if shift <= allowed:
            return factor, rounded, shift
        factor *= 10


def _row(
    columns: npt.NDArray[np.int_],
    values: Vector,
    unit: Vector,
    span: Vector,
    sides: tuple[float, float],
) -> tuple[Row, float]:
    gridded = unit > 1
    # Where all is whole, a shift must stay below what one more count of anything weighs.
    allowed = ROUNDING if gridded.any() else ROUNDING * min(1.0, float(np.abs(values).min()))
    factor, coefficients, shift = _whole(values, unit, span, allowed)
    low, high = sides
    # Rounding error of floating point is no shift: whole coefficients stay exact.
    shift = 0.0 if shift < EXACT else shift
    on_grid = 0.0 if low == high else float(np.abs(values[gridded] / unit[gridded]).sum()) / 2
    out = (shift + on_grid) * factor
    lower = None if np.isinf(low) else int(np.floor(low * factor - out + SLIP))
    upper = None if np.isinf(high) else int(np.ceil(high * factor + out - SLIP))
    row = Row(_integers(columns), _integers(coefficients), lower, upper)
    return row, 2 * shift + on_grid + 1 / factor
