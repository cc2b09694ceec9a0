"""Keys side by side on the same data: shares, whole persons and persons per 1,000."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from allocator.apportionment import Method, apportion
from allocator.errors import InvalidPolicy
from allocator.keys import fair_shares, shares
from models.instance import Instance
from models.policy import Key, Policy
from models.problems import Problem

MEASURES = ("share", "persons", "per_1000")
"""What is shown of a key: its share, whole persons after credits, those per 1,000."""


@dataclass(frozen=True)
class KeyComparison:
    """Keys side by side.

    Attributes
    ----------
    table
        One row a municipality: municipality_id, name, county_id, population (persons), and
        for every key ``<key>_share`` (of the target, before credits), ``<key>_persons``
        (whole, after credits) and ``<key>_per_1000`` (persons per 1,000 inhabitants).
    keys
        Labels of the keys in the table, in order.
    lacking
        What keys that could not be computed lack, by label.
    target
        Persons handed out by every key.
    warnings
        What is worth knowing.
    """

    table: pd.DataFrame
    keys: tuple[str, ...]
    lacking: Mapping[str, Sequence[Problem]]
    target: int
    warnings: tuple[str, ...] = ()

    def column(self, key: str, measure: str) -> "pd.Series[float]":
        """Return one measure of one key, by row of the table."""
        return self.table[f"{key}_{measure}"]


def compare_keys(
    instance: Instance,
    keys: Mapping[str, Key],
    policy: Policy | None = None,
    method: Method = Method.SAINTE_LAGUE,
    *,
    skip_lacking: bool = False,
) -> KeyComparison:
    """Return `keys` side by side.

    Parameters
    ----------
    instance
        Data for all of them.
    keys
        Keys by the label they are to have.
    policy
        Target, credits, step, floor and `max_share_of_population`; its own key is not used.
    method
        How whole lots follow from shares.
    skip_lacking
        Whether a key that cannot be computed is told in `KeyComparison.lacking` instead of
        being an error.

    Raises
    ------
    InvalidPolicy
        If a key or the credits cannot be used; everything about all keys at once.
    InvalidApportionment
        If step, floor and caps leave no way to hand out the target.
    """
    policy = policy or Policy()
    target = policy.target_for(instance.target)
    towns = instance.municipalities.set_index("municipality_id")
    table = towns[["name", "county_id", "population"]].copy()
    caps = towns["max_quota"].astype("float64")
    if policy.max_share_of_population is not None:
        caps = caps.fillna(float("inf"))
        caps = caps.clip(upper=towns["population"] * policy.max_share_of_population)
    lacking: dict[str, Sequence[Problem]] = {}
    for label, key in keys.items():
        chosen = policy.model_copy(update={"key": key})
        try:
            share, fair = shares(instance, key, target), fair_shares(instance, chosen)
        except InvalidPolicy as error:
            lacking[label] = error.problems
            continue
        by = share if target == 0 else fair / target
        persons = apportion(by, target, policy.step, policy.floor, caps, method)
        table[f"{label}_share"] = share
        table[f"{label}_persons"] = persons
        table[f"{label}_per_1000"] = persons / towns["population"] * 1000
    if lacking and not skip_lacking:
        found = dict.fromkeys(problem for several in lacking.values() for problem in several)
        raise InvalidPolicy("keys cannot be used with this instance", list(found))
    warnings: tuple[str, ...] = ()
    if not method.monotone:
        warnings = (
            "largest remainder is not monotone: a larger target can take persons from a "
            "municipality; do not revise numbers with it",
        )
    computed = tuple(label for label in keys if label not in lacking)
    return KeyComparison(table.reset_index(), computed, lacking, target, warnings)
