"""The way to a Dask scheduler that somebody else runs."""

import re
from typing import TYPE_CHECKING

from allocator.errors import SolverError

if TYPE_CHECKING:
    from distributed import Client

_ADDRESS = re.compile(r"(\w+://)?[^\s/]+:\d+/?|inproc://\S+")
ANSWERS_WITHIN = 10.0
"""Seconds in which a scheduler must answer."""


def connected(scheduler: str) -> "Client":
    """Return a client of the scheduler at an address.

    Raises
    ------
    SolverError
        If none answers there.
    """
    from distributed import Client

    if not _ADDRESS.fullmatch(scheduler):
        message = f"no scheduler answers at {scheduler!r}: give an address such as tcp://HOST:8786"
        raise SolverError(message)
    try:
        return Client(scheduler, set_as_default=False, timeout=ANSWERS_WITHIN)
    except (OSError, ValueError) as error:
        raise SolverError(f"no scheduler answers at {scheduler!r}: {error}") from error
