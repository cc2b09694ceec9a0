"""Read a trajectory from the log file of HiGHS, for interfaces that offer no callback."""

import re
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers.peer import Record

_ROW = re.compile(
    r"^.*?\d+\.\d\d%\s+(?P<bound>\S+)\s+(?P<best>\S+)\s+\S+\s.*\s(?P<time>\d+(\.\d+)?)s\s*$"
)
"""A row of the table of the branch-and-bound tree."""
_END = re.compile(r"^\s*Timing\s+(?P<time>\d+(\.\d+)?)\s*$")
"""The line of the closing report with the seconds of the whole run."""
LARGE = 1e20
"""From here on HiGHS means infinity."""


def rows(text: str) -> Iterator[tuple[float, float | None, float | None]]:
    """Yield seconds since HiGHS began, incumbent and bound of every row of the log."""
    for line in text.splitlines():
        row = _ROW.match(line)
        if row is not None:
            yield float(row["time"]), _number(row["best"]), _number(row["bound"])


def replay(path: Path, record: Record, ended: float, offset: float) -> None:
    """Add the points of the log at `path` to `record`.

    Parameters
    ----------
    ended
        When the log was last written to, in seconds of `record`: HiGHS counts its own time
        from the beginning of its run, so that beginning is told from the end.
    offset
        Constant of the goal where the interface does not pass it on.
    """
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    found = list(rows(text))
    ends = [float(m["time"]) for m in map(_END.match, text.splitlines()) if m is not None]
    lasted = max([*ends, *(seconds for seconds, _, _ in found)], default=0.0)
    began = max(0.0, ended - lasted)
    for seconds, best, bound in found:
        record.add(
            None if best is None else best + offset,
            None if bound is None else bound + offset,
            began + seconds,
        )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < LARGE else None
