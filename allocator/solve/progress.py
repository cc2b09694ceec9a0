"""What a running solve tells, and when it must stop."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a running solve stands.

    Attributes
    ----------
    phase
        What is being done: ``build``, ``goal 1 of 3: shortfall``, …
    incumbent, bound, gap
        Value of the best plan so far, proven bound and relative gap of the goal at hand;
        none while there is none.
    elapsed
        Seconds since the run began.
    """

    phase: str
    incumbent: float | None
    bound: float | None
    gap: float | None
    elapsed: float


Listener = Callable[[Progress], None]


class Clock:
    """Wall time of one run: what is left of the limit, and how long each phase took."""

    def __init__(self, limit: float) -> None:
        self._began = time.perf_counter()
        self._limit = limit
        self._lap = self._began
        self.timings: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return time.perf_counter() - self._began

    @property
    def left(self) -> float:
        """Seconds until the limit, negative when it has passed."""
        return self._limit - self.elapsed

    def lap(self, phase: str) -> None:
        """Book the seconds since the last lap on `phase`."""
        now = time.perf_counter()
        self.timings[phase] = self.timings.get(phase, 0.0) + now - self._lap
        self._lap = now


def relative_gap(value: float | None, bound: float | None) -> float | None:
    """Return (value − bound) ÷ |value|; 0 when they agree to 1e-6; none without both."""
    if value is None or bound is None:
        return None
    distance = value - bound
    if distance <= 1e-6:
        return 0.0
    return distance / max(abs(value), 1e-9)
