"""What a peer is: a function that minimises one goal, and what it is given and gives back."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from allocator.solve.arrays import Arrays, Vector


class Ending(StrEnum):
    """How one goal ended for a peer."""

    REACHED = "reached"
    """Within the gap asked for."""
    LIMIT = "limit"
    """Stopped by the time limit."""
    INFEASIBLE = "infeasible"
    """Called infeasible."""
    FAILED = "failed"
    """Ended in a state that is neither an answer nor a limit."""


@dataclass(frozen=True)
class Point:
    """Where a goal stands: best value and best bound so far, none while there is none.

    Attributes
    ----------
    seconds
        Wall time since the peer was given the goal, its own model building included.
    incumbent, bound
        In the unit of the goal.
    """

    seconds: float
    incumbent: float | None
    bound: float | None


Tell = Callable[[Point], None]


@dataclass
class Record:
    """The trajectory of one goal; incumbents only fall and bounds only rise.

    Attributes
    ----------
    tell
        Called with every new point.
    """

    tell: Tell | None = None
    points: list[Point] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    @property
    def elapsed(self) -> float:
        """Seconds since the goal began."""
        return time.perf_counter() - self.began

    def add(
        self, incumbent: float | None, bound: float | None, seconds: float | None = None
    ) -> None:
        """Note incumbent and bound, now or at `seconds`, if either is better than before."""
        last = self.points[-1] if self.points else Point(0.0, None, None)
        values = [v for v in (last.incumbent, incumbent) if v is not None]
        bounds = [b for b in (last.bound, bound) if b is not None]
        best = min(values, default=None), max(bounds, default=None)
        if best == (last.incumbent, last.bound):
            return
        now = self.elapsed if seconds is None else seconds
        point = Point(max(now, last.seconds), *best)
        self.points.append(point)
        if self.tell is not None:
            self.tell(point)


@dataclass(frozen=True)
class Settings:
    """What every peer is told, the same for all.

    Attributes
    ----------
    time_limit
        Seconds a goal.
    gap
        Relative gap at which a goal counts as reached.
    threads
        Threads allowed; a peer that can use only one says so in the registry.
    seed
        Random seed.
    """

    time_limit: float = 150.0
    gap: float = 0.005
    threads: int = 1
    seed: int = 0


@dataclass(frozen=True)
class Task:
    """One goal: minimise ``cost·x + constant`` over `arrays`.

    Attributes
    ----------
    arrays
        The program with the rows and bounds that hold the earlier goals.
    cost, constant
        Shape (columns,); the goal.
    start
        The answer of the goal before, shape (columns,), for peers that take a start.
    model
        The Pyomo model of the first `base_rows` rows, for the peer that states it so.
    base_rows
        Rows of `arrays` that `model` holds; the others were added to the arrays.
    """

    arrays: Arrays
    cost: Vector
    constant: float
    settings: Settings
    start: Vector | None
    model: Any
    base_rows: int


@dataclass(frozen=True)
class Answer:
    """What a peer found: how it ended, a solution of shape (columns,), and remarks."""

    ending: Ending
    solution: Vector | None
    notes: tuple[str, ...] = ()


Minimise = Callable[[Task, Record], Answer]
