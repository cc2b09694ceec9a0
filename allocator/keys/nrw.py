"""The key `nrw`: inhabitants and area, with a cap on what area adds."""

from collections.abc import Mapping
from typing import Annotated

import pandas as pd
from pydantic import Field

from allocator.keys.blending import blend
from allocator.keys.crediting import credited
from allocator.keys.registry import register
from allocator.keys.rule import (
    POPULATION,
    STATE_PLACES,
    Factor,
    Given,
    Indicator,
    Options,
    Result,
    normalised,
)
from models.policy import Ratio

AREA = Indicator("area_km2", "km²", "land area", positive=True)
STOCK = Indicator(
    "refugee_stock", "persons", "refugees assigned earlier whom the law still counts", more=-1
)


class Nrw(Options):
    """Weights, cap and credits of the key `nrw`."""

    population: Ratio = 0.9
    """Weight of the inhabitants."""
    area: Ratio = 0.1
    """Weight of the area."""
    area_cap: Ratio = 0.25
    """Most that area may add to the share by inhabitants alone (0.25: a quarter)."""
    credited: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(
        default={"refugee_stock": 1.0, "state_places": 1.0}
    )
    """Columns credited, with persons credited for one unit; {}: nothing."""


def _columns(options: Nrw, weights: Mapping[str, float]) -> tuple[Indicator, ...]:
    del weights
    known = {one.column: one for one in (STOCK, STATE_PLACES)}
    extra = [
        known.get(name, Indicator(name, "any unit", "what is credited", more=-1))
        for name, rate in options.credited.items()
        if rate > 0
    ]
    return (POPULATION, *([AREA] if options.area > 0 else []), *extra)


@register(
    "nrw",
    title="North Rhine-Westphalia",
    formula="z = min(90 % population + 10 % area, 1.25·population), the excess spread by z; "
    "z × (target + credits) − own credits",
    source="Flüchtlingsaufnahmegesetz NRW (FlüAG) § 3 paragraphs 1 and 3; Bezirksregierung "
    "Arnsberg on state places",
    limits="area adds at most 25 % to the share by inhabitants; stock and places of the state "
    "are credited; negatives 0, the rest levelled in proportion",
    options=Nrw,
    indicators=_columns,
)
def nrw(given: Given[Nrw]) -> Result:
    """Persons f = z·(T + Σ c) − c, with z = min(0.9·P + 0.1·A, 1.25·P) and the excess spread.

    P and A are shares of population (persons) and area (km²), c the credits: persons of
    ``refugee_stock`` and places of ``state_places``. What the cap cuts off goes to all
    other municipalities in proportion to their z; should that lift one over the cap, it is
    held there and the rest spread again. Negative f become 0 and the others are levelled
    in proportion. The original leaves households together and knows no rounding.
    """
    options, towns = given.options, given.towns
    people = normalised(towns["population"])
    factors = {"population": Factor(people, options.population, "population")}
    if options.area > 0:
        factors["area"] = Factor(normalised(towns["area_km2"]), options.area, "area_km2")
    share = _capped(blend(factors), people * (1 + options.area_cap))
    rates = {name: rate for name, rate in options.credited.items() if rate > 0}
    if not rates:
        return Result(share, factors)
    credit = sum((rate * towns[name] for name, rate in rates.items()), start=0.0 * people)
    # A target of 0 asks for nobody whatever the shares are; those of one person stand in.
    return Result(credited(share, max(given.target, 1), credit), factors)


def _capped(share: "pd.Series[float]", cap: "pd.Series[float]") -> "pd.Series[float]":
    """Hold shares at their caps, which add up to 1 or more, and spread the excess by share."""
    held = pd.Series(False, index=share.index)
    while True:
        over = ~held & (share > cap * (1 + 1e-12))
        if not over.any():
            return share
        held |= over
        rest = share[~held].sum()
        if not rest > 0:
            return cap
        scale = (1 - cap[held].sum()) / rest
        share = (share * scale).where(~held, cap)
