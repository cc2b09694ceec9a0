"""What is tried around a plan: more of one capacity, more money, more persons."""

from collections.abc import Iterator
from dataclasses import dataclass

from allocator.sensitivity.conditional import Conditional, Worth
from allocator.sensitivity.variation import HOUSING, TRANSPORT, CapacityChange, Variation
from models.columns import MeasureKind
from models.instance import Instance
from models.policy import Policy
from models.program.data import Data, Measure

UNIT = {
    MeasureKind.DWELLINGS.value: "dwellings",
    MeasureKind.TRANSIT.value: "seats",
    MeasureKind.SERVICE.value: "places",
}
"""What capacity of a kind is counted in."""
STEPS = {
    MeasureKind.DWELLINGS.value: (5.0, 20.0),
    MeasureKind.TRANSIT.value: (20.0,),
    MeasureKind.SERVICE.value: (20.0,),
}
"""Units of each kind that are tried: a size that matters."""
SEATS = "seats"
"""Item of the capacities of transport."""
MONEY = 1e6
"""Currency that is tried."""
LOTS = 20
"""Lots by which the target is raised."""


@dataclass(frozen=True)
class Capacity:
    """A capacity that there may be more of.

    Attributes
    ----------
    kind
        As of the measures that create it: `dwellings`, `transit`, `service`.
    family
        `housing`, `transport`, or the family of the service.
    municipality_id
        Where; none for a pool.
    site_id
        Where, for dwellings and seats.
    item
        Beds, `seats`, service or pool.
    """

    kind: str
    family: str
    municipality_id: str | None
    site_id: str | None
    item: str

    def limited(self, data: Data) -> bool:
        """Tell whether there is a limit at all, so that more of it could be of use."""
        if self.family == TRANSPORT:
            return self.site_id in data.seats
        own = self.family != HOUSING and self.municipality_id is not None
        return not own or (self.municipality_id, self.item) in data.capacity

    def change(self, data: Data, units: float) -> CapacityChange:
        """Return what adds units of it."""
        if self.family == HOUSING:
            place, item = self.site_id, self.item
        elif self.family == TRANSPORT:
            place, item = self.site_id, None
        elif self.municipality_id is None:
            place, item = self.item, data.pools[self.item].service
        else:
            place, item = self.municipality_id, self.item
        return CapacityChange(family=self.family, place=place, item=item, amount=units)


@dataclass(frozen=True)
class Trial:
    """Something that is tried: what is changed, by how much, at which cost.

    Attributes
    ----------
    what
        `capacity` (more of one), `measure` (what money buys of one, for free), `budget` or
        `target`.
    name
        Of the measure or the budget; blank for others.
    capacity
        What there is more of; none for a budget and the target.
    units, unit
        How much more.
    cost
        What that would cost, in currency; none where it has no price.
    worth
        What the prices say one unit is worth; none where they say nothing.
    policy, variation
        What is solved.
    """

    what: str
    name: str
    capacity: Capacity | None
    units: float
    unit: str
    cost: float | None
    worth: Worth | None
    policy: Policy
    variation: Variation

    @property
    def words(self) -> str:
        """The trial in words: ``+5 dwellings 0301-town 2``."""
        where: tuple[str | None, ...] = (self.name or None,)
        if self.capacity is not None and not self.name:
            one = self.capacity
            where = (one.site_id or one.municipality_id, one.item)
        named = dict.fromkeys(word for word in where if word is not None)
        return " ".join([f"+{self.units:g} {self.unit}", *named])


def more_of(
    capacity: Capacity, units: float, worth: Worth | None, data: Data, policy: Policy
) -> Trial:
    """Return the trial of more units of a capacity."""
    unit = UNIT[capacity.kind]
    variation = Variation(capacities=(capacity.change(data, units),))
    return Trial("capacity", "", capacity, units, unit, None, worth, policy, variation)


def more_bought(
    measure_id: str, money: float, worth: Worth | None, data: Data, policy: Policy
) -> Trial:
    """Return the trial of what money buys of a measure, in whole steps and at least one."""
    measure = data.measures[measure_id]
    steps = max(1, round(money / measure.cost)) if measure.cost > 0 else 1
    units = steps * measure.units
    capacities = [one for one in created(measure, data) if one.limited(data)]
    return Trial(
        what="measure",
        name=measure_id,
        capacity=capacities[0],
        units=units,
        unit=UNIT[measure.kind.value],
        cost=steps * measure.cost,
        worth=worth,
        policy=policy,
        variation=Variation(capacities=tuple(one.change(data, units) for one in capacities)),
    )


def created(measure: Measure, data: Data) -> Iterator[Capacity]:
    """Yield the capacities that a measure adds to: that of its place, and those of pools."""
    kind, place = measure.kind.value, measure.place
    if measure.kind is MeasureKind.SERVICE:
        family = data.family[measure.service]
        yield Capacity(kind, family, place, None, measure.service)
        for name, pool in data.pools.items():
            if pool.service == measure.service and place in pool.members:
                yield Capacity(kind, family, None, None, name)
        return
    town = data.town_of(place)
    if measure.kind is MeasureKind.DWELLINGS:
        yield Capacity(kind, HOUSING, town, place, str(measure.beds))
    else:
        yield Capacity(kind, TRANSPORT, town, place, SEATS)


def more_money(
    money: float, prices: Conditional, instance: Instance, policy: Policy
) -> Iterator[Trial]:
    """Yield the trial of more money in every budget that is set."""
    budget = policy.budget
    total = instance.budget if budget.total is None else budget.total
    limits = {"total": total, **{kind.value: budget.for_kind(kind.value) for kind in MeasureKind}}
    for name, limit in limits.items():
        if limit is not None:
            wider = budget.model_copy(update={name: limit + money})
            richer = policy.model_copy(update={"budget": wider})
            worth = prices.million(name)
            each = None if worth is None else Worth(worth.goal, worth.amount / 1e6)
            yield Trial(
                "budget", name, None, money, instance.currency, money, each, richer, Variation()
            )


def more_persons(lots: int, instance: Instance, policy: Policy) -> Trial:
    """Return the trial of a target that is some lots larger."""
    persons = lots * policy.step
    target = policy.target_for(instance.target) + persons
    more = policy.model_copy(update={"target": target})
    return Trial("target", "", None, persons, "persons", None, None, more, Variation())
