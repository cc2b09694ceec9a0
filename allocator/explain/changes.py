"""What would change a number: more of each capacity, at the prices of the plan.

With more room here the country pays least for another quota; since one municipality moves
no price, that quota is what the municipality alone finds best at the prices of the plan. Every
number that differs is confirmed by solving the country with it. Small countries are solved
anew for every change instead.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import pandas as pd

from allocator.explain.alone import Priced, only
from allocator.explain.chain import causes_of
from allocator.explain.country import Country
from allocator.explain.types import Cause, Change, Limit
from allocator.explain.unique import exactly
from allocator.solve import solve
from models.columns import MeasureKind
from models.instance import Instance
from models.plan import Plan
from models.policy import Decision, Relation
from models.program.data import Data, Group, Measure

SAME = 1e-6
"""Values of a goal nearer than this are one."""
UNITS = 20.0
"""Units added where no measure says what a usual step is: dwellings, seats, places."""


@dataclass(frozen=True)
class More:
    """More of one capacity.

    Attributes
    ----------
    limit
        The capacity.
    units
        What is added.
    """

    limit: Limit
    units: float

    def in_data(self, data: Data) -> Data:
        """Return the coefficients with it."""
        limit, units = self.limit, self.units
        if limit.family == Cause.HOUSING:
            beds = int(limit.item)
            stock = {
                (s, k): count + (units if s == limit.site_id and k <= beds else 0.0)
                for (s, k), count in data.stock.items()
            }
            return replace(data, stock=stock)
        if limit.family == Cause.TRANSPORT:
            site = str(limit.site_id)
            return replace(data, seats={**data.seats, site: data.seats[site] + units})
        if limit.item in data.pools:
            pool = data.pools[limit.item]
            wider = replace(pool, capacity=pool.capacity + units)
            return replace(data, pools={**data.pools, limit.item: wider})
        key = (data.municipalities[0], limit.item)
        return replace(data, capacity={**data.capacity, key: data.capacity[key] + units})

    def in_instance(self, instance: Instance, municipality: str) -> Instance:
        """Return the instance with it."""
        limit, units = self.limit, self.units
        if limit.family == Cause.HOUSING:
            row = {"site_id": limit.site_id, "beds": int(limit.item), "dwellings": units}
            more = pd.concat([instance.dwellings, pd.DataFrame([row])])
            added = more.groupby(["site_id", "beds"], as_index=False)["dwellings"].sum()
            return instance.replace(dwellings=added)
        if limit.family == Cause.TRANSPORT:
            sites = instance.sites
            sites.loc[sites["site_id"] == limit.site_id, "transit_seats"] += units
            return instance.replace(sites=sites)
        if limit.item in set(instance.shared_capacities["pool_id"]):
            pools = instance.shared_capacities
            pools.loc[pools["pool_id"] == limit.item, "capacity"] += units
            return instance.replace(shared_capacities=pools)
        capacities = instance.capacities
        here = capacities["municipality_id"] == municipality
        capacities.loc[here & (capacities["service_id"] == limit.item), "capacity"] += units
        return instance.replace(capacities=capacities)


def changes(
    country: Country,
    municipality: str,
    limits: tuple[Limit, ...],
    steps: Collection[Measure],
    *,
    confirm: bool,
) -> tuple[Change, ...]:
    """Return what more of every capacity would do; nothing where the plan has no prices.

    Parameters
    ----------
    limits
        Capacities here, from the plan.
    steps
        Measures here that tell how many units are usual.
    confirm
        Solve the country for every number that differs. Small countries are solved anyway.
    """
    town = only(country.data, municipality)
    before = None
    if not country.small:
        if not country.priced:
            return ()
        before = _best(country, town, municipality)
        if before is None:
            return ()
    found = []
    for limit in _asked(country, town, limits):
        more = More(limit, _units(steps, limit))
        quota, sure = country.quotas[municipality], None
        if before is None:
            moved = _solved(country, municipality, more) - quota
            sure = True if moved else None
        else:
            after = _best(country, more.in_data(town), municipality)
            moved = 0 if after is None else after[1] - before[1]
            if confirm and moved:
                sure = _confirmed(country, municipality, more, quota + moved)
        found.append(
            Change(
                family=limit.family,
                site_id=limit.site_id,
                item=limit.item,
                name=limit.name,
                units=more.units,
                quota=quota + moved,
                change=moved,
                confirmed=sure,
            )
        )
    return tuple(found)


def _best(country: Country, town: Data, municipality: str) -> tuple[float, int] | None:
    """Return the best number at the prices of the plan, goal by goal; see `Priced.best`."""
    goals = country.plan.goals
    priced = Priced.of(country.data, town, municipality, goals).in_order(goals)
    return None if priced is None else priced.best()


def _solved(country: Country, municipality: str, more: More) -> int:
    """Return the quota nearest to today's that a best plan has with the capacity."""
    quota = country.quotas[municipality]
    instance = more.in_instance(country.instance, municipality)
    plan = solve(
        instance, country.policy, country.options, start=country.plan, cancel=country.cancel
    )
    if not plan.found:
        return quota
    other = Country(instance, plan, country.options, cancel=country.cancel)
    unique = exactly(other, municipality)
    if unique is None:
        return other.quotas[municipality]
    return min(max(quota, unique.fewest), unique.most)


