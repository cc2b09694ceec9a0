"""What the service answers when something is wrong: problem details (RFC 9457), all at once.

Every kind of problem is listed in `KINDS`; a route names those it can answer with, and the
OpenAPI document shows them.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from allocator.errors import InvalidInput
from allocator.validation import names_like, near, sentence
from api.store import StoreChanged, StoreFull, StoreUnavailable
from models.problems import Problem

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
"""Seconds after which a client should try again when the database does not answer."""

MOST_TOLD = 1000
"""Most problems that one answer lists."""

KINDS: dict[str, tuple[int, str]] = {
    "not-a-request": (400, "The request cannot be read"),
    "no-key": (401, "A valid key is needed"),
    "not-allowed": (403, "The key does not allow this"),
    "not-found": (404, "There is nothing here"),
    "wrong-method": (405, "This method is not known here"),
    "not-acceptable": (406, "No such representation is made"),
    "conflict": (409, "It cannot be done in this state"),
    "ended": (410, "The run has ended"),
    "too-large": (413, "The request is too large"),
    "wrong-media-type": (415, "The body has another media type than is read here"),
    "invalid": (422, "What was sent cannot be used"),
    "key-reused": (422, "The Idempotency-Key was used for another request"),
    "too-many": (429, "Too many runs wait or run"),
    "internal": (500, "Something went wrong here"),
    "unavailable": (503, "The service cannot answer now"),
    "full": (507, "There is no room left to store this"),
}
"""Status and title of every kind of problem."""


class ErrorItem(BaseModel):
    """One thing that is wrong with what was sent."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    pointer: str | None = None
    """JSON pointer into the body; none when it lies elsewhere."""
    parameter: str | None = None
    """Query parameter, path parameter or header; none when it lies in the body."""
    detail: str
    """What is wrong."""
    value: str | None = None
    """What was found, as written."""
    expected: str | None = None
    """What would be right."""
    table: str | None = None
    """Table or file of an instance."""
    row: int | None = None
    """Row of the table, from 1."""
    column: str | None = None
    """Column of the table, or field."""


class ProblemDocument(BaseModel):
    """A problem, as RFC 9457 has it."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:allocator:problem:invalid",
                    "title": "What was sent cannot be used",
                    "status": 422,
                    "detail": "1 problem",
                    "instance": "/v1/runs",
                    "request_id": "5f0c6e1d2b7a4c39",
                    "errors": [
                        {
                            "pointer": "/policy/step",
                            "detail": "should be greater than or equal to 1",
                            "value": "0",
                            "expected": "size of a lot, in persons",
                        }
                    ],
                }
            ]
        },
    )

    type: str
    """`urn:allocator:problem:` and the kind of problem."""
    title: str
    """The kind of problem in words."""
    status: int
    """HTTP status."""
    detail: str
    """What is wrong this time."""
    instance: str
    """Path that was asked for."""
    request_id: str
    """Id of the request, as in the log."""
    errors: list[ErrorItem] = Field(default_factory=list)
    """Everything that is wrong, at once."""


class Trouble(Exception):  # noqa: N818 - the name says it best
    """A request cannot be served.

    Parameters
    ----------
    kind
        One of `KINDS`.
    detail
        What is wrong this time.
    errors
        Everything that is wrong with what was sent.
    headers
        More headers of the answer.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        errors: Sequence[ErrorItem] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        self.kind, self.detail = kind, detail
        self.errors, self.headers = tuple(errors), headers or {}
        super().__init__(kind, detail)


def documented(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """Return what a route says of problems in the OpenAPI document.

    Those that every route can answer with are added.
    """
    found: dict[int | str, dict[str, Any]] = {}
    for kind in dict.fromkeys((*kinds, "not-a-request", "invalid", "internal", "unavailable")):
        status, title = KINDS[kind]
        text = found[status]["description"] + "; " + title if status in found else title
        schema = {"$ref": "#/components/schemas/ProblemDocument"}
        found[status] = {"description": text, "content": {MEDIA_TYPE: {"schema": schema}}}
    return found


def invalid(problems: Iterable[ErrorItem]) -> Trouble:
    """Return the trouble with what was sent."""
    found = list(problems)
    count = len(found)
    return Trouble("invalid", f"{count} problem{'s' if count != 1 else ''}", told(found))


def told(found: Sequence[ErrorItem]) -> list[ErrorItem]:
    """Return what is told of everything that is wrong: all of it, or that there is more."""
    more = len(found) - MOST_TOLD
    if more <= 0:
        return list(found)
    last = ErrorItem(detail=f"there are {more:,} more problems", expected="mend these first")
    return [*found[:MOST_TOLD], last]


def item_of(problem: Problem, under: str | None = None) -> ErrorItem:
    """Return a problem with input as it is told here.

    Parameters
    ----------
    under
        JSON pointer of the field in the body that it lies in; none: it lies in an instance.
    """
    if under is None:
        return ErrorItem(
            detail=problem.message,
            value=problem.value,
            expected=problem.expected,
            table=problem.table,
            row=problem.row,
            column=problem.column,
        )
    parts = [] if problem.column is None else problem.column.split(".")
    row = [] if problem.row is None else [str(problem.row - 1)]
    return ErrorItem(
        pointer=pointer(under, *row, *parts),
        detail=problem.message,
        value=problem.value,
        expected=problem.expected,
    )


def pointer(*parts: object) -> str:
    """Return a JSON pointer; a first part that is one already is taken as it is."""
    first = str(parts[0]) if parts else ""
    known = first if first.startswith("/") or not first else f"/{_escaped(first)}"
    return known + "".join(f"/{_escaped(str(part))}" for part in parts[1:])


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def answer(request: Request, trouble: Trouble) -> Response:
    """Return the answer that tells a problem."""
    status, title = KINDS[trouble.kind]
    document = ProblemDocument(
        type=f"urn:allocator:problem:{trouble.kind}",
        title=title,
        status=status,
        detail=trouble.detail,
        instance=request.url.path,
        request_id=request.scope.get("request_id", ""),
        errors=list(trouble.errors),
    )
    content = document.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, status, headers=trouble.headers, media_type=MEDIA_TYPE)


