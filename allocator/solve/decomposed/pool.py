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
    """

    def __init__(self, blocks: Blocks, cost: Vector) -> None:
        count = len(blocks)
        self.blocks, self.cost = blocks, cost
        position = blocks.owner[blocks.order]
        self._by_block = sp.csr_array(
            (np.ones(len(position)), (blocks.order, position)), shape=(len(cost), count)
        )
        self.values: list[Vector] = []
        self.costs: npt.NDArray[np.float64] = np.empty((0, count))
        """Cost of every proposal, shape (rounds, municipalities)."""
        self.new: npt.NDArray[np.bool_] = np.empty((0, count), dtype=bool)
        """Whether a proposal is there and no earlier one is the same."""
        self.uses: list[sp.csr_array] = []
        """What each round does in the common rows, each of shape (rows, municipalities)."""

    def __len__(self) -> int:
        return len(self.values)

    def add(self, values: Vector, there: npt.NDArray[np.bool_] | None = None) -> None:
        """Add a round.

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
        new = np.ones(len(self.blocks), dtype=bool)
        for known, costs_of_known, use_of_known in zip(
            self.new, self.costs, self.uses, strict=True
        ):
            apart = abs(use - use_of_known).max(axis=0).toarray().ravel()
            new &= ~(known & (abs(costs - costs_of_known) <= SAME) & (apart <= SAME))
        self.values.append(values)
        self.costs = np.vstack([self.costs, costs])
        self.new = np.vstack([self.new, new])
        self.uses.append(use)

    def reduced(self, prices: Vector) -> npt.NDArray[np.float64]:
        """Return cost less what the common rows pay, shape (rounds, municipalities)."""
        paid = [prices @ use for use in self.uses]
        return np.where(self.new, self.costs - np.vstack(paid), np.inf)

    def combined(self, choice: npt.NDArray[np.int64]) -> Vector:
        """Return the values of one proposal a municipality, common columns left at zero.

        Parameters
        ----------
        choice
            Round by municipality, shape (municipalities,).
        """
        values = np.zeros(len(self.cost))
        owner = self.blocks.owner
        for k in np.unique(choice):
            mine = np.flatnonzero((owner >= 0) & (choice[owner] == k))
            values[mine] = self.values[k][mine]
        return values
