"""One run in a process of its own: ``python -m api.execution.job RUN_ID PARENT``.

The process reads what it computes from the database, tells the database where it stands, looks
there whether it is to stop, and writes its answer in one transaction. A crash of the solver ends
this process alone. When whoever started it is gone, or another process computes the run, it ends
without a word: somebody else does the run.
"""

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from api.settings import Settings
from api.store import Store, StoreUnavailable, runs
from api.store.runs import Ending, State, Superseded, failure

LOOK = 0.25
"""Seconds between two looks at the database."""
TELL = 1.0
"""Seconds between two tellings of where the run stands."""
PATIENCE = 900.0
"""Seconds that an answer waits for a database that does not answer."""
ORPHANED = 70
"""Exit code of a process whose run is no longer its own."""


class Link:
    """What ties a process to its run while it computes."""

    def __init__(self, store: Store, run_id: str, token: str, parent: int) -> None:
        self.cancel = threading.Event()
        self._store, self._run_id, self._token = store, run_id, token
        self._parent = parent
        self._latest: dict[str, Any] | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def tell(self, progress: dict[str, Any]) -> None:
        """Take where the run stands."""
        self._latest = progress

    def _watch(self) -> None:
        told = 0.0
        while not self._done.wait(LOOK):
            if os.getppid() != self._parent:
                os._exit(ORPHANED)
            try:
                latest = self._latest
                if latest is not None and time.monotonic() - told >= TELL:
                    told, self._latest = time.monotonic(), None
                    with self._store.writing() as connection:
                        runs.report(connection, self._run_id, self._token, latest)
                with self._store.reading() as connection:
                    if runs.look(connection, self._run_id, self._token):
                        self.cancel.set()
            except Superseded:
                if not self._done.is_set():
                    os._exit(ORPHANED)
            except StoreUnavailable:
                continue  # it computes on; its answer is kept until somebody takes it

    def finish(self, ending: Ending) -> None:
        """Write how the run ends, and wait for a database that does not answer."""
        self._done.set()
        self._thread.join()
        patiently(lambda: self._write(ending))

    def _write(self, ending: Ending) -> None:
        with self._store.writing() as connection:
            runs.finish(connection, self._run_id, self._token, ending)


def patiently(work: Callable[[], None]) -> None:
    """Do something with the database, again and again until it answers."""
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
    if settings.niceness:
        os.nice(settings.niceness)
    store = Store(settings.database, pool=2)
    claimed: list[tuple[str, dict[str, Any]] | None] = []

    def claim() -> None:
        with store.writing() as connection:
            claimed.append(runs.claim(connection, run_id))

    patiently(claim)
    if claimed[-1] is None:
        return 0
    token, row = claimed[-1]
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
    with store.reading() as connection:
        package = instances.package_of(connection, row["instance_id"])
        base = None if row["base_run_id"] is None else plan_of(connection, row["base_run_id"])
        others = {one: plan_of(connection, one) for one in request.get("run_ids", [])}
    work = Work(
        request=request,
        instance=unpacked(package),
        base=base,
        others={name: plan for name, plan in others.items() if plan is not None},
        processes=settings.processes_per_run,
        tell=link.tell,
        cancel=link.cancel,
    )
    return computed(work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
