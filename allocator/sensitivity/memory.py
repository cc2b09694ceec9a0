"""Memory that a process does not need any more, given back to the system.

Solving takes and frees hundreds of megabytes in pieces of all sizes. The C library keeps what is
free between them, and what points at itself in a ring is free only when Python looks for it, so
that a process that solves for hours holds more and more that nobody uses.
"""

import ctypes
import gc
import sys
import time

EACH = 10.0
"""Seconds between two times that memory is given back; it takes a fifth of one."""

_last = 0.0


def give_back() -> None:
    """Give back what is free, where the C library can (glibc) and if it is time."""
    global _last
    if sys.platform != "linux" or time.monotonic() - _last < EACH:
        return
    _last = time.monotonic()
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # other C libraries have none, and keep less
        trim(0)
