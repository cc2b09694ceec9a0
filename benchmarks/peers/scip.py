"""Peer: SCIP on the arrays through `pyscipopt`, with an event handler and a start.

SCIP works in one thread whatever is allowed: its concurrent mode races whole copies of
itself, to which the event handler that tells of progress is not copied.
"""

from typing import Any

import numpy as np
from pyscipopt import SCIP_EVENTTYPE, Eventhdlr, Model, quicksum

from allocator.solve.progress import relative_gap
from benchmarks.peers.peer import Answer, Ending, Record, Task

ENDINGS = {
    "optimal": Ending.REACHED,
    "gaplimit": Ending.REACHED,
    "userinterrupt": Ending.REACHED,  # by the event handler, when the gap is reached
    "timelimit": Ending.LIMIT,
    "infeasible": Ending.INFEASIBLE,
}
EVENTS = (SCIP_EVENTTYPE.BESTSOLFOUND, SCIP_EVENTTYPE.DUALBOUNDIMPROVED)


class Watch(Eventhdlr):  # type: ignore[misc]  # pyscipopt is untyped here
    """Note every better solution and bound, and stop at the gap asked for."""

    def __init__(self, record: Record, gap: float) -> None:
        self.record, self.gap, self.over = record, gap, False

    def eventinit(self) -> None:
        """Ask for the events."""
        for kind in EVENTS:
            self.model.catchEvent(kind, self)

    def eventexit(self) -> None:
        """Ask for them no longer."""
        for kind in EVENTS:
            self.model.dropEvent(kind, self)

    def eventexec(self, event: Any) -> None:  # noqa: ARG002 - both kinds are read alike
        """Note where the solve stands; SCIP's own gap is relative to the smaller of the two."""
        if self.over:  # the tree is being taken down
            return
        note(self.model, self.record)
        last = self.record.points[-1] if self.record.points else None
        gap = None if last is None else relative_gap(last.incumbent, last.bound)
        if gap is not None and gap <= self.gap:
            self.model.interruptSolve()


def minimise(task: Task, record: Record) -> Answer:
    """Minimise one goal."""
    model, variables = _state(task)
    if task.start is not None:
        solution = model.createSol()
        for variable, value in zip(variables, task.start, strict=True):
            model.setSolVal(solution, variable, float(value))
        model.addSol(solution)
    watch = Watch(record, task.settings.gap)
    model.includeEventhdlr(watch, "watch", "notes every better solution and bound")
    model.setParam("limits/time", max(0.0, task.settings.time_limit))
    model.optimize()
    watch.over = True
    ending = ENDINGS.get(model.getStatus(), Ending.FAILED)
    note(model, record)
    if model.getNSols() == 0:
        return Answer(ending, None)
    best = model.getBestSol()
    return Answer(ending, np.array([model.getSolVal(best, v) for v in variables]))


def note(model: Model, record: Record) -> None:
    """Note value and bound of a running or finished model."""
    value, bound = float(model.getPrimalbound()), float(model.getDualbound())
    record.add(*(v if abs(v) < model.infinity() else None for v in (value, bound)))


def _state(task: Task) -> tuple[Model, list[Any]]:
    arrays, settings = task.arrays, task.settings
    model = Model()
    model.hideOutput()
    model.setParam("limits/gap", settings.gap)
    model.setParam("randomization/randomseedshift", settings.seed)
    variables = [
        model.addVar(lb=_side(low), ub=_side(high), vtype="I" if whole else "C")
        for low, high, whole in zip(arrays.lower, arrays.upper, arrays.integer, strict=True)
    ]
    matrix = arrays.matrix
    for i, (low, high) in enumerate(zip(arrays.row_lower, arrays.row_upper, strict=True)):
        span = slice(matrix.indptr[i], matrix.indptr[i + 1])
        entries = zip(matrix.data[span], matrix.indices[span], strict=True)
        row = quicksum(float(a) * variables[j] for a, j in entries)
        if low == high:
            model.addCons(row == float(low))
            continue
        if np.isfinite(low):
            model.addCons(row >= float(low))
        if np.isfinite(high):
            model.addCons(row <= float(high))
    used = np.flatnonzero(task.cost)
    model.setObjective(quicksum(float(task.cost[j]) * variables[j] for j in used))
    model.addObjoffset(task.constant)
    return model, variables


def _side(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
