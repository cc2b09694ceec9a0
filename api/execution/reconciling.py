"""What is accepted is computed: a loop that hands over what no scheduler knows.

Every round compares the runs that have not ended with those that the scheduler knows, and hands
over what is missing, whoever lost it. Rounds may happen in several services at once: a run that
is handed over twice is computed once, because its id is its key, and a process that finds its
run ended does nothing.
"""

import threading
from collections import Counter, deque
from collections.abc import Iterable
from itertools import islice
from typing import Any

import structlog

from api.execution.cluster import Cluster, NoCluster
from api.store import Store, StoreUnavailable, runs

PAUSE = 1.0
"""Seconds between two rounds when nobody asks for one."""
AHEAD = 1
"""Runs that wait at the scheduler for every worker, so that none waits for the next round."""
_LIMITED = ("solve", "revise", "diagnose")
"""Kinds that are one solve, or a few, and so end soon after their time limit."""
_SOLVES = 4
"""Solves at most of one of those: a revision relaxes its rule where it cannot hold."""


class Reconciler:
    """The loop, in a thread of its own."""

    def __init__(self, store: Store, cluster: Cluster, most: int | None = None) -> None:
        self._store, self._cluster, self._most = store, cluster, most
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._rounds, name="reconciler", daemon=True)
        self._log = structlog.get_logger("reconciler")
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """What kept the last round from its work; none when it was done."""
        return self._trouble

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Have a round now."""
        self._wake.set()

    def close(self) -> None:
        """Stop, and let the cluster go."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout=3)
        self._cluster.close()

    def _rounds(self) -> None:
        self._trouble = "the first round is not done"
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.round()
                found = None
            except NoCluster as error:
                found = f"no scheduler: {error}"
            except StoreUnavailable as error:
                found = str(error)
            except Exception:  # the loop goes on whatever happens in one round
                self._log.exception("round failed")
                found = "a round failed; see the log"
            if found != self._trouble and not self._stop.is_set():
                if found is None:
                    self._log.info("working")
                else:
                    self._log.warning("cannot work; what is accepted waits", why=found)
            self._trouble = found
            self._wake.wait(PAUSE)

    def round(self) -> int:
        """Hand over what is missing; return how many runs that were."""
        # The scheduler first: what ends between the two questions is then not handed over again.
        known = self._cluster.known()
        with self._store.reading() as connection:
            rows = runs.open_runs(connection)
            ended = runs.ended(connection, known.difference(row["id"] for row in rows))
        if ended:
            self._cluster.forget(ended)  # or a process is begun for each, only to find that
        self._cancel([row for row in rows if row["cancel_requested_at"] and row["id"] not in known])
        missing = [row for row in rows if row["id"] not in known]
        if not missing:
            return 0
        room = self._cluster.workers() * (1 + AHEAD) - sum(row["id"] in known for row in rows)
        at_work = [row for row in rows if row["id"] in known]
        chosen = list(islice(in_turn(missing, at_work, self._most), max(room, 0)))
        for row in chosen:
            self._cluster.submit(row["id"], self._limit(row))
        if chosen:
            with self._store.writing() as connection:
                runs.mark_submitted(connection, [row["id"] for row in chosen])
        return len(chosen)

    def _limit(self, row: dict[str, Any]) -> float | None:
        """Return the seconds that the process of a run may take."""
        if row["kind"] not in _LIMITED:
            return None
        with self._store.reading() as connection:
            request = runs.request_of(connection, row["id"])
        return None if request is None else float(request["options"]["time_limit"]) * _SOLVES

    def _cancel(self, rows: Iterable[dict[str, Any]]) -> None:
        """End runs that are to be cancelled and that nobody computes any more."""
        for row in rows:
            with self._store.writing() as connection:
                runs.end_cancelled(connection, row["id"])


def in_turn(
    missing: list[dict[str, Any]], at_work: list[dict[str, Any]], most: int | None = None
) -> Iterable[dict[str, Any]]:
    """Yield runs in the order in which they are handed over.

    Those that had begun come first. Of the others, the key with the fewest runs at work is next,
    and its oldest run: whoever sends a thousand does not keep others waiting. A key that has
    `most` runs at work waits for one of them to end.
    """
    begun = [row for row in missing if row["state"] == "running"]
    yield from begun
    load = Counter(row["created_by"] for row in (*at_work, *begun))
    waiting: dict[Any, deque[dict[str, Any]]] = {}
    for row in missing:
        if row["state"] != "running":
            waiting.setdefault(row["created_by"], deque()).append(row)
    for key in [key for key in waiting if most is not None and load[key] >= most]:
        del waiting[key]
    while waiting:
        key = min(waiting, key=lambda one: (load[one], waiting[one][0]["id"]))
        yield waiting[key].popleft()
        load[key] += 1
        if not waiting[key] or load[key] == most:
            del waiting[key]
