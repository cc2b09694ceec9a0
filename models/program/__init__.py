"""The mathematical program in Pyomo, one family of constraints a file.

`build` puts the families together. The formulation page of the documentation is made
of the docstrings of these modules.
"""

from typing import Any

import pyomo.environ as pyo
from pyomo.common.gc_manager import PauseGC

from models.program import (
    bounds,
    elastic,
    fairness,
    goals,
    housing,
    measures,
    order,
    participation,
    services,
    stability,
    supply,
    transport,
)
from models.program.data import Data, collect
from models.program.tightening import ALL, LEAN, NONE, Tightening

__all__ = ["ALL", "LEAN", "NONE", "Data", "Tightening", "build", "build_elastic", "collect"]


def build(data: Data, *, relief: bool = False, tighten: frozenset[Tightening] = ALL) -> Any:
    """State the program.

    Parameters
    ----------
    data
        Coefficients, from `collect`.
    relief
        Let every demand on quotas give way at a price, to look for conflicts; the only
        objective is then the sum of reliefs, in persons. Nothing is tightened.
    tighten
        How the program is made strong.

    Returns
    -------
    pyomo.environ.ConcreteModel
        With one objective a term of the goals, and `model.most` holding Q_m in persons.
    """
    # Half a million small objects that all stay: looking for garbage among them finds none.
    with PauseGC():
        return _build(data, relief=relief, tighten=NONE if relief else tighten)


def build_elastic(data: Data) -> Any:
    """State the program in which everything gives way at a price; see `elastic`.

    Returns
    -------
    pyomo.environ.ConcreteModel
        Nothing is bounded yet that gives way; the only objective is the sum of reliefs.
    """
    with PauseGC():
        wide = elastic.widened(data)
        model = pyo.ConcreteModel("quotas that give way")
        elastic.declare(model, data)
        _state(model, wide, relief=True, tighten=NONE)
        elastic.constrain(model, data, wide)
        return model


def _build(data: Data, *, relief: bool, tighten: frozenset[Tightening]) -> Any:
    model = pyo.ConcreteModel("quotas")
    _state(model, data, relief=relief, tighten=tighten)
    return model


def _state(model: Any, data: Data, *, relief: bool, tighten: frozenset[Tightening]) -> None:
    if relief:
        stability.declare_relief(model, data)
    found = bounds.find(data, tighten, relief=relief)
    most = dict(zip(data.municipalities, found.quota.tolist(), strict=True))
    supply.declare(model, data, found)
    participation.declare(model, data, most)
    supply.constrain(model, data)
    measures.declare(model, data, found.steps)
    housing.constrain(model, data, found, tighten)
    transport.constrain(model, data, found, tighten)
    services.constrain(model, data, found, tighten)
    order.constrain(model, data, found.steps, tighten)
    if Tightening.ASKED in tighten:
        measures.constrain(model, data, found.steps)
    stability.constrain(model, data)
    if relief:
        model.goal_relief = pyo.Objective(expr=sum(model.relief.values()))
    else:
        fairness.constrain(model, data, most, tighten)
        goals.declare(model, data)
    model.most = most
