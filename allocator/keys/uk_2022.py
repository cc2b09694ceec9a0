"""The key `uk_2022`: population by region."""

from allocator.keys.registry import always, register
from allocator.keys.rule import POPULATION, Factor, Given, Options, Result, normalised


@register(
    "uk_2022",
    title="United Kingdom, full dispersal",
    formula="regional population ÷ national population, within the region by population",
    source="Home Office, full dispersal of asylum seekers, announced 13 April 2022",
    limits="targets are set by region (here: county) and divided there by agreement, for which "
    "population stands",
    options=Options,
    indicators=always(POPULATION),
)
def uk_2022(given: Given[Options]) -> Result:
    """Share = (population of the region ÷ Σ) · (population ÷ population of the region).

    Needs ``population`` (persons); regions are the counties of the instance. No caps.
    """
    people = given.towns["population"]
    by_county = people.groupby(given.towns["county_id"])
    region = by_county.transform("sum")
    share = region / people.sum() * (people / region)
    return Result(share, {"population": Factor(normalised(people), 1.0, "population")})
