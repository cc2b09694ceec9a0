"""The key `sweden_2014`: labour market, population, housing and demography."""

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

HOUSING = Indicator("rental_dwellings", "dwellings", "dwellings let to households")
DEMOGRAPHY = Indicator(
    "demography_index",
    "index",
    "how much newcomers improve the make-up by age (1: as the country)",
    rate=True,
)


class Sweden2014(Options):
    """Weights of the key `sweden_2014`; 0 does without a criterion."""

    labour_market: Ratio = 0.45
    """Weight of the labour market (inhabitants × employment rate)."""
    population: Ratio = 0.30
    """Weight of the inhabitants."""
    housing: Ratio = 0.15
    """Weight of housing (rental dwellings)."""
    demography: Ratio = 0.10
    """Weight of demography (inhabitants × index)."""


@register(
    "sweden_2014",
    title="Sweden, county numbers 2014",
    formula="45 % population × employment rate + 30 % population + 15 % rental dwellings "
    "+ 10 % population × demography index",
    source="Arbetsförmedlingen, key for the county numbers (länstal) of 2014",
    limits="the weights only; what stands behind each criterion was a bundle of statistics, "
    "here one column each, rates scaled by inhabitants",
    options=Sweden2014,
    indicators=weighed(
        {"labour_market": EMPLOYMENT, "housing": HOUSING, "demography": DEMOGRAPHY}, POPULATION
    ),
)
def sweden_2014(given: Given[Sweden2014]) -> Result:
    """Share = 0.45·L + 0.30·P + 0.15·H + 0.10·D.

    Shares L of population × ``employment_rate`` (0 to 1), P of population (persons), H of
    ``rental_dwellings`` (dwellings), D of population × ``demography_index``.
    """
    options, towns = given.options, given.towns
    people = towns["population"]
    factors = {"population": Factor(normalised(people), options.population, "population")}
    if options.labour_market > 0:
        employed = normalised(people * towns["employment_rate"])
        factors["labour_market"] = Factor(employed, options.labour_market, "employment_rate")
    if options.housing > 0:
        homes = normalised(towns["rental_dwellings"])
        factors["housing"] = Factor(homes, options.housing, "rental_dwellings")
    if options.demography > 0:
        index = normalised(people * towns["demography_index"])
        factors["demography"] = Factor(index, options.demography, "demography_index")
    return Result(blend(factors), factors)