_BY_STATUS = {404: "not-found", 405: "wrong-method", 413: "too-large", 415: "wrong-media-type"}


def handlers(allowed: Callable[[Request], list[str]]) -> dict[Any, Any]:
    """Return what tells each kind of exception.

    Parameters
    ----------
    allowed
        Gives the methods that there are for the path that was asked for.
    """

    async def trouble(request: Request, error: Trouble) -> Response:
        return answer(request, error)

    async def http(request: Request, error: HTTPException) -> Response:
        kind = _BY_STATUS.get(error.status_code, "not-a-request")
        headers = dict(error.headers or {})
        if kind == "wrong-method":
            headers["Allow"] = ", ".join(allowed(request))
        detail = str(error.detail)
        if detail == HTTPStatus.NOT_FOUND.phrase:  # no route said more
            paths = list(request.app.openapi()["paths"])
            meant = near(request.url.path, paths)
            detail = "there is no such path; /openapi.json lists all"
            detail += "" if meant is None else f", maybe {meant} is meant"
        return answer(request, Trouble(kind, detail, headers=headers))

    async def validation(request: Request, error: RequestValidationError) -> Response:
        return answer(request, _of_validation(request, error))

    async def bad_input(request: Request, error: InvalidInput) -> Response:
        return answer(request, invalid(item_of(problem) for problem in error.problems))

    async def unavailable(request: Request, error: StoreUnavailable) -> Response:
        kind = "full" if isinstance(error, StoreFull) else "unavailable"
        headers = {} if kind == "full" else {"Retry-After": str(RETRY_SECONDS)}
        return answer(request, Trouble(kind, str(error), headers=headers))

    async def changed(request: Request, error: StoreChanged) -> Response:
        headers = {"Retry-After": str(RETRY_SECONDS)}
        return answer(request, Trouble("unavailable", f"{error}; send it again", headers=headers))

    async def unknown(request: Request, error: Exception) -> Response:
        detail = "the log has it under the id of this request"
        return answer(request, Trouble("internal", detail))

    return {
        Trouble: trouble,
        HTTPException: http,
        RequestValidationError: validation,
        InvalidInput: bad_input,
        StoreUnavailable: unavailable,
        StoreChanged: changed,
        Exception: unknown,
    }


def _of_validation(request: Request, error: RequestValidationError) -> Trouble:
    found = list(error.errors())
    unread = [one for one in found if one["type"] == "json_invalid"]
    if unread:
        said = unread[0].get("ctx", {}).get("error", "not JSON")
        return Trouble("not-a-request", f"the body is not JSON: {said}")
    known = parameters_of(request)
    return invalid(parameter_item(one, known) for one in found)


def parameters_of(request: Request) -> dict[str, str]:
    """Return the query parameters of a route, and what they mean, as the OpenAPI document says."""
    path = request.app.openapi()["paths"].get(request.scope["route"].path, {})
    operation = path.get(request.method.lower(), {})
    return {
        one["name"]: one.get("description", "")
        for one in operation.get("parameters", [])
        if one["in"] == "query"
    }


def unknown_parameter(name: str, value: str | None, known: Collection[str]) -> ErrorItem:
    """Return what is told of a query parameter that a route does not have."""
    expected = names_like(name, sorted(known)) if known else "leave it out"
    detail = "nobody knows this parameter"
    return ErrorItem(parameter=name, detail=detail, value=value, expected=expected)


def parameter_item(detail: Any, known: Mapping[str, str] = MappingProxyType({})) -> ErrorItem:
    """Return what pydantic says of a parameter as it is told.

    Parameters
    ----------
    known
        Query parameters that there are, and what they mean.
    """
    place, *location = detail["loc"]
    name = str(location[0]) if location else place
    value = None if detail["type"] == "missing" else shown(detail.get("input"))
    if detail["type"] == "extra_forbidden":
        return unknown_parameter(name, value, known)
    said, _, expected = detail["msg"].removeprefix("Value error, ").partition("; ")
    if not expected and known.get(name):
        expected = f"here belongs: {sentence(' '.join(known[name].split()))}"
    return ErrorItem(parameter=name, detail=sentence(said), value=value, expected=expected or None)


def shown(value: Any) -> str | None:
    """Return a value that was sent as it is told; none where it is no single one."""
    if value is None or isinstance(value, dict | list):
        return None
    return str(value)[:80]
