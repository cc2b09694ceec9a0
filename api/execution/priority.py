"""Computing stands behind answering: how a process lets others go first."""

import contextlib
import os
from pathlib import Path

AUTOGROUP = Path("/proc/self/autogroup")
"""How Linux weighs a whole session against others, where it groups processes so."""


def stand_back(niceness: int) -> None:
    """Let other processes go first.

    Where Linux groups processes by session (`sched_autogroup`), niceness tells only within a
    session: one that this process leads by itself is made as nice as a whole.

    Parameters
    ----------
    niceness
        0 (nothing changes) to 19.
    """
    if not niceness:
        return
    os.nice(niceness)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # there are no such groups here
            AUTOGROUP.write_text(str(niceness))
