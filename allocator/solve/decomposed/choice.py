"""Whole numbers for every municipality: the best choice that the common rows allow.

A small mixed-integer program over the proposals::

    min  Σ_k Σ_i cost_{k,i} λ_{k,i} + c·z + Σ_r price_r (e⁺_r + e⁻_r)
    lower ≤ Σ_k Σ_i use_{k,i} λ_{k,i} + D z + e⁺ − e⁻ ≤ upper        every common row
    Σ_{k: whole_{k,i} = w} λ_{k,i} = b_{w,i}                          every whole numbers w of i
    Σ_w b_{w,i} = 1,  b binary                                        every municipality i

===============  ===========================================================
λ_{k,i}          part of the proposal that municipality i made in round k
b_{w,i}          whether municipality i follows whole numbers w
z                common columns
e⁺, e⁻           what is missing from, or too much in, a common row
===============  ===========================================================

Proposals with the same whole numbers may be mixed, because placements between them are
possible too (the discretisation of Vanderbeck, *Operations Research* 48, 2000). Common rows
that placements reach (supply, pools) may be broken a little at several times their price;
rows of whole numbers alone (budgets, the odd lot) and of common columns (holds) may not.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from allocator.solve.arrays import Arrays, Vector
from allocator.solve.decomposed.crew import Job
from allocator.solve.decomposed.master import PART, Mix
from allocator.solve.decomposed.pool import Pool, Weights, single
from allocator.solve.engine import Outcome, Settings

OPEN = 400
"""Most municipalities that choose; the others follow the mix."""
DEAR = 3.0
"""Times its price that breaking a common row costs."""
SLIGHT = 1e-9
"""Part of a proposal that is rounding."""
GOLDEN = 0.6180339887498949
"""Step of the low-discrepancy sequence that spreads choices evenly over municipalities."""
Rounds = npt.NDArray[np.int64]


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
class Begin:
    """A plan to start from: the round of every municipality, and the common columns' values."""

    choice: Rounds
    common: Vector


@dataclass(frozen=True)
class Question:
    """Which proposals each municipality is to follow, and how to read the answer.

    Attributes
    ----------
    job
        The program over the proposals.
    rounds, municipalities
        Of every proposal that can be chosen, in the order of the columns.
    followed
        Weights where there is nothing to choose, shape (rounds, municipalities).
    """

    job: Job
    rounds: Rounds
    municipalities: Rounds
    followed: Weights

    def read(self, outcome: Outcome) -> Weights | None:
        """Return the part of every proposal, shape (rounds, municipalities), or none."""
        if outcome.solution is None:
            return None
        part = outcome.solution[: len(self.rounds)]
        weights = self.followed.copy()
        weights[:, self.municipalities] = 0.0
        weights[self.rounds, self.municipalities] = np.where(part > SLIGHT, part, 0.0)
        return np.asarray(weights / weights.sum(axis=0))


def ask(
    pool: Pool,
    terms: Terms,
    mixed: Mix,
    room: float,
    settings: Settings,
    begin: Begin | None = None,
) -> Question:
    """Ask for the best choice.

    Parameters
    ----------
    room
        A proposal whose reduced cost lies above its municipality's bound by more is left out.
        It cannot be part of a better plan when that is the value of the best plan less the bound.
    begin
        A plan to start from, whose proposals are never left out.
    """
    excess = pool.reduced(terms.prices) - terms.bounds
    order = np.sort(excess, axis=0)
    second = order[1] if len(order) > 1 else np.full(excess.shape[1], np.inf)
    few = excess.shape[1] <= OPEN
    eager = np.argsort(np.where(mixed.split & few, -1.0, second), kind="stable")
    chooses = np.zeros(excess.shape[1], dtype=bool)
    chooses[eager[:OPEN]] = True
    keep = (excess <= room) | (mixed.weights > PART) & np.isfinite(excess)
    keep |= excess == order[0]
    followed = _followed(mixed)
    if begin is not None:
        followed = begin.choice
        keep[begin.choice, np.arange(len(begin.choice))] = True
    rounds, municipalities = np.nonzero(keep & chooses)
    job, numbers = _job(pool, terms, followed, rounds, municipalities, settings)
    if begin is not None:
        own = begin.choice[municipalities] == rounds
        job = _starting(job, own, begin.common, numbers, terms.common.matrix.shape[0])
    return Question(job, rounds, municipalities, single(followed, len(pool)))


