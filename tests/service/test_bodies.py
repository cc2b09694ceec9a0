"""Bodies that cannot be used: every problem at once, where it lies, and what would be right."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.running import Service

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("bodies")
    with Service(folder) as running:
        yield running


def told(service: Service, body: dict[str, Any], path: str = "/v1/runs") -> dict[str, Any]:
    answer = service.client.post(path, json=body)
    assert answer.status_code == 422, answer.text
    return {one["pointer"]: one for one in answer.json()["errors"]}


def test_a_kind_that_is_not_there_names_those_that_are(service: Service) -> None:
    one = told(service, {"kind": "slove", "instance_id": "tiny-measures"})["/kind"]
    assert one["value"] == "slove"
    assert one["expected"].startswith("maybe solve; there are solve, revise, explain, ")
    missing = told(service, {"instance_id": "tiny-measures"})["/kind"]
    assert missing["detail"] == "is missing"
    assert "solve, revise, explain" in missing["expected"]


def test_a_field_that_nobody_knows_names_those_there_are(service: Service) -> None:
    body = {"kind": "solve", "instance_id": "tiny-measures", "polcy": {}, "options": {"gp": 0.1}}
    found = told(service, body)
    assert set(found) == {"/polcy", "/options/gp"}
    assert found["/polcy"]["expected"].startswith("maybe policy; there are name, tags, ")
    assert found["/options/gp"]["expected"].startswith("maybe gap; there are time_limit, gap")


def test_what_is_missing_or_wrong_says_what_belongs_there(service: Service) -> None:
    found = told(service, {"kind": "marginal", "top": "many", "money": -1})
    assert found["/base_run_id"]["detail"] == "is missing"
    assert found["/base_run_id"]["expected"] == "here belongs: run whose plan is looked at"
    assert found["/top"]["value"] == "many"
    assert found["/money"]["value"] == "-1"
    proposal = told(service, {"run_id": "run_1", "title": ""}, "/v1/proposals")
    assert {"/title", "/message", "/author"} <= set(proposal)
    assert proposal["/author"]["expected"] == "here belongs: who publishes it"


def test_settings_of_the_policy_are_told_together_with_the_rest(service: Service) -> None:
    body = {
        "kind": "sweep",
        "instance_id": "tiny-measures",
        "policy": {"floor": -3, "bugdet": 1},
        "options": {"gap": 2},
    }
    found = told(service, body)
    assert set(found) == {"/options/gap", "/policy/floor", "/policy/bugdet", "/over"}
    assert found["/policy/floor"]["value"] == "-3"
    assert "maybe budget" in found["/policy/bugdet"]["expected"]


def test_settings_that_complete_those_of_another_run_are_taken(service: Service) -> None:
    """A part of a setting need not be whole where the base run has the rest of it."""
    base = {"0101": 40, "0201": 40, "0301": 40}
    first = {"max_change": {"persons": 10}, "base": base}
    run_id = service.solved("tiny-measures", policy=first)
    again = {"kind": "solve", "base_run_id": run_id, "policy": {"max_change": {"persons": 15}}}
    answer = service.client.post("/v1/runs", json=again)
    assert answer.status_code == 202, answer.text
    request = service.client.get(f"/v1/runs/{answer.json()['id']}/request").json()
    assert request["policy"]["max_change"]["persons"] == 15
    assert request["policy"]["base"] == base
