"""Whatever dies, what was accepted ends: once, whole, and soon. Real processes, really killed."""

import contextlib
import random
import signal
import sqlite3
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from allocator import load
from allocator.verify import verify
from models.plan import Plan
from tests.random_small import more
from tests.service.cluster import Dask, gone, jobs, kill_one, workers_of
from tests.service.records import check_record
from tests.service.running import TERMINAL, Postgres, Service, has_postgres, postgres

pytestmark = pytest.mark.enable_socket
needs_postgres = pytest.mark.skipif(not has_postgres(), reason="no PostgreSQL here")
TINY = ("tiny-measures", "tiny-pools", "tiny-stability", "tiny-integral", "tiny-transport")
LONG = {"kind": "solve", "instance_id": "norway-2024", "policy": {"budget": {"total": 9e8}}}
"""A solve of minutes."""
EXACT = {"gap": 1e-7, "time_limit": 600}
"""Options with which a solve of the country comes to no end for minutes."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("survival"), workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as made:
        yield made


def until(true: Callable[[], Any], seconds: float = 60.0) -> float:
    """Wait for something to be true, and return the seconds that took."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if true():
            return time.monotonic() - began
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")


def status(service: Service, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = service.client.get(f"/v1/runs/{run_id}").json()
    return found


def begun(service: Service, **body: Any) -> str:
    run_id: str = service.run(**body)["id"]
    until(lambda: status(service, run_id)["state"] == "running")
    return run_id


def cancelled(service: Service, run_id: str) -> float:
    """Cancel a run, and return the seconds until it is."""
    began = time.monotonic()
    assert service.client.delete(f"/v1/runs/{run_id}").status_code == 202
    until(lambda: status(service, run_id)["state"] in TERMINAL, 30)
    assert status(service, run_id)["state"] == "cancelled"
    return time.monotonic() - began


def all_of(service: Service) -> list[str]:
    """Return the ids of all runs."""
    listed = service.client.get("/v1/runs?limit=200").json()["runs"]
    return [row["id"] for row in listed]


class Following(threading.Thread):
    """Somebody who follows the events of a run; `error` tells how the stream broke off."""

    def __init__(self, service: Service, run_id: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.error: Exception | None = None
        self._address = f"http://127.0.0.1:{service.port}/v1/runs/{run_id}/events"
        self.start()
        until(lambda: self.lines)

    def run(self) -> None:
        try:
            with httpx.stream("GET", self._address, timeout=60) as stream:
                for line in stream.iter_lines():
                    self.lines.append(line)
        except httpx.HTTPError as error:
            self.error = error

    @property
    def states(self) -> list[str]:
        data = [line for line in self.lines if line.startswith("data:") and '"state"' in line]
        return [line.split('"state": "')[1].split('"')[0] for line in data]


# Cancelling


def test_a_run_that_waits_is_cancelled_at_once(service: Service) -> None:
    first = begun(service, **LONG)
    second = service.run(kind="solve", instance_id="tiny-measures")["id"]
    third = service.run(kind="solve", instance_id="tiny-measures")["id"]
    for run_id in (third, second):
        answer = service.client.delete(f"/v1/runs/{run_id}")
        assert answer.json()["state"] == "cancelled"
    assert cancelled(service, first) <= 2
    assert status(service, second)["attempts"] == 0


def test_a_run_that_reads_is_cancelled_though_the_solver_is_not_there_yet(
    service: Service,
) -> None:
    run_id = begun(service, **LONG)
    assert cancelled(service, run_id) <= 2
    assert service.client.get(f"/v1/runs/{run_id}/plan").status_code == 404


def at_work(service: Service, run_id: str) -> None:
    """Wait until a run computes."""
    reading = (None, "reading", "check", "build")
    until(lambda: (status(service, run_id)["progress"] or {}).get("phase") not in reading)


@pytest.fixture(scope="module")
def base(service: Service) -> str:
    """A run with a plan of the country."""
    return service.solved("norway-2024", policy={"step": 5})


@pytest.mark.slow
def test_a_solve_keeps_the_best_plan_so_far(service: Service, base: str) -> None:
    endless = {"base_run_id": base, "warm_start": True, "policy": {"step": 1}, "options": EXACT}
    run_id = begun(service, **{**LONG, **endless})
    at_work(service, run_id)
    time.sleep(1)
    assert cancelled(service, run_id) <= 2
    plan = Plan.model_validate_json(service.client.get(f"/v1/runs/{run_id}/plan").content)
    assert plan.found
    assert list(verify(load("norway-2024"), plan.policy, plan)) == []
    assert status(service, run_id)["headline"]["placed"] > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "sweep", "over": {"budget": [9e8, 8e8, 7e8]}},
        {"kind": "robustness"},
        {"kind": "marginal"},
        {"kind": "frontier"},
        {"kind": "explain"},
        {"kind": "revise", "target": 37_500, "options": EXACT},
        {"kind": "diagnose", "no_shortfall": True, "policy": {"budget": {"total": 3e8}}},
    ],
    ids=lambda asked: asked["kind"],
)
def test_every_kind_of_run_is_cancelled_soon(
    service: Service, base: str, asked: dict[str, Any]
) -> None:
    run_id = begun(service, base_run_id=base, **asked)
    at_work(service, run_id)
    time.sleep(3)
    working = jobs(service.database)
    assert cancelled(service, run_id) <= 2
    assert gone(working, 5)
    check_record(service.database, all_of(service))


