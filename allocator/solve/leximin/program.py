"""The program with levels in it: no quota above its cap, but at tied levels.

::

    q_m ≤ c_m                                             for those at no tied level
    q_m ≤ c_m + Σ_k (R_k f_m − c_m) b_{k,m},   Σ_k b_{k,m} ≤ 1      for those that may be at one
    Σ_m b_{k,m} ≤ N_k                                     for every tied level k

=========  ==============================================  ==========
q_m        quota                                           persons
c_m        largest quota away from tied levels             persons
b_{k,m}    1 when m lies at the tied level k               yes or no
R_k f_m    its quota there                                 persons
N_k        how many lie there                              a count
=========  ==============================================  ==========

With an odd lot the caps are rows, because it comes on top of whole lots; without one they
are bounds on lots.
"""

import numpy as np
import scipy.sparse as sp

from allocator.solve.arrays import Arrays, Vector
from allocator.solve.leximin.levels import Tie
from allocator.solve.leximin.lots import ROUNDING, Indices, Lots

AT_LEVEL = "at_level"
"""Name of the columns b, by municipality and level."""


def quotas_of(arrays: Arrays, lots: Lots, solution: Vector) -> Vector:
    """Return the quotas of a solution, in persons, shape (municipalities,)."""
    quotas = lots.step * np.round(solution[_positions(arrays, "lots", lots)])
    if lots.odd:
        quotas += lots.odd * np.round(solution[_positions(arrays, "odd", lots)])
    return quotas


def quota_cost(arrays: Arrays, lots: Lots) -> Vector:
    """Return the coefficients of the sum of all quotas, in persons, shape (columns,)."""
    cost = np.zeros(arrays.matrix.shape[1])
    cost[_positions(arrays, "lots", lots)] = lots.step
    if lots.odd:
        cost[_positions(arrays, "odd", lots)] = lots.odd
    return cost


def with_levels(arrays: Arrays, lots: Lots, caps: Vector, ties: tuple[Tie, ...]) -> Arrays:
    """Return the program in which no quota exceeds its cap, but at tied levels.

    Parameters
    ----------
    caps
        In persons, shape (municipalities,).
    """
    most = caps.copy()
    for tie in ties:
        most[tie.members] = np.maximum(most[tie.members], tie.quotas)
    columns, upper = _positions(arrays, "lots", lots), arrays.upper.copy()
    upper[columns] = np.minimum(upper[columns], np.floor((most + ROUNDING) / lots.step))
    width = arrays.matrix.shape[1]
    names = [(lots.municipalities[m], k) for k, tie in enumerate(ties) for m in tie.members]
    arrays = arrays.with_bounds(arrays.lower, upper).with_binaries(AT_LEVEL, names)
    owner = np.array([m for tie in ties for m in tie.members], dtype=np.intp)
    binaries = width + np.arange(len(owner))
    capped = np.arange(len(caps)) if lots.odd else np.unique(owner)
    lift = np.concatenate([tie.quotas - caps[tie.members] for tie in ties] or [np.empty(0)])
    entries = [(capped, columns[capped], np.full(len(capped), float(lots.step)))]
    if lots.odd:
        odd = _positions(arrays, "odd", lots)[capped]
        entries.append((capped, odd, np.full(len(capped), float(lots.odd))))
    entries.append((owner, binaries, -lift))
    arrays = _with_rows(arrays, entries, len(caps), caps, "cap")
    one = np.ones(len(owner))
    arrays = _with_rows(arrays, [(owner, binaries, one)], len(caps), np.ones(len(caps)), "level")
    tie_of = np.repeat(np.arange(len(ties)), [len(tie.members) for tie in ties])
    counts = np.array([float(tie.count) for tie in ties])
    return _with_rows(arrays, [(tie_of, binaries, one)], len(ties), counts, "tied")


def at_levels(quotas: Vector, ties: tuple[Tie, ...]) -> Vector:
    """Return the values of the columns b, given all quotas."""
    there = [(quotas[tie.members] == tie.quotas).astype(np.float64) for tie in ties]
    return np.concatenate(there or [np.empty(0)])


Entries = list[tuple[Indices, Indices, Vector]]
"""Rows, columns and coefficients."""


def _with_rows(arrays: Arrays, entries: Entries, rows: int, upper: Vector, name: str) -> Arrays:
    """Add the rows that have entries, each at most its `upper`."""
    row, column, value = (np.concatenate(part) for part in zip(*entries, strict=True))
    if not len(row):
        return arrays
    shape = (rows, arrays.matrix.shape[1])
    matrix = sp.csr_array(sp.coo_array((value, (row, column)), shape=shape))
    used = np.unique(row)
    return arrays.with_rows(matrix[used], np.full(len(used), -np.inf), upper[used], name)


def _positions(arrays: Arrays, component: str, lots: Lots) -> Indices:
    known = arrays.columns[component]
    return np.array([known[m] for m in lots.municipalities], dtype=np.intp)
