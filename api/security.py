"""Who may do what: keys, roles and scopes."""

import datetime as dt
import ipaddress
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.problems import Trouble
from api.store import Store, keys
from api.store.tables import now

MEMORY_SECONDS = 5.0
"""Seconds that a key is known without asking the database: so late is a revocation at most."""
MOST_REMEMBERED = 10_000


class Role(StrEnum):
    """What somebody does here."""

    PLANNER = "planner"
    MUNICIPALITY = "municipality"
    RESEARCHER = "researcher"
    ADMIN = "admin"


class Scope(StrEnum):
    """What a key allows."""

    INSTANCES_READ = "instances:read"
    INSTANCES_WRITE = "instances:write"
    RUNS_CREATE = "runs:create"
    RUNS_READ = "runs:read"
    RUNS_CANCEL = "runs:cancel"
    PROPOSALS_READ = "proposals:read"
    PROPOSALS_WRITE = "proposals:write"
    RESPONSES_READ = "responses:read"
    RESPONSES_WRITE = "responses:write"
    ADMIN = "admin"


_WORK = frozenset(
    {
        Scope.INSTANCES_READ,
        Scope.INSTANCES_WRITE,
        Scope.RUNS_CREATE,
        Scope.RUNS_READ,
        Scope.RUNS_CANCEL,
    }
)
SCOPES: dict[Role, frozenset[Scope]] = {
    Role.RESEARCHER: _WORK,
    Role.PLANNER: _WORK
    | {
        Scope.PROPOSALS_READ,
        Scope.PROPOSALS_WRITE,
        Scope.RESPONSES_READ,
        Scope.RESPONSES_WRITE,
    },
    Role.MUNICIPALITY: frozenset(
        {Scope.PROPOSALS_READ, Scope.RESPONSES_READ, Scope.RESPONSES_WRITE}
    ),
    Role.ADMIN: frozenset(Scope),
}
"""What each role allows."""


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes
    ----------
    id
        Id of the key; ``open`` on a service without keys.
    name
        For people.
    role
        What its owner does.
    municipality_id
        The only municipality it is for; none: all of them.
    """

    id: str
    name: str
    role: Role
    municipality_id: str | None = None

    @property
    def scopes(self) -> frozenset[Scope]:
        """What it allows."""
        return SCOPES[self.role]

    def may_see(self, municipality_id: str) -> bool:
        """Tell whether it is for this municipality."""
        return self.municipality_id in (None, municipality_id)


OPEN = Caller("open", "whoever asks", Role.ADMIN)
"""Everybody, on a service that was started with ``--open``."""


class Gate:
    """Finds out who asks, and remembers it for a moment."""

    def __init__(self, store: Store, *, is_open: bool) -> None:
        self._store, self._is_open = store, is_open
        self._known: dict[str, tuple[float, Caller]] = {}
        self._lock = threading.Lock()

    def remembered(self, secret: str | None) -> Caller | None:
        """Return who has this key, if it was asked lately."""
        if self._is_open:
            return OPEN
        found = None if secret is None else self._known.get(keys.fingerprint(secret))
        return found[1] if found is not None and time.monotonic() < found[0] else None

    def admitted(self, secret: str | None) -> Caller:
        """Return who has this key.

        Raises
        ------
        Trouble
            If it is none, or may no longer be used.
        """
        caller = self.remembered(secret)
        if caller is not None:
            return caller
        if secret is None:
            raise _no_key("send it as `Authorization: Bearer KEY`")
        with self._store.reading() as connection:
            row = keys.find(connection, secret)
        if row is None:
            raise _no_key("nobody has this key")
        if row["revoked_at"] is not None:
            raise _no_key("the key was revoked")
        if row["expires_at"] is not None and row["expires_at"] <= now():
            raise _no_key(f"the key expired at {row['expires_at']:%Y-%m-%d %H:%M} UTC")
        caller = Caller(row["id"], row["name"], Role(row["role"]), row["municipality_id"])
        with self._lock:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            until = time.monotonic() + _seconds_known(row["expires_at"])
            self._known[keys.fingerprint(secret)] = (until, caller)
        return caller


def _seconds_known(expires_at: dt.datetime | None) -> float:
    if expires_at is None:
        return MEMORY_SECONDS
    return min(MEMORY_SECONDS, (expires_at - now()).total_seconds())


def _no_key(detail: str) -> Trouble:
    return Trouble("no-key", detail, headers={"WWW-Authenticate": "Bearer"})


bearer = HTTPBearer(
    auto_error=False,
    description="A key made with `allocator keys-admin create`.",
    scheme_name="key",
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


def requires(scope: Scope) -> Callable[..., Any]:
    """Return a dependency that gives who asks, if their key allows `scope`."""

    async def caller(request: Request, credentials: Credentials) -> Caller:
        return checked(await who_asks(request, credentials), scope)

    return caller


async def who_asks(request: Request, credentials: HTTPAuthorizationCredentials | None) -> Caller:
    """Return who asks.

    Raises
    ------
    Trouble
        If it is nobody that is known here.
    """
    gate: Gate = request.app.state.gate
    secret = None if credentials is None else credentials.credentials
    found = gate.remembered(secret)
    return await run_in_threadpool(gate.admitted, secret) if found is None else found


def checked(caller: Caller, scope: Scope) -> Caller:
    """Return who asks, if their key allows `scope`.

    Raises
    ------
    Trouble
        If it does not.
    """
    if scope not in caller.scopes:
        raise Trouble("not-allowed", f"the key of a {caller.role} does not allow {scope}")
    return caller


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
