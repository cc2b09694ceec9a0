"""The key `netherlands`: population, corrected by a socio-economic score."""

from allocator.keys.registry import register, weighed
from allocator.keys.rule import POPULATION, Factor, Given, Indicator, Options, Result, normalised
from models.policy import Ratio

SCORE = Indicator(
    "ses_score",
    "score",
    "wealth, education and work against the country: 0 as the country, above it better off",
    rate=True,
    lowest=None,
)


class Netherlands(Options):
    """Correction of the key `netherlands`."""

    score_weight: Ratio = 1.0
    """How strongly the score counts (0: not at all)."""


@register(
    "netherlands",
    title="Netherlands, dispersal act",
    formula="population × (1 + score) ÷ Σ population × (1 + score)",
    source="Wet gemeentelijke taak mogelijk maken asielopvangvoorzieningen (Spreidingswet, 2024), "
    "indicative distribution by inhabitants and SES-WOA score of Statistics Netherlands",
    limits="numbers are indicative, municipalities of a province may trade; the form 1 + score "
    "is read from the published numbers",
    options=Netherlands,
    indicators=weighed({"score_weight": SCORE}, POPULATION),
)
def netherlands(given: Given[Netherlands]) -> Result:
    """Share = population · max(0, 1 + w·score) ÷ Σ, w = 1.

    Needs ``population`` (persons) and ``ses_score`` (0: as the country; SES-WOA lies
    between about −0.6 and 0.5).
    """
    people, weight = given.towns["population"], given.options.score_weight
    factors = {"population": Factor(normalised(people), 1.0, "population")}
    if weight == 0:
        return Result(people, factors)
    scored = people * (1 + weight * given.towns["ses_score"]).clip(lower=0.0)
    if scored.sum() > 0:
        factors["ses_score"] = Factor(normalised(scored), 0.0, "ses_score")
    return Result(scored, factors)
