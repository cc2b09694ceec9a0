"""What could be placed, used and bought at the very most: bounds that keep the program tight.

::

    x_{s,g} ≤ X_{s,g}            what the site could house, carry and have served of one group
    q_m ≤ Q_m                    what m could house, carry and have served, and the policy allows
    y_l ≤ ⌈(Z_r − C_r) / units_l⌉        for the row r that l adds to, the largest of several

=========  =====================================================================  =============
X_{s,g}    most persons of group g at site s                                      persons
Q_m        largest quota, in whole lots and zero or at least the floor            persons
Z_r        most that could ever be used of row r (a size of dwellings at a site,  units of r
           its transport, a service in m, a pool)
C_r        what there is of it today                                              units of r
=========  =====================================================================  =============

A step beyond the last that could be used costs money and helps nobody: a plan that has it
can leave it out and keep every row, whatever the others buy. Fewer steps leave less room, so
the three are taken in turn until none of them changes. Every one is a maximum of a relaxed
problem (one row at a time), so it cuts off no quotas and no placements.
"""

import bisect
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.columns import MeasureKind
from models.program import order, stability
from models.program.data import Data
from models.program.participation import largest
from models.program.places import Array, Places, Room, housed, most, places, room
from models.program.tightening import Tightening

ROUNDS = 4
"""Most times that bounds on quotas and steps are taken in turn."""
SLACK = 1e-9
"""Part of a step that is rounding and no further step."""


@dataclass(frozen=True)
class Use:
    """The most that could be used of every row, in its units, shapes as in `Places`.

    Infinite nowhere. `services` also speaks of municipalities without a limit of their own.
    """

    housing: Array
    transport: Array
    services: Array
    pools: Array


@dataclass(frozen=True)
class Bounds:
    """Upper bounds on what a plan holds.

    Attributes
    ----------
    at
        The capacities behind them.
    persons
        X by site and group, in persons, shape (S, G); zero where a group may not be.
    quota
        Q by municipality, in persons, shape (M,).
    stated
        The largest quota that the columns of lots allow by themselves, in persons, shape (M,):
        a little more than Q where there is an odd lot, and what is decided exactly even where
        that cannot be housed (which the rows must then be there to refuse).
    steps
        Most steps of every measure.
    lacking
        Units of every measure that could be used, alone on its rows; below zero where there
        is more than could be used today.
    use
        Most that could be used of every row, by all rows and bounds together.
    held
        The same by the bounds `persons` and `stated` alone.
    """

    at: Places
    persons: Array
    quota: Array
    stated: Array
    steps: Mapping[str, int]
    lacking: Mapping[str, float]
    use: Use
    held: Use


def find(data: Data, tighten: frozenset[Tightening], *, relief: bool = False) -> Bounds:
    """Return upper bounds on what a plan holds.

    Parameters
    ----------
    tighten
        With `steps`, all of what the module says; without, only what capacities allow.
    relief
        Leave out what the policy demands of quotas.
    """
    at = places(data)
    allowed = np.full(len(data.municipalities), float(data.target))
    if not relief:
        by_policy = stability.largest_allowed(data)
        allowed = np.array([by_policy[m] for m in data.municipalities])
    sharp = Tightening.STEPS in tighten
    steps = {name: affordable(data, name) for name in data.measures}
    quota = np.full(len(allowed), np.inf)
    for _ in range(ROUNDS):
        there = room(data, at, steps)
        persons = _persons(at, there, quota, sharp=sharp)
        quota = np.minimum(_quota(data, at, there, persons), allowed)
        if sharp:
            quota = _on_lattice(data, quota, relief=relief)
            persons = np.minimum(persons, quota[at.owner][:, None])
        use = _use(data, at, there, persons, quota)
        lacking = _lacking(data, at, use)
        fewer = _useful(data, steps, lacking) if sharp else steps
        if fewer == steps:
            break
        steps = fewer
    if Tightening.ORDER in tighten:
        steps = order.needed(data, steps, lacking)
    free = room(data, at, steps)
    free = Room(*(np.full_like(rows, np.inf) for rows in _rows(free)))
    stated = _stated(data, quota)
    held = _use(data, at, free, persons, stated)
    return Bounds(at, persons, quota, stated, steps, lacking, use, held)


def affordable(data: Data, name: str) -> int:
    """Return the most steps of a measure that its limit and the budget allow."""
    measure = data.measures[name]
    steps = measure.max_steps
    for money in (data.budget, data.policy.budget.for_kind(measure.kind.value)):
        if money is not None and measure.cost > 0:
            steps = min(steps, math.floor(money / measure.cost + 1e-9))
    return steps


def _rows(there: Room) -> tuple[Array, Array, Array, Array]:
    return there.housing, there.transport, there.services, there.pools


def _persons(at: Places, there: Room, quota: Array, *, sharp: bool) -> Array:
    """Return X, each row on its own, shape (S, G)."""
    persons = at.demand * at.allowed[at.owner]
    for g in range(len(at.demand)):
        rows = at.needs_size[:, g] > 0
        if rows.any():
            dwellings = np.maximum(0.0, there.housing[:, rows].min(axis=1))
            persons[:, g] = np.minimum(persons[:, g], dwellings * at.per_dwelling[g])
        if at.share[g] > 0:
            persons[:, g] = np.minimum(persons[:, g], there.transport / at.share[g])
        if not sharp:
            continue
        for h in np.flatnonzero(at.need[:, g] > 0):
            served = there.services[:, h] / at.need[h, g]
            persons[:, g] = np.minimum(persons[:, g], served[at.owner])
    return np.minimum(persons, quota[at.owner][:, None]) if sharp else persons


