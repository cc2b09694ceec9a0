"""The most persons that any plan could place: a bound from above, simple enough to trust.

It relaxes whatever links rules to each other, so a target above it is out of reach for
certain, while a target below it may still be. Soft families are not counted: a policy may
allow to overload them.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from models.columns import MeasureKind

Frames = Mapping[str, pd.DataFrame]


def most_placed(frames: Frames, target: int, budget: float | None) -> float:
    """Return a number of persons that no plan can exceed.

    Parameters
    ----------
    frames
        Typed tables without errors.
    target
        Persons to settle, which fixes the size of every group.
    budget
        Appropriation for measures, in currency; none: no limit.

    Returns
    -------
    float
        The smaller of two bounds, in persons: one adds up what housing, transport,
        services and `max_quota` let every municipality take; the other asks for every
        dwelling size how many persons who need it or a larger one can be housed at all.
    """
    groups = frames["groups"]
    groups = groups[groups["persons"] > 0]
    if groups.empty:
        return 0.0
    measures = _affordable(frames["measures"], budget)
    by_size = _by_size(frames["dwellings"], measures, groups, target, budget)
    return min(by_size, _by_place(frames, measures, groups))


def _affordable(measures: pd.DataFrame, budget: float | None) -> pd.DataFrame:
    """Add `units` and `cost` of all the steps of each measure that the budget alone allows."""
    steps = measures["max_steps"].astype("float64")
    price = measures["cost_per_step"]
    if budget is not None:
        steps = steps.where(price <= 0, np.minimum(steps, budget // price.where(price > 0, 1.0)))
    units = steps * measures["units_per_step"]
    return measures.assign(units=units, cost=steps * price)


def _by_size(
    dwellings: pd.DataFrame,
    measures: pd.DataFrame,
    groups: pd.DataFrame,
    target: int,
    budget: float | None,
) -> float:
    demand = groups["persons"] * (target / groups["persons"].sum())
    built = measures[measures["kind"] == MeasureKind.DWELLINGS.value]
    bounds = []
    for beds in sorted(set(groups["beds"])):
        larger = groups["beds"] >= beds
        homes = dwellings.loc[dwellings["beds"] >= beds, "dwellings"].sum()
        homes += _bought(built[built["beds"] >= beds], budget)
        others = demand[~larger].sum()
        # Whole groups are rounded, each by less than one person.
        rounding = len(groups) if others > 0 else 0
        bounds.append(others + rounding + homes * groups.loc[larger, "persons_per_dwelling"].max())
    return float(min(bounds))


def _bought(built: pd.DataFrame, budget: float | None) -> float:
    """Return the most units that the budget buys, cheapest first, parts of steps included."""
    built = built[built["units"] > 0]
    if budget is None or built.empty:
        return float(built["units"].sum())
    cheapest = built.iloc[np.argsort((built["cost"] / built["units"]).to_numpy(), kind="stable")]
    cost = cheapest["cost"]
    left = budget - (cost.cumsum() - cost)
    part = (left / cost.where(cost > 0, 1.0)).clip(0.0, 1.0).where(cost > 0, 1.0)
    return float((cheapest["units"] * part).sum())


def _by_place(frames: Frames, measures: pd.DataFrame, groups: pd.DataFrame) -> float:
    towns = frames["municipalities"].set_index("municipality_id")
    sites = _by_site(frames, measures, groups)
    most = sites.groupby(frames["sites"].set_index("site_id")["municipality_id"]).sum()
    most = most.reindex(towns.index, fill_value=0.0)
    most = np.minimum(most, towns["max_quota"].fillna(np.inf))
    least = _least_needs(frames, groups)
    built = measures[measures["kind"] == MeasureKind.SERVICE.value]
    bought = built.groupby(["municipality_id", "service_id"])["units"].sum()
    capacities = frames["capacities"].dropna(subset=["capacity"])
    for service, need in least.items():
        own = capacities[capacities["service_id"] == service]
        limit = own.set_index("municipality_id")["capacity"]
        extra = _of_service(bought, service)
        limit = limit.add(extra.reindex(limit.index, fill_value=0.0)) / need
        most = np.minimum(most, limit.reindex(towns.index).fillna(np.inf))
    excess = [
        _excess_of_pools(frames, most, _of_service(bought, s), s, n) for s, n in least.items()
    ]
    return float(most.sum() - max([0.0, *excess]))


def _by_site(frames: Frames, measures: pd.DataFrame, groups: pd.DataFrame) -> "pd.Series[float]":
    """Return the most persons at every site, by dwellings and by transport."""
    built = measures[measures["kind"] == MeasureKind.DWELLINGS.value]
    stock = pd.concat(
        [
            frames["dwellings"][["site_id", "beds", "dwellings"]],
            built[["site_id", "beds"]].assign(dwellings=built["units"]),
        ]
    )
    fullest = {
        beds: groups.loc[groups["beds"] <= beds, "persons_per_dwelling"].max()
        for beds in set(stock["beds"])
    }
    persons = stock["dwellings"] * stock["beds"].map(fullest).fillna(0.0).astype("float64")
    sites = frames["sites"].set_index("site_id")
    housed = persons.groupby(stock["site_id"]).sum().reindex(sites.index, fill_value=0.0)
    share = groups["transit_share"].min()
    if share <= 0:
        return housed
    lines = measures[measures["kind"] == MeasureKind.TRANSIT.value]
    added = lines.groupby("site_id")["units"].sum().reindex(sites.index, fill_value=0.0)
    return np.minimum(housed, ((sites["transit_seats"] + added) / share).fillna(np.inf))


def _least_needs(frames: Frames, groups: pd.DataFrame) -> dict[str, float]:
    """Return for every service that all groups use the least that one person uses of it."""
    needs = frames["needs"].pivot(index="group_id", columns="service_id", values="units_per_person")
    least = needs.reindex(groups["group_id"]).fillna(0.0).min()
    return {str(service): float(need) for service, need in least.items() if need > 0}


def _of_service(bought: "pd.Series[float]", service: str) -> "pd.Series[float]":
    wanted = bought.index.get_level_values("service_id") == service
    return bought[wanted].droplevel("service_id")


def _excess_of_pools(
    frames: Frames,
    most: "pd.Series[float]",
    bought: "pd.Series[float]",
    service: str,
    need: float,
) -> float:
    """Return by how much the pools of one service hold their members below what they can take."""
    pools = frames["shared_capacities"]
    limit = pools[pools["service_id"] == service].set_index("pool_id")["capacity"]
    members = frames["pool_members"]
    members = members[members["pool_id"].isin(limit.index)]
    # Pools that share a member cannot simply be added up.
    if members.empty or members["municipality_id"].duplicated().any():
        return 0.0
    town = members["municipality_id"]
    taken = town.map(most).astype("float64").groupby(members["pool_id"]).sum()
    extra = town.map(bought).fillna(0.0).astype("float64").groupby(members["pool_id"]).sum()
    room = (limit.reindex(taken.index) + extra) / need
    return float((taken - room).clip(lower=0.0).sum())
