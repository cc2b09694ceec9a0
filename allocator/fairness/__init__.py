"""Measures of fairness of any table of quotas, and what the fairness of a plan gave up."""

from allocator.fairness.indices import gini, jain, moved_share
from allocator.fairness.measures import fairness, fairness_of_quotas
from allocator.fairness.price import price_of_fairness
from allocator.fairness.types import (
    Fairness,
    GroupFairness,
    PriceOfFairness,
    PriceStatus,
    Quartiles,
    TermPrice,
)

__all__ = [
    "Fairness",
    "GroupFairness",
    "PriceOfFairness",
    "PriceStatus",
    "Quartiles",
    "TermPrice",
    "fairness",
    "fairness_of_quotas",
    "gini",
    "jain",
    "moved_share",
    "price_of_fairness",
]
