"""Gather the figures of a report from instance and plan, in no language yet."""

from dataclasses import dataclass

import pandas as pd

from allocator.errors import InstanceMismatch, InvalidPlan
from allocator.fairness import Fairness, fairness
from models.instance import Instance
from models.plan import NOTHING, Plan, Totals, used_up
from models.problems import Problem


@dataclass(frozen=True)
class Figures:
    """What a report is made from.

    Attributes
    ----------
    instance, plan
        As given.
    totals
        Those of the plan.
    fairness
        Measures of the plan.
    municipalities
        One row a municipality in the order of ids: municipality_id, name, county_id, county,
        latitude, longitude, population, fair_share, quota, ratio, minors, per_1000 (persons per
        1,000 inhabitants), families (tuple of those used up) and, with another plan,
        other and difference (persons; this − other).
    capacity
        One row a family and item: family, item, name, used, capacity, rows, bound
        (municipalities where it is used up), municipalities (that have any of it).
    bound_by_county
        county_id, county, family, bound, municipalities.
    measures
        One row a kind and item: kind, beds, service_id, steps, units, cost, municipalities.
    other, other_fairness
        The plan it is compared with, if any.
    """

    instance: Instance
    plan: Plan
    totals: Totals
    fairness: Fairness
    municipalities: pd.DataFrame
    capacity: pd.DataFrame
    bound_by_county: pd.DataFrame
    measures: pd.DataFrame
    other: Plan | None
    other_fairness: Fairness | None


def figures_of(instance: Instance, plan: Plan, other: Plan | None = None) -> Figures:
    """Gather the figures.

    Raises
    ------
    InvalidPlan
        If a plan has no quotas.
    InstanceMismatch
        If a plan belongs to another instance.
    """
    totals = _with_quotas(instance, plan)
    if other is not None:
        _with_quotas(instance, other)
    used = _of_municipalities(instance, plan)
    towns = _municipalities(instance, plan, other, used)
    return Figures(
        instance=instance,
        plan=plan,
        totals=totals,
        fairness=fairness(instance, plan),
        municipalities=towns,
        capacity=_capacity(instance, plan, used),
        bound_by_county=_by_county(instance, used),
        measures=_measures(instance, plan),
        other=other,
        other_fairness=None if other is None else fairness(instance, other),
    )


def _with_quotas(instance: Instance, plan: Plan) -> Totals:
    if plan.instance.sha256 != instance.sha256:
        raise InstanceMismatch(
            f"the plan belongs to {plan.instance.id} ({plan.instance.sha256[:12]}), not to "
            f"{instance.id} ({instance.sha256[:12]}); give plans of one instance"
        )
    if plan.totals is None:
        message = f"the plan has no quotas ({plan.status})"
        problem = Problem(message, "report a plan that was found", "plan.json")
        raise InvalidPlan(f"plan of {instance.id}", [problem])
    return plan.totals


def _of_municipalities(instance: Instance, plan: Plan) -> pd.DataFrame:
    """Return the capacities with a row for every municipality, members of pools too."""
    pooled = plan.capacity["municipality_id"].isna()
    members = instance.pool_members.rename(columns={"pool_id": "item"})
    shared = plan.capacity[pooled].drop(columns="municipality_id").merge(members, on="item")
    return pd.concat([plan.capacity[~pooled], shared], ignore_index=True)


def _municipalities(
    instance: Instance, plan: Plan, other: Plan | None, used: pd.DataFrame
) -> pd.DataFrame:
    places = ["municipality_id", "county", "latitude", "longitude", "population"]
    frame = plan.quotas.merge(
        instance.municipalities[places], on="municipality_id", validate="one_to_one"
    ).sort_values("municipality_id", ignore_index=True)
    frame["per_1000"] = 1000 * frame["quota"] / frame["population"]
    families = {
        str(town): tuple(sorted(rows["family"].unique(), key=family_order))
        for town, rows in used[used_up(used)].groupby("municipality_id")
    }
    frame["families"] = [families.get(str(town), ()) for town in frame["municipality_id"]]
    if other is not None:
        quota = other.quotas.set_index("municipality_id")["quota"]
        frame["other"] = frame["municipality_id"].map(quota)
        frame["difference"] = frame["quota"] - frame["other"]
    return frame


def family_order(family: str) -> tuple[int, str]:
    """Return what to sort families by: housing, transport, then services by name."""
    return {"housing": 0, "transport": 1}.get(family, 2), family


def _capacity(instance: Instance, plan: Plan, used: pd.DataFrame) -> pd.DataFrame:
    keys = ["family", "item"]
    amounts = plan.capacity.groupby(keys, sort=True)[["used", "capacity"]].sum()
    there = (used["capacity"] > 0) | (used["used"] > NOTHING)
    amounts["municipalities"] = used[there].groupby(keys)["municipality_id"].nunique()
    amounts["bound"] = used[used_up(used)].groupby(keys)["municipality_id"].nunique()
    frame = amounts.fillna({"bound": 0, "municipalities": 0}).reset_index()
    names = dict(zip(instance.services["service_id"], instance.services["name"], strict=True))
    shared = instance.shared_capacities
    for pool, service in zip(shared["pool_id"], shared["service_id"], strict=True):
        names[pool] = f"{names[service]}, {pool}"
    frame["name"] = [names.get(item, item) for item in frame["item"]]
    frame["_order"] = frame["family"].map(family_order)
    # Two before ten: sizes are numbers, written as text.
    frame["_size"] = pd.to_numeric(frame["item"], errors="coerce")
    frame = frame.sort_values(["_order", "_size", "item"], ignore_index=True)
    return frame.drop(columns=["_order", "_size"])


def _by_county(instance: Instance, used: pd.DataFrame) -> pd.DataFrame:
    towns = instance.municipalities[["municipality_id", "county_id", "county"]]
    size = towns.groupby("county_id")["municipality_id"].nunique()
    bound = used.loc[used_up(used), ["municipality_id", "family"]].drop_duplicates()
    counts = bound.merge(towns, on="municipality_id").groupby(["county_id", "family"]).size()
    counties = towns.drop_duplicates("county_id")[["county_id", "county"]]
    families = pd.DataFrame({"family": list(dict.fromkeys(used["family"]))}, dtype="str")
    frame = counties.merge(families, how="cross").set_index(["county_id", "family"])
    frame["bound"] = counts.reindex(frame.index).fillna(0).astype("int64")
    frame = frame.reset_index()
    frame["municipalities"] = frame["county_id"].map(size)
    return frame.sort_values(["county_id", "family"], ignore_index=True)


def _measures(instance: Instance, plan: Plan) -> pd.DataFrame:
    bought = plan.measures.merge(instance.measures, on="measure_id", validate="one_to_one")
    home = instance.sites.set_index("site_id")["municipality_id"]
    bought["municipality_id"] = bought["municipality_id"].fillna(bought["site_id"].map(home))
    bought["units"] = bought["steps"] * bought["units_per_step"]
    groups = bought.groupby(["kind", "beds", "service_id"], dropna=False, sort=True)
    return groups.agg(
        steps=("steps", "sum"),
        units=("units", "sum"),
        cost=("cost", "sum"),
        municipalities=("municipality_id", "nunique"),
    ).reset_index()
