"""The levels so far, and what adding up lots says about the next.

::

    room(R) = Σ_m c_m(R) + Σ_k (sum of the N_k largest R_k f_m − c_m(R) over m ∈ T_k) + odd

=========  =============================================================================  =======
c_m(R)     largest quota of m in whole lots with ratio at most R; where m is pinned, at   persons
           most its quota there
R_k, N_k   ratio of a tied level k, and how many lie at it
T_k        municipalities that may be among them
odd        most that the odd lot adds anywhere                                            persons
=========  =============================================================================  =======

No plan that keeps the levels and has every other ratio at R or below gives these municipalities
more than ``room(R)``. Where that is less than they must take, the next level lies above R.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from allocator.solve.arrays import Vector
from allocator.solve.leximin.lots import ROUNDING, SAME, Indices, Lots, Mask, below, up_to


@dataclass(frozen=True)
class Tie:
    """A level at which `count` of several municipalities lie: which of them is open.

    Attributes
    ----------
    ratio, count
        R and N.
    members
        Positions of the municipalities T, ascending.
    quotas
        Their quotas at the level, in persons.
    """

    ratio: float
    count: int
    members: Indices
    quotas: Vector

    def without(self, other: "Tie") -> "Tie":
        """Return the tie without the members of another."""
        kept = ~np.isin(self.members, other.members)
        return replace(self, members=self.members[kept], quotas=self.quotas[kept])


@dataclass(frozen=True)
class Levels:
    """The levels so far.

    Attributes
    ----------
    lots
        The quotas there can be.
    pinned
        Largest quota of every municipality known to lie at a level, in persons; infinite for
        the others, shape (municipalities,).
    ties
        Levels at which it is open who lies.
    spent
        Municipalities that the ties use up: each lies at one of them, open which.
    """

    lots: Lots
    pinned: Vector
    ties: tuple[Tie, ...]
    spent: Mask

    @classmethod
    def none(cls, lots: Lots) -> "Levels":
        """Return no levels yet."""
        count = len(lots.municipalities)
        return cls(lots, np.full(count, np.inf), (), np.zeros(count, dtype=bool))

    @property
    def open(self) -> Mask:
        """Municipalities that are not pinned."""
        return np.isinf(self.pinned)

    @property
    def left(self) -> int:
        """Municipalities that are at no level yet."""
        return int(self.open.sum()) - sum(tie.count for tie in self.ties)

    def limit(self, ratio: float) -> Vector:
        """Return what quotas may not exceed away from tied levels, in persons."""
        return np.where(self.open, ratio * self.lots.fair, self.pinned * (1 + SAME))

    def caps(self, ratio: float) -> Vector:
        """Return the largest quotas away from tied levels, in persons."""
        return self.lots.largest(self.limit(ratio))

    def possible(self, ratio: float) -> bool:
        """Tell whether, by adding up, every further ratio may be `ratio` or less."""
        lots, limit = self.lots, self.limit(ratio)
        whole, odd = lots.whole(limit), lots.with_odd(limit)
        short = np.maximum(whole, odd) < lots.least - ROUNDING
        room, lifted = float(whole.sum()), 0
        for tie in self.ties:
            gain = tie.quotas - whole[tie.members]
            order = np.lexsort((gain, short[tie.members]))[-tie.count :]
            room += float(np.maximum(gain[order], 0.0).sum())
            lifted += int(short[tie.members][order].sum())
        more = float((odd - whole).max(initial=-np.inf))
        room += more if lots.carried else max(0.0, more)
        return int(short.sum()) <= lifted and room >= lots.needed - ROUNDING

    def least(self, most: float) -> float:
        """Return the smallest ratio at which the next level may lie, by adding up.

        Parameters
        ----------
        most
            A ratio at which it may.
        """
        if most <= 0 or not self.possible(below(most)):
            return most
        ratios = self.between(0.0, most)
        at = first(-1, len(ratios), lambda i: self.possible(up_to(ratios[i])))
        return float(ratios[at]) if at < len(ratios) else most

    def between(self, low: float, high: float) -> Vector:
        """Return the ratios from `low` to below `high` at which the next level may lie."""
        lots = self.lots
        start, end = np.searchsorted(lots.ratios, [below(low), below(high)])
        free = (self.open & ~self.spent)[lots.owner[start:end]]
        nothing = [0.0] if low <= 0 < high else []
        ratios = np.concatenate([nothing, lots.ratios[start:end][free]])
        return ratios[np.diff(ratios, prepend=-np.inf) > SAME * ratios]

    def members(self, ratio: float) -> Indices:
        """Return the positions of those that may lie at a level of `ratio`."""
        there = self.lots.at(ratio) >= self.lots.fair * below(ratio)
        return np.flatnonzero(there & self.open & ~self.spent)

    def fewest(self, ratio: float, members: Indices, most: int) -> int:
        """Return the fewest that may lie at `ratio`, by adding up.

        Parameters
        ----------
        members
            Those that may lie there.
        most
            How many of them may.
        """

        def enough(count: int) -> bool:
            return self.tied(ratio, count, members).possible(below(ratio))

        return first(0, most, enough)

    def tied(self, ratio: float, count: int, members: Indices) -> "Levels":
        """Return the levels with one more, at which `count` of `members` lie."""
        tie = Tie(ratio, count, members, self.lots.at(ratio)[members])
        return replace(self, ties=(*self.ties, tie))

    def then(self, ratio: float, count: int, members: Indices) -> "Levels":
        """Return the levels with one more, all pinned that must lie at one of them."""
        levels = self.tied(ratio, count, members)
        while settled := next((tie for tie in levels.ties if len(tie.members) <= tie.count), None):
            levels = levels._pin(settled)
        return levels._spend()

    def _pin(self, settled: Tie) -> "Levels":
        pinned = self.pinned.copy()
        pinned[settled.members] = settled.quotas
        others = (tie for tie in self.ties if tie is not settled)
        return replace(self, pinned=pinned, ties=tuple(tie.without(settled) for tie in others))

    def _spend(self) -> "Levels":
        """Find the municipalities that ties among them use up."""
        spent = np.zeros_like(self.spent)
        for tie in self.ties:
            inside = (t for t in self.ties if np.isin(t.members, tie.members).all())
            if sum(t.count for t in inside) >= len(tie.members):
                spent[tie.members] = True
        return replace(self, spent=spent)

    def further(self, quotas: Vector) -> Mask:
        """Tell who lies at none of the levels yet, given all quotas."""
        further = self.open.copy()
        for tie in self.ties:
            further[tie.members[quotas[tie.members] == tie.quotas]] = False
        return further

    def top(self, quotas: Vector) -> float:
        """Return the largest ratio of those at none of the levels yet, 0 where all are."""
        further = self.further(quotas)
        return float((quotas[further] / self.lots.fair[further]).max(initial=0.0))

    def filled(self, quotas: Vector) -> Vector:
        """Return the quotas that the levels would end in if adding up were all there is.

        Parameters
        ----------
        quotas
            Of a plan that keeps the levels: who lies at tied levels is taken from it.
        """
        pinned = np.where(self.further(quotas), np.inf, quotas)
        levels = replace(self, pinned=pinned, ties=(), spent=np.zeros_like(self.spent))
        most = _largest_ratio(levels, np.inf)
        while levels.left and (ratio := levels.least(most)) > 0:
            members = levels.members(ratio)
            count = levels.fewest(ratio, members, len(members))
            levels = replace(levels, pinned=levels._pinned_at(ratio, members, count))
            most = _largest_ratio(levels, below(ratio))
        return levels.caps(0.0)

    def _pinned_at(self, ratio: float, members: Indices, count: int) -> Vector:
        """Pin those of `members` at a ratio that give most room there, of equals the largest."""
        caps, quotas = self.caps(below(ratio))[members], self.lots.at(ratio)[members]
        short = caps < self.lots.least[members] - ROUNDING
        order = np.lexsort((self.lots.fair[members], quotas - caps, short))[-count:]
        pinned = self.pinned.copy()
        pinned[members[order]] = quotas[order]
        return pinned


def _largest_ratio(levels: Levels, ratio: float) -> float:
    """Return the largest ratio up to `ratio` of those that are not pinned."""
    caps, free = levels.caps(ratio), levels.open
    return float((caps[free] / levels.lots.fair[free]).max(initial=0.0))


def first(low: int, high: int, possible: Callable[[int], bool]) -> int:
    """Return the first number at which something is possible; the lowest is tried first.

    Parameters
    ----------
    low, high
        Numbers at which it is known not to be, and known to be, possible.
    """
    middle = low + 1
    while low + 1 < high:
        low, high = (low, middle) if possible(middle) else (middle, high)
        middle = (low + high) // 2
    return high
