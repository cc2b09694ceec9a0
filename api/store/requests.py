"""Requests that are sent twice: the second is answered with what the first one made."""

import hashlib
import json
from typing import Any

import sqlalchemy as sa

from api.store.database import alone
from api.store.tables import IDEMPOTENCY, now


class OtherRequest(Exception):  # noqa: N818 - the name says it best
    """The same `Idempotency-Key` came with another body."""


def fingerprint(what: str, body: Any) -> str:
    """Return what tells one request from another."""
    text = json.dumps([what, body], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def made_before(
    connection: sa.Connection, created_by: str, key: str | None, print_: str
) -> str | None:
    """Return what an earlier request with this key made, if there was one.

    The same request that comes at the same time waits until this transaction ends.

    Raises
    ------
    OtherRequest
        If that request was another one.
    """
    if key is None:
        return None
    alone(connection, f"request {created_by} {key}")
    query = sa.select(IDEMPOTENCY).where(
        IDEMPOTENCY.c.created_by == created_by, IDEMPOTENCY.c.key == key
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    if row.fingerprint != print_:
        raise OtherRequest(key)
    return str(row.resource_id)


def remember(
    connection: sa.Connection, created_by: str, key: str | None, print_: str, resource_id: str
) -> None:
    """Keep what a request made, for the case that it comes again."""
    if key is None:
        return
    connection.execute(
        IDEMPOTENCY.insert().values(
            created_by=created_by,
            key=key,
            fingerprint=print_,
            resource_id=resource_id,
            created_at=now(),
        )
    )