@pytest.mark.slow
def test_a_cancelled_explanation_keeps_what_was_explained(service: Service, base: str) -> None:
    run_id = begun(service, kind="explain", base_run_id=base, confirm=False)
    until(lambda: ((status(service, run_id)["progress"] or {}).get("done") or 0) >= 2)
    assert cancelled(service, run_id) <= 2
    told = service.client.get(f"/v1/runs/{run_id}/result").json()["municipality_ids"]
    assert len(told) >= 2
    kept = service.client.get(f"/v1/runs/{base}/explanations").json()["municipality_ids"]
    assert set(told) <= set(kept)


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


# Chaos


RUNS, STRIKES = len(more(0, 16)), len(more(0, 4))
"""In each of two tests: with ``CASES=3 make test-all`` about a hundred runs in all."""


class Accepting:
    """Somebody who sends runs, again and again until each is accepted, and then knows its id."""

    def __init__(self, service: Service, chance: random.Random, number: int) -> None:
        self.accepted: list[str] = []
        self._service, self._chance, self._left = service, chance, number
        self._bases = [self.send(self._solve()) for _ in range(4)]
        for base in self._bases:
            assert service.ended(base)["state"] == "succeeded"

    @property
    def done(self) -> bool:
        return self._left == 0

    def some(self) -> None:
        for _ in range(min(self._left, self._chance.randint(3, 12))):
            solve = self._chance.random() < 0.7
            self.send(self._solve() if solve else self._other())

    def send(self, body: dict[str, Any]) -> str:
        headers = {"Idempotency-Key": uuid.UUID(int=self._chance.getrandbits(128)).hex}
        for _ in range(300):
            with contextlib.suppress(httpx.TransportError):
                answer = self._service.client.post("/v1/runs", json=body, headers=headers)
                if answer.status_code == 202:
                    self._left -= 1
                    run_id: str = answer.json()["id"]
                    self.accepted.append(run_id)
                    return run_id
                assert answer.status_code == 503, answer.text
            time.sleep(0.1)
        raise AssertionError(f"never accepted: {self._service.log}")

    def _solve(self) -> dict[str, Any]:
        step = self._chance.choice([1, 5, 10])
        name = self._chance.choice(TINY)
        return {"kind": "solve", "instance_id": name, "policy": {"step": step}}

    def _other(self) -> dict[str, Any]:
        base = {"base_run_id": self._chance.choice(self._bases)}
        return self._chance.choice(
            [
                {"kind": "explain", "confirm": False, **base},
                {"kind": "compare", "keys": ["population"], **base},
                {"kind": "revise", **base},
                {"kind": "marginal", "top": 0, **base},
                {"kind": "diagnose", "instance_id": "tiny-measures", "ways": False},
            ]
        )


def endure(sender: Accepting, service: Service, strike: Callable[[], None]) -> None:
    """Send runs and strike at random moments, until every run has ended."""
    chance = random.Random(7)  # noqa: S311 - no secret
    strikes = STRIKES
    while not sender.done or strikes:
        if not sender.done:
            sender.some()
        ended = sum(status(service, run_id)["state"] in TERMINAL for run_id in sender.accepted)
        if strikes and ended >= RUNS * (STRIKES - strikes) / STRIKES:
            time.sleep(chance.uniform(0.0, 3.0))
            strike()
            strikes -= 1
        time.sleep(0.5)
    for run_id in sender.accepted:
        service.ended(run_id, 300)


