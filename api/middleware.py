"""What happens to every request: an id, headers of safety, a line in the log."""

import re
import secrets
import time
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics
from api.problems import Trouble, answer

_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
NOT_READY = 503
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Reports are pages that need nothing else: their own styles, scripts and pictures.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'none'",
}


class Around:
    """Wraps the whole service, streams included."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, max_body: int) -> None:
        self._app, self._metrics, self._max_body = app, metrics, max_body
        self._log = structlog.get_logger("request")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        scope["request_id"] = given if _ID.fullmatch(given) else secrets.token_hex(8)
        began, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = scope["request_id"]
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                self._count(scope, status, began)
            await send(message)

        try:
            trouble = self._refused(scope)
            if trouble is not None:
                await answer(Request(scope), trouble)(scope, receive, noting)
                return
            await self._app(scope, self._limited(receive), noting)
        finally:
            if status >= 400 or scope["method"] != "GET":
                self._tell(scope, status, began)  # reads that went well are only counted

    def _refused(self, scope: Scope) -> Trouble | None:
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            return Trouble("not-a-request", "the address holds a NUL character")
        said = dict(scope["headers"]).get(b"content-length", b"")
        return self._too_large() if said.isdigit() and int(said[:20]) > self._max_body else None

    def _too_large(self) -> Trouble:
        return Trouble("too-large", f"at most {self._max_body >> 20} MiB are read")

    def _limited(self, receive: Receive) -> Receive:
        """Refuse, where it is read, a body that did not say how long it is."""
        read = 0

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_body:
                raise self._too_large()
            return message

        return limited

    def _count(self, scope: Scope, status: int, began: float) -> None:
        route = _route(scope)
        self._metrics.requests.labels(scope["method"], route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(time.perf_counter() - began)

    def _tell(self, scope: Scope, status: int, began: float) -> None:
        told: dict[str, Any] = {
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "seconds": round(time.perf_counter() - began, 4),
            "request_id": scope["request_id"],
        }
        run_id = scope.get("path_params", {}).get("run_id")
        if run_id is not None:
            told["run_id"] = run_id
        # What is not there yet, or not any more, is told once by whoever looks for it.
        log = self._log.error if status >= 500 and status != NOT_READY else self._log.info
        log("answered", **told)


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "none")
