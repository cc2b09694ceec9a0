"""The key `eu_2015`: the European relocation key with capped corrections."""

from pydantic import Field

from allocator.keys.blending import blend
from allocator.keys.registry import register, weighed
from allocator.keys.rule import POPULATION, Factor, Given, Indicator, Options, Result, normalised
from models.policy import Ratio

GDP = Indicator("gdp", "currency", "gross domestic product", positive=True)
APPLICATIONS = Indicator(
    "asylum_applications", "persons", "asylum applications a year, mean of recent years",
    more=-1, positive=True,
)  # fmt: skip
UNEMPLOYMENT = Indicator(
    "unemployment_rate", "share of the labour force", "persons without work",
    more=-1, rate=True, positive=True,
)  # fmt: skip


class Eu2015(Options):
    """Weights and cap of the key `eu_2015`."""

    population: Ratio = 0.4
    """Weight of the inhabitants."""
    gdp: Ratio = 0.4
    """Weight of gross domestic product."""
    applications: Ratio = 0.1
    """Weight of the inverse of asylum applications per million inhabitants."""
    unemployment: Ratio = 0.1
    """Weight of the inverse of the unemployment rate."""
    cap: float = Field(default=0.3, gt=0, allow_inf_nan=False)
    """Most that either correction may be, as a part of population share + GDP share."""


@register(
    "eu_2015",
    title="European Union, relocation 2015",
    formula="40 % population + 40 % GDP + 10 % min(inverse applications per million, c) "
    "+ 10 % min(inverse unemployment, c), c = 30 % of (population + GDP share); the rest by "
    "population and GDP",
    source="COM(2015) 450 and Council Decision (EU) 2015/1601, annexes",
    limits="each correction at most 30 % of the population and GDP effects; the annexes give "
    "per cent with two decimals",
    options=Eu2015,
    indicators=weighed({"gdp": GDP, "applications": APPLICATIONS, "unemployment": UNEMPLOYMENT},
                       POPULATION),
)  # fmt: skip
def eu_2015(given: Given[Eu2015]) -> Result:
    """Share = 0.4·P + 0.4·G + 0.1·min(A, c) + 0.1·min(U, c) + what is left, by P and G.

    P and G are shares of population (persons) and ``gdp`` (currency). A and U are shares
    of 1 ÷ (``asylum_applications`` ÷ population) and of 1 ÷ ``unemployment_rate``, and
    c = 0.3·(P + G); with other weights twice their weighted mean stands for the sum. What
    the caps cut off is spread by the weighted mean of P and G.

    The corrections are shares of rates, which do not grow with size: counting
    unemployment lowers a large place with low unemployment and raises a small one with
    high unemployment (P. Grech, Undesired properties of the European Commission's refugee
    distribution key, European Union Politics 18(2), 2017). The audit finds it.
    """
    options, towns = given.options, given.towns
    people = normalised(towns["population"])
    factors = {"population": Factor(people, options.population, "population")}
    corrected = {"population": factors["population"]}
    if options.gdp > 0:
        product = normalised(towns["gdp"])
        factors["gdp"] = corrected["gdp"] = Factor(product, options.gdp, "gdp")
    # Twice the mean of the two shares is their sum, and stays comparable without one of them.
    cap = options.cap * 2 * blend(corrected)
    if options.applications > 0:
        inverse = normalised(towns["population"] / towns["asylum_applications"])
        weight = options.applications
        factors["applications"] = Factor(inverse, weight, "asylum_applications", cap)
    if options.unemployment > 0:
        inverse = normalised(1.0 / towns["unemployment_rate"])
        factors["unemployment"] = Factor(inverse, options.unemployment, "unemployment_rate", cap)
    return Result(blend(factors), factors)
