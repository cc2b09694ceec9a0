"""Compile the Pyomo program to arrays: the one place outside the models that knows Pyomo."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from pyomo.common.errors import InfeasibleConstraintException
from pyomo.common.gc_manager import PauseGC
from pyomo.environ import Var
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from allocator.solve.arrays import Arrays, TriviallyInfeasible


def compile_program(model: Any) -> Arrays:
    """Turn a program from `models.program.build` into arrays.

    Raises
    ------
    TriviallyInfeasible
        If a row without variables cannot hold.
    """
    # The program is not garbage: looking through it for some only takes time.
    with PauseGC():
        return _compile(model)


def _compile(model: Any) -> Arrays:
    variables = [v for component in model.component_objects(Var) for v in component.values()]
    try:
        form = LinearStandardFormCompiler().write(
            model, mixed_form=True, set_sense=None, column_order=variables
        )
    except InfeasibleConstraintException as error:
        raise TriviallyInfeasible(str(error)) from error
    costs = sp.csr_array(form.c).toarray()
    objectives = {
        objective.local_name.removeprefix("goal_"): (costs[i], float(form.c_offset[i]))
        for i, objective in enumerate(form.objectives)
    }
    rhs = np.asarray(form.rhs, dtype=np.float64)
    sides = np.array([row.bound_type for row in form.rows])
    bounds = [(v.lb, v.ub) for v in form.columns]
    return Arrays(
        matrix=sp.csr_array(form.A),
        row_lower=np.where(sides <= 0, rhs, -np.inf),
        row_upper=np.where(sides >= 0, rhs, np.inf),
        lower=np.array([-np.inf if lb is None else lb for lb, _ in bounds], dtype=np.float64),
        upper=np.array([np.inf if ub is None else ub for _, ub in bounds], dtype=np.float64),
        integer=np.array([v.is_integer() or v.is_binary() for v in form.columns], dtype=bool),
        objectives=objectives,
        columns=_positions(form.columns),
        row_names=tuple(
            (row.constraint.parent_component().local_name, row.constraint.index())
            for row in form.rows
        ),
    )


def _positions(columns: list[Any]) -> dict[str, dict[Any, int]]:
    positions: dict[str, dict[Any, int]] = {}
    for i, variable in enumerate(columns):
        component = variable.parent_component().local_name
        positions.setdefault(component, {})[variable.index()] = i
    return positions
