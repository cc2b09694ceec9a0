"""First prices: those of the linear relaxation, of a sample where there are many municipalities.

The few common rows are worth about the same to a sample of municipalities that has its
part of what they hold. What a sample says is only where to start: it proves nothing.
"""

from dataclasses import dataclass, replace

import numpy as np

from allocator.solve.arrays import Arrays, Vector
from allocator.solve.decomposed.chunk import Indices
from allocator.solve.engine import Ending
from allocator.solve.stages import Objective, Stages

LARGEST = 400
"""Most municipalities in the relaxation."""


@dataclass(frozen=True)
class First:
    """Where to start.

    Attributes
    ----------
    solution
        Of the relaxation of all municipalities; none when only a sample was solved.
    bound
        Proven by it.
    prices
        Of all rows, shape (rows,); none when nothing is known.
    """

    solution: Vector | None = None
    bound: float | None = None
    prices: Vector | None = None


def first_prices(stages: Stages, owner: Indices, objective: Objective, seconds: float) -> First:
    """Return where to start with a goal.

    Raises
    ------
    Infeasible
        If the relaxation of all municipalities has no solution.
    """
    count = len(stages.data.municipalities)
    if count <= LARGEST:
        outcome = stages.relax_feasibly(stages.arrays, objective, seconds)
        return First(outcome.solution, outcome.bound, outcome.prices)
    part, columns, rows = sample(stages.arrays, owner, count)
    cost, constant = objective
    outcome = stages.relax(part, (cost[columns], constant), seconds)
    if outcome.prices is None or outcome.ending is Ending.INFEASIBLE:
        return First()
    prices = np.zeros(stages.arrays.matrix.shape[0])
    prices[rows] = outcome.prices
    return First(prices=prices)


def sample(arrays: Arrays, owner: Indices, count: int) -> tuple[Arrays, Indices, Indices]:
    """Return the program of evenly spread municipalities, with their part of the common rows.

    Returns
    -------
    arrays
        The smaller program.
    columns, rows
        Which of the whole it holds.
    """
    taken = np.zeros(count + 1, dtype=bool)
    taken[np.linspace(0, count - 1, LARGEST).astype(np.int64)] = True
    taken[-1] = True  # common columns, whose owner is the last
    inside = taken[owner]
    columns = np.flatnonzero(inside)
    most = np.where(np.isfinite(arrays.upper), arrays.upper, 1.0)
    most[owner < 0] = 0.0
    size = abs(arrays.matrix)
    whole, part = size @ most, size @ np.where(inside, most, 0.0)
    ratio = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    rows = np.flatnonzero(ratio > 0)
    scale = np.where(owner < 0, _typical(ratio), 1.0)
    small = replace(
        arrays,
        matrix=arrays.matrix[rows][:, columns],
        row_lower=arrays.row_lower[rows] * ratio[rows],
        row_upper=arrays.row_upper[rows] * ratio[rows],
        lower=(arrays.lower * scale)[columns],
        upper=(arrays.upper * scale)[columns],
        integer=arrays.integer[columns],
        objectives={},
        columns={},
        row_names=(),
    )
    return small, columns, rows


def _typical(ratio: Vector) -> float:
    """Return the part of the common rows that a sample gets, typically."""
    parts = ratio[(ratio > 0) & (ratio < 1)]
    return float(np.median(parts)) if len(parts) else 1.0
