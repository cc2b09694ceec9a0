"""The OpenAPI document: kept as it is, complete, and true of what the routes answer."""

import difflib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from pydantic import BaseModel, TypeAdapter

from allocator.explain import Explanation
from api.app import create_app
from api.document import EXAMPLES, written
from api.problems import KINDS, MEDIA_TYPE, ErrorItem, ProblemDocument
from api.schemas import Answered, Body, Query, instances, proposals, results, runs
from api.security import Role
from api.settings import Settings
from api.store import Store, keys
from models.plan import Plan
from models.policy import Policy
from tests.service.running import Service

pytestmark = pytest.mark.enable_socket
KEPT = Path(__file__).parents[2] / "api" / "openapi.json"


def _made() -> dict[str, Any]:
    return create_app(Settings(database="sqlite:///never-opened.db")).openapi()


DOCUMENT = _made()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}
MODELS: list[type[BaseModel]] = [
    ErrorItem,
    Explanation,
    Plan,
    Policy,
    ProblemDocument,
    *(
        found
        for module in (instances, proposals, results, runs)
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, BaseModel)
    ),
]


def test_the_document_is_the_one_that_is_kept() -> None:
    kept, made = KEPT.read_text("utf-8"), written(DOCUMENT)
    lines = difflib.unified_diff(kept.splitlines(), made.splitlines(), "kept", "made", n=2)
    if kept != made:
        said = "write it anew if it is meant: python -m api.document > api/openapi.json"
        pytest.fail("\n".join([said, *lines]), pytrace=False)


def test_operations_have_clean_names_and_are_described() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names), names
    for name, operation in OPERATIONS.items():
        assert operation["summary"], name
        assert operation["description"].endswith((".", "?")), name
        assert operation["tags"], name
    assert DOCUMENT["openapi"].startswith("3.1")


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    found = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DOCUMENT)))
    assert found == set(SCHEMAS)


