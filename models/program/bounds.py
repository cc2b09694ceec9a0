"""What a municipality could take at the very most: upper bounds that keep the program tight.

A bound counts every measure bought to its last step, so it cuts off no plan. The
tighter it is, the less a fraction of a yes-or-no decision is worth in the relaxation.
"""

import math
from collections.abc import Mapping

from models.columns import MeasureKind
from models.program.data import Data


def most_steps(data: Data, name: str) -> int:
    """Return the most steps of a measure that its limit and the budget allow."""
    measure = data.measures[name]
    most = measure.max_steps
    for money in (data.budget, data.policy.budget.for_kind(measure.kind.value)):
        if money is not None and measure.cost > 0:
            most = min(most, math.floor(money / measure.cost + 1e-9))
    return most


def housed(data: Data, site: str, groups: list[str]) -> dict[str, float]:
    """Return persons by group in the fullest housing of a site, in persons.

    Housing rows are nested, so filling the groups with most persons a dwelling first
    is best for the total (greedy on a laminar family).
    """
    room = {k: data.stock[site, k] for k in data.sizes}
    for name in data.measures_at(MeasureKind.DWELLINGS, site):
        measure = data.measures[name]
        for k in data.sizes:
            if measure.beds >= k:
                room[k] += measure.units * most_steps(data, name)
    persons = {}
    order = sorted(groups, key=lambda g: -data.groups[g].persons_per_dwelling)
    for g in order:
        group = data.groups[g]
        below = [k for k in data.sizes if k <= group.beds]
        dwellings = min(room[k] for k in below)
        dwellings = min(dwellings, group.demand / group.persons_per_dwelling)
        for k in below:
            room[k] -= dwellings
        persons[g] = dwellings * group.persons_per_dwelling
    return persons


def most_at_site(data: Data, site: str, group: str) -> float:
    """Return the most persons of one group that a site could ever take."""
    most = data.groups[group].demand
    if not data.is_soft("housing"):
        most = min(most, housed(data, site, [group])[group])
    share = data.groups[group].transit_share
    if share > 0 and site in data.seats and not data.is_soft("transport"):
        most = min(most, _seats(data, site) / share)
    return most


def most_in_municipality(
    data: Data, municipality: str, at_site: Mapping[tuple[str, str], float]
) -> float:
    """Return the most persons that a municipality could ever house, carry and serve."""
    groups = data.groups_at(municipality)
    total = dict.fromkeys(groups, 0.0)
    persons = 0.0
    for site in data.sites[municipality]:
        limits = {g: at_site[site, g] for g in groups}
        most = sum(limits.values())
        if not data.is_soft("housing"):
            most = min(most, sum(housed(data, site, groups).values()))
        if site in data.seats and not data.is_soft("transport"):
            shares = {g: data.groups[g].transit_share for g in groups}
            most = min(most, _knapsack(limits, shares, _seats(data, site)))
        persons += most
        for g in groups:
            total[g] = min(data.groups[g].demand, total[g] + limits[g])
    persons = min(persons, sum(total.values()))
    for service, family in data.family.items():
        if (municipality, service) not in data.capacity or data.is_soft(family):
            continue
        needs = {g: data.groups[g].needs.get(service, 0.0) for g in groups}
        persons = min(persons, _knapsack(total, needs, places(data, municipality, service)))
    return persons


def places(data: Data, municipality: str, service: str) -> float:
    """Return the most places of a service, every measure bought, in units."""
    return data.capacity[municipality, service] + sum(
        data.measures[name].units * most_steps(data, name)
        for name in data.measures_at(MeasureKind.SERVICE, municipality)
        if data.measures[name].service == service
    )


def _seats(data: Data, site: str) -> float:
    return data.seats[site] + sum(
        data.measures[name].units * most_steps(data, name)
        for name in data.measures_at(MeasureKind.TRANSIT, site)
    )


def _knapsack(limits: Mapping[str, float], weights: Mapping[str, float], room: float) -> float:
    """Return the most persons under one row, lightest groups first (fractional knapsack)."""
    persons = 0.0
    for g in sorted(limits, key=lambda g: weights[g]):
        take = limits[g] if weights[g] <= 0 else min(limits[g], room / weights[g])
        persons += take
        room = max(0.0, room - take * weights[g])
    return persons
