"""Cut the program along its municipalities: blocks that share only a few rows.

Rows that touch a single municipality belong to its block. The few that touch several
(supply, budgets, pools, counties, holds) are common to the blocks; columns that belong to
none (persons without a place, the largest ratio) are common too.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from allocator.solve.arrays import Arrays, Columns, Vector
from allocator.solve.decomposed.chunk import Chunk, Indices
from allocator.solve.leximin.program import AT_LEVEL
from allocator.solve.warm import KEEPS
from models.program.data import Data


@dataclass(frozen=True)
class Blocks:
    """A program cut along its municipalities.

    Attributes
    ----------
    owner
        Municipality of every column by position, −1 for common columns, shape (columns,).
    order
        Columns that belong to a municipality, municipality by municipality.
    starts
        Where each municipality begins in `order`, and the end, shape (municipalities + 1,).
    rows
        Common rows.
    columns
        Common columns.
    common
        The common rows, shape (common rows, columns).
    row_lower, row_upper
        Their limits.
    own
        All the small programs, one below the other.
    """

    owner: Indices
    order: Indices
    starts: Indices
    rows: Indices
    columns: Indices
    common: sp.csr_array
    row_lower: Vector
    row_upper: Vector
    own: Chunk

    def __len__(self) -> int:
        return len(self.starts) - 1

    def keeps(self, values: Vector) -> npt.NDArray[np.bool_]:
        """Tell which municipalities keep all rules of their own, shape (municipalities,).

        Parameters
        ----------
        values
            Of all columns, shape (columns,).
        """
        own, mine = self.own, values[self.order]
        used = own.matrix @ mine
        rows = (used < own.row_lower - KEEPS) | (used > own.row_upper + KEEPS)
        columns = (mine < own.lower - KEEPS) | (mine > own.upper + KEEPS)
        return ~(_any(rows, own.rows) | _any(columns, own.columns))

    def chunks(self, count: int) -> list[Chunk]:
        """Split the small programs into `count` chunks of about as many columns."""
        ends = self.starts[-1] * np.arange(1, count) / count
        at = [0, *np.searchsorted(self.starts, ends).tolist(), len(self)]
        return [self._part(a, b) for a, b in pairwise(at) if b > a]

    def _part(self, first: int, last: int) -> Chunk:
        own = self.own
        top, bottom = own.rows[first], own.rows[last]
        left, right = own.columns[first], own.columns[last]
        begin, end = own.matrix.indptr[top], own.matrix.indptr[bottom]
        matrix = sp.csr_array(
            (
                own.matrix.data[begin:end],
                own.matrix.indices[begin:end] - left,
                own.matrix.indptr[top : bottom + 1] - begin,
            ),
            shape=(bottom - top, right - left),
        )
        return Chunk(
            matrix=matrix,
            row_lower=own.row_lower[top:bottom],
            row_upper=own.row_upper[top:bottom],
            lower=own.lower[left:right],
            upper=own.upper[left:right],
            integer=own.integer[left:right],
            rows=own.rows[first : last + 1] - top,
            columns=own.columns[first : last + 1] - left,
        )


def _any(flags: npt.NDArray[np.bool_], starts: Indices) -> npt.NDArray[np.bool_]:
    """Tell for every part whether any of its flags is set."""
    before = np.concatenate([[0], np.cumsum(flags)])
    return before[starts[1:]] > before[starts[:-1]]


def cut(owner: Indices, arrays: Arrays, municipalities: int) -> Blocks:
    """Cut `arrays` along the municipalities that own its columns.

    Parameters
    ----------
    owner
        From `owners`, shape (columns,).
    municipalities
        How many there are.
    """
    matrix = arrays.matrix.tocsr()
    first, last = _span(matrix, owner)
    is_own = (first == last) & (first >= 0)
    order = np.argsort(owner, kind="stable")[np.count_nonzero(owner < 0) :]
    own_rows = np.flatnonzero(is_own)
    own_rows = own_rows[np.argsort(first[own_rows], kind="stable")]
    rows, columns = np.flatnonzero(~is_own), np.flatnonzero(owner < 0)
    edges = np.arange(municipalities + 1)
    starts = np.searchsorted(owner[order], edges)
    local = sp.csr_array(matrix[own_rows][:, order])
    local.sort_indices()
    own = Chunk(
        matrix=local,
        row_lower=arrays.row_lower[own_rows],
        row_upper=arrays.row_upper[own_rows],
        lower=arrays.lower[order],
        upper=arrays.upper[order],
        integer=arrays.integer[order],
        rows=np.searchsorted(first[own_rows], edges),
        columns=starts,
    )
    return Blocks(
        owner=owner,
        order=order,
        starts=starts,
        rows=rows,
        columns=columns,
        common=sp.csr_array(matrix[rows]),
        row_lower=arrays.row_lower[rows],
        row_upper=arrays.row_upper[rows],
        own=own,
    )


def _span(matrix: sp.csr_array, owner: Indices) -> tuple[Indices, Indices]:
    """Return the smallest and largest owner of every row's columns; −1 for common ones."""
    owners = owner[matrix.indices]
    first = np.full(matrix.shape[0], -1, dtype=np.int64)
    last = np.full(matrix.shape[0], -1, dtype=np.int64)
    filled = np.flatnonzero(np.diff(matrix.indptr))
    if len(filled):
        first[filled] = np.minimum.reduceat(owners, matrix.indptr[filled])
        last[filled] = np.maximum.reduceat(owners, matrix.indptr[filled])
    return first, last


_AT_SITE = ("persons", "missing_dwellings", "missing_seats")
_IN_MUNICIPALITY = (
    "lots",
    "odd",
    "asked",
    "unfairness",
    "change",
    "whole",
    "missing_places",
    AT_LEVEL,
)
_COMMON = ("unplaced", "largest_ratio", "missing_pool_places")


def owners(data: Data, columns: Columns, count: int) -> Indices:
    """Return the position of the municipality that every column belongs to, shape (count,).

    Common columns have −1.

    Raises
    ------
    KeyError
        For a component that this module has not been told of.
    """
    number = {m: i for i, m in enumerate(data.municipalities)}
    at_site = {s: number[m] for m, sites in data.sites.items() for s in sites}
    owner = np.full(count, -1, dtype=np.int64)
    for component, positions in columns.items():
        if component in _COMMON:
            continue
        at = np.fromiter(positions.values(), dtype=np.int64, count=len(positions))
        owner[at] = [_owner(data, component, key, number, at_site) for key in positions]
    return owner


def _owner(
    data: Data, component: str, key: Any, number: dict[str, int], at_site: dict[str, int]
) -> int:
    if component == "steps":
        place = data.measures[key].place
        return at_site[place] if place in at_site else number[place]
    place = key[0] if isinstance(key, tuple) else key
    if component in _AT_SITE:
        return at_site[place]
    if component in _IN_MUNICIPALITY:
        return number[place]
    raise KeyError(component)
