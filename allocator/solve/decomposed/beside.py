"""A process that works for another: ``python -m`` this module.

Messages come in on standard input and answers go out on standard output, pickled; when the
input ends, so does the process.
"""

import os
import pickle
import sys
from typing import IO, Any

from allocator.solve.decomposed.chunk import Chunk


def main() -> None:
    """Answer until there is nothing more to read."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get among the answers
    serve(sys.stdin.buffer, answers)


def serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Answer the questions in order."""
    chunk: Chunk | None = None
    while True:
        try:
            kind, *content = pickle.load(questions)  # noqa: S301 - from our own process
        except EOFError:
            return
        if kind == "take":
            before, (chunk,) = chunk, content
            if before is not None:
                chunk.follow(before)
            continue
        pickle.dump(_answer(kind, chunk, content), answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


def _answer(kind: str, chunk: Chunk | None, content: list[Any]) -> tuple[str, Any]:
    try:
        if kind == "solve":
            (job,) = content
            return "solved", job.run()
        assert chunk is not None  # noqa: S101 - a chunk is taken before it is priced
        cost, relaxed, held = content
        return "priced", chunk.price(cost, relaxed=relaxed, held=held)
    except Exception as error:
        return "error", error


if __name__ == "__main__":
    main()
