"""What a key is made of: indicators it needs, options it takes, factors it weighs, a result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import pandas as pd

from models.policy import PolicyPart


class Options(PolicyPart):
    """What can be set of a key; this one has nothing to set."""


O = TypeVar("O", bound=Options)  # noqa: E741 - one letter, as type variables are named


@dataclass(frozen=True)
class Indicator:
    """One column of ``municipalities.csv`` that a key needs.

    Attributes
    ----------
    column
        Name of the column.
    unit
        Unit of its values.
    meaning
        What it counts.
    more
        What a higher value should do to the share: raise it (1), lower it (-1) or
        neither (0). The audit holds the key to it.
    rate
        Whether it is a rate or score, which says nothing of the size of a municipality.
    lowest
        Lowest value that can be used; None: any.
    positive
        Whether 0 cannot be used either.
    """

    column: str
    unit: str
    meaning: str
    more: int = 1
    rate: bool = False
    lowest: float | None = 0.0
    positive: bool = False


@dataclass(frozen=True)
class Factor:
    """One thing a key weighs.

    Attributes
    ----------
    values
        Share of every municipality in it, before any cap; adds up to 1.
    weight
        Weight the key states for it; may be negative.
    column
        Column it measures; None where it is made of several.
    cap
        Largest value that counts, by municipality; None: no cap.
    """

    values: "pd.Series[float]"
    weight: float
    column: str | None = None
    cap: "pd.Series[float] | None" = None

    @property
    def effect(self) -> "pd.Series[float]":
        """The values that count."""
        return self.values if self.cap is None else self.values.clip(upper=self.cap)


@dataclass(frozen=True)
class Result:
    """What a key gives.

    Attributes
    ----------
    shares
        Values ≥ 0 by municipality_id; the registry scales them so that they add up to 1.
    factors
        What was weighed, by name; a factor that can be switched off bears the name of the
        option that holds its weight.
    """

    shares: "pd.Series[float]"
    factors: Mapping[str, Factor] = field(default_factory=dict)


@dataclass(frozen=True)
class Given(Generic[O]):
    """What a key is computed from.

    Attributes
    ----------
    towns
        Municipalities by municipality_id; the columns needed hold usable numbers.
    options
        Options of the key, checked.
    weights
        Weights by column, for the key `weighted`.
    target
        Persons to settle, for rules that reckon in persons.
    """

    towns: pd.DataFrame
    options: O
    weights: Mapping[str, float]
    target: int


@dataclass(frozen=True)
class Rule:
    """A key as it is registered.

    Attributes
    ----------
    name
        Name in a policy.
    title
        Whose rule it is, in a few words.
    formula
        The formula on one line.
    source
        Law, decision or paper it comes from.
    limits
        Rounding, caps and floors of the original, and what is read into it here.
    options
        Type of its options.
    indicators
        Columns it needs, given its options and weights.
    compute
        The rule itself.
    weighs_columns
        Whether it takes ``key.weights``.
    """

    name: str
    title: str
    formula: str
    source: str
    limits: str
    options: type[Options]
    indicators: Callable[[Any, Mapping[str, float]], tuple[Indicator, ...]]
    compute: Callable[[Given[Any]], Result]
    weighs_columns: bool = False


POPULATION = Indicator("population", "persons", "inhabitants", positive=True)
"""The column that nearly every key needs."""
EMPLOYMENT = Indicator(
    "employment_rate", "share of working age", "employed persons", rate=True, positive=True
)
"""Employment as the keys that look at the labour market measure it."""
STATE_PLACES = Indicator(
    "state_places", "places", "places in centres of the state for asylum seekers", more=-1
)
"""Places of the state, which some keys credit to the municipality they lie in."""


def normalised(values: "pd.Series[float]") -> "pd.Series[float]":
    """Scale values ≥ 0 so that they add up to 1."""
    return values / values.sum()
