"""A first plan: round what the relaxation buys, then let the lots find their places.

The solver rarely finds a plan by itself, because placing everyone needs thousands of
whole measures at once. The relaxation, taken through all goals in order, knows which
measures are worth buying; rounded up they leave room, and with them fixed the rest is easy.
"""

from collections.abc import Callable

import numpy as np

from allocator.solve.arrays import Arrays, Vector
from allocator.solve.engine import Ending, Outcome

PINCHES = 6
"""Most rounds of shrinking the budget and relaxing again."""
MARGIN = 1.05
"""Part of what rounding up costs too much that the next budget goes without."""
ROUNDING = 1e-6
"""Part of a step that counts as none."""

Solver = Callable[[Arrays, Vector, float], Outcome]
"""Minimises an objective over arrays, with the time and seed of the run."""
Objective = tuple[Vector, float]


def first_plan(
    arrays: Arrays,
    relaxed: Vector,
    objectives: list[Objective],
    hold: Callable[[Arrays, Objective, float], Arrays],
    best: list[float],
    solver: Solver,
) -> Vector | None:
    """Return a solution with the measures of the relaxation rounded, or none.

    Parameters
    ----------
    arrays
        The program.
    relaxed
        Solution of its relaxation after all goals, shape (columns,).
    objectives
        The goals in order.
    hold
        Adds to a program that an objective must not exceed a value.
    best
        What each goal reaches in the relaxation.
    solver
        Minimises an objective over a program.
    """
    held = arrays
    for objective, value in zip(objectives[:-1], best[:-1], strict=True):
        held = hold(held, objective, value)
    chosen = rounded_up(held, relaxed, lambda program: solver(program.relaxed(), *objectives[-1]))
    # Often the rounded measures reach the relaxation's values of the earlier goals at once.
    outcome = solver(with_measures(held, chosen), *objectives[-1])
    if outcome.solution is not None:
        return outcome.solution
    return _goal_by_goal(with_measures(arrays, chosen), objectives, hold, solver)


def rounded_up(arrays: Arrays, relaxed: Vector, relax: Callable[[Arrays], Outcome]) -> Vector:
    """Return a solution of the relaxation with its measures rounded up as far as budgets allow.

    Parameters
    ----------
    relaxed
        The solution, shape (columns,).
    relax
        Solves the relaxation of the program with other budgets.
    """
    return _affordable(arrays, _pinch(arrays, relaxed, relax))


def _goal_by_goal(
    fixed: Arrays,
    objectives: list[Objective],
    hold: Callable[[Arrays, Objective, float], Arrays],
    solver: Solver,
) -> Vector | None:
    solution = None
    for objective in objectives:
        outcome = solver(fixed, *objective)
        if outcome.solution is None or outcome.value is None:
            return solution
        solution = outcome.solution
        if outcome.ending is Ending.LIMIT:
            return solution
        fixed = hold(fixed, objective, outcome.value)
    return solution


def _pinch(arrays: Arrays, relaxed: Vector, relax: Callable[[Arrays], Outcome]) -> Vector:
    """Shrink the budgets of the relaxation until its measures, rounded up, fit the real ones."""
    columns = np.array(list(arrays.columns.get("steps", {}).values()), dtype=int)
    rows = np.array([i for i, (name, _) in enumerate(arrays.row_names) if name == "budget"], int)
    if not len(rows):
        return relaxed
    price = arrays.matrix[rows][:, columns]
    budget = arrays.row_upper[rows]
    allowed = budget.copy()
    for _ in range(PINCHES):
        over = price @ np.ceil(relaxed[columns] - ROUNDING) - budget
        if (over <= 0).all():
            break
        allowed = allowed - MARGIN * np.maximum(over, 0.0)
        outcome = relax(arrays.with_row_upper(rows, allowed))
        if outcome.solution is None:
            break
        relaxed = outcome.solution
    return relaxed


def _affordable(arrays: Arrays, relaxed: Vector) -> Vector:
    """Round steps up, largest fraction first, as long as every budget allows."""
    columns = np.array(list(arrays.columns.get("steps", {}).values()), dtype=int)
    steps = np.floor(relaxed[columns] + ROUNDING)
    fraction = relaxed[columns] - steps
    rows = [i for i, (name, _) in enumerate(arrays.row_names) if name == "budget"]
    price = arrays.matrix[rows][:, columns].toarray()
    left = arrays.row_upper[rows] - price @ steps
    for i in np.argsort(-fraction, kind="stable"):
        if fraction[i] > ROUNDING and (price[:, i] <= left + 1e-9).all():
            steps[i] += 1
            left = left - price[:, i]
    chosen = relaxed.copy()
    chosen[columns] = steps
    return chosen


def with_measures(arrays: Arrays, chosen: Vector) -> Arrays:
    """Return a program with the measures of a solution, shape (columns,), fixed."""
    columns = np.array(list(arrays.columns.get("steps", {}).values()), dtype=int)
    lower, upper = arrays.lower.copy(), arrays.upper.copy()
    lower[columns] = upper[columns] = chosen[columns]
    return arrays.with_bounds(lower, upper)
