"""Runs over HTTP: asked for, computed in another process, read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from allocator import Policy, load, solve
from models.plan import Plan
from tests.service.running import Service

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("service")
    with Service(folder) as running:
        yield running


def test_a_run_gives_the_plan_that_the_library_gives(service: Service) -> None:
    run_id = service.solved("tiny-measures", policy={"step": 5})
    plan = Plan.model_validate_json(service.client.get(f"/v1/runs/{run_id}/plan").content)
    known = solve(load("tiny-measures"), Policy(step=5))
    assert plan.quota_of == known.quota_of
    assert plan.totals == known.totals
    assert plan.instance.sha256 == known.instance.sha256
