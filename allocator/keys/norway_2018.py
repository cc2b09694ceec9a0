"""The key `norway_2018`: size, labour market and results of the introduction programme."""

import pandas as pd
from pydantic import Field

from allocator.errors import InvalidPolicy
from allocator.keys.blending import blend
from allocator.keys.registry import register, weighed
from allocator.keys.rule import (
    EMPLOYMENT,
    POPULATION,
    Factor,
    Given,
    Indicator,
    Options,
    Result,
    normalised,
)
from models.policy import Ratio
from models.problems import Problem

RESULTS = Indicator(
    "programme_results",
    "share",
    "participants of the introduction programme in work or education a year after it",
    rate=True,
)


class Norway2018(Options):
    """Weights and thresholds of the key `norway_2018`."""

    size: Ratio = 0.7
    """Weight of the inhabitants."""
    labour_market: Ratio = 0.2
    """Weight of the labour market (inhabitants × employment rate)."""
    results: Ratio = 0.1
    """Weight of programme results (inhabitants × results)."""
    least_population: float = Field(default=5000.0, ge=0, allow_inf_nan=False)
    """Inhabitants below which a municipality is not asked unless it is listed."""
    listed: tuple[str, ...] = ()
    """Official numbers, as text, of municipalities asked in spite of their size."""
    least_persons: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    """Fewest persons asked of a municipality that is asked at all."""


@register(
    "norway_2018",
    title="Norway, IMDi 2018",
    formula="70 % population + 20 % population × employment rate + 10 % population × results",
    source="criteria that state and municipalities agreed for the requests of 2018 (IMDi, "
    "letter of October 2017; Kommunal Rapport, March 2018)",
    limits="municipalities under 5,000 inhabitants out unless listed; at least 10 persons; "
    "how the two rates were scaled is not published: here by inhabitants",
    options=Norway2018,
    indicators=weighed({"labour_market": EMPLOYMENT, "results": RESULTS}, POPULATION),
)
def norway_2018(given: Given[Norway2018]) -> Result:
    """Share = 0.7·P + 0.2·L + 0.1·R among those asked, raised to 10 persons where below.

    P, L and R are shares of population (persons), of population × ``employment_rate`` and
    of population × ``programme_results`` (both 0 to 1). Asked are municipalities of 5,000
    inhabitants or more and those listed. Where the share of the target is below 10 persons
    it is set to 10, and the others are scaled down, again until nobody is below.

    Raises
    ------
    InvalidPolicy
        If a listed municipality is unknown, nobody is asked, or the target is less than 10
        persons for everyone asked.
    """
    options, towns = given.options, given.towns
    unknown = [number for number in options.listed if number not in towns.index]
    if unknown:
        raise _refused("listed", "the instance has no such municipality", ", ".join(unknown))
    asked = (towns["population"] >= options.least_population) | towns.index.isin(options.listed)
    if not asked.any():
        raise _refused("least_population", "no municipality is large enough or listed", None)
    people = towns["population"].where(asked, 0.0)
    factors = {"size": Factor(normalised(people), options.size, "population")}
    for name, column in (("labour_market", "employment_rate"), ("results", "programme_results")):
        weight = getattr(options, name)
        if weight > 0:
            factors[name] = Factor(normalised(people * towns[column]), weight, column)
    share = blend(factors)
    return Result(_at_least(share, asked, options.least_persons, given.target), factors)


def _at_least(
    share: "pd.Series[float]", asked: "pd.Series[bool]", persons: float, target: int
) -> "pd.Series[float]":
    """Raise the shares of those asked to `persons`, taking it from the others in proportion."""
    if target == 0 or persons == 0:
        return share
    least = persons / target
    count = int(asked.sum())
    if least * count > 1:
        message = f"{count} municipalities cannot get {persons:g} persons each of {target}"
        raise _refused("least_persons", message, f"{persons:g}")
    raised = pd.Series(False, index=share.index)
    while True:
        free = asked & ~raised
        rest = share[free].sum()
        scale = (1 - least * raised.sum()) / rest if rest > 0 else 0.0
        below = free & (share * scale < least)
        if not below.any():
            return (share * scale).where(free, 0.0).where(~raised, least)
        raised |= below


def _refused(option: str, message: str, value: str | None) -> InvalidPolicy:
    problem = Problem(
        message,
        "change the list or the thresholds of the key",
        "policy",
        column=f"key.options.{option}",
        value=value,
    )
    return InvalidPolicy("policy", [problem])
