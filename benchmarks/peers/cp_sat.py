"""Peer: OR-Tools CP-SAT on the program in whole numbers of `scaling`.

Values and bounds of the trajectory are those of the scaled program. The answer is checked
against the true rows within the tolerance that `scaling` states, and its persons are then
placed anew by a linear program with the integers fixed, so that the true rows hold cleanly;
where they cannot, the answer is kept as it is and a note says so.

CP-SAT runs in a process beside this one (`cp_sat_process` says why); starting it and
handing over the program take about a second, which counts.
"""

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from allocator.solve.arrays import Vector
from benchmarks.peers import highs_arrays
from benchmarks.peers.peer import Answer, Ending, Record, Settings, Task
from benchmarks.peers.scaling import Scaled, scale

ENDINGS = {
    "OPTIMAL": Ending.REACHED,
    "FEASIBLE": Ending.LIMIT,
    "UNKNOWN": Ending.LIMIT,
    "INFEASIBLE": Ending.INFEASIBLE,
}
POLISH_SECONDS = 60.0
"""Most seconds for placing persons anew."""


def minimise(task: Task, record: Record) -> Answer:
    """Minimise one goal.

    Raises
    ------
    RuntimeError
        If the process of CP-SAT dies, or its answer breaks a true row by more than the
        tolerance stated.
    TooLarge
        If the program does not fit whole numbers.
    """
    scaled = scale(task.arrays, task.cost, task.start)
    last = _solve(task, scaled, record)
    ending = ENDINGS.get(last["status"], Ending.FAILED)
    if last["counts"] is None:
        return Answer(ending, None)
    solution = np.array(last["counts"], dtype=np.float64) / scaled.unit
    return _checked(task, scaled, solution, ending)


def _solve(task: Task, scaled: Scaled, record: Record) -> dict[str, Any]:
    """Run CP-SAT and return the last line it writes."""
    settings = task.settings
    parameters = {
        "num_workers": settings.threads,
        "max_time_in_seconds": settings.time_limit,
        "relative_gap_limit": settings.gap,
        "random_seed": settings.seed,
        # One worker alone searches in one way; interleaved it takes turns like many.
        "interleave_search": settings.threads == 1,
    }
    command = [sys.executable, "-m", "benchmarks.peers.cp_sat_process"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]  # the pipes are keywords
        process.stdin.write(json.dumps(parameters) + "\n" + scaled.program.to_json() + "\n")
        process.stdin.close()
        for line in process.stdout:
            said: dict[str, Any] = json.loads(line)
            if "status" in said:
                return said
            value, bound = (_unscaled(said[k], scaled, task) for k in ("incumbent", "bound"))
            record.add(value, bound)
    raise RuntimeError(f"the process of CP-SAT died with exit code {process.returncode}")


def _unscaled(counts: float | None, scaled: Scaled, task: Task) -> float | None:
    return None if counts is None else counts / scaled.goal_factor + task.constant


def _checked(task: Task, scaled: Scaled, solution: Vector, ending: Ending) -> Answer:
    """Check the true rows within the tolerance and place the persons anew."""
    arrays = task.arrays
    activity = arrays.matrix @ solution
    over = np.maximum(arrays.row_lower - activity, activity - arrays.row_upper)
    beyond = np.flatnonzero(over > scaled.tolerance + 1e-6)
    if beyond.size:
        worst = int(beyond[np.argmax(over[beyond])])
        raise RuntimeError(
            f"{beyond.size} rows are broken beyond the tolerance of scaling, the worst "
            f"{arrays.row_names[worst]} by {over[worst]:g} (stated {scaled.tolerance[worst]:g})"
        )
    note = f"as scaled, true rows were broken by at most {max(0.0, float(over.max())):.2g}"
    settings = Settings(POLISH_SECONDS, 0.0, task.settings.threads, task.settings.seed)
    fixed = replace(task, arrays=arrays.integers_fixed(solution), settings=settings, start=None)
    placed = highs_arrays.minimise(fixed, Record())
    if placed.solution is None:
        return Answer(ending, solution, (note, "with these integers the true rows cannot be kept"))
    return Answer(ending, placed.solution, (note,))
