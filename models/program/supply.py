"""Supply: everyone expected is placed somewhere, or counted as shortfall.

::

    Σ_s x_{s,g} + u_g = D_g            for every group g
    Σ_{s∈S(m)} x_{s,g} = w_{m,g}       for every integral group g, w_{m,g} whole

=========  ==============================================  ==========
x_{s,g}    persons of group g at site s                    persons
u_g        persons of group g without a place              persons
D_g        persons expected, Σ D_g = T                     persons
w_{m,g}    municipal total of an integral group, integer   persons
=========  ==============================================  ==========

*When it binds*: always; the price of the row is what one more person of the group
costs the country. *Relaxed* by u_g, which the goal `shortfall` counts.
"""

import math
from typing import Any

import pyomo.environ as pyo

from models.program.bounds import Bounds
from models.program.data import Data
from models.program.rows import Terms, equal


def declare(model: Any, data: Data, bounds: Bounds) -> None:
    """Declare persons (where a group may be placed) and unplaced."""
    most = {
        (s, g): float(persons)
        for s, row, m in zip(bounds.at.sites, bounds.persons, bounds.at.owner, strict=True)
        for g, persons, allowed in zip(data.groups, row, bounds.at.allowed[m], strict=True)
        if allowed
    }
    model.persons = pyo.Var(
        list(most), domain=pyo.NonNegativeReals, bounds=lambda _, s, g: (0, most[s, g])
    )
    model.unplaced = pyo.Var(
        list(data.groups),
        domain=pyo.NonNegativeReals,
        bounds=lambda _, g: (0, data.groups[g].demand),
    )


def constrain(model: Any, data: Data) -> None:
    """State that everyone is placed or counted, and that integral totals are whole."""
    placed: dict[str, Terms] = {g: [(1, model.unplaced[g])] for g in data.groups}
    for (_, g), persons in model.persons.items():
        placed[g].append((1, persons))
    model.supply = pyo.Constraint(
        list(data.groups), rule=lambda _, g: equal(placed[g], data.groups[g].demand)
    )
    whole = [
        (m, g)
        for m in data.municipalities
        for g in data.groups_at(m)
        if data.groups[g].integral and data.sites[m]
    ]
    model.whole = pyo.Var(
        whole,
        domain=pyo.NonNegativeIntegers,
        bounds=lambda _, m, g: (0, math.floor(_most_in(model, data, m, g) + 1e-9)),
    )
    model.whole_total = pyo.Constraint(
        whole,
        rule=lambda _, m, g: (
            sum(model.persons[s, g] for s in data.sites[m]) - model.whole[m, g] == 0
        ),
    )


def _most_in(model: Any, data: Data, municipality: str, group: str) -> float:
    at_sites = sum(model.persons[s, group].ub for s in data.sites[municipality])
    return min(data.groups[group].demand, float(at_sites))
