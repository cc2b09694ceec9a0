"""Workers on this machine: a Dask scheduler in this process, and processes of one thread each.

They are plain interpreters in sessions of their own: Ctrl-C is for this process alone, the
caller's script is never run again in them, and one that dies is replaced. When this process dies,
they lose their scheduler and end.
"""

import logging
import os
import subprocess
import sys
import tempfile
from types import TracebackType
from typing import Any, Self

from allocator.errors import SolverError

DEATHS = 25
"""Workers that may die on top of one for each there are, before something else is wrong."""
UNWATCHED = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
"""Environment of a worker. Dask's profiler would look every 10 ms and keep an hour of it."""
QUIET = tuple(
    f"distributed.{part}" for part in ("worker", "scheduler", "core", "client", "batched", "comm")
)
"""What of Dask tells of connections that end when workers do, as of something wrong."""


class Workers:
    """Processes of this machine that solve cases.

    Parameters
    ----------
    count
        How many.
    """

    def __init__(self, count: int) -> None:
        import dask
        from distributed import LocalCluster

        for name in QUIET:
            logging.getLogger(name).setLevel(logging.ERROR)
        self._count, self._deaths = count, 0
        self._scratch = tempfile.TemporaryDirectory(prefix="allocator-batch-")
        with dask.config.set({"distributed.admin.system-monitor.gil.enabled": False}):
            self._cluster: Any = LocalCluster(
                n_workers=0, dashboard_address="127.0.0.1:0", host="127.0.0.1", protocol="tcp"
            )
        self._processes: list[subprocess.Popen[bytes]] = []
        self.tend()

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return str(self._cluster.scheduler_address)

    def tend(self) -> None:
        """Begin a process for every one that is missing.

        Raises
        ------
        SolverError
            If they keep dying.
        """
        alive = [process for process in self._processes if process.poll() is None]
        self._deaths += len(self._processes) - len(alive)
        if self._deaths > self._count + DEATHS:
            raise SolverError(f"{self._deaths} workers died; the machine may be out of memory")
        self._processes = alive + [self._begun() for _ in range(self._count - len(alive))]

    def _begun(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603 - our own interpreter
            [
                *(sys.executable, "-m", "distributed.cli.dask_worker", self.address),
                *("--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0"),
                *("--death-timeout", "60", "--local-directory", self._scratch.name),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={
                **os.environ,
                **UNWATCHED,
                "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes, whatever they are at."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        self._processes = []
        self._cluster.close(timeout=5)
        self._scratch.cleanup()
