"""The Dask cluster that has runs computed: the service's own, or one that is there."""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from api.execution.task import compute
from api.settings import Settings, environment

TIMEOUT = 5.0
"""Seconds that a scheduler may take to answer."""
PREFIX = "run_"
_AT_WORK = ("waiting", "no-worker", "queued", "processing")


class NoCluster(Exception):  # noqa: N818 - the name says it best
    """No scheduler answers."""


class Cluster:
    """A scheduler with workers of one thread each.

    The key of a task is the id of its run: however often a run is handed over, and by however
    many services, the scheduler has it once.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._own: Any = None
        self._client: Any = None

    @property
    def is_connected(self) -> bool:
        """Whether a scheduler answered last time."""
        return self._client is not None and self._client.status == "running"

    def known(self) -> set[str]:
        """Return the runs that wait or are computed.

        Raises
        ------
        NoCluster
            If no scheduler answers.
        """
        return set(self._asked(lambda client: client.run_on_scheduler(_known_to)))

    def workers(self) -> int:
        """Return how many workers there are.

        Raises
        ------
        NoCluster
            If no scheduler answers.
        """
        return int(self._asked(lambda client: client.run_on_scheduler(_workers_of)))

    def submit(self, run_id: str, limit: float | None) -> None:
        """Hand a run over.

        Raises
        ------
        NoCluster
            If no scheduler answers.
        """
        from distributed import fire_and_forget

        def hand_over(client: Any) -> None:
            fire_and_forget(client.submit(compute, run_id, limit, key=run_id, pure=False))

        self._asked(hand_over)

    def forget(self, run_ids: Iterable[str]) -> None:
        """Take back runs that ended before a worker came to them; one that is computed goes on.

        Raises
        ------
        NoCluster
            If no scheduler answers.
        """
        from distributed import Future

        def take_back(client: Any) -> None:
            client.cancel([Future(run_id, client) for run_id in run_ids], force=True)

        self._asked(take_back)

    def close(self) -> None:
        """Let the cluster go; runs on a scheduler of others go on."""
        self._drop()
        if self._own is not None:
            with suppress(Exception):
                self._own.close(timeout=2)
        self._own = None

    def _asked(self, question: Callable[[Any], Any]) -> Any:
        """Return what a question to the scheduler's client is answered."""
        client = self._connected()
        try:
            return question(client)
        except Exception as error:  # whatever a lost connection raises
            self._drop()
            raise NoCluster(str(error)) from error

    def _connected(self) -> Any:
        if self.is_connected:
            return self._client
        self._drop()
        from distributed import Client

        # Only now: what is imported sets it anew.
        logging.getLogger("distributed").setLevel(logging.WARNING)
        named = self._settings.scheduler
        try:
            self._client = Client(named or self._started(), timeout=TIMEOUT, set_as_default=False)
        except Exception as error:
            where = "its own cluster" if named is None else f"the one at {named}"
            raise NoCluster(f"{where} does not answer: {error}") from error
        return self._client

    def _started(self) -> Any:
        """Return the service's own cluster, begun where there is none."""
        if self._own is None:
            import dask
            from distributed import LocalCluster

            for name in ("distributed.worker", "distributed.nanny", "distributed.scheduler"):
                logging.getLogger(name).setLevel(logging.ERROR)
            with dask.config.set({"distributed.admin.system-monitor.gil.enabled": False}):
                self._own = LocalCluster(
                    n_workers=self._settings.workers,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",  # there is one whatever is asked for
                    host="127.0.0.1",
                    env=environment(self._settings),
                    preload=[compute.__module__],
                )
        return self._own

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.close(timeout=1)


def _known_to(dask_scheduler: Any) -> list[str]:
    tasks = dask_scheduler.tasks.values()
    return [task.key for task in tasks if task.state in _AT_WORK and _is_run(task.key)]


def _workers_of(dask_scheduler: Any) -> int:
    return len(dask_scheduler.workers)


def _is_run(key: object) -> bool:
    return isinstance(key, str) and key.startswith(PREFIX)
