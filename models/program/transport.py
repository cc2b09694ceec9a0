"""Transport: housing without a bus cannot be used.

::

    Σ_g share_g x_{s,g} ≤ seats_s + Σ_l units_l y_l + v_s        for every s with a limit

=========  ===========================================================  ================
x_{s,g}    persons of group g at site s                                 persons
share_g    part of g that needs daily transport to services             share
seats_s    persons who can travel daily with today's transport          persons per day
units_l    seats that one step of measure l adds                        persons per day
y_l        steps of measure l, integer                                  steps
v_s        seats missing, only if `transport` is soft                   persons per day
=========  ===========================================================  ================

*When it binds* dwellings at the site stand empty for want of a bus. *Relaxed* by measures
of kind `transit`, or at a price per seat when `transport` is soft.
"""

from typing import Any

import pyomo.environ as pyo

from models.columns import MeasureKind
from models.program.data import Data


def constrain(model: Any, data: Data) -> None:
    """State the row of transport of every site with a limit."""
    soft = data.is_soft("transport")
    sites = [(m, s) for m in data.municipalities for s in data.sites[m] if s in data.seats]
    model.missing_seats = pyo.Var(
        [s for _, s in sites] if soft else [], domain=pyo.NonNegativeReals
    )

    def transport(_: Any, m: str, s: str) -> Any:
        travelling = [
            data.groups[g].transit_share * model.persons[s, g]
            for g in data.groups_at(m)
            if data.groups[g].transit_share > 0
        ]
        if not travelling:
            return pyo.Constraint.Skip
        added = sum(
            data.measures[name].units * model.steps[name]
            for name in data.measures_at(MeasureKind.TRANSIT, s)
        )
        missing = model.missing_seats[s] if soft else 0
        return sum(travelling) - added - missing <= data.seats[s]

    model.transport = pyo.Constraint(sites, rule=transport)
