"""Keys: rules that give every municipality its share of the target, one rule a file."""

import pandas as pd

from allocator.errors import InvalidPolicy
from allocator.keys import (
    austria,
    denmark,
    eu_2015,
    eu_2024,
    koenigstein,
    netherlands,
    norway_2018,
    nrw,
    population,
    sweden_2014,
    switzerland,
    uk_2022,
    weighted,
)
from allocator.keys.balances import credits_of
from allocator.keys.crediting import credited
from allocator.keys.registry import KEYS, evaluate, shares
from models.instance import Instance
from models.policy import Policy
from models.problems import Problem

__all__ = [
    "KEYS",
    "austria",
    "denmark",
    "eu_2015",
    "eu_2024",
    "evaluate",
    "fair_shares",
    "koenigstein",
    "netherlands",
    "norway_2018",
    "nrw",
    "population",
    "shares",
    "sweden_2014",
    "switzerland",
    "uk_2022",
    "weighted",
]


def fair_shares(instance: Instance, policy: Policy) -> "pd.Series[float]":
    """Return the fair share f of every municipality in persons, by municipality_id.

    ::

        f_m = share_m · (T + Σ c) − c_m

    with T the target and c what is credited (`allocator.keys.balances`). Negative shares
    become 0 and the others are scaled down so that Σ f = T.

    Raises
    ------
    InvalidPolicy
        If the key is unknown, or the instance lacks what key or credits need; everything
        at once.
    """
    target = policy.target_for(instance.target)
    problems: list[Problem] = []
    share = credit = None
    try:
        share = shares(instance, policy.key, target)
    except InvalidPolicy as error:
        problems += error.problems
    try:
        credit = credits_of(instance, policy.credits, share, target)
    except InvalidPolicy as error:
        problems += error.problems
    if share is None or credit is None:
        raise InvalidPolicy("policy", problems)
    return credited(share, target, credit)