def _in_municipality(data: Data, at: Places, persons: Array) -> Array:
    """Add up persons over the sites of every municipality, at most the demand, shape (M, G)."""
    total = np.zeros((len(data.municipalities), len(at.demand)))
    np.add.at(total, at.owner, persons)
    return np.asarray(np.minimum(total, at.demand))


def _quota(data: Data, at: Places, there: Room, persons: Array) -> Array:
    """Return the most persons that a municipality could house, carry and serve, shape (M,)."""
    one = np.ones(len(at.demand))
    at_site = np.minimum(
        housed(at, persons, there.housing, one), most(persons, one, at.share, there.transport)
    )
    quota = np.bincount(at.owner, at_site, minlength=len(data.municipalities))
    total = _in_municipality(data, at, persons)
    quota = np.minimum(quota, total.sum(axis=1))
    for h, need in enumerate(at.need):
        quota = np.minimum(quota, most(total, one, need, there.services[:, h]))
    return np.asarray(np.maximum(0.0, quota))


def _on_lattice(data: Data, quota: Array, *, relief: bool) -> Array:
    """Lower bounds to quotas that there can be: whole lots, at least the floor, or decided."""
    lowered = quota.copy()
    for i, m in enumerate(data.municipalities):
        if m not in data.exact:
            lots = largest(data, quota[i])
            lowered[i] = lots if lots >= data.policy.floor else 0.0
        elif not relief:
            lowered[i] = min(quota[i], data.exact[m])
    return lowered


def _stated(data: Data, quota: Array) -> Array:
    whole = np.floor(quota / data.step + 1e-9) * data.step + data.odd_lot
    exact = [
        float(data.exact.get(m, most)) for m, most in zip(data.municipalities, whole, strict=True)
    ]
    return np.array(exact)


def _use(data: Data, at: Places, there: Room, persons: Array, quota: Array) -> Use:
    """Return the most that could be used of every row, one other row at a time."""
    one = np.ones(len(at.demand))
    own = quota[at.owner]
    total = _in_municipality(data, at, persons)
    dwelling = at.needs_size / at.per_dwelling
    housing = np.empty_like(at.stock)
    transport = np.minimum(
        there.transport, most(persons, at.share, one, own) if len(own) else np.zeros(0)
    )
    for k, gain in enumerate(dwelling):
        housing[:, k] = np.minimum(there.housing[:, k], most(persons, gain, one, own))
        housing[:, k] = np.minimum(housing[:, k], most(persons, gain, at.share, there.transport))
        transport = np.minimum(transport, most(persons, at.share, gain, there.housing[:, k]))
    services = np.empty_like(at.capacity)
    for h, need in enumerate(at.need):
        served = there.services[at.owner, h]
        for k, gain in enumerate(dwelling):
            housing[:, k] = np.minimum(housing[:, k], most(persons, gain, need, served))
        transport = np.minimum(transport, most(persons, at.share, need, served))
        services[:, h] = np.minimum(there.services[:, h], most(total, need, one, quota))
        for other, rival in enumerate(at.need):
            if other != h:
                limit = there.services[:, other]
                services[:, h] = np.minimum(services[:, h], most(total, need, rival, limit))
    return Use(housing, transport, services, _use_of_pools(data, at, there, services))


def _use_of_pools(data: Data, at: Places, there: Room, services: Array) -> Array:
    town = {m: i for i, m in enumerate(data.municipalities)}
    service = {h: j for j, h in enumerate(data.family)}
    return np.array(
        [
            min(
                float(there.pools[p]),
                sum(float(services[town[m], service[pool.service]]) for m in pool.members),
                float(at.need[service[pool.service]] @ at.demand),
            )
            for p, pool in enumerate(data.pools.values())
        ]
    )


def _useful(data: Data, steps: Mapping[str, int], lacking: Mapping[str, float]) -> dict[str, int]:
    """Return how many steps of every measure could be used, alone on its rows."""
    fewer = {}
    for name, count in steps.items():
        lack, units = lacking[name], data.measures[name].units
        useful = math.ceil(lack / units - SLACK) if lack > 0 and units > 0 else 0
        fewer[name] = min(count, useful)
    return fewer


def _lacking(data: Data, at: Places, use: Use) -> dict[str, float]:
    """Return what could be used beyond today, the most on any row of a measure, in its units."""
    site = {s: i for i, s in enumerate(at.sites)}
    town = {m: i for i, m in enumerate(data.municipalities)}
    service = {h: j for j, h in enumerate(data.family)}
    wanted = at.needs_size.sum(axis=1) > 0
    # A dwelling serves every size up to its own; the largest lack among them decides.
    dwellings = np.maximum.accumulate(np.where(wanted, use.housing - at.stock, 0.0), axis=1)
    seats = use.transport - at.seats
    units = _lacking_services(data, at, use, town, service)
    lacking = {}
    for name, measure in data.measures.items():
        if measure.kind is MeasureKind.DWELLINGS:
            size = bisect.bisect_right(at.sizes, measure.beds) - 1
            lack = dwellings[site[measure.place], size] if size >= 0 else 0.0
        elif measure.kind is MeasureKind.TRANSIT:
            lack = seats[site[measure.place]]
        else:
            lack = units[town[measure.place], service[measure.service]]
        lacking[name] = float(lack)
    return lacking


def _lacking_services(
    data: Data, at: Places, use: Use, town: Mapping[str, int], service: Mapping[str, int]
) -> Array:
    """Return what could be used beyond today's places, in a municipality or its pools."""
    lacking = use.services - at.capacity
    for p, pool in enumerate(data.pools.values()):
        for m in pool.members:
            place = town[m], service[pool.service]
            lacking[place] = max(lacking[place], float(use.pools[p]) - pool.capacity)
    return lacking
