"""Answers that are good for a moment: many who ask at once are told what one was told."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

MOMENT = 0.1
"""Seconds that an answer is good for."""
MOST = 10_000


class Moments:
    """Answers by name; whoever asks while one is being made waits for it."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[float, asyncio.Task[bytes]]] = {}

    async def get(self, name: str, make: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
        """Return the answer of this name, at most a moment old when it is there.

        It is made whether or not whoever asked first still waits for it.
        """
        known = self._made.get(name)
        if known is None or (known[1].done() and time.monotonic() > known[0]):
            if len(self._made) >= MOST:
                self._made.clear()
            known = (time.monotonic() + MOMENT, asyncio.create_task(make()))
            self._made[name] = known
        try:
            return await asyncio.shield(known[1])
        except Exception:
            self._made.pop(
                name, None
            )  # what went wrong is told to those who asked, and tried again
            raise
