"""Keys by name: a key is a function from instance and policy part to shares."""

from collections.abc import Callable

import pandas as pd

from allocator.errors import InvalidPolicy
from models.instance import Instance
from models.policy import Key
from models.problems import Problem

Rule = Callable[[Instance, Key], "pd.Series[float]"]
"""Gives every municipality a share ≥ 0 by municipality_id; shares add up to 1."""

KEYS: dict[str, Rule] = {}
"""Every key by its name."""


def register(name: str) -> Callable[[Rule], Rule]:
    """Register a rule under `name`."""

    def add(rule: Rule) -> Rule:
        KEYS[name] = rule
        return rule

    return add


def shares(instance: Instance, key: Key) -> "pd.Series[float]":
    """Return the share of every municipality by `key`, by municipality_id, adding up to 1.

    Raises
    ------
    InvalidPolicy
        If no key has that name, or the instance lacks what it needs.
    """
    if key.name not in KEYS:
        problem = Problem(
            "no key has this name",
            f"give one of {', '.join(sorted(KEYS))}",
            "policy",
            column="key.name",
            value=key.name,
        )
        raise InvalidPolicy("policy", [problem])
    return KEYS[key.name](instance, key)


def normalised(values: "pd.Series[float]") -> "pd.Series[float]":
    """Scale values ≥ 0 so that they add up to 1."""
    return values / values.sum()
