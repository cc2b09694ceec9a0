"""Measures of fairness of any table of quotas: plans, keys, real requests."""

from allocator.fairness.indices import gini, jain, moved_share
from allocator.fairness.measures import fairness, fairness_of_quotas
from allocator.fairness.types import Fairness, GroupFairness, Quartiles

__all__ = [
    "Fairness",
    "GroupFairness",
    "Quartiles",
    "fairness",
    "fairness_of_quotas",
    "gini",
    "jain",
    "moved_share",
]
