"""The key `population`: everyone takes by number of inhabitants."""

from allocator.keys.registry import always, register
from allocator.keys.rule import POPULATION, Factor, Given, Options, Result, normalised


@register(
    "population",
    title="Inhabitants",
    formula="population ÷ national population",
    source="the plainest key there is",
    limits="none",
    options=Options,
    indicators=always(POPULATION),
)
def population(given: Given[Options]) -> Result:
    """Share = population ÷ national population.

    Needs ``population`` (persons). No rounding, no caps.
    """
    share = normalised(given.towns["population"])
    return Result(share, {"population": Factor(share, 1.0, "population")})
