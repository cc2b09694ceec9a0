"""Classes of quota ÷ fair share: the same limits and colours on the map and in the charts."""

import math
from dataclasses import dataclass

LIMITS = (0.5, 0.8, 0.95, 1.05, 1.25, 2.0)
"""Ratios that part the classes."""
COLOURS = ("#1f4e8c", "#5b92c9", "#b3cfe6", "#e3dfd5", "#f5c98a", "#e08e33", "#9c4a08")
"""One a class, from blue (less than fair) over sand to brown (more than fair)."""
NOT_ASKED = "#ffffff"
NO_SHARE = "#8a8a8a"


@dataclass(frozen=True)
class RatioClass:
    """One class of ratio.

    Attributes
    ----------
    low, high
        Ends: low ≤ ratio < high; the last class has no end.
    colour
        Its fill.
    """

    low: float
    high: float | None
    colour: str

    def holds(self, ratio: float) -> bool:
        """Tell whether a ratio is of this class."""
        return self.low <= ratio and (self.high is None or ratio < self.high)


CLASSES = tuple(
    RatioClass(low, high, colour)
    for low, high, colour in zip((0.0, *LIMITS), (*LIMITS, None), COLOURS, strict=True)
)
"""Every class, smallest ratio first."""


def colour_of(quota: float, ratio: float | None) -> str:
    """Return the fill of a municipality: white when it is not asked."""
    if quota <= 0:
        return NOT_ASKED
    if ratio is None or math.isnan(ratio):
        return NO_SHARE
    return next(one.colour for one in CLASSES if one.holds(ratio))
