"""Requests that may be sent again: `Idempotency-Key`."""

from typing import Annotated

import sqlalchemy as sa
from fastapi import Header

from api.problems import Trouble
from api.security import Caller
from api.store import requests

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Sent again with the same body, the request makes nothing new.",
    ),
]


def made_before(
    connection: sa.Connection, caller: Caller, key: str | None, print_: str
) -> str | None:
    """Return what an earlier request with this key made.

    Raises
    ------
    Trouble
        If that request was another one.
    """
    try:
        return requests.made_before(connection, caller.id, key, print_)
    except requests.OtherRequest as error:
        detail = f"the key {str(error)[:60]!r} came with another body before; use a new one"
        raise Trouble("key-reused", detail) from error
