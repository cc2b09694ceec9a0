"""Keys: rules that give every municipality its share of the target, one rule a file."""

import pandas as pd

from allocator.keys import population, weighted
from allocator.keys.registry import KEYS, shares
from models.instance import Instance
from models.policy import Policy

__all__ = ["KEYS", "fair_shares", "population", "shares", "weighted"]


def fair_shares(instance: Instance, policy: Policy) -> "pd.Series[float]":
    """Return the fair share f of every municipality in persons, by municipality_id.

    ::

        f_m = share_m · (T + Σ w·credit) − w·credit_m

    with T the target and w the weight of credits. Negative shares become 0 and the
    others are scaled down so that Σ f = T.

    Raises
    ------
    InvalidPolicy
        If the key is unknown or the instance lacks what it needs.
    """
    share = shares(instance, policy.key)
    target = policy.target_for(instance.target)
    towns = instance.municipalities.set_index("municipality_id")
    credit = policy.credits.weight * towns["credit"]
    fair = (share * (target + credit.sum()) - credit).clip(lower=0.0)
    if fair.sum() <= 0:
        return share * target
    return fair * (target / fair.sum())
