"""Answers that are good for a moment: many who ask at once are told what one was told."""

import asyncio
import time
from collections.abc import Awaitable, Callable

MOMENT = 0.1
"""Seconds that an answer is good for."""
MOST = 10_000


class Moments:
    """Answers by name; whoever asks while one is being made waits for it."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[float, asyncio.Future[bytes]]] = {}

    async def get(self, name: str, made: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the answer of this name, at most a moment old."""
        known = self._held.get(name)
        if known is not None and time.monotonic() < known[0]:
            return await asyncio.shield(known[1])
        if len(self._held) >= MOST:
            self._held.clear()
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._held[name] = (float("inf"), future)
        try:
            answer = await made()
        except BaseException as error:
            self._held.pop(name, None)
            future.set_exception(error if isinstance(error, Exception) else RuntimeError("gone"))
            future.exception()  # whoever waits is told; nobody need
            raise
        future.set_result(answer)
        self._held[name] = (time.monotonic() + MOMENT, future)
        return answer
