"""What is cancelled ends soon, wherever it is, and keeps what it has."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from allocator import load
from allocator.verify import verify
from models.plan import Plan
from tests.service.cluster import Dask, gone, jobs
from tests.service.following import EXACT, LONG, all_of, begun, cancelled, status, until
from tests.service.records import check_record
from tests.service.running import Service

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("survival"), workers=1) as running:
        yield running


def test_a_run_that_waits_is_cancelled_at_once(service: Service) -> None:
    first = begun(service, **LONG)
    second = service.run(kind="solve", instance_id="tiny-measures")["id"]
    third = service.run(kind="solve", instance_id="tiny-measures")["id"]
    for run_id in (third, second):
        answer = service.client.delete(f"/v1/runs/{run_id}")
        assert answer.json()["state"] == "cancelled"
    assert cancelled(service, first) <= 2
    assert status(service, second)["attempts"] == 0


def test_what_is_cancelled_while_it_waits_takes_no_time_of_a_worker(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'service.db'}"
    with (
        Dask(tmp_path, database, workers=1) as dask,
        Service(tmp_path, database=database, scheduler=dask.address) as service,
        Client(dask.address, set_as_default=False) as client,  # type: ignore[no-untyped-call]
    ):

        def known() -> set[str]:
            return set(client.run_on_scheduler(runs_known))

        first = begun(service, **LONG)
        waiting = []
        for _ in range(3):  # each of them is handed over before it is cancelled
            run_id = service.run(kind="solve", instance_id="tiny-measures")["id"]
            until(lambda: run_id in known())  # noqa: B023 - asked in this round alone
            service.client.delete(f"/v1/runs/{run_id}")
            waiting.append(run_id)
        until(lambda: known() == {first}, 20)
        assert len(jobs(database)) == 1
        cancelled(service, first)
        assert all(status(service, run_id)["attempts"] == 0 for run_id in waiting)
        last = service.run(kind="solve", instance_id="tiny-measures")["id"]
        until(lambda: status(service, last)["state"] == "succeeded")


def runs_known(dask_scheduler: Any) -> list[str]:
    """Return what a scheduler has not forgotten of runs."""
    return [key for key in dask_scheduler.tasks if str(key).startswith("run_")]


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
