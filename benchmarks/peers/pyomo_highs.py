"""Peer: the Pyomo model solved by Pyomo's own interface to HiGHS.

The rows that the arrays have beyond the model (further secants, held goals) are added to it
as Pyomo constraints, and changed bounds are set on its variables. The interface has neither
callback nor start for HiGHS, so progress is read from the log file of HiGHS afterwards.
It redirects the file descriptors of the process: run it in a process of its own.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.contrib.solver.common.results import SolutionStatus, TerminationCondition
from pyomo.core.expr.numeric_expr import LinearExpression

from benchmarks.peers.highs_arrays import options
from benchmarks.peers.highs_log import replay
from benchmarks.peers.peer import Answer, Ending, Record, Task

ENDINGS = {
    TerminationCondition.convergenceCriteriaSatisfied: Ending.REACHED,
    TerminationCondition.maxTimeLimit: Ending.LIMIT,
    TerminationCondition.provenInfeasible: Ending.INFEASIBLE,
}


def minimise(task: Task, record: Record) -> Answer:
    """Minimise one goal."""
    variables = _state(task)
    solver = SolverFactory("highs")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "highs.log"
        results = solver.solve(
            task.model,
            load_solutions=False,
            raise_exception_on_nonoptimal_result=False,
            solver_options={**options(task), "log_file": str(log)},
        )
        written = log.stat().st_mtime if log.exists() else time.time()
        ended = record.elapsed - max(0.0, time.time() - written)
        # The interface passes the constant of the objective on to HiGHS.
        replay(log, record, ended, 0.0)
    ending = ENDINGS.get(results.termination_condition, Ending.FAILED)
    if results.solution_status not in (SolutionStatus.optimal, SolutionStatus.feasible):
        return Answer(ending, None)
    results.solution_loader.load_vars()
    bound = results.objective_bound
    finite = bound is not None and np.isfinite(bound)
    record.add(float(results.incumbent_objective), float(bound) if finite else None)
    # A variable that is in no row and not in the objective has no value; any is as good.
    values = [
        float(low if variable.value is None else variable.value)
        for variable, low in zip(variables, task.arrays.lower, strict=True)
    ]
    return Answer(ending, np.array(values))


def _state(task: Task) -> list[Any]:
    """Bring the model in line with the task and return its variables in order of columns."""
    model, arrays = task.model, task.arrays
    variables: list[Any] = [None] * arrays.matrix.shape[1]
    for component, positions in arrays.columns.items():
        for index, column in positions.items():
            variables[column] = model.component(component)[index]
    for variable, low, high in zip(variables, arrays.lower, arrays.upper, strict=True):
        variable.setlb(_side(low))
        variable.setub(_side(high))
    for objective in model.component_objects(pyo.Objective, active=True):
        objective.deactivate()
    model.del_component("further")
    model.further = pyo.Block()
    model.further.rows = pyo.Constraint(range(task.base_rows, arrays.matrix.shape[0]))
    matrix = arrays.matrix
    for i in range(task.base_rows, matrix.shape[0]):
        span = slice(matrix.indptr[i], matrix.indptr[i + 1])
        body = _linear(matrix.data[span], [variables[j] for j in matrix.indices[span]])
        low, high = _side(arrays.row_lower[i]), _side(arrays.row_upper[i])
        model.further.rows[i] = (low, body, high)
    used = np.flatnonzero(task.cost)
    goal = _linear(task.cost[used], [variables[j] for j in used], task.constant)
    model.further.goal = pyo.Objective(expr=goal)
    return variables


def _linear(coefficients: Any, variables: list[Any], constant: float = 0.0) -> Any:
    coefs = [float(a) for a in coefficients]
    return LinearExpression(constant=constant, linear_coefs=coefs, linear_vars=variables)


def _side(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
