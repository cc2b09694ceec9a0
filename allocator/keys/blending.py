"""Weighing factors: a weighted mean of shares, with a cap on the effect of any of them."""

from collections.abc import Mapping

import pandas as pd

from allocator.errors import InvalidPolicy
from allocator.keys.rule import Factor
from models.problems import Problem


def blend(
    factors: Mapping[str, Factor], caps: "Mapping[str, pd.Series[float]] | None" = None
) -> "pd.Series[float]":
    """Return the weighted mean of factors, which adds up to 1.

    ::

        e_{i,m} = min(x_{i,m}, cap_{i,m})                       x itself without a cap
        share_m = Σ_i w_i e_{i,m} + (1 − Σ_m Σ_i w_i e_{i,m}) · b_m

    with x the values of a factor, w its weight scaled so that the weights add up to 1,
    and b the weighted mean of the factors without a cap: what a cap cuts off is spread by
    them.

    Parameters
    ----------
    factors
        What is weighed, by name.
    caps
        Largest value by municipality of factors whose effect is capped.

    Raises
    ------
    InvalidPolicy
        If every weight is 0, or every factor that weighs anything is capped.
    """
    caps = caps or {}
    total = sum(factor.weight for factor in factors.values())
    free = sum(factor.weight for name, factor in factors.items() if name not in caps)
    if not total > 0:
        raise _refused("no factor of the key has a weight above 0", "give one a weight")
    if not free > 0:
        raise _refused("every factor that has a weight is capped", "leave one without a cap")
    capped = [
        factor.weight / total * factor.values.clip(upper=caps[name])
        for name, factor in factors.items()
        if name in caps
    ]
    base = sum(f.weight / free * f.values for name, f in factors.items() if name not in caps)
    effect = sum(capped)
    lost = 1.0 - free / total - (effect.sum() if isinstance(effect, pd.Series) else 0.0)
    return base * (free / total + lost) + effect


def _refused(message: str, expected: str) -> InvalidPolicy:
    return InvalidPolicy("policy", [Problem(message, expected, "policy", column="key.options")])