def _followed(mixed: Mix) -> Rounds:
    """Give every municipality a round, each round as often as the mix uses it."""
    ends = np.cumsum(mixed.weights, axis=0)
    at = (np.arange(ends.shape[1]) * GOLDEN) % 1.0
    rounds: Rounds = np.minimum((ends <= at).sum(axis=0), len(ends) - 1).astype(np.int64)
    return rounds


def _job(
    pool: Pool,
    terms: Terms,
    followed: Rounds,
    rounds: Rounds,
    municipalities: Rounds,
    settings: Settings,
) -> tuple[Job, Rounds]:
    """Return the program, and the whole numbers by position that every proposal has.

    Columns: proposals, common columns, what is missing, what is too much, whole numbers.
    """
    rows, count, everybody = terms.common.matrix.shape[0], len(rounds), len(followed)
    wholes, number = np.unique(
        pool.wholes[rounds, municipalities] * everybody + municipalities, return_inverse=True
    )
    choosers, chooser = np.unique(wholes % everybody, return_inverse=True)
    rest = np.setdiff1d(np.arange(everybody), choosers)
    settled = np.asarray(pool.uses[:, pool.at(followed[rest], rest)].sum(axis=1)).ravel()
    chosen = pool.uses[:, pool.at(rounds, municipalities)]
    eye = sp.eye_array(rows, format="csr")
    matrix = sp.block_array(
        [
            [sp.hstack([chosen, terms.common.matrix, eye, -eye]), None],
            [_wide(_rows(number, len(wholes)), terms, rows), -sp.eye_array(len(wholes))],
            [None, _rows(chooser, len(choosers))],
        ],
        format="csr",
    )
    scale = np.abs(terms.prices[terms.soft]).mean() if terms.soft.any() else 0.0
    price = DEAR * np.maximum(np.abs(terms.prices), 0.1 * scale) + 1e-6
    most = np.where(terms.soft, np.inf, 0.0)
    whole, one = np.zeros(len(wholes)), np.ones(len(choosers))
    arrays = Arrays(
        matrix=sp.csr_array(matrix),
        row_lower=np.concatenate([terms.common.row_lower - settled, whole, one]),
        row_upper=np.concatenate([terms.common.row_upper - settled, whole, one]),
        lower=np.concatenate([np.zeros(count), terms.common.lower, np.zeros(2 * rows), whole]),
        upper=np.concatenate([np.ones(count), terms.common.upper, most, most, whole + 1.0]),
        integer=np.arange(matrix.shape[1]) >= matrix.shape[1] - len(wholes),
        objectives={},
        columns={},
        row_names=(),
    )
    cost = np.concatenate([pool.costs[rounds, municipalities], terms.cost, price, price, whole])
    constant = terms.constant + float(pool.costs[followed[rest], rest].sum())
    return Job(arrays, cost, constant, settings), number


def _rows(number: Rounds, count: int) -> sp.csr_array:
    """Return a row of ones for every number, over the positions that have it."""
    at = np.arange(len(number))
    return sp.csr_array((np.ones(len(at)), (number, at)), shape=(count, len(at)))


def _wide(matrix: sp.csr_array, terms: Terms, rows: int) -> sp.csr_array:
    """Return the matrix with columns of zeros for all but the proposals to its right."""
    more = terms.common.matrix.shape[1] + 2 * rows
    return sp.csr_array(
        (matrix.data, matrix.indices, matrix.indptr), (matrix.shape[0], matrix.shape[1] + more)
    )


def _starting(
    job: Job, own: npt.NDArray[np.bool_], common: Vector, number: Rounds, rows: int
) -> Job:
    """Let a choice start from a plan, whose rounding the common rows may be broken by."""
    wholes = np.zeros(int(job.arrays.integer.sum()))
    wholes[number[own]] = 1.0
    nothing = np.zeros(2 * rows)
    start = np.concatenate([own.astype(np.float64), common, nothing, wholes])
    used, arrays = (job.arrays.matrix @ start)[:rows], job.arrays
    missing = np.maximum(0.0, arrays.row_lower[:rows] - used)
    excess = np.maximum(0.0, used - arrays.row_upper[:rows])
    broken, upper = slice(len(own) + len(common), len(start) - len(wholes)), arrays.upper.copy()
    start[broken] = np.concatenate([missing, excess])
    upper[broken] = np.maximum(upper[broken], start[broken])
    return replace(job, arrays=arrays.with_bounds(arrays.lower, upper), start=start)
