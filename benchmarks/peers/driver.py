"""Take a peer through the goals in order, each held at the value reached."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from allocator.solve.arrays import Arrays, Vector
from allocator.solve.progress import relative_gap
from benchmarks.peers.case import Case
from benchmarks.peers.peer import Ending, Minimise, Point, Record, Settings, Task
from models.policy import Goal

WRONG = 0.01
"""Violation of a row or a bound from which an answer is none, in the unit of the row."""
HOLD = 1e-6
"""Part of a goal's value (and absolute amount) by which rounding may break its hold."""


@dataclass(frozen=True)
class GoalRun:
    """One goal of one peer.

    Attributes
    ----------
    name
        Name of the goal.
    began
        Seconds since the peer began with its first goal.
    seconds
        Wall time of the goal.
    ending
        How it ended.
    value
        Of the answer, read from the arrays; none without an answer.
    missed
        By how much the secants lie below unfairness at the answer, in the goal's unit.
    violation
        Largest violation of a row or a bound by the answer, in the unit of the row.
    points
        The trajectory; its seconds count from `began`. Empty when the answer was refused.
    notes
        Remarks of the peer.
    held_short
        Largest gap at which an earlier goal was held that ended short of the gap asked for
        (1 without a bound). Above zero the goal is another, easier one than it should be.
    """

    name: str
    began: float
    seconds: float
    ending: Ending
    value: float | None = None
    missed: float | None = None
    violation: float | None = None
    points: tuple[Point, ...] = ()
    notes: tuple[str, ...] = ()
    held_short: float = 0.0


TellGoal = Callable[[str, Point | GoalRun], None]
"""Called with the name of a goal and a new point or, at its end, the run of the goal."""


def run(
    case: Case, minimise: Minimise, settings: Settings, tell: TellGoal | None = None
) -> list[GoalRun]:
    """Minimise every goal of `case`; goals that nothing counts towards are skipped.

    Stops after a goal without an answer, because there is then nothing to hold.
    """
    began = time.perf_counter()
    task = Task(case.arrays, np.zeros(0), 0.0, settings, None, case.model, base_rows=case.base_rows)
    runs: list[GoalRun] = []
    short = 0.0
    for goal in case.data.policy.goals:
        cost, constant = case.objective(goal)
        if not cost.any():
            continue
        task = replace(task, cost=cost, constant=constant)
        start = time.perf_counter() - began
        done, solution = _one(case, goal, minimise, task, tell)
        runs.append(replace(done, began=start, held_short=short))
        if tell is not None:
            tell(goal.name, runs[-1])
        if solution is None or done.value is None:
            break
        if done.ending is not Ending.REACHED:
            gap = relative_gap(done.value, done.points[-1].bound if done.points else None)
            short = max(short, 1.0 if gap is None else gap)
        allowed = done.value + max(goal.tolerance_absolute, goal.tolerance * abs(done.value))
        arrays = hold(task.arrays, cost, constant, allowed)
        task = replace(task, arrays=arrays, start=case.secants.exact(solution))
    return runs


def _one(
    case: Case, goal: Goal, minimise: Minimise, task: Task, tell: TellGoal | None
) -> tuple[GoalRun, Vector | None]:
    """Minimise one goal and check the answer, which is refused when it breaks a rule."""
    record = Record(_telling(tell, goal.name))
    answer = minimise(task, record)
    done = GoalRun(goal.name, 0.0, record.elapsed, answer.ending, points=tuple(record.points))
    done = replace(done, notes=answer.notes)
    solution = answer.solution
    if solution is None:
        return done, None
    broken = violation(task.arrays, solution)
    if broken > WRONG:
        notes = (*answer.notes, f"refused: the answer breaks a rule by {broken:g}")
        refused = replace(done, ending=Ending.FAILED, points=(), notes=notes, violation=broken)
        return refused, None
    exact = case.secants.exact(solution)
    value, missed = float(task.cost @ solution), float(task.cost @ (exact - solution))
    done = replace(done, value=value + task.constant, missed=missed, violation=broken)
    return done, solution


def _telling(tell: TellGoal | None, name: str) -> Callable[[Point], None] | None:
    return None if tell is None else lambda point: tell(name, point)


def hold(arrays: Arrays, cost: Vector, constant: float, allowed: float) -> Arrays:
    """Let ``cost·x + constant`` not exceed `allowed`, as the engine does.

    A goal that is down to zero and only counts columns that cannot be negative is held by
    fixing those columns, which leaves nothing to rounding; any other by a row.
    """
    used = np.flatnonzero(cost)
    zero = allowed - constant <= HOLD and (cost[used] > 0).all()
    if zero and (arrays.lower[used] >= 0).all():
        upper = arrays.upper.copy()
        upper[used] = arrays.lower[used]
        return arrays.with_bounds(arrays.lower, upper)
    top = np.array([allowed - constant + HOLD * max(1.0, abs(allowed))])
    row = sp.csr_array(cost.reshape(1, -1))
    return arrays.with_rows(row, np.array([-np.inf]), top, "hold")


def violation(arrays: Arrays, solution: Vector) -> float:
    """Return the largest amount by which `solution` breaks a row, a bound or wholeness."""
    activity = arrays.matrix @ solution
    whole = np.where(arrays.integer, np.abs(solution - np.round(solution)), 0.0)
    amounts = [
        arrays.row_lower - activity,
        activity - arrays.row_upper,
        arrays.lower - solution,
        solution - arrays.upper,
        whole,
    ]
    return max(0.0, *(float(a.max(initial=0.0)) for a in amounts))
