"""The proposals made so far: what each costs and what it does in the common rows.

Every round of pricing makes one proposal a municipality. A proposal keeps all rules of
its municipality, with whole numbers whole; what it may break are the common rows.
"""

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from allocator.solve.arrays import Vector
from allocator.solve.decomposed.blocks import Blocks

SAME = 1e-7
"""Amount by which two proposals may differ and still count as one."""
Weights = npt.NDArray[np.float64]
"""Part of every proposal, shape (rounds, municipalities)."""
TINY = 1e-8
"""Amount in a common row that is rounding."""


class Pool:
    """Proposals by round and municipality.

    Parameters
    ----------
    blocks
        The program, cut.
    cost
        Objective of every column, shape (columns,).
    integer
        Columns of whole numbers, shape (columns,).
    """

    def __init__(self, blocks: Blocks, cost: Vector, integer: npt.NDArray[np.bool_]) -> None:
        count = len(blocks)
        self.blocks, self.cost = blocks, cost
        self._whole = np.flatnonzero(integer & (blocks.owner >= 0))
        position = blocks.owner[blocks.order]
        self._by_block = sp.csr_array(
            (np.ones(len(position)), (blocks.order, position)), shape=(len(cost), count)
        )
        self.values: list[Vector] = []
        self.costs: npt.NDArray[np.float64] = np.empty((0, count))
        """Cost of every proposal, shape (rounds, municipalities)."""
        self.new: npt.NDArray[np.bool_] = np.empty((0, count), dtype=bool)
        """Whether a proposal is there and no earlier one is the same."""
        self.wholes: npt.NDArray[np.int64] = np.empty((0, count), dtype=np.int64)
        """The first round with the same whole numbers, shape (rounds, municipalities)."""
        self.uses: list[sp.csr_array] = []
        """What each round does in the common rows, each of shape (rows, municipalities)."""

    def __len__(self) -> int:
        return len(self.values)

    def add(
        self, values: Vector, there: npt.NDArray[np.bool_] | None = None
    ) -> npt.NDArray[np.int64]:
        """Add a round, and return the first round with the same proposal of every municipality.

        Parameters
        ----------
        values
            A proposal of every municipality, shape (columns,).
        there
            Municipalities whose part keeps their own rules, shape (municipalities,); none:
            all. The others repeat what they proposed in the round before.
        """
        if there is not None and not there.all():
            missing = (self.blocks.owner >= 0) & ~there[self.blocks.owner]
            values = np.where(missing, self.values[-1], values)
        costs = np.asarray((self.cost * values) @ self._by_block)
        use = sp.csr_array(self.blocks.common.multiply(values).tocsr() @ self._by_block)
        use.data[np.abs(use.data) < TINY] = 0.0
        use.eliminate_zeros()
        rounds = np.full(len(self.blocks), len(self), dtype=np.int64)
        for k, (known, costs_of_known) in enumerate(zip(self.new, self.costs, strict=True)):
            apart = abs(use - self.uses[k]).max(axis=0).toarray().ravel()
            same = known & (abs(costs - costs_of_known) <= SAME) & (apart <= SAME)
            rounds[same] = k
        self.wholes = np.vstack([self.wholes, self._first_with(values)])
        self.values.append(values)
        self.costs = np.vstack([self.costs, costs])
        self.new = np.vstack([self.new, rounds == len(self.values) - 1])
        self.uses.append(use)
        return rounds

    def reduced(self, prices: Vector) -> npt.NDArray[np.float64]:
        """Return cost less what the common rows pay, shape (rounds, municipalities)."""
        paid = [prices @ use for use in self.uses]
        return np.where(self.new, self.costs - np.vstack(paid), np.inf)

    def _first_with(self, values: Vector) -> npt.NDArray[np.int64]:
        """Return the first round with the whole numbers of `values` in every municipality."""
        first = np.full(len(self.blocks), len(self), dtype=np.int64)
        owner, mine = self.blocks.owner[self._whole], np.round(values[self._whole])
        for k in range(len(self) - 1, -1, -1):
            apart = owner[mine != np.round(self.values[k][self._whole])]
            same = np.ones(len(first), dtype=bool)
            same[apart] = False
            first[same] = k
        return first

    def combined(self, weights: Weights) -> Vector:
        """Return the values of mixed proposals, common columns left at zero.

        Parameters
        ----------
        weights
            Part of every proposal, shape (rounds, municipalities).
        """
        values, owner = np.zeros(len(self.cost)), self.blocks.owner
        for k in np.flatnonzero(weights.any(axis=1)):
            part = np.where(owner < 0, 0.0, weights[k][owner])
            values += np.where(part > 0, part * self.values[k], 0.0)
        return values


def single(rounds: npt.NDArray[np.int64], count: int) -> Weights:
    """Return the weights of one proposal a municipality, that of the given round of `count`."""
    weights = np.zeros((count, len(rounds)))
    weights[rounds, np.arange(len(rounds))] = 1.0
    return weights
