"""Solve in a child process, so that a crash of the solver is an error and not a lost process."""

import multiprocessing
import threading
from multiprocessing.connection import Connection
from typing import Any

from allocator.errors import SolverError
from allocator.solve.engine import Flag
from allocator.solve.progress import Listener
from models.instance import Instance
from models.options import SolveOptions
from models.plan import Plan
from models.policy import Policy

POLL = 0.05
"""Seconds between two looks at the flag."""


def solve_in_child(
    instance: Instance,
    policy: Policy,
    options: SolveOptions,
    start: Plan | None,
    progress: Listener | None,
    cancel: Flag | None,
) -> Plan:
    """Solve in a freshly started process; see `allocator.solve.solve`.

    Raises
    ------
    SolverError
        If the process dies.
    """
    # A forked child hangs when the solver has run with threads before; spawn never does.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    stop = context.Event()
    process = context.Process(
        target=_work, args=(theirs, stop, instance, policy, options, start), daemon=True
    )
    process.start()
    theirs.close()
    try:
        return _wait(ours, process, stop, progress, cancel)
    finally:
        ours.close()
        process.join(timeout=5)
        if process.is_alive():
            process.kill()
            process.join()


def _wait(
    ours: Connection, process: Any, stop: Any, progress: Listener | None, cancel: Flag | None
) -> Plan:
    while True:
        if cancel is not None and cancel.is_set():
            stop.set()
        if not ours.poll(POLL):
            continue
        try:
            kind, content = ours.recv()
        except EOFError as error:
            process.join()
            raise SolverError(
                f"the solving process died with exit code {process.exitcode}"
            ) from error
        if kind == "progress" and progress is not None:
            progress(content)
        elif kind == "plan":
            return Plan.model_validate_json(content)
        elif kind == "error":
            raise content


def _work(
    pipe: Connection,
    stop: Any,
    instance: Instance,
    policy: Policy,
    options: SolveOptions,
    start: Plan | None,
) -> None:
    from allocator.solve.solver import solve_here

    send = threading.Lock()

    def tell(progress: Any) -> None:
        with send:
            pipe.send(("progress", progress))

    try:
        plan = solve_here(instance, policy, options, start, tell, stop)
    except Exception as error:
        pipe.send(("error", error))
    else:
        pipe.send(("plan", plan.model_dump_json()))
    finally:
        pipe.close()
