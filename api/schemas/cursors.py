"""Cursors of lists: opaque to clients, here the id that the next page begins after."""

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, Field


def cursor_of(last: str) -> str:
    """Return the cursor for what comes after an id."""
    return base64.urlsafe_b64encode(f"1:{last}".encode()).decode().rstrip("=")


def _read(cursor: str) -> str:
    """Return the id that a cursor stands for."""
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    version, _, last = text.partition(":")
    if version != "1" or not last or "\0" in last:
        raise ValueError("this is no cursor; give `next` of the page before, as it came")
    return last


Cursor = Annotated[str, Field(max_length=200), AfterValidator(_read)]
"""A cursor of a request; read, it is the id that it stands for."""
