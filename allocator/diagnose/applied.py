"""Apply a way out: the instance and the policy that come of it."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from allocator.diagnose.switches import Switch
from allocator.diagnose.types import Amount, WayOut
from models.instance import Instance
from models.policy import Policy

ROUNDING = 1e-9
"""Persons that are rounding where a limit is stated in whole persons."""


def applied(way: WayOut, instance: Instance, policy: Policy) -> tuple[Instance, Policy]:
    """Return instance and policy with a way out applied.

    Parameters
    ----------
    way
        One that helps.
    instance, policy
        What was diagnosed.
    """
    return changed(instance, way.amounts), with_fields(policy, way.settings)


def with_fields(policy: Policy, settings: Mapping[str, Any]) -> Policy:
    """Return a policy with some of its fields replaced."""
    return Policy.model_validate(policy.model_dump(mode="json") | dict(settings))


def changed(instance: Instance, amounts: Iterable[Amount]) -> Instance:
    """Return an instance with other capacities and limits of its own."""
    by_rule: dict[str, list[Amount]] = {}
    for amount in amounts:
        by_rule.setdefault(amount.rule, []).append(amount)
    tables: dict[str, pd.DataFrame] = {}
    if "dwellings" in by_rule:
        built = [
            {"site_id": a.where, "beds": int(a.item), "dwellings": a.change}
            for a in by_rule["dwellings"]
        ]
        homes = pd.concat([instance.dwellings, pd.DataFrame(built)])
        homes = homes.groupby(["site_id", "beds"], as_index=False)["dwellings"].sum()
        tables["dwellings"] = homes
    for rule, table, key, column in (
        ("seats", "sites", "site_id", "transit_seats"),
        ("shared_places", "shared_capacities", "pool_id", "capacity"),
        ("max_quota", "municipalities", "municipality_id", "max_quota"),
    ):
        if rule in by_rule:
            after = {a.where: a.after for a in by_rule[rule]}
            frame = instance.tables[table]
            tables[table] = frame.assign(
                **{column: frame[key].map(after).astype("float64").fillna(frame[column])}
            )
    if "places" in by_rule:
        capacities = instance.capacities
        for a in by_rule["places"]:
            here = (capacities["municipality_id"] == a.where) & (capacities["service_id"] == a.item)
            capacities.loc[here, "capacity"] = a.after
        tables["capacities"] = capacities
    return instance.replace(**tables) if tables else instance


EVERYWHERE = ("min_ratio", "max_ratio", "max_share_of_population", "max_change")
"""Rules of a policy that hold for every municipality alike."""


def eased(
    policy: Policy, demands: Iterable[Switch], given: Mapping[Switch, Amount]
) -> dict[str, Any]:
    """Return the fields of a policy in which some demands give way, and no others.

    A rule that holds everywhere cannot give way at some places in a policy, so it is
    switched off and what it demands of each municipality is stated as a decision.

    Parameters
    ----------
    demands
        Everything that is demanded.
    given
        What gives way, with the number that it gives way to; limits of the instance
        (`max_quota`) change nothing here.
    """
    rules = {demand.rule for demand in given}
    settings: dict[str, Any] = {rule: None for rule in EVERYWHERE if rule in rules}
    numbers = {
        demand: given[demand].after if demand in given else demand.amount or 0.0
        for demand in demands
    }
    if "county_bounds" in rules:
        bounds = {b.county_id: b.model_dump(mode="json") for b in policy.county_bounds}
        for demand, persons in numbers.items():
            if demand.rule == "county_bounds":
                bounds[demand.where][demand.side.replace(" ", "_")] = persons
        settings["county_bounds"] = [*bounds.values()]
    off = {"fixed", *(rule for rule in EVERYWHERE if rule in rules)}
    stated = {demand: n for demand, n in numbers.items() if demand.rule in off}
    if rules & off:
        settings["fixed"] = _decisions(stated)
    return settings


def _decisions(numbers: Mapping[Switch, float]) -> list[dict[str, Any]]:
    """Return demands on single municipalities as decisions, the tightest of each side."""
    tightest: dict[tuple[str, str], int] = {}
    exact = {demand.where for demand in numbers if demand.side == "exactly"}
    for demand, persons in numbers.items():
        if demand.side != "exactly" and demand.where in exact:
            continue  # decided exactly, within what else is demanded of it
        place = demand.where, demand.side
        if demand.side == "at most":
            whole = math.floor(persons + ROUNDING)
            tightest[place] = min(whole, tightest.get(place, whole))
        else:
            whole = math.ceil(persons - ROUNDING)
            tightest[place] = max(whole, tightest.get(place, whole))
    relations = {"exactly": "exact", "at least": "at_least", "at most": "at_most"}
    return [
        {"municipality_id": m, "relation": relations[side], "persons": persons}
        for (m, side), persons in tightest.items()
    ]
