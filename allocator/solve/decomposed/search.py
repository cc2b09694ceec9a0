"""The whole of it, for one goal: prices until the bound settles, plans until the gap closes."""

from collections.abc import Callable
from dataclasses import dataclass

from allocator.solve.arrays import Vector
from allocator.solve.decomposed.blocks import Blocks
from allocator.solve.decomposed.plans import Plans
from allocator.solve.decomposed.prices import Prices
from allocator.solve.engine import Flag

VARIETY = 3
"""Rounds made for variety before each further attempt at a plan."""
PATIENCE = 4
"""Attempts in a row that find nothing better before the search gives up."""


FAR = 0.02
"""Part of the value of a plan at hand by which the bound at its prices may differ from it, or the
question has changed so much that the prices of the relaxation are better."""


def search(
    prices: Prices,
    plans: Plans,
    first: Vector,
    known: list[Vector],
    relaxed: Callable[[Blocks], Vector | None] | None = None,
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
        Returns the prices of the linear relaxation, for where those to begin with are of another
        question, or what is known cannot be made a plan; none: there are no better ones.

    Raises
    ------
    Stopped
        If the flag was set or time ran out meanwhile; what was found until then is kept.
    NoSolution
        If a municipality has no solution: no plan keeps every demand.
    """

    def done() -> bool:
        return plans.finished

    prices.price(first)
    for values in known:
        prices.learn(values)
    if known and not done():
        far = _far(prices, known[-1])
        prices.mix_once()
        if not far:
            plans.quick()
        if relaxed is not None and not done():
            prices.find(done, 12, plans.quick)
            if not done() and (prices.mix is None or prices.mix.broken > 1e-6):
                # It also tells whether there can be a plan at all.
                of_relaxation = relaxed(prices.blocks)
                if of_relaxation is not None:
                    prices.price(of_relaxation)
    prices.find(done, close=plans.quick)
    if plans.value is not None and not done():
        prices.shift(plans.random)  # earlier goals are held: there is little room
    idle, longer = 0, 1
    while not done() and prices.mix is not None and idle < PATIENCE:
        before = plans.value
        plans.attempt(longer)
        better = plans.value != before
        if done():
            return
        idle, longer = (0, longer) if better else (idle + 1, 2 * longer)
        prices.vary(plans.random, VARIETY if idle else 1)


def _far(prices: Prices, known: Vector) -> bool:
    """Tell whether what a plan at hand is worth is far from the bound at its prices."""
    value = float(prices.cost @ prices.exact(known)) + prices.constant
    return prices.bound is None or abs(value - prices.bound) > FAR * abs(value)


@dataclass(frozen=True)
class Stop:
    """Set when the run is cancelled or its time is up."""

    cancel: Flag | None
    left: Callable[[], float]

    def is_set(self) -> bool:
        """Tell whether to stop."""
        return self.left() <= 0 or (self.cancel is not None and self.cancel.is_set())
