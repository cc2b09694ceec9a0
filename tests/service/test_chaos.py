"""Killed at random again and again: every run that was accepted ends, once and whole."""

import contextlib
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from tests.random_small import more
from tests.service.cluster import Dask, gone, jobs, kill_one, workers_of
from tests.service.following import Following, all_of, begun, status, until
from tests.service.records import check_record
from tests.service.running import TERMINAL, Postgres, Service, has_postgres, postgres

pytestmark = pytest.mark.enable_socket
needs_postgres = pytest.mark.skipif(not has_postgres(), reason="no PostgreSQL here")
TINY = ("tiny-measures", "tiny-pools", "tiny-stability", "tiny-integral", "tiny-transport")


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as made:
        yield made


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
