"""One run in a process of its own: ``python -m api.execution.job RUN_ID PARENT``.

The process reads what it computes from the database, tells the database where it stands, looks
there whether it is to stop, and writes its answer in one transaction. A crash of the solver ends
this process alone. When whoever started it is gone, or another process computes the run, it ends
without a word: somebody else does the run.
"""

import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from api.execution.priority import stand_back
from api.settings import Settings
from api.store import Store, StoreUnavailable, runs
from api.store.runs import Ending, State, Superseded, failure

if TYPE_CHECKING:
    from models.plan import Plan

LOOK = 0.25
"""Seconds between two looks at the database."""
TELL = 1.0
"""Seconds between two tellings of where the run stands."""
PATIENCE = 900.0
"""Seconds that an answer waits for a database that does not answer."""
ORPHANED = 70
"""Exit code of a process whose run is no longer its own."""
Something = TypeVar("Something")


class Link:
    """What ties a process to its run while it computes.

    Attributes
    ----------
    cancel
        Set when the run is to be cancelled.
    """

    def __init__(self, store: Store, run_id: str, token: str, parent: int) -> None:
        self.cancel = threading.Event()
        self._kept: tuple[Ending, float] | None = (Ending(State.CANCELLED), 0.0)
        self._told_to_stop = math.inf
        self._store, self._run_id, self._token = store, run_id, token
        self._parent = parent
        self._latest: dict[str, Any] | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def tell(self, progress: dict[str, Any]) -> None:
        """Take where the run stands."""
        self._latest = progress

    def keep(self, ending: Ending | None, wait: float = 0.0) -> None:
        """Take how the run ends if it is cancelled and its computation does not end it.

        Parameters
        ----------
        ending
            What is kept then; none: the computation is waited for.
        wait
            Seconds that the computation has to end by itself, with more than this.
        """
        self._kept = None if ending is None else (replace(ending, state=State.CANCELLED), wait)

    def _watch(self) -> None:
        told = 0.0
        while not self._done.wait(LOOK):
            leave_without(self._parent)
            try:
                latest = self._latest
                if latest is not None and time.monotonic() - told >= TELL:
                    told, self._latest = time.monotonic(), None
                    with self._store.writing() as connection:
                        runs.report(connection, self._run_id, self._token, latest)
                with self._store.reading() as connection:
                    cancelled = runs.look(connection, self._run_id, self._token)
                if cancelled:
                    self._stop()
            except Superseded:
                if not self._done.is_set():
                    os._exit(ORPHANED)
            except StoreUnavailable:
                continue  # it computes on; its answer is kept until somebody takes it
            except Exception:  # whoever watches goes on watching, whatever happens in one look
                traceback.print_exc()

    def _stop(self) -> None:
        """Tell the computation to stop, and end the run where that takes too long."""
        if not self.cancel.is_set():
            self.cancel.set()
            self._told_to_stop = time.monotonic()
        kept = self._kept
        if kept is not None and time.monotonic() - self._told_to_stop >= kept[1]:
            self._write(kept[0])
            os._exit(0)

    def finish(self, ending: Ending) -> None:
        """Write how the run ends, and wait for a database that does not answer."""
        self._done.set()
        self._thread.join()
        patiently(lambda: self._write(ending))

    def _write(self, ending: Ending) -> None:
        with self._store.writing() as connection:
            runs.finish(connection, self._run_id, self._token, ending)


def leave_without(parent: int) -> None:
    """End this process when the one that started it is gone."""
    if os.getppid() != parent:
        os._exit(ORPHANED)


def patiently(work: Callable[[], Something]) -> Something:
    """Do something with the database, again and again until it answers.

    Raises
    ------
    StoreUnavailable
        If it has not answered for `PATIENCE`.
    """
    until, pause = time.monotonic() + PATIENCE, 0.1
    while True:
        try:
            return work()
        except StoreUnavailable:
            if time.monotonic() > until:
                raise
            time.sleep(pause)
            pause = min(2 * pause, 5.0)


def main(run_id: str, parent: int) -> int:
    """Compute a run."""
    settings = Settings()
    stand_back(settings.niceness)
    store = Store(settings.database, pool=2)

    def claim() -> tuple[str, dict[str, Any]] | None:
        leave_without(parent)  # a late claim would push aside whoever does the run by now
        with store.writing() as connection:
            return runs.claim(connection, run_id)

    claimed = patiently(claim)
    if claimed is None:
        return 0
    token, row = claimed
    link = Link(store, run_id, token, parent)
    try:
        ending = _computed(store, row, link, settings)
    except Exception as error:
        # What is not foreseen is told as well as it can be, and never lost.
        traceback.print_exc()
        where = traceback.format_exception_only(error)[-1].strip()
        ending = Ending(State.FAILED, error=failure("internal", where))
    try:
        link.finish(ending)
    except Superseded:
        return ORPHANED
    return 0


def _computed(store: Store, row: dict[str, Any], link: Link, settings: Settings) -> Ending:
    link.tell({"phase": "reading"})
    # Only now: the run has begun for everybody who looks, while the solver is imported.
    from api.execution.archives import unpacked
    from api.execution.kinds import Work, computed
    from api.execution.plans import plan_of
    from api.store import instances

    request = row["request"]

    def read() -> "tuple[bytes, Plan | None, dict[str, Plan | None]]":
        with store.reading() as connection:
            return (
                instances.package_of(connection, row["instance_id"]),
                None if row["base_run_id"] is None else plan_of(connection, row["base_run_id"]),
                {one: plan_of(connection, one) for one in request.get("run_ids", [])},
            )

    package, base, others = patiently(read)
    work = Work(
        request=request,
        instance=unpacked(package),
        base=base,
        others={name: plan for name, plan in others.items() if plan is not None},
        processes=settings.processes_per_run,
        tell=link.tell,
        keep=link.keep,
        cancel=link.cancel,
    )
    return computed(work)


if __name__ == "__main__":
    exit_code = main(sys.argv[1], int(sys.argv[2]))
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(exit_code)  # taking the solver's modules down keeps the next run waiting for nothing
