"""Progress of a batch for people who run it from Python: in a terminal, a notebook or a log."""

import sys
import time
from typing import TextIO

from allocator.sensitivity.executor import Standing

SECONDS_BETWEEN_LINES = 10.0
"""Least time between two lines in a log."""
SECONDS_BETWEEN_LOOKS = 0.1
"""Least time between two states of a line that is written over."""


class ProgressPrinter:
    """Prints where a batch stands: ``batch.run(…, progress=batch.ProgressPrinter())``.

    In a terminal and in a notebook one line that is written over; elsewhere, as in a log,
    a line every ten seconds and one at the end of a phase.

    Parameters
    ----------
    stream
        Where to print; none: standard error.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty() or "ipykernel" in sys.modules
        self._last, self._width = float("-inf"), 0

    def __call__(self, standing: Standing) -> None:
        """Print where it stands, unless something was just printed."""
        over, now = standing.done == standing.total, time.monotonic()
        seconds = SECONDS_BETWEEN_LOOKS if self._live else SECONDS_BETWEEN_LINES
        if not over and now - self._last < seconds:
            return
        self._last = now
        words = with_rate(standing)
        if not self._live:
            self._stream.write(f"{words}\n")
        else:
            self._stream.write(f"\r{words.ljust(self._width)}" + ("\n" if over else ""))
            self._width = 0 if over else len(words)
        self._stream.flush()


def with_rate(standing: Standing) -> str:
    """Put into words where a batch stands: done, failed, time left, cases a second."""
    rate = "" if standing.rate is None else f" · {standing.rate:.3g} a second"
    return f"{standing}{rate}"
