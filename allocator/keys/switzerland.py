"""The key `switzerland`: population, lowered where the state runs centres."""

from allocator.keys.crediting import credited
from allocator.keys.registry import register, weighed
from allocator.keys.rule import (
    POPULATION,
    STATE_PLACES,
    Factor,
    Given,
    Options,
    Result,
    normalised,
)
from models.policy import Ratio


class Switzerland(Options):
    """Compensation of the key `switzerland`."""

    persons_per_place: Ratio = 0.2
    """Persons a year that one place in a centre of the state takes off."""


@register(
    "switzerland",
    title="Switzerland, distribution to the cantons",
    formula="population share × (target + Σ 0.2·places) − 0.2·own places",
    source="Asylverordnung 1 Art. 21; Asylgesetz Art. 27 (1bis); the rate from the canton of "
    "Solothurn: 50 persons a year for a centre of 250 places",
    limits="negatives 0, the rest levelled in proportion; centres where procedures are held, "
    "and airports, have rates of their own, which the option sets",
    options=Switzerland,
    indicators=weighed({"persons_per_place": STATE_PLACES}, POPULATION),
)
def switzerland(given: Given[Switzerland]) -> Result:
    """Persons f = P·(T + Σ k) − k, with k = 0.2 · places.

    P is the share of population (persons), places ``state_places``. Negative f become 0
    and the others are levelled in proportion.
    """
    people = normalised(given.towns["population"])
    factors = {"population": Factor(people, 1.0, "population")}
    rate = given.options.persons_per_place
    if rate == 0:
        return Result(people, factors)
    # A target of 0 asks for nobody whatever the shares are; those of one person stand in.
    persons = credited(people, max(given.target, 1), rate * given.towns["state_places"])
    return Result(persons, factors)