def test_every_operation_documents_its_problems() -> None:
    for name, operation in OPERATIONS.items():
        stated = operation["responses"]
        assert {"400", "422", "500", "503"} <= set(stated), name
        if operation.get("security"):
            assert {"401", "403"} <= set(stated), name
        if "requestBody" in operation:
            assert {"413", "415"} <= set(stated), name
        if "{" in name:
            assert "404" in stated, name
        for status, response in stated.items():
            assert response["description"], (name, status)
            if int(status) >= 400 and (name, status) != ("GET /readyz", "503"):
                schema = response["content"][MEDIA_TYPE]["schema"]
                assert schema == {"$ref": "#/components/schemas/ProblemDocument"}


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_schema_has_an_example_that_it_allows(name: str) -> None:
    examples = SCHEMAS[name]["examples"]
    assert examples
    schema = {**SCHEMAS[name], "components": DOCUMENT["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema)
    for example in examples:
        assert [error.message for error in validator.iter_errors(example)] == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_the_models_read_their_examples(model: type[BaseModel]) -> None:
    if model.__name__ not in SCHEMAS:
        # Parameters are documented one by one, and common ground not at all.
        common = (Body, Answered, runs._Asked, runs._OfInstance)
        assert issubclass(model, Query) or model in common
        return
    for example in SCHEMAS[model.__name__]["examples"]:
        read = TypeAdapter(model).validate_json(json.dumps(example))
        assert isinstance(read, model)


def test_no_example_is_of_nothing() -> None:
    assert set(json.loads(EXAMPLES.read_text("utf-8"))) <= set(SCHEMAS)


class Calls:
    """A service with keys, and what is needed to call every route of it."""

    def __init__(self, service: Service, secrets: dict[str, str]) -> None:
        self.service, self.secrets = service, secrets

    def call(
        self, name: str, *, key: str | None = "admin", answer: bool = True, **more: Any
    ) -> httpx.Response:
        method, path = name.split()
        path = re.sub(r"\{[^}]+\}", "nothing", path)
        headers = {} if key is None else {"Authorization": f"Bearer {self.secrets[key]}"}
        headers |= more.pop("headers", {})
        if answer and "requestBody" in OPERATIONS[name]:
            content = OPERATIONS[name]["requestBody"]["content"]
            more.setdefault("json", _example(content["application/json"]["schema"]))
        return self.service.client.request(method, path, headers=headers, **more)


def _example(schema: dict[str, Any]) -> Any:
    if "examples" in schema:
        return schema["examples"][0]
    if "oneOf" in schema:
        return _example(schema["oneOf"][0])
    return SCHEMAS[schema["$ref"].rpartition("/")[2]]["examples"][0]


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calls]:
    folder = tmp_path_factory.mktemp("documented")
    service = Service(folder, packaged=False, open=False, max_body_mib=1)
    store = Store(service.database)
    store.migrate()
    secrets = {"wrong": "nobody has this"}
    with store.writing() as connection:
        for role in Role:
            place = "0301" if role is Role.MUNICIPALITY else None
            _, secrets[role.value] = keys.make(
                connection, name=role, role=role, municipality_id=place, expires_at=None
            )
    store.close()
    with service:
        yield Calls(service, secrets)


def documented(name: str, answer: httpx.Response, *statuses: int) -> None:
    """See that an answer is a problem document, of one of the statuses, and documented."""
    assert answer.status_code in statuses, (name, answer.status_code, answer.text)
    assert answer.headers["content-type"] == MEDIA_TYPE, name
    found = ProblemDocument.model_validate(answer.json())
    assert found.status == answer.status_code
    assert found.request_id == answer.headers["x-request-id"]
    status, title = KINDS[found.type.rpartition(":")[2]]
    assert (status, title) == (found.status, found.title)
    stated = OPERATIONS[name]["responses"][str(answer.status_code)]
    assert title in stated["description"], (name, answer.text)
    assert MEDIA_TYPE in stated["content"]


KEYED = sorted(name for name, one in OPERATIONS.items() if one.get("security"))
BODIED = sorted(name for name, one in OPERATIONS.items() if "requestBody" in one)
PLACED = sorted(name for name in OPERATIONS if "{" in name)


def test_only_what_tells_of_the_service_itself_needs_no_key() -> None:
    keyless = {"GET /", "GET /healthz", "GET /readyz", "GET /metrics"}
    assert set(OPERATIONS) - set(KEYED) == keyless


@pytest.mark.parametrize("name", KEYED)
def test_without_a_key_no_route_answers(calls: Calls, name: str) -> None:
    for key in (None, "wrong"):
        answer = calls.call(name, key=key)
        documented(name, answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("name", KEYED)
def test_a_key_that_does_not_allow_it_is_refused(calls: Calls, name: str) -> None:
    allowed = "proposals" in name and "POST /v1/proposals" not in name.partition("/{")[0]
    if allowed and not name.endswith(":withdraw"):
        documented(name, calls.call(name, key="researcher"), 403)
    else:
        documented(name, calls.call(name, key="municipality"), 403)


@pytest.mark.parametrize("name", PLACED)
def test_what_is_not_there_is_not_found(calls: Calls, name: str) -> None:
    documented(name, calls.call(name), 404)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_unknown_parameter_is_refused(calls: Calls, name: str) -> None:
    answer = calls.call(name, params={"nobody": "knows"})
    documented(name, answer, 422)
    assert [one["parameter"] for one in answer.json()["errors"]] == ["nobody"]


def _query(name: str) -> set[str]:
    given = OPERATIONS[name].get("parameters", [])
    return {one["name"] for one in given if one["in"] == "query"}


QUERIED = sorted(name for name in OPERATIONS if _query(name))


@pytest.mark.parametrize("name", QUERIED)
def test_everything_wrong_with_the_parameters_is_told_at_once(calls: Calls, name: str) -> None:
    (wrong,) = {"limit", "language"} & _query(name)
    answer = calls.call(name, params={"nobody": "knows", wrong: "klingon"})
    documented(name, answer, 422)
    told = {one["parameter"]: one for one in answer.json()["errors"]}
    assert set(told) == {"nobody", wrong}
    assert told["nobody"]["expected"].startswith("there are ")
    assert wrong in told["nobody"]["expected"]


@pytest.mark.parametrize("name", QUERIED)
def test_a_parameter_that_is_there_twice_is_told(calls: Calls, name: str) -> None:
    known = min(_query(name))
    answer = calls.call(name, params=[(known, "1"), (known, "1")])
    documented(name, answer, 422)
    assert [one["parameter"] for one in answer.json()["errors"]] == [known]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a_nul_character_is_refused(calls: Calls, name: str) -> None:
    documented(name, calls.call(name, params={"limit": "\0"}), 400)


@pytest.mark.parametrize("path", sorted(DOCUMENT["paths"]))
def test_another_method_is_refused_with_those_there_are(calls: Calls, path: str) -> None:
    # What follows the colon may also belong to the id in the path without it.
    paths = {path, path.partition("}:")[0] + "}"} & set(DOCUMENT["paths"])
    known = {method.upper() for one in paths for method in DOCUMENT["paths"][one]}
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        if method in known:
            continue
        answer = calls.service.client.request(method, re.sub(r"\{[^}]+\}", "nothing", path))
        assert answer.status_code == 405, (method, path)
        assert ProblemDocument.model_validate(answer.json()).type.endswith(":wrong-method")
        assert answer.headers["allow"] == ", ".join(
            sorted(method.upper() for method in DOCUMENT["paths"][path])
        )


@pytest.mark.parametrize("name", BODIED)
def test_a_body_that_cannot_be_used_is_refused(calls: Calls, name: str) -> None:
    json_ = {"Content-Type": "application/json"}
    for body in (b"{", b"\xff", b'{"a": NaN}', b'{"a": 1, "a": 2}', b'"\\ud800"', b"[" * 100_000):
        documented(name, calls.call(name, answer=False, content=body, headers=json_), 400)
    for media in ("text/csv", "application/xml"):
        headers = {"Content-Type": media}
        documented(name, calls.call(name, answer=False, content=b"{}", headers=headers), 415)
    large = b" " * ((1 << 20) + 1)
    documented(name, calls.call(name, answer=False, content=large, headers=json_), 413)
    for body in (b"[]", b"1", b"null", b'"a"', b'{"nobody": 1}'):
        answer = calls.call(name, answer=False, content=body, headers=json_)
        if name == "POST /v1/instances:validate":
            assert answer.json()["valid"] is False
        else:
            documented(name, answer, 422)


def test_a_place_that_nobody_knows_is_a_problem_document(calls: Calls) -> None:
    for path in ("/index.html", "/v1", "/v1/nothing", "/v1/runs/a/b/c", "/docs", "/%ff"):
        answer = calls.service.client.get(path)
        assert answer.status_code == 404
        assert ProblemDocument.model_validate(answer.json()).type.endswith(":not-found")


def test_the_service_tells_its_document(calls: Calls) -> None:
    assert calls.service.client.get("/openapi.json").json() == DOCUMENT
