"""The linear program over the proposals: which mix of them is best, and better prices.

::

    min  Σ_k Σ_i cost_{k,i} λ_{k,i} + c·z + Σ_r (centre_r + box_r) e⁺_r − (centre_r − box_r) e⁻_r
    lower ≤ Σ_k Σ_i use_{k,i} λ_{k,i} + D z + e⁺ − e⁻ ≤ upper        every common row
    Σ_k λ_{k,i} = 1                                                   every municipality i

===============  ===========================================================
λ_{k,i}          part of the proposal that municipality i made in round k
z                common columns
e⁺, e⁻           what is missing from, or too much in, a common row
===============  ===========================================================

The last terms keep the prices within `box` of `centre` (the box step of Marsten, Hogan and
Blankenship, *Operations Research* 23, 1975); where they are all zero the prices are free.
Where there are very many municipalities several share one row and mix their rounds alike,
which keeps this program small and its value above the true one: it still proves nothing, and
need not, since bounds come from pricing alone.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from allocator.solve import engine
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.decomposed.pool import Pool
from allocator.solve.engine import Settings

MOST_ROWS = 500
"""Most rows for municipalities; above that they share rows."""
PART = 1e-6
"""Part of a proposal below which it is rounding."""


@dataclass(frozen=True)
class Mix:
    """The best mix of proposals.

    Attributes
    ----------
    value
        Objective, the price of breaking common rows included.
    prices
        Of the common rows, shape (rows,).
    weights
        Part of every proposal, shape (rounds, municipalities).
    broken
        Units by which common rows are broken in all.
    """

    value: float
    prices: Vector
    weights: npt.NDArray[np.float64]
    broken: float

    @property
    def split(self) -> npt.NDArray[np.bool_]:
        """Who follows more than one proposal, shape (municipalities,)."""
        return np.asarray((self.weights > PART).sum(axis=0) > 1)


def mix(
    pool: Pool,
    common: Arrays,
    cost: Vector,
    constant: float,
    box: "Box",
    keep: npt.NDArray[np.bool_] | None = None,
) -> Mix | None:
    """Return the best mix of the proposals, none when the solver finds none.

    Parameters
    ----------
    common
        The common columns in the common rows.
    cost
        Of the common columns.
    keep
        Proposals to mix, shape (rounds, municipalities), each municipality by itself; none: all
        of them, with rows shared where there are many municipalities.
    """
    rounds, count = pool.new.shape
    alone = keep is not None or count <= MOST_ROWS
    shared = count if alone else MOST_ROWS
    row_of = np.arange(count) * shared // count
    # Municipalities that share a row move together, so each needs a proposal in every round.
    there = pool.new if keep is None else keep
    usable = np.flatnonzero(there) if alone else np.arange(rounds * shared)
    together = (np.arange(rounds)[:, np.newaxis] * shared + row_of).ravel()
    by_row = sp.csr_array(
        (np.ones(len(together)), (np.arange(len(together)), together)),
        shape=(len(together), rounds * shared),
    )
    uses = sp.csc_array(pool.uses @ by_row)[:, usable]
    costs = (pool.costs.ravel() @ by_row)[usable]
    rows = usable % shared
    one = sp.csr_array(
        (np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(shared, len(rows))
    )
    slack = sp.eye_array(common.matrix.shape[0], format="csr")
    top = sp.hstack([uses, common.matrix, slack, -slack])
    matrix = sp.block_array([[top], [_wide(one, top.shape[1])]], format="csr")
    free = np.full(2 * slack.shape[0], np.inf)
    arrays = Arrays(
        matrix=sp.csr_array(matrix),
        row_lower=np.concatenate([common.row_lower, np.ones(shared)]),
        row_upper=np.concatenate([common.row_upper, np.ones(shared)]),
        lower=np.concatenate([np.zeros(len(rows)), common.lower, np.zeros(len(free))]),
        upper=np.concatenate([np.ones(len(rows)), common.upper, free]),
        integer=np.zeros(matrix.shape[1], dtype=bool),
        objectives={},
        columns={},
        row_names=(),
    )
    whole = np.concatenate([costs, cost, box.centre + box.size, box.size - box.centre])
    outcome = engine.run(arrays, whole, constant, Settings(60.0))
    if outcome.solution is None or outcome.prices is None or outcome.value is None:
        return None
    weights = np.zeros((rounds, shared))
    weights.flat[usable] = outcome.solution[: len(rows)]
    return Mix(
        value=outcome.value,
        prices=outcome.prices[: slack.shape[0]],
        weights=weights[:, row_of],
        broken=float(outcome.solution[-len(free) :].sum()) if len(free) else 0.0,
    )


@dataclass(frozen=True)
class Box:
    """Where prices may move: within `size` of `centre`, both of shape (rows,)."""

    centre: Vector
    size: Vector


def _wide(matrix: sp.csr_array, columns: int) -> sp.csr_array:
    """Return the matrix with columns of zeros to its right."""
    return sp.csr_array((matrix.data, matrix.indices, matrix.indptr), (matrix.shape[0], columns))
