"""Unfairness at the answer: read it exactly, and add the secants that are missing there."""

from collections.abc import Mapping
from copy import copy

import numpy as np
import scipy.sparse as sp

from allocator.solve.arrays import Arrays, Vector
from models.program.data import Data
from models.program.fairness import lattice, neighbours, secant, unfairness

EXACT = 1e-7
"""Persons by which a secant may lie below unfairness and still count as touching it."""


class Secants:
    """The secants of one program: which are there, and which a solution calls for.

    Parameters
    ----------
    data
        Coefficients of the program.
    most
        Q_m in persons.
    arrays
        The compiled program, with the first secants in it.

    Attributes
    ----------
    points
        Quotas above zero that there can be, in persons, ascending, by municipality.
    """

    def __init__(self, data: Data, most: Mapping[str, float], arrays: Arrays) -> None:
        self._data = data
        self.points = {m: lattice(data, m, most[m]) for m in data.municipalities}
        self._columns = arrays.columns
        self._there = {
            (m, low) for name, index in arrays.row_names if name == "secants" for m, low in [index]
        }

    def copy(self) -> "Secants":
        """Return a copy, to come back to with the program as it is now."""
        copied = copy(self)
        copied._there = set(self._there)
        return copied

    def quota(self, solution: Vector, municipality: str) -> float:
        """Return q_m in persons."""
        if municipality in self._data.exact:
            return float(self._data.exact[municipality])
        persons = self._data.step * solution[self._columns["lots"][municipality]]
        odd = self._columns.get("odd", {}).get(municipality)
        return float(persons + (self._data.odd_lot * solution[odd] if odd is not None else 0.0))

    def exact(self, solution: Vector) -> Vector:
        """Return the solution with the unfairness of every municipality read exactly."""
        mended = solution.copy()
        for m, column in self._columns.get("unfairness", {}).items():
            quota = round(self.quota(solution, m))
            mended[column] = unfairness(quota, self._data.fair_share[m], self._data.divisor(m))
        return mended

    def capped(self, upper: Vector) -> Vector:
        """Return upper limits of the columns, unfairness limited by the quotas there can be."""
        capped = upper.copy()
        for m, column in self._columns.get("unfairness", {}).items():
            fair, divisor = self._data.fair_share[m], self._data.divisor(m)
            ends = (0, *self.points[m][-1:])
            capped[column] = max(unfairness(quota, fair, divisor) for quota in ends)
        return capped

    def add(self, arrays: Arrays, solution: Vector, around: int) -> tuple[Arrays, int]:
        """Add the secants that `solution` calls for and are not there yet.

        Parameters
        ----------
        around
            How many lots up and down from the quota, besides the lots next to it.

        Returns
        -------
        arrays
            With the further rows.
        added
            How many rows.
        """
        rows: list[tuple[str, int, int]] = []
        for m in self._columns.get("unfairness", {}):
            if m in self._data.exact:
                continue
            rows += self._missing(m, self.quota(solution, m), around)
        self._there.update((m, low) for m, low, _ in rows)
        if not rows:
            return arrays, 0
        matrix, lower = self._matrix(arrays, rows)
        none = np.full(len(rows), np.inf)
        return arrays.with_rows(matrix, lower, none, "secants"), len(rows)

    def _missing(self, municipality: str, quota: float, around: int) -> list[tuple[str, int, int]]:
        points = self.points[municipality]
        pair = neighbours(points, quota)
        if pair is None:
            return []
        middle = points.index(pair[0])
        window = range(max(0, middle - around), min(len(points) - 1, middle + around + 1))
        return [
            (municipality, points[i], points[i + 1])
            for i in window
            if (municipality, points[i]) not in self._there
        ]

    def _matrix(
        self, arrays: Arrays, rows: list[tuple[str, int, int]]
    ) -> tuple[sp.csr_array, Vector]:
        entries: list[tuple[int, int, float]] = []
        lower = np.empty(len(rows))
        for i, (m, low, high) in enumerate(rows):
            fair, divisor = self._data.fair_share[m], self._data.divisor(m)
            line = secant(low, high, fair, divisor)
            entries.append((i, self._columns["unfairness"][m], 1.0))
            entries.append((i, self._columns["lots"][m], -line.slope * self._data.step))
            if m in self._columns.get("odd", {}):
                entries.append((i, self._columns["odd"][m], -line.slope * self._data.odd_lot))
            lower[i] = line.intercept
            if m in self._columns.get("asked", {}):
                lower[i] = unfairness(0, fair, divisor)
                entries.append((i, self._columns["asked"][m], lower[i] - line.intercept))
        at_row, at_column, value = zip(*entries, strict=True)
        shape = (len(rows), arrays.matrix.shape[1])
        return sp.csr_array(sp.coo_array((value, (at_row, at_column)), shape=shape)), lower
