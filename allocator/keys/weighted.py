"""The key `weighted`: a weighted mean of shares by any indicators."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from allocator.errors import InvalidPolicy
from allocator.keys.blending import blend
from allocator.keys.registry import register
from allocator.keys.rule import Factor, Given, Indicator, Options, Result, normalised
from models.problems import Problem


class Caps(Options):
    """Caps of the key `weighted`."""

    caps: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(default={})
    """Largest share by a column, as a multiple of the mean share by the columns without a cap."""


def _columns(options: Caps, weights: Mapping[str, float]) -> tuple[Indicator, ...]:
    del options
    return tuple(Indicator(name, "any unit", "indicator") for name in weights)


@register(
    "weighted",
    title="Any indicators",
    formula="Σ w_i · column_i ÷ Σ column_i, each part capped if asked, ÷ Σ w_i",
    source="weights of the planner",
    limits="caps on the effect of a column, if any; what they cut off is spread by the others",
    options=Caps,
    indicators=_columns,
    weighs_columns=True,
)
def weighted(given: Given[Caps]) -> Result:
    """Share = Σ_i w_i · min(column_i ÷ Σ column_i, cap_i · b) ÷ Σ_i w_i.

    With b the mean share by the columns that have no cap (`allocator.keys.blending`).
    Needs every column named in ``key.weights``: numbers ≥ 0, none blank, not all zero.

    Raises
    ------
    InvalidPolicy
        With no weight above 0, or a cap on a column that has no weight.
    """
    weights = given.weights
    problems = [
        Problem(
            "the cap is on a column that has no weight",
            f"name one of {', '.join(weights) or 'the weights'}",
            "policy",
            column=f"key.options.caps.{name}",
        )
        for name in given.options.caps
        if not weights.get(name, 0.0) > 0
    ]
    if not sum(weights.values()) > 0:
        problems.append(
            Problem(
                "has no weight above 0", "give a column a weight", "policy", column="key.weights"
            )
        )
    if problems:
        raise InvalidPolicy("policy", problems)
    factors = {
        name: Factor(normalised(given.towns[name]), weight, name)
        for name, weight in weights.items()
    }
    caps = given.options.caps
    if caps:
        base = blend({name: factor for name, factor in factors.items() if name not in caps})
        for name, cap in caps.items():
            factors[name] = replace(factors[name], cap=cap * base)
    return Result(blend(factors), factors)
