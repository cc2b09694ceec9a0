"""Cursors of lists: opaque to clients, here the id that the next page begins after."""

import base64
import binascii

from api.problems import ErrorItem, invalid


def cursor_of(last: str) -> str:
    """Return the cursor for what comes after an id."""
    return base64.urlsafe_b64encode(f"1:{last}".encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> str | None:
    """Return the id that a cursor stands for.

    Raises
    ------
    Trouble
        If it is none that this service gave.
    """
    if cursor is None:
        return None
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    version, _, last = text.partition(":")
    if version != "1" or not last or "\0" in last:
        item = ErrorItem(
            parameter="cursor",
            detail="this is no cursor",
            value=cursor[:80],
            expected="give `next` of the page before, as it came",
        )
        raise invalid([item])
    return last
