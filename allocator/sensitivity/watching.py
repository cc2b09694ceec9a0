"""Progress of many solves for people who run them from Python: terminal, notebook or log."""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from allocator.sensitivity.executor import Standing

SECONDS_BETWEEN_LINES = 10.0
"""Least time between two lines in a log."""
SECONDS_BETWEEN_LOOKS = 0.1
"""Least time between two states of a line that is written over."""

Watcher = Callable[["Standing"], None]
"""Is told where many solves stand."""


class ProgressPrinter:
    """Prints where many solves stand: ``Executor(progress=True)``, ``batch.run(…, progress=True)``.

    In a terminal one line that is written over; in a notebook one output for every phase, in
    which the line is replaced; elsewhere, as in a log, a line every ten seconds and one at the
    end of a phase.

    Parameters
    ----------
    stream
        Where to print; none: the notebook that runs it, and where none does, standard error.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        display = _display() if stream is None else None
        self._line: _Cell | _Terminal | _Log
        if display is not None:
            self._line = _Cell(display)
        else:
            to = sys.stderr if stream is None else stream
            self._line = _Terminal(to) if to.isatty() else _Log(to)
        self._last = float("-inf")

    def __call__(self, standing: "Standing") -> None:
        """Print where it stands, unless something was just printed."""
        over, now = standing.over, time.monotonic()
        if not over and now - self._last < self._line.seconds:
            return
        self._last = now
        self._line.show(with_rate(standing), over=over)


def watcher(progress: "Watcher | bool | None") -> Watcher | None:
    """Return who is told where it stands: a printer where only that is asked for."""
    if isinstance(progress, bool):
        return ProgressPrinter() if progress else None
    return progress


def with_rate(standing: "Standing") -> str:
    """Put into words where many solves stand: done, failed, time left, solves a second."""
    rate = "" if standing.rate is None else f" · {standing.rate:.3g} a second"
    return f"{standing}{rate}"


class _Log:
    """A line for every state."""

    seconds = SECONDS_BETWEEN_LINES

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def show(self, words: str, *, over: bool) -> None:  # noqa: ARG002 - as the others
        self._stream.write(f"{words}\n")
        self._stream.flush()


class _Terminal:
    """A line that is written over until it is the last."""

    seconds = SECONDS_BETWEEN_LOOKS

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._width = stream, 0

    def show(self, words: str, *, over: bool) -> None:
        self._stream.write(f"\r{words.ljust(self._width)}" + ("\n" if over else ""))
        self._stream.flush()
        self._width = 0 if over else len(words)


class _Cell:
    """An output of a notebook that is replaced until it is the last.

    Parameters
    ----------
    display
        `IPython.display.display`.
    """

    seconds = SECONDS_BETWEEN_LOOKS

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._handle: Any = None

    def show(self, words: str, *, over: bool) -> None:
        shown = {"text/plain": words}
        if self._handle is None:
            self._handle = self._display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)
        if over:
            self._handle = None


def _display() -> Callable[..., Any] | None:
    """Return how the notebook that runs this process displays; none where none does.

    A notebook has loaded both modules; `ipykernel` is what tells it from IPython in a terminal.
    """
    loaded = sys.modules.get("IPython")
    if loaded is None or "ipykernel" not in sys.modules or loaded.get_ipython() is None:
        return None
    display: Callable[..., Any] = loaded.display.display
    return display
