"""Instances over HTTP: sent in every form, stored once, read back, deleted; all else refused."""

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from allocator import load
from api.problems import MOST_TOLD, ProblemDocument
from tests.service.running import Service
from tests.service.sent import (
    TINY,
    changed,
    encrypted,
    files_of,
    listing,
    lying,
    tables_of,
    with_link,
    with_member,
    zipped,
)

pytestmark = pytest.mark.enable_socket
ZIP = {"Content-Type": "application/zip"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("instances")
    (folder / "tmp").mkdir()
    limits = {"max_body_mib": 1, "max_expanded_mib": 4, "max_cells": 100_000}
    running = Service(folder, packaged=False, **limits)
    running.env["TMPDIR"] = str(folder / "tmp")
    with running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_is_left(service: Service) -> Iterator[None]:
    """See that no request leaves a file anywhere in the folder of the service or beside it."""
    yield
    left = {name for name in listing(service.folder) if name.startswith("tmp/")}
    assert not {name for name in left if "allocator-" in name}
    assert not (service.folder.parent / "evil.csv").exists()
    assert not (Path(tempfile.gettempdir()) / "evil.csv").exists()
    assert "evil.csv" not in {name.rpartition("/")[2] for name in listing(service.folder)}


def sent(service: Service, body: Any, at: str = "") -> httpx.Response:
    """Send an instance: bytes as a zip, anything else as JSON."""
    if isinstance(body, bytes):
        return service.client.post(f"/v1/instances{at}", content=body, headers=ZIP)
    return service.client.post(f"/v1/instances{at}", json=body)


def ids(service: Service) -> list[str]:
    found = service.client.get("/v1/instances", params={"limit": 200}).json()
    assert found["next"] is None
    return [one["id"] for one in found["instances"]]


def problem(answer: httpx.Response, status: int, kind: str) -> ProblemDocument:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = ProblemDocument.model_validate(answer.json())
    assert found.type == f"urn:allocator:problem:{kind}"
    assert found.status == status
    return found


@pytest.mark.parametrize("name", TINY)
def test_an_instance_is_stored_once_whatever_its_form(service: Service, name: str) -> None:
    known = load(name)
    first = sent(service, zipped(files_of(name), folder="a folder/"))
    assert first.status_code == 201, first.text
    about = first.json()
    assert about["sha256"] == known.sha256
    assert about["id"] == f"{name}-{known.sha256[:12]}"
    assert first.headers["location"] == f"/v1/instances/{about['id']}"
    for again in (zipped(files_of(name)), tables_of(name)):
        second = sent(service, again)
        assert second.status_code == 200, second.text
        assert second.json() == about
        assert second.headers["location"] == first.headers["location"]
    assert ids(service).count(about["id"]) == 1
    assert service.client.get(first.headers["location"]).json() == about
    assert service.client.get(f"/v1/instances/{name}").json() == about

    package = service.client.get(first.headers["location"], headers={"Accept": "application/zip"})
    assert package.headers["content-type"] == "application/zip"
    assert package.headers["content-disposition"] == f'attachment; filename="{about["id"]}.zip"'
    tables = service.client.get(f"{first.headers['location']}/tables").json()
    for form in (package.content, tables):
        assert sent(service, form).json()["sha256"] == known.sha256
    with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
        assert archive.read("municipalities.csv").split(b"\n")[1].startswith(b"0101,")


def test_validating_stores_nothing(service: Service) -> None:
    before = ids(service)
    body = tables_of()
    body["about"]["id"] = "only-looked-at"
    for form in (body, zipped(changed("datapackage.json", '"id": "tiny', '"id": "other'))):
        answer = sent(service, form, ":validate")
        assert answer.status_code == 200, answer.text
        assert answer.json()["valid"] is True
        assert answer.json()["errors"] == []
    body["tables"]["sites"][0]["site_id"] = 301
    body["tables"]["groups"][0]["beds"] = "=1+1"
    answer = sent(service, body, ":validate").json()
    assert answer["valid"] is False
    places = {(one["table"], one["row"], one["column"]) for one in answer["errors"]}
    assert places == {("sites", 1, "site_id")}
    body["tables"]["sites"][0]["site_id"] = "0101"
    answer = sent(service, body, ":validate").json()
    places = {(one["table"], one["row"], one["column"]) for one in answer["errors"]}
    assert ("groups", 1, "beds") in places
    assert ids(service) == before


def test_pages_of_a_list_hold_everything_once(service: Service) -> None:
    body = tables_of()
    for number in range(3):
        body["about"]["id"] = f"paged-{number}"
        assert sent(service, body).status_code in (200, 201)
    known = ids(service)
    assert known == sorted(known)
    for limit in (1, 2, len(known)):
        found, cursor = [], None
        for _ in range(len(known) + 1):
            params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            page = service.client.get("/v1/instances", params=params).json()
            assert len(page["instances"]) <= limit
            found += [one["id"] for one in page["instances"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert found == known


def test_everything_wrong_with_a_query_is_told_with_what_would_be_right(service: Service) -> None:
    answer = service.client.get("/v1/instances?limit=500&cursor=x&limti=3")
    told = {one.parameter: one for one in problem(answer, 422, "invalid").errors}
    assert set(told) == {"limit", "cursor", "limti"}
    assert told["limit"].detail == "should be less than or equal to 200"
    assert (told["limit"].value, told["limit"].expected) == ("500", "here belongs: most of them")
    assert told["cursor"].expected == "give `next` of the page before, as it came"
    assert str(told["limti"].expected).startswith("maybe limit; there are")
    (twice,) = problem(service.client.get("/v1/instances?limit=5&limit=6"), 422, "invalid").errors
    assert (twice.parameter, twice.value, twice.expected) == ("limit", "6", "give it once")


def test_a_path_that_there_is_not_may_name_one(service: Service) -> None:
    found = problem(service.client.get("/v1/instance"), 404, "not-found")
    assert found.detail == (
        "there is no such path; /openapi.json lists all, maybe /v1/instances is meant"
    )
    assert "maybe" not in problem(service.client.get("/xyz"), 404, "not-found").detail


@pytest.mark.parametrize("cursor", ["x", "MQ", "MTo", "MToA", "MjphYmM", "ø", "====", "a" * 200])
def test_a_cursor_that_nobody_gave_is_refused(service: Service, cursor: str) -> None:
    answer = service.client.get("/v1/instances", params={"cursor": cursor})
    assert problem(answer, 422, "invalid").errors[0].parameter == "cursor"


def test_an_instance_is_deleted_unless_a_run_is_about_it(service: Service) -> None:
    body = tables_of()
    body["about"]["id"] = "deleted-later"
    path = sent(service, body).headers["location"]
    run_id = service.run(kind="solve", instance_id="deleted-later")["id"]
    found = problem(service.client.delete(path), 409, "conflict")
    assert "deleted-later" in found.detail
    assert service.client.get(path).status_code == 200
    service.ended(run_id)
    assert service.client.delete(path).status_code == 409
    body["about"]["id"] = "deleted-now"
    path = sent(service, body).headers["location"]
    assert service.client.delete(path).status_code == 204
    for answer in (service.client.get(path), service.client.delete(path)):
        problem(answer, 404, "not-found")
    assert sent(service, body).status_code == 201


def test_a_name_that_several_instances_have_is_told_with_their_ids(service: Service) -> None:
    body = tables_of()
    body["about"]["id"] = "same-name"
    made = {sent(service, body).json()["id"]}
    body["about"]["title"] = "Another one"
    made.add(sent(service, body).json()["id"])
    assert len(made) == 2
    found = problem(service.client.get("/v1/instances/same-name"), 404, "not-found")
    assert all(one in found.detail for one in made)


PLANTED: dict[str, tuple[Callable[[], bytes], str]] = {
    "bomb": (lambda: with_member("outcomes.csv", b"0" * (8 << 20)), "too large"),
    "lie": (lambda: lying(100), "cannot be read"),
    "nested": (lambda: with_member("more.zip", zipped(files_of())), "nobody reads"),
    "above": (lambda: with_member("../evil.csv"), "leave its folder"),
    "far above": (lambda: with_member("../../../../tmp/evil.csv"), "leave its folder"),
    "absolute": (lambda: with_member("/tmp/evil.csv"), "leave its folder"),  # noqa: S108
    "backslash": (lambda: with_member("..\\evil.csv"), "leave its folder"),
    "link": (with_link, "a link is no file"),
    "encrypted": (encrypted, "encrypted"),
    "members": (lambda: zipped({f"{n}.csv": b"" for n in range(100)}), "too many files"),
    "cells": (lambda: with_member("outcomes.csv", b",\n" * 100_000), "too many cells"),
    "by case": (lambda: with_member("SITES.csv"), "there twice"),
    "folders": (lambda: with_member("a/outcomes.csv"), "several folders"),
    "empty": (lambda: zipped({}), "empty"),
    "truncated": (lambda: zipped(files_of())[:-30], "not a zip"),
    "no zip": (lambda: b"0301", "not a zip"),
    "no body": (lambda: b"", "not a zip"),
    "latin-1": (lambda: zipped(files_of() | {"sites.csv": b"\xc5s"}), "not UTF-8 at byte 0"),
    "utf-16": (
        lambda: zipped(files_of() | {"sites.csv": "site_id".encode("utf-16")}),
        "not UTF-8 at byte 0",
    ),
    "rows": (
        lambda: zipped(changed("datapackage.json", '"path"', '"rows": 1000000000, "path"')),
        "more is declared than is read",
    ),
    "column twice": (
        lambda: zipped(files_of() | {"sites.csv": b"site_id,site_id\n1,2\n"}),
        "the column is there twice",
    ),
    "row twice": (
        lambda: zipped(changed("sites.csv", "\n0201-town", "\n0101-town")),
        "row 1 has the same site_id",
    ),
    "formula": (
        lambda: zipped(changed("municipalities.csv", "Alder,", "=cmd(),")),
        "formula",
    ),
    "formula for a number": (
        lambda: zipped(changed("municipalities.csv", ",1000,", ",=1000,")),
        "not a whole number",
    ),
    "nan": (lambda: zipped(changed("municipalities.csv", ",1000,", ",NaN,")), "not a whole"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_archive_is_refused_and_nothing_stored(service: Service, name: str) -> None:
    made, message = PLANTED[name]
    before, content = ids(service), made()
    found = problem(sent(service, content), 422, "invalid")
    assert found.errors
    assert any(message in one.detail for one in found.errors), found.errors
    assert all(one.expected and one.table for one in found.errors)
    checked = sent(service, content, ":validate").json()
    assert checked["valid"] is False
    assert checked["errors"] == [one.model_dump() for one in found.errors]
    assert ids(service) == before


BODIES = {
    "nothing": (b"", "not JSON"),
    "half": (b'{"about": ', "not JSON"),
    "nan": (b'{"about": {"year": NaN}, "tables": {}}', "NaN"),
    "infinity": (b'{"about": {"year": Infinity}, "tables": {}}', "Infinity"),
    "too large a number": (b'{"about": {"budget": 1e999}, "tables": {}}', "too large a number"),
    "twice": (b'{"about": {"id": "a", "id": "b"}, "tables": {}}', "there twice"),
    "deep list": (b"[" * 100_000, "nested deeper"),
    "deep object": (b'{"a":' * 100_000, "nested deeper"),
    "deep cell": (b'{"about": {"id": ' + b"[" * 900 + b"]" * 900 + b"}}", "nested deeper"),
    "nul": (b'{"about": {"id": "\\u0000"}, "tables": {}}', "NUL"),
    "surrogate": (b'{"about": {"id": "\\ud800"}, "tables": {}}', "surrogate"),
    "latin-1": (b'{"about": {"title": "\xc5s"}}', "not UTF-8 at byte 21"),
    "utf-16": ('{"about": {}}'.encode("utf-16"), "not UTF-8 at byte 0"),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(
    "path", ["/v1/instances", "/v1/instances:validate", "/v1/runs", "/v1/proposals"]
)
def test_a_body_that_json_does_not_know_is_refused(service: Service, path: str, name: str) -> None:
    body, said = BODIES[name]
    answer = service.client.post(path, content=body, headers=JSON)
    if name == "nothing" and path in ("/v1/runs", "/v1/proposals"):
        problem(answer, 422, "invalid")
        return
    assert said in problem(answer, 400, "not-a-request").detail


@pytest.mark.parametrize("media", [None, "text/csv", "application/jsonx", "multipart/form-data"])
@pytest.mark.parametrize("path", ["/v1/instances", "/v1/runs", "/v1/proposals"])
def test_another_media_type_is_refused(service: Service, path: str, media: str | None) -> None:
    headers = {} if media is None else {"Content-Type": media}
    answer = service.client.post(path, content=b"{}", headers=headers)
    found = problem(answer, 415, "wrong-media-type")
    assert "application/json" in found.detail
    assert (media or "nothing") in found.detail


@pytest.mark.parametrize("path", ["/v1/instances", "/v1/instances:validate", "/v1/runs"])
def test_a_body_that_is_too_large_is_refused(service: Service, path: str) -> None:
    def pieces() -> Iterator[bytes]:  # sent without saying how much it will be
        for _ in range(20):
            yield b" " * (1 << 16)

    before = ids(service)
    for content in (b" " * ((1 << 20) + 1), pieces()):
        answer = service.client.post(path, content=content, headers=JSON)
        problem(answer, 413, "too-large")
    assert ids(service) == before


def test_many_problems_are_told_up_to_a_point(service: Service) -> None:
    rows = [{"municipality_id": n} for n in range(2 * MOST_TOLD)]
    body = {"about": {"id": "wrong"}, "tables": {"municipalities": rows}}
    found = problem(sent(service, body), 422, "invalid")
    assert found.detail == f"{2 * MOST_TOLD} problems"
    assert len(found.errors) == MOST_TOLD + 1
    assert found.errors[-1].detail == f"there are {MOST_TOLD:,} more problems"


def test_no_name_of_an_instance_leads_anywhere(service: Service) -> None:
    before = ids(service)
    for name in ("../evil", "/evil", "a/../../evil", "", "Evil", "a b", "é"):
        body = tables_of()
        body["about"]["id"] = name
        found = problem(sent(service, body), 422, "invalid")
        assert [one.column for one in found.errors] == ["id"]
    assert ids(service) == before


@pytest.mark.parametrize(
    "named", ["nothing", "..%2F..%2Fetc%2Fpasswd", "%ED%A0%80", "%FF", "x" * 3000, "1%27--"]
)
def test_an_instance_that_is_not_there_is_not_found(service: Service, named: str) -> None:
    answer = service.client.get(f"/v1/instances/{named}")
    problem(answer, 404, "not-found")
    problem(service.client.get(f"/v1/instances/{named}%00"), 400, "not-a-request")


def test_the_json_that_is_read_holds_no_infinity(service: Service) -> None:
    """What comes out is JSON that every reader knows."""
    path = sent(service, tables_of()).headers["location"]

    def refuse(name: str) -> float:
        raise AssertionError(name)

    content = service.client.get(f"{path}/tables").content
    assert json.loads(content, parse_constant=refuse)["about"]["id"] == "tiny-measures"
