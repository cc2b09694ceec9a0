"""From a trajectory: how long to the first plan and to a gap."""

from collections.abc import Sequence

from allocator.solve.progress import relative_gap
from benchmarks.peers.driver import GoalRun
from benchmarks.peers.peer import Point

LEVELS = (0.01, 0.005, 0.001)
"""Relative gaps of which the time is told."""


def seconds_to_first(points: Sequence[Point]) -> float | None:
    """Return the seconds to the first plan, none without one."""
    return next((p.seconds for p in points if p.incumbent is not None), None)


def seconds_to_gap(points: Sequence[Point], gap: float) -> float | None:
    """Return the seconds until incumbent and bound are within `gap`; none if they never are."""
    for point in points:
        now = relative_gap(point.incumbent, point.bound)
        if now is not None and now <= gap:
            return point.seconds
    return None


def milestones(run: GoalRun) -> dict[str, float | None]:
    """Return seconds to the first plan and to every level, the earlier goals included.

    An earlier goal counts with all the time it took to the gap asked for, or to its limit.
    A level counts as reached only if the earlier goals were held within it or within the gap
    asked for: holding a worse value makes the later goal easier.
    """
    marks = {"first": seconds_to_first(run.points)}
    marks |= {f"{100 * level:g} %": _seconds(run, level) for level in LEVELS}
    return {name: None if s is None else run.began + s for name, s in marks.items()}


def _seconds(run: GoalRun, level: float) -> float | None:
    return None if run.held_short > level else seconds_to_gap(run.points, level)
