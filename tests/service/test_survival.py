"""Whatever dies, what was accepted ends: once, whole, and soon. Real processes, really killed."""

import contextlib
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.service.cluster import gone, jobs, kill_one, workers_of
from tests.service.following import LONG, Following, all_of, begun, cancelled, status, until
from tests.service.records import check_record
from tests.service.running import TERMINAL, Postgres, Service, has_postgres, postgres

pytestmark = pytest.mark.enable_socket
needs_postgres = pytest.mark.skipif(not has_postgres(), reason="no PostgreSQL here")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("survival"), workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as made:
        yield made


# What always dies


def test_a_run_whose_process_always_dies_fails_and_says_so(service: Service) -> None:
    run_id = service.run(kind="solve", instance_id="tiny-measures")["id"]

    def killed() -> bool:
        for job in jobs(service.database):
            with contextlib.suppress(psutil.NoSuchProcess):
                job.kill()
        return bool(status(service, run_id)["state"] in TERMINAL)

    until(killed)
    found = status(service, run_id)
    assert found["state"] == "failed"
    assert found["error"]["type"] == "lost"
    assert found["attempts"] == 5
    log = service.client.get(f"/v1/runs/{run_id}/log").text
    assert log.count("crash") == 5
    assert "-9" in log


def test_a_run_ends_though_its_process_or_its_worker_dies(service: Service) -> None:
    run_id = begun(service, kind="solve", instance_id="tiny-pools")
    (job,) = jobs(service.database)
    job.kill()
    until(lambda: status(service, run_id)["attempts"] == 2)
    (job,) = jobs(service.database)
    assert kill_one(workers_of(service), random.Random(0))  # noqa: S311 - no secret
    assert gone([job], 3), "the process of a run outlives its worker"
    found = service.ended(run_id)
    assert (found["state"], found["attempts"]) == ("succeeded", 3)


# The service stops


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_told_to_stop_ends_streams_in_order_and_takes_runs_up_again(
    how: signal.Signals, tmp_path: Path
) -> None:
    with Service(tmp_path, workers=1) as service:
        run_id = begun(service, **LONG)
        followers = [Following(service, run_id) for _ in range(5)]
        working = jobs(service.database)
        assert working
        assert service.stop(how) <= 10
        for one in followers:
            one.join(5)
            assert not one.is_alive()
            assert one.error is None, "the stream was cut off"
            assert "running" in one.states
        assert gone(working, 3)
        service.start()
        assert status(service, run_id)["state"] == "running"
        until(lambda: status(service, run_id)["attempts"] == 2)
        cancelled(service, run_id)
        check_record(service.database, [run_id])


def test_ctrl_c_on_an_idle_service_says_nothing_but_that_it_stopped(tmp_path: Path) -> None:
    with Service(tmp_path, workers=2) as service:
        assert service.stop(signal.SIGINT) <= 10
        *_, last = service.log.splitlines()
        assert '"event": "stopped"' in last
        assert "Traceback" not in service.log


# The database goes


@needs_postgres
@pytest.mark.parametrize("seconds", [4, pytest.param(30, marks=pytest.mark.slow)])
def test_a_database_that_goes_loses_nothing(
    tmp_path: Path, database: Postgres, seconds: float
) -> None:
    with Service(tmp_path, workers=1, database=database.url) as service:
        run_ids = [begun(service, kind="solve", instance_id="tiny-stability")]
        run_ids.append(service.run(kind="solve", instance_id="tiny-pools")["id"])
        follower = Following(service, run_ids[-1])
        database.stop()
        try:
            began = time.monotonic()
            while time.monotonic() - began < seconds:
                _answers_that_it_cannot(service, run_ids[0])
                time.sleep(0.2)
        finally:
            database.start()
        for run_id in run_ids:
            assert service.ended(run_id)["state"] == "succeeded"
        follower.join(10)
        assert follower.error is None
        assert follower.states[-1] == "succeeded"
        service.wait_ready()
        known = all_of(service)
        assert set(run_ids) <= set(known)
        check_record(database.url, known)


def _answers_that_it_cannot(service: Service, run_id: str) -> None:
    body = {"kind": "solve", "instance_id": "tiny-measures"}
    for answer in (
        service.client.get(f"/v1/runs/{run_id}"),
        service.client.get("/v1/runs"),
        service.client.post("/v1/runs", json=body),
        service.client.delete(f"/v1/runs/{run_id}"),
    ):
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json()["type"] == "urn:allocator:problem:unavailable"
    ready = service.client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["database"] != "ok"
    assert service.client.get("/healthz").status_code == 200


# The disk is full


@contextlib.contextmanager
def small_disk(at: Path) -> Iterator[Path]:
    """Give a folder with room for 16 MiB."""
    at.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(at)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("no disk can be made here")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


@contextlib.contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Leave no room at all."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"0" * 4096):
            pass
    try:
        yield
    finally:
        filler.unlink()


@pytest.mark.slow
def test_a_full_disk_is_told_and_spoils_nothing(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk") as disk,
        Service(tmp_path, workers=1, database=f"sqlite:///{disk}/service.db") as service,
    ):
        service.stop()  # which leaves nothing behind that could be written over
        service.start()
        body = {"kind": "solve", "instance_id": "tiny-measures"}
        run_ids = [begun(service, **body)]
        with filled(disk):
            for _ in range(3):
                answer = service.client.post("/v1/runs", json=body)
                if answer.status_code == 202:  # there was room for one left in the file
                    run_ids.append(answer.json()["id"])
            assert answer.status_code == 507
            assert answer.json()["type"] == "urn:allocator:problem:full"
            assert service.client.get("/v1/runs").status_code == 200
            working = jobs(service.database)
            time.sleep(8)  # the run has its answer by then, and keeps it
            assert status(service, run_ids[0])["state"] == "running"
            assert jobs(service.database) == working
        run_ids.append(service.run(**body)["id"])
        for run_id in run_ids:
            found = service.ended(run_id)
            assert (found["state"], found["attempts"]) == ("succeeded", 1)
        check_record(service.database, run_ids)
        with contextlib.closing(sqlite3.connect(disk / "service.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
