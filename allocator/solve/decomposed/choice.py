"""One proposal a municipality: the best choice that the common rows allow.

A small mixed-integer program over the proposals. Common rows that placements reach
(supply, pools) may be broken a little at several times their price, because placements
shift within a municipality while its whole numbers stay; rows of whole numbers alone
(budgets, the odd lot) and of common columns (holds) may not.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from allocator.solve.arrays import Arrays, Vector
from allocator.solve.decomposed.crew import Job
from allocator.solve.decomposed.master import Mix
from allocator.solve.decomposed.pool import Pool
from allocator.solve.engine import Outcome, Settings

OPEN = 400
"""Most municipalities that choose; the others follow the mix."""
DEAR = 3.0
"""Times its price that breaking a common row costs."""
GOLDEN = 0.6180339887498949
"""Step of the low-discrepancy sequence that spreads choices evenly over municipalities."""
Choice = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Terms:
    """What a choice is judged by.

    Attributes
    ----------
    common
        The common columns in the common rows.
    cost, constant
        Of the common columns, and of the whole.
    prices
        Of the common rows.
    bounds
        Of every municipality at these prices.
    soft
        Common rows that may be broken at a price, shape (rows,).
    """

    common: Arrays
    cost: Vector
    constant: float
    prices: Vector
    bounds: Vector
    soft: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Question:
    """Which proposal each municipality is to follow, and how to read the answer.

    Attributes
    ----------
    job
        The program over the proposals.
    rounds, municipalities
        Of every proposal that can be chosen, in the order of the columns.
    followed
        Round by municipality where there is nothing to choose, shape (municipalities,).
    """

    job: Job
    rounds: Choice
    municipalities: Choice
    followed: Choice

    def read(self, outcome: Outcome) -> Choice | None:
        """Return the round of every municipality, shape (municipalities,), or none."""
        if outcome.solution is None:
            return None
        chosen = outcome.solution[: len(self.rounds)] > 0.5
        choice = self.followed.copy()
        choice[self.municipalities[chosen]] = self.rounds[chosen]
        return choice


def ask(pool: Pool, terms: Terms, mixed: Mix, room: float, settings: Settings) -> Question:
    """Ask for the best choice.

    Parameters
    ----------
    room
        A proposal whose reduced cost lies above its municipality's bound by more is left out.
        It cannot be part of a better plan when that is the value of the best plan less the bound.
    """
    excess = pool.reduced(terms.prices) - terms.bounds
    order = np.sort(excess, axis=0)
    second = order[1] if len(order) > 1 else np.full(excess.shape[1], np.inf)
    split = (mixed.weights > 1e-6).sum(axis=0) > 1
    few = excess.shape[1] <= OPEN
    eager = np.argsort(np.where(split & few, -1.0, second), kind="stable")
    chooses = np.zeros(excess.shape[1], dtype=bool)
    chooses[eager[:OPEN]] = True
    keep = (excess <= room) | (mixed.weights > 1e-6) & np.isfinite(excess)
    keep |= excess == order[0]
    rounds, municipalities = np.nonzero(keep & chooses)
    followed = _followed(mixed)
    job = _job(pool, terms, followed, chooses, rounds, municipalities, settings)
    return Question(job, rounds, municipalities, followed)


def _followed(mixed: Mix) -> Choice:
    """Give every municipality a round, each round as often as the mix uses it."""
    ends = np.cumsum(mixed.weights, axis=0)
    at = (np.arange(ends.shape[1]) * GOLDEN) % 1.0
    rounds: Choice = np.minimum((ends <= at).sum(axis=0), len(ends) - 1).astype(np.int64)
    return rounds


def _job(
    pool: Pool,
    terms: Terms,
    followed: Choice,
    chooses: npt.NDArray[np.bool_],
    rounds: Choice,
    municipalities: Choice,
    settings: Settings,
) -> Job:
    rows, count = terms.common.matrix.shape[0], len(rounds)
    uses = [sp.csc_array(use) for use in pool.uses]
    columns = [use[:, municipalities[rounds == k]] for k, use in enumerate(uses)]
    settled, rest = np.zeros(rows), np.flatnonzero(~chooses)
    for k, use in enumerate(uses):
        settled += np.asarray(use[:, rest[followed[rest] == k]].sum(axis=1)).ravel()
    numbers = np.flatnonzero(chooses)
    position = np.searchsorted(numbers, municipalities)
    eye = sp.eye_array(rows, format="csr")
    top = sp.hstack([*columns, terms.common.matrix, eye, -eye])
    one = sp.csr_array((np.ones(count), (position, np.arange(count))), (len(numbers), top.shape[1]))
    scale = np.abs(terms.prices[terms.soft]).mean() if terms.soft.any() else 0.0
    price = DEAR * np.maximum(np.abs(terms.prices), 0.1 * scale) + 1e-6
    most = np.where(terms.soft, np.inf, 0.0)
    unit = np.ones(len(numbers))
    arrays = Arrays(
        matrix=sp.csr_array(sp.vstack([top, one], format="csr")),
        row_lower=np.concatenate([terms.common.row_lower - settled, unit]),
        row_upper=np.concatenate([terms.common.row_upper - settled, unit]),
        lower=np.concatenate([np.zeros(count), terms.common.lower, np.zeros(2 * rows)]),
        upper=np.concatenate([np.ones(count), terms.common.upper, most, most]),
        integer=np.arange(top.shape[1]) < count,
        objectives={},
        columns={},
        row_names=(),
    )
    cost = np.concatenate([pool.costs[rounds, municipalities], terms.cost, price, price])
    constant = terms.constant + float(pool.costs[followed[rest], rest].sum())
    return Job(arrays, cost, constant, settings)
