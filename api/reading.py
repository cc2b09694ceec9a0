"""Bodies in JSON, read strictly: what JSON does not know, or says twice, is refused."""

import json
import math
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from allocator.datapackage import each_once, no_constant
from api.bodies import refused
from api.problems import Trouble
from api.security import bearer, who_asks

JSON = "application/json"
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""NUL as JSON writes it; after an even number of backslashes, for those are text."""
DEEPEST = 50
"""Most objects and lists within each other; what is read here needs fewer than ten."""


def parsed(body: bytes) -> Any:
    """Return what a body holds.

    Raises
    ------
    Trouble
        If it is not JSON in UTF-8, is nested deeper than `DEEPEST`, holds NaN or an infinity (or
        a number that becomes one), has a field twice, or holds text that no database keeps (NUL,
        half a surrogate pair).
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Trouble("not-a-request", f"the body is not UTF-8 at byte {error.start}") from error
    try:
        found = json.loads(
            text, parse_constant=no_constant, parse_float=_finite, object_pairs_hook=each_once
        )
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        raise Trouble("not-a-request", f"the body is not JSON: {error}") from error
    if _is_deep(found):
        raise _too_deep()
    if "\\u" in text or "\0" in text:
        try:
            plain = json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise Trouble("not-a-request", "the body holds half a surrogate pair") from error
        if _NUL.search(plain):
            raise Trouble("not-a-request", "the body holds a NUL character")
    return found


def _finite(digits: str) -> float:
    """Return a number and refuse one that is too large to be kept, for `json.loads`."""
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:40]} is too large a number")
    return number


def _is_deep(found: Any) -> bool:
    level = [found] if isinstance(found, dict | list) else []
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def _too_deep() -> Trouble:
    return Trouble("not-a-request", f"the body is nested deeper than {DEEPEST} levels")


class _StrictRequest(Request):
    async def json(self) -> Any:
        """Return the body as JSON, read strictly."""
        return parsed(await self.body())


class StrictRoute(APIRoute):
    """A route that takes JSON alone, and reads it strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        handler = super().get_route_handler()
        field = self.body_field
        body = None if field is None else field.field_info.annotation

        async def strict(request: Request) -> Response:
            if body is not None:
                await who_asks(request, await bearer(request))  # bodies of strangers are not read
                _refuse_other_media(request)
            try:
                return await handler(_StrictRequest(request.scope, request.receive))
            except RequestValidationError as error:
                if body is None or any(one["type"] == "json_invalid" for one in error.errors()):
                    raise
                raise refused(error, body) from error
            except HTTPException as error:
                # FastAPI puts a message of its own in the place of what a body is refused for.
                if isinstance(error.__cause__, Trouble):
                    raise error.__cause__ from None
                raise

        return strict


def _refuse_other_media(request: Request) -> None:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != JSON:
        detail = f"send {JSON}, not {media[:80] or 'nothing'}"
        raise Trouble("wrong-media-type", detail)
