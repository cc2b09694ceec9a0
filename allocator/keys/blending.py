"""Weighing factors: a weighted mean of shares, with a cap on the effect of any of them."""

from collections.abc import Mapping

import pandas as pd

from allocator.errors import InvalidPolicy
from allocator.keys.rule import Factor
from models.problems import Problem


def blend(factors: Mapping[str, Factor]) -> "pd.Series[float]":
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

    Raises
    ------
    InvalidPolicy
        If every weight is 0, or every factor that weighs anything is capped.
    """
    total = sum(factor.weight for factor in factors.values())
    plain = [factor for factor in factors.values() if factor.cap is None]
    free = sum(factor.weight for factor in plain)
    if not total > 0:
        raise _refused("no factor of the key has a weight above 0", "give one a weight")
    if not free > 0:
        raise _refused("every factor that has a weight is capped", "leave one without a cap")
    base: pd.Series[float] = sum(factor.weight / free * factor.values for factor in plain)
    if len(plain) == len(factors):
        return base
    capped = sum(f.weight / total * f.effect for f in factors.values() if f.cap is not None)
    return capped + (1.0 - capped.sum()) * base


def _refused(message: str, expected: str) -> InvalidPolicy:
    return InvalidPolicy("policy", [Problem(message, expected, "policy", column="key.options")])
