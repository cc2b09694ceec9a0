"""Bodies in JSON, read strictly: what JSON does not know, or says twice, is refused."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from allocator.datapackage import each_once, no_constant
from api.problems import Trouble


def parsed(body: bytes) -> Any:
    """Return what a body holds.

    Raises
    ------
    Trouble
        If it is not JSON in UTF-8, holds NaN or an infinity, has a field twice, or holds text
        that no database keeps (NUL, half a surrogate pair).
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Trouble("not-a-request", f"the body is not UTF-8 at byte {error.start}") from error
    try:
        found = json.loads(text, parse_constant=no_constant, object_pairs_hook=each_once)
    except (ValueError, RecursionError) as error:
        raise Trouble("not-a-request", f"the body is not JSON: {error}") from error
    if "\\u" in text or "\0" in text:
        try:
            plain = json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise Trouble("not-a-request", "the body holds half a surrogate pair") from error
        if b"\\u0000" in plain:
            raise Trouble("not-a-request", "the body holds a NUL character")
    return found


class _StrictRequest(Request):
    async def json(self) -> Any:
        """Return the body as JSON, read strictly."""
        return parsed(await self.body())


class StrictRoute(APIRoute):
    """A route that reads its body strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(_StrictRequest(request.scope, request.receive))

        return strict
