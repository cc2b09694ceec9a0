"""The key `denmark`: immigrants and family reunifications count against the share."""

from allocator.keys.registry import always, register
from allocator.keys.rule import (
    POPULATION,
    Factor,
    Given,
    Indicator,
    Options,
    Result,
    normalised,
)

IMMIGRANTS = Indicator("immigrants", "persons", "immigrants and refugees living there", more=-1)
REUNIFIED = Indicator(
    "family_reunifications",
    "persons",
    "family members of refugees who came to the municipality in the year before",
    more=-1,
)


@register(
    "denmark",
    title="Denmark, placement of refugees",
    formula="(2·population share − immigrant share) × (target + all reunifications) "
    "− own reunifications; negatives 0, the rest levelled in proportion",
    source="Bekendtgørelse om boligplacering af flygtninge § 4 (BEK 550 of 3 May 2022), "
    "Integrationsloven §§ 6-9",
    limits="numbers below 0 become 0; the surplus is taken from the others in proportion",
    options=Options,
    indicators=always(POPULATION, IMMIGRANTS, REUNIFIED),
)
def denmark(given: Given[Options]) -> Result:
    """Persons f = max(0, a·(T + Σ r) − r), levelled so that Σ f = T.

    ``a = P − (I − P) = 2P − I`` with P the share of the population and I the share of
    immigrants and refugees (persons); r family reunifications with refugees in the year
    before (persons); T the national number. The original computes regions as sums of
    municipalities and rounds to whole persons.
    """
    towns = given.towns
    people, immigrants = normalised(towns["population"]), towns["immigrants"]
    factors = {"population": Factor(people, 2.0, "population")}
    part = 2.0 * people
    if immigrants.sum() > 0:
        share = normalised(immigrants)
        factors["immigrants"] = Factor(share, -1.0, "immigrants")
        part = part - share
    else:
        part = people
    reunified = towns["family_reunifications"]
    if reunified.sum() > 0:
        factors["family_reunifications"] = Factor(
            normalised(reunified), 0.0, "family_reunifications"
        )
    # A target of 0 asks for nobody whatever the shares are; those of one person stand in.
    persons = max(given.target, 1) + reunified.sum()
    return Result((part * persons - reunified).clip(lower=0.0), factors)
