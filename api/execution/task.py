"""What a worker of Dask does with a run: it starts a process for it, and watches it end."""

import os
import signal
import subprocess
import sys
import tempfile
import time

GRACE = 300.0
"""Seconds beyond its time limit that the process of a run may take."""
TAIL = 4000
"""Characters of what a process said last that are kept when it dies."""


def dask_setup(_: object) -> None:
    """Leave Ctrl-C to the service, which lets its workers go; Dask calls this in each of them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def compute(run_id: str, limit: float | None) -> int:
    """Have a run computed; return the exit code of its process.

    Everything that matters is in the database: what is asked, and how it ended.

    Parameters
    ----------
    run_id
        Which run.
    limit
        Seconds after which it is given up, its grace included; none: it takes as long as it takes.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "api.execution.job", run_id, str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            code = _wait(process, limit)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if code != 0:
            said.seek(0)
            text = said.read().decode(errors="replace")[-TAIL:]
            _note(run_id, code, text)
    return code


def _wait(process: "subprocess.Popen[bytes]", limit: float | None) -> int:
    began = time.monotonic()
    while True:
        try:
            return process.wait(1.0)
        except subprocess.TimeoutExpired:
            if limit is not None and time.monotonic() - began > limit + GRACE:
                process.kill()
                return process.wait()


def _note(run_id: str, code: int, text: str) -> None:
    """Put into the log of the run that its process died."""
    from api.execution.job import ORPHANED, patiently
    from api.settings import Settings
    from api.store import Store, runs

    if code == ORPHANED:
        return
    store = Store(Settings().database, pool=1)

    def write() -> None:
        with store.writing() as connection:
            runs.crashed(connection, run_id, {"exit_code": code, "said": text})

    try:
        patiently(write)
    finally:
        store.close()
