"""The key `austria`: population, as among the Austrian states."""

from allocator.keys.registry import always, register
from allocator.keys.rule import POPULATION, Factor, Given, Options, Result, normalised


@register(
    "austria",
    title="Austria, basic care",
    formula="population ÷ national population",
    source="Grundversorgungsvereinbarung (agreement under Art. 15a B-VG, BGBl. I 80/2004)",
    limits="none; the states are meant, here every municipality",
    options=Options,
    indicators=always(POPULATION),
)
def austria(given: Given[Options]) -> Result:
    """Share = population ÷ national population (persons); no rounding, no caps."""
    share = normalised(given.towns["population"])
    return Result(share, {"population": Factor(share, 1.0, "population")})
