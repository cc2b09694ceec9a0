"""Apply a way out: the instance and the policy that come of it."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from allocator.diagnose.switches import Switch
from allocator.diagnose.types import Amount, WayOut
from models.instance import Instance
from models.policy import Policy
from models.program.data import Data

RATIO_DIGITS = 4
"""Decimals to which ratios are rounded, in favour of the municipality that needs it."""
SHARE_DIGITS = 6
"""The same for shares of the population."""


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


def eased(policy: Policy, data: Data, given: Iterable[tuple[Switch, Amount]]) -> dict[str, Any]:
    """Return the fields of a policy in which some demands give way.

    A limit that holds everywhere (a ratio, a share, a change) gives way everywhere: by as
    much as the municipality that needs it most.

    Parameters
    ----------
    given
        Demands with the numbers that they give way to; those of the instance (`max_quota`)
        change nothing here.
    """
    settings: dict[str, Any] = {}
    fields = policy.model_dump(mode="json")
    for demand, amount in given:
        where, got = demand.where, amount.after
        if demand.rule == "fixed":
            relation = demand.side.replace("exactly", "exact").replace(" ", "_")
            for decision in settings.setdefault("fixed", fields["fixed"]):
                if (decision["municipality_id"], decision["relation"]) == (where, relation):
                    decision["persons"] = int(got)
        elif demand.rule == "county_bounds":
            for bound in settings.setdefault("county_bounds", fields["county_bounds"]):
                if bound["county_id"] == where:
                    bound[demand.side.replace(" ", "_")] = got
        elif demand.rule == "min_ratio":
            ratio = _down(got / data.fair_share[where], RATIO_DIGITS)
            settings["min_ratio"] = min(ratio, settings.get("min_ratio", ratio))
        elif demand.rule == "max_ratio":
            fair = data.fair_share[where]
            ratio = _up(got / fair, RATIO_DIGITS) if fair > 0 else None
            settings["max_ratio"] = _larger(settings, "max_ratio", ratio)
        elif demand.rule == "max_share_of_population":
            share = _up(got / data.population[where], SHARE_DIGITS)
            wide = share if share <= 1 else None
            settings[demand.rule] = _larger(settings, demand.rule, wide)
        elif demand.rule == "max_change":
            moved = math.ceil(abs(got - data.previous[where]))
            change = settings.setdefault("max_change", fields["max_change"])
            change["persons"] = max(change["persons"], float(moved))
    return settings


def _larger(settings: Mapping[str, Any], field: str, limit: float | None) -> float | None:
    """Return the larger of a limit and the one that is already set; none is no limit."""
    known = settings.get(field, 0.0)
    return None if limit is None or known is None else max(limit, known)


def _down(value: float, digits: int) -> float:
    return math.floor(value * 10**digits) / 10**digits


def _up(value: float, digits: int) -> float:
    return math.ceil(value * 10**digits) / 10**digits
