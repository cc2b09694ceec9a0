"""The runs of the peers as a table and as JSON."""

import platform
from collections.abc import Sequence
from dataclasses import asdict
from os import cpu_count
from typing import Any

from allocator.solve.progress import relative_gap
from benchmarks.peers.case import Spec
from benchmarks.peers.driver import GoalRun
from benchmarks.peers.peer import Settings
from benchmarks.peers.process import PeerRun
from benchmarks.peers.times import milestones

TOLD = 1e-4
"""Amount that the secants miss from which it is told, in the unit of the goal."""
HEAD = (
    "peer",
    "threads",
    "goal",
    "first",
    "1 %",
    "0.5 %",
    "0.1 %",
    "seconds",
    "value",
    "bound",
    "gap",
    "ending",
    "MiB",
)


def table(runs: Sequence[PeerRun]) -> str:
    """Return one row a goal as a Markdown table, and remarks below it.

    Times are in seconds and include the earlier goals.
    """
    lines = [list(HEAD)]
    for run in runs:
        memory = "–" if run.peak_mib is None else f"{run.peak_mib:.0f}"
        lines += [[run.peer, str(run.threads), *_cells(goal), memory] for goal in run.goals]
        if not run.goals:
            lines.append([run.peer, str(run.threads), *["–"] * (len(HEAD) - 3), memory])
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    lines.insert(1, ["-" * width for width in widths])
    rows = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    return "\n".join([*rows, *_remarks(runs)])


def _remarks(runs: Sequence[PeerRun]) -> list[str]:
    """Say what went wrong, what the peers noted, and where the secants are not exact."""
    remarks = []
    for run in runs:
        for goal in run.goals:
            remarks += [f"{run.peer}, {goal.name}: {note}" for note in goal.notes]
            if goal.held_short > 0:
                easier = f"not comparable, an earlier goal was held {goal.held_short:.1%} off"
                remarks.append(f"{run.peer}, {goal.name}: {easier} its bound")
            if goal.missed is not None and goal.missed > TOLD:
                missed = f"the true value is {goal.missed:.4f} more, secants are missing there"
                remarks.append(f"{run.peer}, {goal.name}: {missed}")
        if run.error is not None:
            remarks.append(f"{run.peer}: {run.error}")
    return remarks


def _cells(goal: GoalRun) -> list[str]:
    bound = goal.points[-1].bound if goal.points else None
    gap = relative_gap(goal.value, bound)
    marks = [_number(seconds, ".1f") for seconds in milestones(goal).values()]
    return [
        goal.name,
        *marks,
        f"{goal.began + goal.seconds:.1f}",
        _number(goal.value, ".4f"),
        _number(bound, ".4f"),
        "–" if gap is None else f"{100 * gap:.2f} %",
        goal.ending.value,
    ]


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def document(spec: Spec, settings: Settings, runs: Sequence[PeerRun]) -> dict[str, Any]:
    """Return everything that was measured, ready for JSON."""
    return {
        "case": spec.name,
        "secants_around": spec.around,
        "settings": asdict(settings),
        "python": platform.python_version(),
        "cores": cpu_count(),
        "peers": [{**asdict(run), "goals": [_goal(goal) for goal in run.goals]} for run in runs],
    }


def _goal(goal: GoalRun) -> dict[str, Any]:
    points = [(round(p.seconds, 3), p.incumbent, p.bound) for p in goal.points]
    return {**asdict(goal), "seconds_to": milestones(goal), "points": points}
