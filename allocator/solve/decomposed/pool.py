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
        self.uses = sp.csc_array((blocks.common.shape[0], 0))
        """What every proposal does in the common rows, shape (rows, rounds × municipalities)."""
        self._whole_values = np.empty((0, len(self._whole)))

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
        rounds = self._first_same(costs, sp.csc_array(use))
        whole = np.round(values[self._whole])
        self.wholes = np.vstack([self.wholes, self._first_with(whole)])
        self._whole_values = np.vstack([self._whole_values, whole])
        self.values.append(values)
        self.costs = np.vstack([self.costs, costs])
        self.new = np.vstack([self.new, rounds == len(self.values) - 1])
        self.uses = sp.hstack([self.uses, use], format="csc")
        return rounds

    def at(
        self, rounds: npt.NDArray[np.int64], municipalities: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Return the columns of `uses` that proposals have."""
        return rounds * len(self.blocks) + municipalities

    def reduced(self, prices: Vector) -> npt.NDArray[np.float64]:
        """Return cost less what the common rows pay, shape (rounds, municipalities)."""
        paid = (prices @ self.uses).reshape(self.costs.shape)
        return np.where(self.new, self.costs - paid, np.inf)

    def _first_same(self, costs: Vector, use: sp.csc_array) -> npt.NDArray[np.int64]:
        """Return the first round with the same proposal of every municipality."""
        rounds = np.full(len(self.blocks), len(self), dtype=np.int64)
        alike = np.nonzero(self.new & (np.abs(self.costs - costs) <= SAME))
        if len(alike[0]):
            apart = abs(self.uses[:, self.at(*alike)] - use[:, alike[1]]).max(axis=0)
            same = apart.toarray().ravel() <= SAME
            np.minimum.at(rounds, alike[1][same], alike[0][same])
        return rounds

    def _first_with(self, whole: Vector) -> npt.NDArray[np.int64]:
        """Return the first round with the same whole numbers in every municipality."""
        apart = np.zeros((len(self) + 1, len(self.blocks)), dtype=bool)
        round_, column = np.nonzero(self._whole_values != whole)
        apart[round_, self.blocks.owner[self._whole][column]] = True
        return np.asarray(apart.argmin(axis=0), dtype=np.int64)

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
