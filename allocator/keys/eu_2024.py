"""The key `eu_2024`: the reference key of the European asylum and migration pact."""

from allocator.keys.blending import blend
from allocator.keys.eu_2015 import GDP
from allocator.keys.registry import register, weighed
from allocator.keys.rule import POPULATION, Factor, Given, Options, Result, normalised
from models.policy import Ratio


class Eu2024(Options):
    """Weights of the key `eu_2024`."""

    population: Ratio = 0.5
    """Weight of the inhabitants."""
    gdp: Ratio = 0.5
    """Weight of gross domestic product."""


@register(
    "eu_2024",
    title="European Union, reference key 2024",
    formula="50 % population + 50 % GDP, each as a share",
    source="Regulation (EU) 2024/1351 on asylum and migration management, Art. 66",
    limits="none",
    options=Eu2024,
    indicators=weighed({"population": POPULATION, "gdp": GDP}),
)
def eu_2024(given: Given[Eu2024]) -> Result:
    """Share = 0.5 · population ÷ Σ population + 0.5 · gdp ÷ Σ gdp.

    Needs ``population`` (persons) and ``gdp`` (currency).
    """
    factors = {
        name: Factor(normalised(given.towns[name]), weight, name)
        for name, weight in (("population", given.options.population), ("gdp", given.options.gdp))
        if weight > 0
    }
    return Result(blend(factors), factors)