@pytest.mark.slow
def test_runs_survive_a_service_that_is_killed_with_its_cluster(tmp_path: Path) -> None:
    chance = random.Random(1)  # noqa: S311 - no secret
    with Service(tmp_path, workers=2, niceness=0) as service:
        sender = Accepting(service, chance, RUNS)

        def strike() -> None:
            what = chance.choice(["service", "worker", "job", "all"])
            working = jobs(service.database)
            if what == "worker":
                kill_one(workers_of(service), chance)
            elif what == "job":
                kill_one(working, chance)
            else:
                cluster = workers_of(service)
                if what == "all":
                    for one in (*working, *cluster):
                        with contextlib.suppress(psutil.NoSuchProcess):
                            one.kill()
                service.kill()
                assert gone([*cluster, *working], 10), "something outlives the service"
                service.start()

        endure(sender, service, strike)
        states = check_record(service.database, sender.accepted)
        assert states == {"succeeded": RUNS}, states
        until(lambda: not jobs(service.database), 10)


@pytest.mark.slow
@needs_postgres
def test_runs_survive_service_scheduler_and_workers_that_die_apart(
    tmp_path: Path, database: Postgres
) -> None:
    chance = random.Random(2)  # noqa: S311 - no secret
    given = {"database": database.url, "niceness": 0}
    with (
        Dask(tmp_path, database.url) as dask,
        Service(tmp_path, scheduler=dask.address, **given) as service,
    ):
        before = all_of(service)
        sender = Accepting(service, chance, RUNS)

        def strike() -> None:
            what = chance.choice(["service", "job", "all", *dask.names])
            if what == "job":
                kill_one(jobs(database.url), chance)
            if what in ("service", "all"):
                service.kill()
            for name in dask.names:
                if what in (name, "all"):
                    dask.kill(name)
            if what == "all":
                assert gone(jobs(database.url), 10)
            dask.supervise()
            if what in ("service", "all"):
                service.start()

        stop = threading.Event()

        def supervise() -> None:
            while not stop.wait(0.5):
                dask.supervise()

        supervisor = threading.Thread(target=supervise)
        supervisor.start()
        try:
            endure(sender, service, strike)
        finally:
            stop.set()
            supervisor.join()
        states = check_record(database.url, [*before, *sender.accepted])
        assert states["succeeded"] >= RUNS, states
        until(lambda: not jobs(database.url), 10)


@pytest.mark.slow
@needs_postgres
def test_two_services_share_the_work_and_do_nothing_twice(
    tmp_path: Path, database: Postgres
) -> None:
    with (
        Dask(tmp_path, database.url) as dask,
        Service(tmp_path, database=database.url, scheduler=dask.address) as one,
        Service(tmp_path, database=database.url, scheduler=dask.address) as two,
    ):
        run_ids = []
        for place in range(20):
            service = (one, two)[place % 2]
            name = TINY[place % len(TINY)]
            run_ids.append(service.run(kind="solve", instance_id=name)["id"])
        for place, run_id in enumerate(run_ids):
            found = (two, one)[place % 2].ended(run_id)
            assert (found["state"], found["attempts"]) == ("succeeded", 1)
        listed = [all_of(service) for service in (one, two)]
        assert listed[0] == listed[1]
        assert set(run_ids) <= set(listed[0])
        check_record(database.url, listed[0])
        for run_id in run_ids:
            plans = [
                service.client.get(f"/v1/runs/{run_id}/plan").content for service in (one, two)
            ]
            assert plans[0] == plans[1]


@pytest.mark.slow
@needs_postgres
def test_runs_on_a_scheduler_of_others_go_on_without_the_service(
    tmp_path: Path, database: Postgres
) -> None:
    with (
        Dask(tmp_path, database.url, workers=1) as dask,
        Service(tmp_path, database=database.url, scheduler=dask.address) as service,
    ):
        run_id = begun(service, kind="solve", instance_id="tiny-stability")
        follower = Following(service, run_id)
        assert service.stop() <= 10
        follower.join(5)
        assert follower.error is None
        until(lambda: not jobs(database.url))
        service.start()
        found = service.ended(run_id)
        assert (found["state"], found["attempts"]) == ("succeeded", 1)
