"""Solve while listening to Ctrl-C: the first keeps the best plan, the second aborts."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from allocator.cli.ending import Exit
from allocator.cli.progress import ProgressLine

SECONDS_BETWEEN_LOOKS = 0.1
"""How often the waiting thread redraws."""

Result = TypeVar("Result")


def run_interruptibly(
    work: Callable[[], Result],
    cancel: threading.Event,
    line: ProgressLine,
    kept: str = "the best plan so far",
) -> Result:
    """Return what `work` returns, redrawing `line` meanwhile and setting `cancel` on Ctrl-C.

    `kept` says what is there when it stops early.

    The work runs in a thread of its own. Python handles signals in the main thread alone,
    and only between its own instructions: were that thread inside the solver, neither the
    first nor the second Ctrl-C would be heard before the solver comes back.
    """
    future: Future[Result] = Future()
    # A daemon, so that a second Ctrl-C need not wait for the solver.
    thread = threading.Thread(target=_fill, args=(future, work), daemon=True)
    with _listening(cancel, line, kept):
        thread.start()
        while thread.is_alive():
            thread.join(SECONDS_BETWEEN_LOOKS)
            line.refresh()
    return future.result()


def _fill(future: Future[Result], work: Callable[[], Result]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # raised again by the thread that waits
        future.set_exception(error)


@contextmanager
def _listening(cancel: threading.Event, line: ProgressLine, kept: str) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        # Signals cannot be caught here; whoever runs us in a thread interrupts otherwise.
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if cancel.is_set():
            # The solver's thread cannot be stopped from outside, so leave it behind.
            sys.stdout.flush()
            sys.stderr.write("\naborted\n")
            sys.stderr.flush()
            os._exit(Exit.INTERRUPTED)
        cancel.set()
        line.say(f"stopping, keeping {kept}; press Ctrl-C again to abort")

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
