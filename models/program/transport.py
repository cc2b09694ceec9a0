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

import math
from typing import Any

import pyomo.environ as pyo

from models.columns import MeasureKind
from models.program import capacity
from models.program.bounds import Bounds
from models.program.capacity import Row
from models.program.data import Data
from models.program.participation import asked
from models.program.stock import by_stock
from models.program.tightening import Tightening


def constrain(model: Any, data: Data, bounds: Bounds, tighten: frozenset[Tightening]) -> None:
    """State the row of transport of every site with a limit."""
    soft = data.is_soft("transport")
    position = {s: i for i, s in enumerate(bounds.at.sites)}
    sites = [(m, s) for m in data.municipalities for s in data.sites[m] if s in data.seats]
    model.missing_seats = pyo.Var(
        [s for _, s in sites] if soft else [], domain=pyo.NonNegativeReals
    )
    limited = Tightening.STOCK in tighten and not data.is_soft("housing")
    stock = by_stock(data, bounds, bounds.at.share)
    persons = dict(model.persons.items())
    rows = {
        (m, s): Row(
            used=[
                (data.groups[g].transit_share, persons[s, g])
                for g in data.groups_at(m)
                if data.groups[g].transit_share > 0
            ],
            added=[
                (data.measures[name].units, model.steps[name])
                for name in data.measures_at(MeasureKind.TRANSIT, s)
            ],
            capacity=data.seats[s],
            use=float(bounds.use.transport[position[s]]),
            held=float(bounds.held.transport[position[s]]),
            asked=asked(model, data, m),
            stock=float(stock.use[position[s]]) if limited else math.inf,
            further=stock.terms(model, data, (s,)) if limited else [],
            missing=[model.missing_seats[s]] if soft else [],
        )
        for m, s in sites
    }
    capacity.state(model, "transport", rows, tighten)
    if soft and Tightening.FINITE in tighten:
        for _, s in sites:
            lacking = float(bounds.use.transport[position[s]]) - data.seats[s]
            model.missing_seats[s].setub(max(0.0, lacking))
