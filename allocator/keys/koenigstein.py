"""The key `koenigstein`: tax revenue and population, as among the German states."""

from allocator.keys.blending import blend
from allocator.keys.registry import register, weighed
from allocator.keys.rule import POPULATION, Factor, Given, Indicator, Options, Result, normalised
from models.policy import Ratio

TAX = Indicator("tax_revenue", "currency", "tax revenue of a year", positive=True)


class Koenigstein(Options):
    """Weights of the key `koenigstein`."""

    tax_revenue: Ratio = 2 / 3
    """Weight of tax revenue."""
    population: Ratio = 1 / 3
    """Weight of the inhabitants."""


@register(
    "koenigstein",
    title="Germany, Königsteiner Schlüssel",
    formula="2/3 tax revenue + 1/3 population, each as a share",
    source="Königsteiner Staatsabkommen 1949; Asylgesetz § 45 (1); computed yearly by the GWK "
    "from figures two years old",
    limits="published in per cent with five decimals; no caps",
    options=Koenigstein,
    indicators=weighed({"tax_revenue": TAX, "population": POPULATION}),
)
def koenigstein(given: Given[Koenigstein]) -> Result:
    """Share = 2/3 · tax ÷ Σ tax + 1/3 · population ÷ Σ population.

    Needs ``tax_revenue`` (currency, all of one year) and ``population`` (persons).
    """
    options = given.options
    factors = {
        name: Factor(normalised(given.towns[name]), weight, name)
        for name, weight in (
            ("tax_revenue", options.tax_revenue),
            ("population", options.population),
        )
        if weight > 0
    }
    return Result(blend(factors), factors)
