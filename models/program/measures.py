"""Measures: what the state buys stays within the budget.

::

    Σ_l cost_l y_l ≤ budget                     in all, and for every kind with a budget
    0 ≤ y_l ≤ max_l,  y_l whole

=========  ==========================================  ===================
y_l        steps of measure l, integer                 steps
cost_l     cost of one step                            currency per step
max_l      most steps: its own limit, and what the     steps
           budget could pay
=========  ==========================================  ===================

*When it binds* money is short: its price is what one more unit of currency is worth to
the goal. *Relaxed* by a larger budget.
"""

from typing import Any

import pyomo.environ as pyo

from models.columns import MeasureKind
from models.program.bounds import most_steps
from models.program.data import Data


def declare(model: Any, data: Data) -> None:
    """Declare the steps of every measure and the rows of the budgets."""
    model.steps = pyo.Var(
        list(data.measures),
        domain=pyo.NonNegativeIntegers,
        bounds=lambda _, name: (0, most_steps(data, name)),
    )
    kinds = {kind.value: data.policy.budget.for_kind(kind.value) for kind in MeasureKind}
    budgets = {"total": data.budget, **kinds}

    def budget(_: Any, kind: str) -> Any:
        paid = [
            (data.measures[name].cost / MILLION) * model.steps[name]
            for name in data.measures
            if kind in ("total", data.measures[name].kind.value) and data.measures[name].cost > 0
        ]
        return sum(paid) <= (budgets[kind] or 0.0) / MILLION if paid else pyo.Constraint.Skip

    model.budget = pyo.Constraint([k for k, b in budgets.items() if b is not None], rule=budget)


MILLION = 1e6
"""Budget rows are in millions, so that their coefficients stay near those of the others."""