def _asked(country: Country, town: Data, limits: tuple[Limit, ...]) -> Iterator[Limit]:
    """Yield what to ask about: whatever is full, and the scarcest capacity of the other families.

    Full is also what holds no lot more, whoever comes.
    """
    for family in causes_of(country)[1:]:
        own = [limit for limit in limits if limit.family == family]
        full = [limit for limit in own if limit.binding or limit.slack < _least(town, limit)]
        yield from full or own[:1]


def _least(town: Data, limit: Limit) -> float:
    """Return the fewest units of a capacity that a lot of persons takes, whoever they are."""
    service = limit.item
    if limit.item in town.pools:
        service = town.pools[limit.item].service

    def of_person(group: Group) -> float:
        if limit.family == Cause.HOUSING:
            return 1 / group.persons_per_dwelling if group.beds >= int(limit.item) else 0.0
        if limit.family == Cause.TRANSPORT:
            return group.transit_share
        return group.needs.get(service, 0.0)

    (municipality,) = town.municipalities
    groups = [town.groups[g] for g in town.groups_at(municipality)]
    return town.step * min(map(of_person, groups), default=0.0)


def _units(steps: Collection[Measure], limit: Limit) -> float:
    """Return a usual number of units: one step of the measure that adds to it, or `UNITS`."""
    if limit.family == Cause.HOUSING:
        return UNITS
    transit = limit.family == Cause.TRANSPORT
    for measure in steps:
        of_it = measure.place == limit.site_id if transit else measure.service == limit.item
        if of_it and transit == (measure.kind is MeasureKind.TRANSIT) and measure.units > 1:
            return measure.units
    return UNITS


def _confirmed(country: Country, municipality: str, more: More, quota: int) -> bool:
    """Solve the country with the capacity and the number; tell whether that is as good."""
    instance = more.in_instance(country.instance, municipality)
    ends = [
        Decision(municipality_id=municipality, relation=relation, persons=quota)
        for relation in (Relation.AT_LEAST, Relation.AT_MOST)
    ]
    others = tuple(d for d in country.policy.fixed if d.municipality_id != municipality)
    policy = country.policy.model_copy(update={"fixed": (*others, *ends)})
    plan = solve(instance, policy, country.options, start=country.plan, cancel=country.cancel)
    return plan.found and as_good(plan, country.plan)


def as_good(plan: Plan, base: Plan) -> bool:
    """Tell whether a plan is as good as `base`, or better, within the gap asked for.

    Goals count one after another: where an earlier one is better, later ones may be worse.
    """
    if len(plan.goals) != len(base.goals):
        return False
    for ours, theirs in zip(plan.goals, base.goals, strict=True):
        if ours.value < theirs.value - SAME:
            return True
        if ours.value > theirs.value + plan.options.gap * abs(theirs.value) + SAME:
            return False
    return True
