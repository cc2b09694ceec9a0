"""Measures: what the state buys stays within the budget.

::

    Σ_l cost_l y_l ≤ budget                     in all, and for every kind with a budget
    0 ≤ y_l ≤ max_l,  y_l whole
    y_l ≤ max_l a_m                             where the fair share of m is below the floor

=========  ==========================================  ===================
y_l        steps of measure l, integer                 steps
cost_l     cost of one step                            currency per step
max_l      most steps: its own limit, what the budget  steps
           could pay, and what could be used of them
a_m        1 when m is asked                           yes or no
=========  ==========================================  ===================

Where nobody is asked nothing need be bought. That is stated where it makes the relaxation
tighter, at municipalities that would be asked for a part of the floor; not for service places
that a pool shares, which may serve its other members.

*When it binds* money is short: its price is what one more unit of currency is worth to
the goal. *Relaxed* by a larger budget.
"""

from collections.abc import Mapping
from typing import Any

import pyomo.environ as pyo

from models.program import participation
from models.program.data import Data
from models.program.rows import at_most


def declare(model: Any, data: Data, most: Mapping[str, int]) -> None:
    """Declare the steps of every measure and the rows of the budgets.

    Parameters
    ----------
    most
        Most steps of every measure.
    """
    model.steps = pyo.Var(
        list(data.measures),
        domain=pyo.NonNegativeIntegers,
        bounds=lambda _, name: (0, most[name]),
    )

    def budget(_: Any, kind: str) -> Any:
        paid = [
            (data.measures[name].cost / MILLION, model.steps[name])
            for name in data.measures
            if kind in ("total", data.measures[name].kind.value) and data.measures[name].cost > 0
        ]
        if paid and hasattr(model, "further_budget"):
            paid.append((-1.0, model.further_budget[kind]))
        limit = data.budgets[kind] / MILLION
        return at_most(paid, limit) if paid else pyo.Constraint.Skip

    model.budget = pyo.Constraint(list(data.budgets), rule=budget)


def constrain(model: Any, data: Data, most: Mapping[str, int]) -> None:
    """State that nothing is bought where nobody is asked."""
    towns = {s: m for m, sites in data.sites.items() for s in sites}
    shared = {(m, pool.service) for pool in data.pools.values() for m in pool.members}
    gates = {}
    for name, measure in data.measures.items():
        m = towns[measure.place] if not measure.service else measure.place
        gate = participation.asked(model, data, m)
        if gate is not None and most[name] > 0 and (m, measure.service) not in shared:
            gates[name] = gate
    model.bought_if_asked = pyo.Constraint(
        list(gates),
        rule=lambda _, name: at_most([(1, model.steps[name]), (-most[name], gates[name])], 0.0),
    )


MILLION = 1e6
"""Budget rows are in millions, so that their coefficients stay near those of the others."""
