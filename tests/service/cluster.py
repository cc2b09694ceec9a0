"""A Dask scheduler and workers apart from the service, and what is killed: real processes.

Whatever ended is begun again by `supervise`, as an operator's supervisor would.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

import psutil  # type: ignore[import-untyped]

from tests.service.running import ROOT, Service, free_port

JOB = "api.execution.job"
_SCHEDULER, _WORKER = "scheduler", "worker"


class Dask:
    """One scheduler and workers of one thread each, for a service with a database."""

    def __init__(self, folder: Path, database: str, workers: int = 2) -> None:
        self.folder, self.port = folder, free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.env = {**os.environ, "PYTHONPATH": str(ROOT), "ALLOCATOR_DATABASE": database}
        self.names = [_SCHEDULER, *(f"{_WORKER}-{n}" for n in range(workers))]
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._changing = threading.Lock()

    def _begin(self, name: str) -> None:
        kind = name.partition("-")[0]
        given = ["--host", "127.0.0.1", "--no-dashboard"]
        if kind == _SCHEDULER:
            given += ["--port", str(self.port)]
        else:
            given += [self.address, "--nthreads", "1", "--nworkers", "1", "--name", name]
            given += ["--local-directory", str(self.folder)]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", *given],
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def supervise(self) -> None:
        """Begin again whatever has ended; any thread may."""
        with self._changing:
            for name in self.names:
                process = self.processes.get(name)
                if process is None or process.poll() is not None:
                    self._begin(name)

    def kill(self, name: str) -> None:
        """Kill one process, without a word; its children must notice by themselves."""
        with self._changing:
            process = self.processes[name]
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        self.supervise()
        return self

    def __exit__(self, *error: object) -> None:
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def jobs(database: str) -> list[psutil.Process]:
    """Return the processes that compute a run of this database."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            of_ours = process.environ().get("ALLOCATOR_DATABASE") == database
            if JOB in process.cmdline() and of_ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def workers_of(service: Service) -> list[psutil.Process]:
    """Return the processes that Dask began for a service's own cluster."""
    assert service.process is not None
    children = psutil.Process(service.process.pid).children()
    return [child for child in children if "--multiprocessing-fork" in child.cmdline()]


def kill_one(processes: list[psutil.Process], chance: random.Random) -> bool:
    """Kill one of several processes; tell whether there was one."""
    if not processes:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        chance.choice(sorted(processes, key=lambda one: one.pid)).kill()
    return True


def gone(processes: list[psutil.Process], seconds: float) -> bool:
    """Wait for processes to end; tell whether all did."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(_is_there(one) for one in processes):
            return True
        time.sleep(0.05)
    return False


def _is_there(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
