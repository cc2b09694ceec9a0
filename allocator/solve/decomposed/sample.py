"""First prices: those of the linear relaxation, of a sample where there are many municipalities.

The few common rows are worth about the same to a sample of municipalities that has its
part of what they hold. What a sample says is only where to start: it proves nothing.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

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
    of_plan
        Whether the solution is that of a plan at hand, whose prices are used.
    """

    solution: Vector | None = None
    bound: float | None = None
    prices: Vector | None = None
    of_plan: bool = False


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
    part = sample(stages.arrays, owner, fair_shares(stages))
    cost, constant = objective
    outcome = stages.relax(part.arrays, (cost[part.columns], constant), seconds)
    if outcome.prices is None or outcome.ending is Ending.INFEASIBLE:
        return First()
    prices = np.zeros(stages.arrays.matrix.shape[0])
    prices[part.rows] = outcome.prices
    return First(prices=prices)


def fair_shares(stages: Stages) -> Vector:
    """Return the fair share of every municipality, a little where it is zero."""
    data = stages.data
    return np.array([max(data.fair_share[m], 1e-6) for m in data.municipalities])


@dataclass(frozen=True)
class Sample:
    """The program of some municipalities, with their part of the common rows.

    Attributes
    ----------
    arrays
        The smaller program.
    columns, rows
        Which of the whole it holds.
    """

    arrays: Arrays
    columns: Indices
    rows: Indices


def sample(arrays: Arrays, owner: Indices, shares: Vector) -> Sample:
    """Return the program of evenly spread municipalities.

    Parameters
    ----------
    shares
        Fair share of every municipality, above zero, shape (municipalities,).
    """
    count = len(shares)
    chosen = np.unique(np.linspace(0, count - 1, LARGEST).astype(np.int64))
    columns = np.flatnonzero(np.isin(owner, chosen) | (owner < 0))
    # A sample gets its part of a common row by the fair shares of the row's municipalities.
    mine = np.flatnonzero(owner >= 0)
    by_owner = sp.csr_array((np.ones(len(mine)), (mine, owner[mine])), shape=(len(owner), count))
    reached = sp.csr_array(abs(arrays.matrix) @ by_owner)
    reached.data[:] = 1.0
    taken = np.zeros(count)
    taken[chosen] = shares[chosen]
    whole, part = reached @ shares, reached @ taken
    usual = taken.sum() / shares.sum()
    ratio = np.divide(part, whole, out=np.full_like(part, usual), where=whole > 0)
    rows = np.flatnonzero(ratio > 0)
    scale = np.where(owner < 0, usual, 1.0)
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
    return Sample(small, columns, rows)
