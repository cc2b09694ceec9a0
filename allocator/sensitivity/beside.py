"""A process that solves cases for another: ``python -m`` this module.

Messages come in on standard input and answers go out on standard output, pickled; when the
input ends, so does the process.
"""

import os
import pickle
import sys
from typing import IO, Any

from allocator.solve.engine import Flag


class Orphaned:
    """Set when the process that started this one is gone: nobody waits for an answer then."""

    def __init__(self) -> None:
        self._parent = os.getppid()

    def is_set(self) -> bool:
        """Tell whether to stop."""
        return os.getppid() != self._parent


def main() -> None:
    """Answer until there is nothing more to read."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get among the answers
    serve(sys.stdin.buffer, answers, Orphaned())


def serve(questions: IO[bytes], answers: IO[bytes], cancel: Flag) -> None:
    """Take what cases share (``held``), and answer cases (``case``), in order."""
    held: dict[str, Any] = {}
    while True:
        try:
            kind, *content = pickle.load(questions)  # noqa: S301 - from our own process
        except EOFError:
            return
        if kind == "held":
            name, value = content
            held[name] = value
            continue
        task, processes = content
        outcome = task.solve(held["instance"], held["start"], processes=processes, cancel=cancel)
        try:
            pickle.dump(outcome, answers, protocol=pickle.HIGHEST_PROTOCOL)
            answers.flush()
        except BrokenPipeError:  # nobody is there any more to answer
            os._exit(0)


if __name__ == "__main__":
    main()
