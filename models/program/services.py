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

import pyomo.environ as pyo

from models.columns import MeasureKind
from models.program.data import Data


def constrain(model: Any, data: Data) -> None:
    """State the rows of services in municipalities and in pools."""
    limited = [
        (m, h)
        for m in data.municipalities
        for h in data.family
        if (m, h) in data.capacity and any(h in data.groups[g].needs for g in data.groups_at(m))
    ]
    model.missing_places = pyo.Var(
        [(m, h) for m, h in limited if data.is_soft(data.family[h])],
        domain=pyo.NonNegativeReals,
    )
    model.missing_pool_places = pyo.Var(
        [p for p, pool in data.pools.items() if data.is_soft(data.family[pool.service])],
        domain=pyo.NonNegativeReals,
    )

    def services(_: Any, m: str, h: str) -> Any:
        missing = model.missing_places[m, h] if data.is_soft(data.family[h]) else 0
        used, added = _used(model, data, m, h), _added(model, data, m, h)
        return sum(used) - sum(added) - missing <= data.capacity[m, h] if used else _SKIP

    def pools(_: Any, p: str) -> Any:
        pool = data.pools[p]
        soft = data.is_soft(data.family[pool.service])
        used = [term for m in pool.members for term in _used(model, data, m, pool.service)]
        added = [term for m in pool.members for term in _added(model, data, m, pool.service)]
        missing = model.missing_pool_places[p] if soft else 0
        return sum(used) - sum(added) - missing <= pool.capacity if used else _SKIP

    model.services = pyo.Constraint(limited, rule=services)
    model.pools = pyo.Constraint(list(data.pools), rule=pools)


_SKIP = pyo.Constraint.Skip


def _used(model: Any, data: Data, municipality: str, service: str) -> list[Any]:
    return [
        data.groups[g].needs[service] * model.persons[s, g]
        for g in data.groups_at(municipality)
        if service in data.groups[g].needs
        for s in data.sites[municipality]
    ]


def _added(model: Any, data: Data, municipality: str, service: str) -> list[Any]:
    return [
        data.measures[name].units * model.steps[name]
        for name in data.measures_at(MeasureKind.SERVICE, municipality)
        if data.measures[name].service == service
    ]
