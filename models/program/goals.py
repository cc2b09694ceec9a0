"""Goals: the terms that goals are weighted sums of, one linear expression each.

==============  ==========================================================  =================
shortfall       Σ_g u_g                                                     persons
overload        Σ price · v over the soft families                          priced units
unfairness      Σ_m U_m                                                     persons
max_ratio       R                                                           quota ÷ fair share
cost            Σ_l cost_l y_l                                              currency
change          Σ_m C_m                                                     persons
outcome         − Σ_m Σ_g probability_{m,g} Σ_{s∈S(m)} x_{s,g}              persons, negative
==============  ==========================================================  =================

All are minimised, which is why `outcome` carries a minus sign.
"""

from typing import Any

import pyomo.environ as pyo

from models.policy import Term
from models.program.data import Data
from models.program.fairness import terms_used


def declare(model: Any, data: Data) -> None:
    """Declare one objective for every term that a goal counts."""
    for term in Term:
        if term in terms_used(data):
            expression = _EXPRESSIONS[term](model, data)
            setattr(model, f"goal_{term.value}", pyo.Objective(expr=expression))


def _overload(model: Any, data: Data) -> Any:
    soft = data.policy.soft
    parts = [
        soft.get("housing", 0.0) * sum(model.missing_dwellings.values()),
        soft.get("transport", 0.0) * sum(model.missing_seats.values()),
    ]
    parts += [soft[data.family[h]] * v for (_, h), v in model.missing_places.items()]
    parts += [
        soft[data.family[data.pools[p].service]] * v for p, v in model.missing_pool_places.items()
    ]
    return sum(parts)


def _outcome(model: Any, data: Data) -> Any:
    return -sum(
        data.probability.get((m, g), 0.0) * model.persons[s, g]
        for m in data.municipalities
        for g in data.groups_at(m)
        for s in data.sites[m]
    )


_EXPRESSIONS = {
    Term.SHORTFALL: lambda model, _: sum(model.unplaced.values()),
    Term.OVERLOAD: _overload,
    Term.UNFAIRNESS: lambda model, _: sum(model.unfairness.values()),
    Term.MAX_RATIO: lambda model, _: model.largest_ratio,
    Term.COST: lambda model, data: sum(
        measure.cost * model.steps[name] for name, measure in data.measures.items()
    ),
    Term.CHANGE: lambda model, _: sum(model.change.values()),
    Term.OUTCOME: _outcome,
}
