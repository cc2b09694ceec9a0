"""What is done to make the program strong, each of it to be left out for comparison.

==============  ==========================================================================
`steps`         measures bought no further than what they add could be used; sharper quotas
`last_step`     the last step of a measure counts for what it adds, not for its full size
`asked`         capacity counts, and measures are bought, only where somebody is asked
`stock`         the last step once more, for what the dwellings of today can add
`idle_rows`     rows that can never bind, or that others imply, left out
`order`         cheaper measures before dearer ones that are no better
`finite`        an upper bound on every quantity that has none of its own
==============  ==========================================================================

None of it cuts off the quotas or placements of any plan: a plan that bought more than it
could use is matched by one that buys less, of the same worth in every goal or more.
"""

from enum import StrEnum


class Tightening(StrEnum):
    """One way of making the program strong; see the module."""

    STEPS = "steps"
    LAST_STEP = "last_step"
    ASKED = "asked"
    STOCK = "stock"
    IDLE_ROWS = "idle_rows"
    ORDER = "order"
    FINITE = "finite"


ALL = frozenset(Tightening)
"""Everything: what a program solved as a whole gains from."""
LEAN = frozenset({Tightening.STEPS, Tightening.IDLE_ROWS, Tightening.FINITE})
"""What adds no rows. Programs taken apart gain nothing from further rows: their small integer
programs are solved to the end, and every row costs time in each."""
NONE: frozenset[Tightening] = frozenset()
"""Nothing but the bounds that come from capacity, every measure bought to its limit."""
