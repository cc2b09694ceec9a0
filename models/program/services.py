"""Services: nobody is sent where the doctor's list, the care or the class is full.

::

    Σ_g need_{g,h} Σ_{s∈S(m)} x_{s,g} ≤ capacity_{m,h} + Σ_l units_l y_l + v_{m,h}
    Σ_{m∈P} Σ_g need_{g,h} Σ_{s∈S(m)} x_{s,g} ≤ capacity_P + Σ_{l at m∈P} units_l y_l + v_P

===============  =====================================================  ================
x_{s,g}          persons of group g at site s                           persons
need_{g,h}       units of service h that one person of g uses           units per person
capacity_{m,h}   free units of h in m; blank: no limit                  units
capacity_P       free units that the members of pool P share            units
units_l          units that one step of measure l adds                  units per step
y_l              steps of measure l, integer                            steps
v                units missing, only if the family of h is soft         units
===============  =====================================================  ================

*When it binds* the service is full. *Relaxed* by measures of kind `service`, which add
to the municipality and to the pools it draws on for that service, or at a price per
unit when the family is soft.
"""

from typing import Any

import numpy as np
import pyomo.environ as pyo

from models.columns import MeasureKind
from models.program import capacity
from models.program.bounds import Bounds
from models.program.capacity import Row
from models.program.data import Data
from models.program.participation import asked
from models.program.rows import Terms
from models.program.stock import by_stock
from models.program.tightening import Tightening


def constrain(model: Any, data: Data, bounds: Bounds, tighten: frozenset[Tightening]) -> None:
    """State the rows of services in municipalities and in pools."""
    town = {m: i for i, m in enumerate(data.municipalities)}
    service = {h: j for j, h in enumerate(data.family)}
    limited = [
        (m, h)
        for m in data.municipalities
        for h in data.family
        if (m, h) in data.capacity and any(h in data.groups[g].needs for g in data.groups_at(m))
    ]
    soft = {h: data.is_soft(family) for h, family in data.family.items()}
    model.missing_places = pyo.Var(
        [(m, h) for m, h in limited if soft[h]], domain=pyo.NonNegativeReals
    )
    model.missing_pool_places = pyo.Var(
        [p for p, pool in data.pools.items() if soft[pool.service]], domain=pyo.NonNegativeReals
    )
    limited_by_stock = Tightening.STOCK in tighten and not data.is_soft("housing")
    stock = {h: by_stock(data, bounds, bounds.at.need[i]) for h, i in service.items()}
    today = [np.bincount(bounds.at.owner, one.use, len(town)) for one in stock.values()]
    persons = dict(model.persons.items())
    in_towns = {
        (m, h): Row(
            used=_used(data, persons, m, h),
            added=_added(model, data, m, h),
            capacity=data.capacity[m, h],
            use=float(bounds.use.services[town[m], service[h]]),
            held=float(bounds.held.services[town[m], service[h]]),
            asked=asked(model, data, m),
            stock=float(today[service[h]][town[m]]),
            further=stock[h].terms(model, data, data.sites[m]) if limited_by_stock else [],
            missing=[model.missing_places[m, h]] if soft[h] else [],
        )
        for m, h in limited
    }
    in_pools = {
        p: Row(
            used=[term for m in pool.members for term in _used(data, persons, m, pool.service)],
            added=[term for m in pool.members for term in _added(model, data, m, pool.service)],
            capacity=pool.capacity,
            use=float(bounds.use.pools[i]),
            held=float(bounds.held.pools[i]),
            missing=[model.missing_pool_places[p]] if soft[pool.service] else [],
        )
        for i, (p, pool) in enumerate(data.pools.items())
    }
    capacity.state(model, "services", in_towns, tighten)
    capacity.state(model, "pools", in_pools, tighten)
    if Tightening.FINITE in tighten:
        for rows in (in_towns, in_pools):
            for row in rows.values():
                for missing in row.missing:
                    missing.setub(max(0.0, row.use - row.capacity))


def _used(
    data: Data, persons: dict[tuple[str, str], Any], municipality: str, service: str
) -> Terms:
    return [
        (data.groups[g].needs[service], persons[s, g])
        for g in data.groups_at(municipality)
        if service in data.groups[g].needs
        for s in data.sites[municipality]
    ]


def _added(model: Any, data: Data, municipality: str, service: str) -> Terms:
    return [
        (data.measures[name].units, model.steps[name])
        for name in data.measures_at(MeasureKind.SERVICE, municipality)
        if data.measures[name].service == service
    ]
