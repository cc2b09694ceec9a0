"""The whole of it, for one goal: prices until the bound settles, plans until the gap closes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from allocator.solve.arrays import Vector
from allocator.solve.decomposed.blocks import Blocks
from allocator.solve.decomposed.plans import Plans
from allocator.solve.decomposed.prices import Prices
from allocator.solve.engine import Flag

Relaxed = Callable[[Blocks], tuple[float | None, Vector | None]]
"""Returns what the linear relaxation of a cut program proves, and its prices of common rows."""
VARIETY = 3
"""Rounds made for variety before each further attempt at a plan."""
PATIENCE = 4
"""Attempts in a row that find nothing better before the search gives up."""

AT_HAND = 12
"""Rounds from prices at hand after which the prices of the relaxation are asked for."""
FAR = 0.05
"""Part of the bound by which it may lie below a plan at hand before they are asked for at once."""


def search(
    prices: Prices,
    plans: Plans,
    first: Vector,
    known: list[Vector],
    relaxed: Relaxed | None = None,
) -> None:
    """Look for the best plan and for the proof of what it is worth.

    Parameters
    ----------
    prices, plans
        Where the search begins, and where its findings are kept.
    first
        Prices to begin with, shape (common rows,).
    known
        Solutions to take proposals from, the best at hand last.
    relaxed
        Returns what the linear relaxation proves, and its prices, for where those to begin with
        are of another question; none: there are no better ones.

    Raises
    ------
    Stopped
        If the flag was set or time ran out meanwhile; what was found until then is kept.
    NoSolution
        If a municipality has no solution: no plan keeps every demand.
    """
    prices.price(first)
    for values in known:
        prices.learn(values)
    if known and not plans.is_done():
        _from_known(prices, plans, relaxed)
    prices.find(plans.is_done, plans.from_mix)
    idle, longer = 0, 1
    while not plans.is_done() and prices.mix is not None and idle < PATIENCE:
        before = plans.value
        for step in _steps(prices, plans):
            step(longer)
            if plans.is_done():
                return
        better = plans.value != before
        idle, longer = (0, longer) if better else (idle + 1, 2 * longer)
        prices.vary(plans.random, VARIETY if idle else 1)
        prices.mix_once()


def _steps(prices: Prices, plans: Plans) -> Iterator[Callable[[int], None]]:
    """Name what to try next, the cheapest first, as long as it is needed."""
    before = plans.value
    yield plans.from_mix
    if plans.near:
        yield plans.improve
    if plans.near and plans.value != before:
        return
    prices.shift(plans.random)  # earlier goals may be held: there is little room
    yield plans.choose
    if plans.value == before:
        yield plans.improve


def _from_known(prices: Prices, plans: Plans, relaxed: Relaxed | None) -> None:
    """Begin with what is known, which mostly makes a plan after a few rounds."""
    prices.mix_once()
    if prices.mix is not None and plans.done(prices.mix.value):
        plans.from_mix()
    if relaxed is None or _are_near(prices, plans):
        prices.find(plans.is_done, plans.from_mix, AT_HAND)
    if relaxed is not None and not plans.is_done() and not prices.settled:
        _take_better(prices, relaxed)


def _are_near(prices: Prices, plans: Plans) -> bool:
    """Tell whether prices at hand prove nearly what the plan at hand is worth.

    One that breaks a rule or two is worth nothing yet; its prices are given a chance.
    """
    if plans.value is None or prices.bound is None:
        return True
    return plans.value - prices.bound <= FAR * abs(prices.bound) + 1e-6


def _take_better(prices: Prices, relaxed: Relaxed) -> None:
    """Price at the prices of the relaxation, where those so far prove less than it does."""
    bound, of_relaxation = relaxed(prices.blocks)  # it also tells whether there can be a plan
    known = prices.bound is not None and bound is not None and prices.bound >= bound
    if of_relaxation is not None and not known:
        prices.price(of_relaxation)


@dataclass(frozen=True)
class Stop:
    """Set when the run is cancelled or its time is up."""

    cancel: Flag | None
    left: Callable[[], float]

    def is_set(self) -> bool:
        """Tell whether to stop."""
        return self.left() <= 0 or (self.cancel is not None and self.cancel.is_set())
