"""Methods: whole lots from exact votes, between a fewest and a most, computed by votelib."""

from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction

from votelib.component import divisor
from votelib.evaluate.core import Tie
from votelib.evaluate.proportional import HighestAverages, LargestRemainder

Lots = dict[str, int]


class Method(StrEnum):
    """How whole lots follow from shares."""

    SAINTE_LAGUE = "sainte_lague"
    """Divisors 1, 3, 5, …: unbiased between large and small (Webster)."""
    D_HONDT = "d_hondt"
    """Divisors 1, 2, 3, …: favours the large (Jefferson)."""
    DANISH = "danish"
    """Divisors 1, 4, 7, …: favours the small."""
    LARGEST_REMAINDER = "largest_remainder"
    """Whole lots first, the rest by largest remainder (Hare, Hamilton): a larger target can
    take persons from a municipality."""

    @property
    def monotone(self) -> bool:
        """Whether a larger target never takes a lot from anyone."""
        return self is not Method.LARGEST_REMAINDER


def hand_out(
    votes: Mapping[str, Fraction],
    lots: int,
    least: Mapping[str, int],
    most: Mapping[str, int],
    method: Method,
) -> Lots:
    """Return lots that add up to `lots`, each between `least` and `most`; ties by name.

    Feasible only when Σ least ≤ lots ≤ Σ most.
    """
    if method is Method.LARGEST_REMAINDER:
        return _by_remainders(votes, lots, least, most)
    return _by_divisors(votes, lots, least, most, method)


def priority(
    votes: Fraction, lots: int, total: Fraction, all_lots: int, method: Method
) -> Fraction:
    """Return how strong the claim to one more lot is, beside those of others."""
    if method is Method.LARGEST_REMAINDER:
        return votes * all_lots / total - lots
    claim: Fraction = votes / divisor.get(method.value)(lots)
    return claim


def _by_divisors(
    votes: Mapping[str, Fraction],
    lots: int,
    least: Mapping[str, int],
    most: Mapping[str, int],
    method: Method,
) -> Lots:
    start = _head_start(votes, lots, least, most, method)
    if sum(start.values()) == lots:
        return start
    rule = HighestAverages(method.value)
    won = rule.evaluate(dict(votes), lots, prev_gains=start, max_seats=dict(most))
    return _added(start, won)


def _head_start(
    votes: Mapping[str, Fraction],
    lots: int,
    least: Mapping[str, int],
    most: Mapping[str, int],
    method: Method,
) -> Lots:
    """Return lots that everyone wins for certain, so that votelib hands out only the last ones.

    Every lot whose quotient is above a threshold that does not exhaust the lots is won.
    """
    rate = divisor.get(method.value)
    first, slope = rate(0), rate(1) - rate(0)
    threshold = Fraction(sum(votes.values())) / (slope * lots)
    start = dict(least)
    for _ in range(60):
        start = {
            m: min(most[m], max(least[m], int((v / threshold - first) // slope) + 1))
            for m, v in votes.items()
        }
        if sum(start.values()) <= lots:
            return start
        threshold *= Fraction(101, 100)
    return dict(least)


def _by_remainders(
    votes: Mapping[str, Fraction], lots: int, least: Mapping[str, int], most: Mapping[str, int]
) -> Lots:
    """Hold those at their bounds whose exact part lies beyond them, and share out the rest."""
    held: Lots = {}
    while True:
        free = {m: v for m, v in votes.items() if m not in held}
        left = lots - sum(held.values())
        if not free or left <= 0:
            return held | dict.fromkeys(free, 0)
        part = {m: v * left / sum(free.values()) for m, v in free.items()}
        below = {m: least[m] for m in free if part[m] < least[m]}
        above = {m: most[m] for m in free if part[m] > most[m]}
        if not below and not above:
            won = LargestRemainder("hare").evaluate(free, left)
            return held | _added(dict.fromkeys(free, 0), won)
        # Of the two kinds the one that moves more persons is certain; the other may vanish.
        short = sum(least[m] - part[m] for m in below)
        excess = sum(part[m] - most[m] for m in above)
        held |= below if short >= excess else above


def _added(start: Lots, won: Mapping[str | Tie, int]) -> Lots:
    """Add what votelib gives; of those tied for the last lots the first by name get them."""
    lots = dict(start)
    for who, count in won.items():
        for m in sorted(who)[:count] if isinstance(who, Tie) else [who]:
            lots[m] += 1 if isinstance(who, Tie) else count
    return lots
