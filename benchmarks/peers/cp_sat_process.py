"""Solve a program in whole numbers with CP-SAT: a process that `cp_sat` starts.

Reads two lines (the parameters and the program, as JSON) and writes a line of JSON for every
better value or bound, then one with the status and the counts. It imports neither the
engine nor anything else that imports `highspy`: OR-Tools carries another version of the HiGHS
library under the same name, and whichever is loaded second fails to load.
"""

import json
import sys
import threading
from typing import Any

from ortools.sat.python import cp_model

from benchmarks.peers.whole import Whole

_SAYING = threading.Lock()


def say(**content: Any) -> None:
    """Write one line of JSON; callbacks come from several threads."""
    with _SAYING:
        print(json.dumps(content), flush=True)


class Watch(cp_model.CpSolverSolutionCallback):
    """Tell of every better solution."""

    def on_solution_callback(self) -> None:
        """Tell value and bound, in counts."""
        say(incumbent=self.objective_value, bound=self.best_objective_bound)


def state(program: Whole) -> tuple[cp_model.CpModel, list[cp_model.IntVar]]:
    """State the program."""
    model = cp_model.CpModel()
    bounds = zip(program.lower, program.upper, strict=True)
    variables = [model.new_int_var(low, high, "") for low, high in bounds]
    for row in program.rows:
        terms = [variables[j] for j in row.columns]
        low = cp_model.INT_MIN if row.lower is None else row.lower
        high = cp_model.INT_MAX if row.upper is None else row.upper
        expression = cp_model.LinearExpr.weighted_sum(terms, row.coefficients)
        model.add_linear_constraint(expression, low, high)
    goal = [variables[j] for j in program.goal.columns]
    model.minimize(cp_model.LinearExpr.weighted_sum(goal, program.goal.coefficients))
    for variable, count in zip(variables, program.hint or [], strict=False):
        model.add_hint(variable, count)
    return model, variables


def main() -> None:
    """Read, solve, tell."""
    parameters = json.loads(sys.stdin.readline())
    model, variables = state(Whole.from_json(sys.stdin.readline()))
    solver = cp_model.CpSolver()
    for name, value in parameters.items():
        setattr(solver.parameters, name, value)
    solver.best_bound_callback = lambda bound: say(incumbent=None, bound=bound)
    status = solver.solve(model, Watch())
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        say(incumbent=solver.objective_value, bound=solver.best_objective_bound)
        counts = [solver.value(variable) for variable in variables]
        say(status=solver.status_name(status), counts=counts)
    else:
        say(status=solver.status_name(status), counts=None)


if __name__ == "__main__":
    main()
