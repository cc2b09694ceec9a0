"""What verification finds, and how exact a figure has to be."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

PERSONS = 1e-5
"""Persons (or units) by which rounding may break a rule."""
RELATIVE = 1e-6
"""Part of an amount by which rounding may break a rule."""


@dataclass(frozen=True)
class Violation:
    """One rule that a plan breaks, or one figure that it reports wrongly.

    Attributes
    ----------
    rule
        Name of the rule or figure.
    where
        Municipality, site, group, measure or goal.
    message
        What is wrong, with the numbers.
    amount
        By how much; 1 where a missing or infinite figure leaves no number to say.
    """

    rule: str
    where: str
    message: str
    amount: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.amount):
            object.__setattr__(self, "amount", 1.0)

    def __str__(self) -> str:
        return f"{self.rule} at {self.where}: {self.message}"


def margin(amount: Any) -> Any:
    """Return what rounding may do to `amount` (a number, array or series)."""
    return PERSONS + RELATIVE * np.abs(amount)


def agree(said: float | None, value: float | None) -> bool:
    """Tell whether a reported figure is the recomputed one; none only agrees with none."""
    if said is None or value is None:
        return said is value
    return bool(abs(said - value) <= margin(value))


def differing(
    rule: str, said: "pd.Series[float]", value: "pd.Series[float]", what: str
) -> Iterator[Violation]:
    """Yield every place where `said` is not `value`; two blanks are alike."""
    same = ((said - value).abs() <= margin(value)) | (said.isna() & value.isna())
    for place in value.index[~same]:
        text = f"{what} is {said[place]:g}, should be {value[place]:g}"
        yield Violation(rule, str(place), text, abs(float(said[place]) - float(value[place])))


def above(
    rule: str, low: "pd.Series[float]", high: "pd.Series[float]", what: str
) -> Iterator[Violation]:
    """Yield every place where `low` lies above `high`; a blank is no limit."""
    over = (low - high).astype("float64")
    for place in over.index[over > margin(high.fillna(0.0))]:
        text = f"{low[place]:g} is above {high[place]:g} ({what})"
        yield Violation(rule, str(place), text, float(over[place]))
