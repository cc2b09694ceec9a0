"""Run one peer in a process of its own, so that its memory and threads are its own."""

import multiprocessing
import resource
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.peers.case import Spec, prepare
from benchmarks.peers.driver import GoalRun, run
from benchmarks.peers.peer import Ending, Point, Settings
from benchmarks.peers.registry import PEERS

GRACE = 60.0
"""Seconds beyond its limits after which a process is killed."""


@dataclass
class PeerRun:
    """What one peer did.

    Attributes
    ----------
    peer, versions, threads, takes_start
        Who it was, and what it could use.
    prepared
        Seconds to load, build and compile the case; the same work for every peer.
    peak_mib
        Most memory of the process and of the largest that it started, MiB.
    goals
        One run a goal; a goal cut short by a kill or a failure ends as `failed`, with
        the points told until then.
    error
        Why it ended early; none when it did not.
    """

    peer: str
    versions: Mapping[str, str]
    threads: int
    takes_start: bool
    prepared: float | None = None
    peak_mib: float | None = None
    goals: list[GoalRun] = field(default_factory=list)
    error: str | None = None


def run_peer(name: str, spec: Spec, settings: Settings) -> PeerRun:
    """Run the peer called `name` and return what it did.

    The process is killed when it overruns the limits of its goals by `GRACE` seconds.
    """
    peer = PEERS[name]
    settings = replace(settings, threads=min(settings.threads, peer.most_threads))
    result = PeerRun(name, peer.versions(), settings.threads, peer.takes_start)
    # A forked child hangs when a solver has run with threads before; spawn never does.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, name, spec, settings), daemon=True)
    process.start()
    theirs.close()
    limit = settings.time_limit * len(spec.policy.goals) + GRACE
    try:
        _listen(ours, process, result, time.perf_counter() + limit)
    finally:
        ours.close()
        process.join(timeout=5)
        if process.is_alive():
            process.kill()
            process.join()
    return result


def _listen(ours: Connection, process: Any, result: PeerRun, deadline: float) -> None:
    under_way: dict[str, list[Point]] = {}
    while True:
        if not ours.poll(max(0.0, deadline - time.perf_counter())):
            process.kill()
            result.error = "killed: it overran its limits"
            break
        try:
            kind, content = ours.recv()
        except EOFError:
            process.join()
            result.error = f"the process died with exit code {process.exitcode}"
            break
        if kind == "prepared":
            result.prepared = content
        elif kind == "point":
            under_way.setdefault(content[0], []).append(content[1])
        elif kind == "goal":
            result.goals.append(content)
            under_way.pop(content.name, None)
        elif kind == "error":
            result.error = content
            break
        else:
            result.peak_mib = content
            return
    began = sum(goal.seconds for goal in result.goals)
    for name, points in under_way.items():
        last = points[-1]
        result.goals.append(
            GoalRun(
                name,
                began,
                last.seconds,
                Ending.FAILED,
                last.incumbent,
                points=tuple(points),
            )
        )


def _work(pipe: Connection, name: str, spec: Spec, settings: Settings) -> None:
    def tell(goal: str, what: Point | GoalRun) -> None:
        if isinstance(what, GoalRun):
            pipe.send(("goal", what))
        else:
            pipe.send(("point", (goal, what)))

    try:
        minimise = PEERS[name].minimise()
        case = prepare(spec)
        pipe.send(("prepared", case.seconds))
        run(case, minimise, settings, tell)
    except Exception:
        pipe.send(("error", traceback.format_exc(limit=-3)))
    else:
        kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        pipe.send(("done", sum(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024))
    finally:
        pipe.close()
