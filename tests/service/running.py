"""A real service in processes of its own, and a real PostgreSQL, for tests.

The service is what `allocator serve` starts; tests talk to it over loopback, stop it and kill it
as users, operators and accidents would.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx

ROOT = Path(__file__).parents[2]
PATIENCE = 90.0
TERMINAL = ("succeeded", "failed", "cancelled")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Service:
    """One service, with the settings given; ``open`` unless told otherwise."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder, self.port = folder, free_port()
        given = {
            "database": f"sqlite:///{folder}/service.db",
            "open": True,
            "workers": 1,
            "port": self.port,
            **settings,
        }
        self.port = given["port"]
        self.database = str(given["database"])
        self.env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            **{f"ALLOCATOR_{name.upper()}": str(value) for name, value in given.items()},
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def start(self) -> Self:
        self.begin()
        self.wait_ready()
        return self

    def begin(self) -> None:
        log = (self.folder / f"service-{self.port}.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api"],
            env=self.env,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            start_new_session=True,
        )
        log.close()

    def wait_ready(self) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            assert self.process is not None
            assert self.process.poll() is None, self.log
            with contextlib.suppress(httpx.TransportError):
                if self.client.get("/readyz").status_code == 200:
                    return
            time.sleep(0.1)
        raise AssertionError(f"not ready: {self.log}")

    @property
    def log(self) -> str:
        return (self.folder / f"service-{self.port}.log").read_text()[-4000:]

    def kill(self) -> None:
        """Kill the service alone, without a word."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Tell it to stop, and return the seconds until it had.

        A terminal sends Ctrl-C to all that the service has begun, too.
        """
        assert self.process is not None
        began = time.monotonic()
        if how is signal.SIGINT:
            os.killpg(self.process.pid, how)
        else:
            self.process.send_signal(how)
        try:
            self.process.wait(30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        return time.monotonic() - began

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()
        self.client.close()

    def run(self, **body: Any) -> dict[str, Any]:
        """Ask for a run and return its status."""
        answer = self.client.post("/v1/runs", json=body)
        assert answer.status_code == 202, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def ended(self, run_id: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait for a run to end and return its status."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found: dict[str, Any] = self.client.get(f"/v1/runs/{run_id}").json()
            if found["state"] in TERMINAL:
                return found
            time.sleep(0.1)
        raise AssertionError(f"{run_id} has not ended: {found}\n{self.log}")

    def solved(self, instance: str = "tiny-measures", **more: Any) -> str:
        """Return the id of a run that made a plan."""
        run_id: str = self.run(kind="solve", instance_id=instance, **more)["id"]
        assert self.ended(run_id)["state"] == "succeeded"
        return run_id


class Postgres:
    """A PostgreSQL cluster of its own, in a folder of its own, on a free port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="allocator-postgres-"))
        self._as: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self.folder, "postgres")
            self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        data = str(self.folder / "data")
        self._run("initdb", "-D", data, "-A", "trust", "-U", "allocator", "--no-sync")

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://allocator@127.0.0.1:{self.port}/postgres"

    def _run(self, program: str, *arguments: str) -> None:
        found = _program(program)
        assert found is not None
        command = [*self._as, found, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        assert done.returncode == 0, done.stderr

    def start(self) -> Self:
        data, log = str(self.folder / "data"), str(self.folder / "log")
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        self._run("pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
        return self

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        with contextlib.suppress(AssertionError):
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _program(name: str) -> str | None:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(places[-1]) if places else shutil.which(name)


def has_postgres() -> bool:
    return _program("initdb") is not None


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    made = Postgres()
    try:
        yield made.start()
    finally:
        made.remove()
