"""Progress of a running solve on standard error.

One live line in a terminal; elsewhere a plain line now and then, so that logs stay short.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.status import Status

if TYPE_CHECKING:
    from allocator.sensitivity.executor import Standing
    from allocator.solve.progress import Progress

SECONDS_BETWEEN_LINES = 5.0
"""Least time between two plain lines."""


class ProgressLine:
    """Shows where a solve stands.

    `tell` may be called from any thread and only notes what it is told; `refresh` is
    called by the thread that waits, and draws.

    Parameters
    ----------
    console
        Where to draw.
    seconds
        Least time between two plain lines.
    """

    def __init__(self, console: Console, seconds: float = SECONDS_BETWEEN_LINES) -> None:
        self._console, self._seconds = console, seconds
        self._status: Status | None = console.status("starting") if console.is_terminal else None
        self._latest: tuple[Progress, float] | None = None
        self._later: Callable[[float], str] | None = None
        self._ended: list[str] = []
        self._last_line = float("-inf")

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()
        self._say_ended()

    def tell(self, progress: "Progress") -> None:
        """Note where the solve stands."""
        self._latest, self._later = (progress, time.monotonic()), None

    def tell_many(self, standing: "Standing", words: "Callable[[Standing], str]" = str) -> None:
        """Note where many solves stand; what is said when they are over stays to be read.

        Parameters
        ----------
        words
            Puts it into words.
        """
        from allocator.solve.progress import Progress

        said = Progress(words(standing), None, None, None, standing.elapsed)
        if standing.over:
            self._ended.append(describe(said, said.elapsed))
            self._latest = None
        else:
            self.tell(said)
            self._later = lambda seconds: words(standing.later(seconds))

    def refresh(self) -> None:
        """Draw what was noted last, with the time that has passed since."""
        self._say_ended()
        if self._latest is None:
            return
        progress, noted = self._latest
        now = time.monotonic()
        if self._later is not None:
            progress = replace(progress, phase=self._later(now - noted))
        line = describe(progress, progress.elapsed + now - noted)
        if self._status is not None:
            self._status.update(line)
        elif now - self._last_line >= self._seconds:
            self._last_line = now
            self._console.print(line, soft_wrap=True, markup=False, highlight=False)

    def _say_ended(self) -> None:
        while self._ended:
            self.say(self._ended.pop(0))
            self._last_line = time.monotonic()

    def say(self, text: str) -> None:
        """Print a line of its own, above the live one."""
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)


def describe(progress: "Progress", elapsed: float) -> str:
    """Put progress into one line: phase, best value so far, bound, gap, time."""
    parts = [progress.phase]
    if progress.incumbent is not None:
        parts.append(f"best {progress.incumbent:,.6g}")
    if progress.bound is not None:
        parts.append(f"bound {progress.bound:,.6g}")
    if progress.gap is not None:
        parts.append(f"gap {progress.gap:.2%}")
    parts.append(f"{elapsed:.0f} s")
    return " · ".join(parts)
