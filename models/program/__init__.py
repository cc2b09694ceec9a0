"""The mathematical program in Pyomo, one family of constraints a file.

`build` puts the families together. The formulation page of the documentation is made
of the docstrings of these modules.
"""

from typing import Any

import pyomo.environ as pyo

from models.program import (
    bounds,
    fairness,
    goals,
    housing,
    measures,
    participation,
    services,
    stability,
    supply,
    transport,
)
from models.program.data import Data, collect

__all__ = ["Data", "build", "collect", "most_persons"]


def most_persons(data: Data, at_site: dict[tuple[str, str], float]) -> dict[str, float]:
    """Return Q_m, the largest quota by capacity, measures and policy, in persons."""
    allowed = stability.largest_allowed(data)
    return {
        m: max(
            0.0,
            min(
                bounds.most_in_municipality(data, m, at_site),
                allowed[m],
                float(data.target),
            ),
        )
        for m in data.municipalities
    }


def build(data: Data, *, relief: bool = False) -> Any:
    """State the program.

    Parameters
    ----------
    data
        Coefficients, from `collect`.
    relief
        Let every demand on quotas give way at a price, to look for conflicts; the only
        objective is then the sum of reliefs, in persons.

    Returns
    -------
    pyomo.environ.ConcreteModel
        With one objective a term of the goals, and `model.most` holding Q_m.
    """
    model = pyo.ConcreteModel("quotas")
    at_site = {
        (s, g): bounds.most_at_site(data, s, g)
        for m in data.municipalities
        for s in data.sites[m]
        for g in data.groups_at(m)
    }
    if relief:
        stability.declare_relief(model, data)
        most = {m: bounds.most_in_municipality(data, m, at_site) for m in data.municipalities}
    else:
        most = most_persons(data, at_site)
    supply.declare(model, data, at_site)
    participation.declare(model, data, most)
    supply.constrain(model, data)
    measures.declare(model, data)
    housing.constrain(model, data)
    transport.constrain(model, data)
    services.constrain(model, data)
    stability.constrain(model, data)
    if relief:
        model.goal_relief = pyo.Objective(expr=sum(model.relief.values()))
    else:
        fairness.constrain(model, data, most)
        goals.declare(model, data)
    model.most = most
    return model
