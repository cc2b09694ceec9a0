"""Put questions to the solver: only what matters, and a first plan if that is much."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from allocator.diagnose.switches import Positions
from allocator.solve import engine
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.engine import Ending, Flag, Outcome, Settings
from allocator.solve.progress import Clock
from allocator.solve.stages import hold
from allocator.solve.starts import first_plan

SECONDS = 20.0
"""Most seconds for one question; what is not answered by then counts as not proven."""
QUICK = 10.0
"""Most seconds for one step of a first plan."""
GAP = 1e-6
"""Relative gap at which the smallest amount counts as found."""
WIDE_GAP = 1e-3
"""The same in large programs, whose answers then do not count as proven least."""
LARGE = 1_000
"""Whole columns from which a program is large."""
UNIT = 0.99
"""Part of a unit by which an answer in whole units may miss the bound."""
WHOLE = 1e-6
"""Distance from a whole number that is rounding."""


UNASKED = Outcome(Ending.LIMIT, solution=None, value=None, bound=None, seconds=0.0)
"""Answer to a question for which no time is left."""


class Stopped(Exception):  # noqa: N818 - a wish, not an error
    """Whoever asked wants no answer any more."""


@dataclass
class Solving:
    """How questions are put.

    Attributes
    ----------
    clock
        What is left of the time given.
    seed
        Random seed of the solver.
    cancel
        As for `solve`.
    presolve
        Off once a verdict of the solver was found to be wrong.
    until
        Seconds since the run began after which nothing more is asked, before the clock's limit.
    """

    clock: Clock
    seed: int
    cancel: Flag | None
    presolve: bool = True
    until: float = math.inf

    @property
    def left(self) -> float:
        """Seconds left for questions, negative when their time has passed."""
        return min(self.clock.left, self.until - self.clock.elapsed)

    def possible(self, arrays: Arrays, *, whole: bool = True) -> bool | None:
        """Tell whether a program has a solution; none: not found out in the time given.

        Parameters
        ----------
        whole
            Whether anything need be whole.

        Raises
        ------
        Stopped
            If the flag is set.
        """
        if self.left <= 0:
            return None
        small, _ = shrunk(arrays)
        nothing = np.zeros(len(small.lower))
        cost = _money(small) if whole and _large(small) else nothing
        relaxed = self._run(small.relaxed(), cost)
        if relaxed.solution is None:
            return False if relaxed.ending is Ending.INFEASIBLE else None
        if not whole or is_whole(small, relaxed.solution):
            return True
        if self._first(small, cost, relaxed) is not None:
            return True
        outcome = self._run(small, nothing)
        if outcome.solution is None:
            return False if outcome.ending is Ending.INFEASIBLE else None
        return True

    def least(self, arrays: Arrays, cost: Vector, *, whole: bool = False) -> Outcome:
        """Minimise a cost.

        Parameters
        ----------
        whole
            Whether every value of the cost is whole.

        Raises
        ------
        Stopped
            If the flag is set.
        """
        if self.left <= 0:
            return UNASKED
        small, kept = shrunk(arrays)
        start, large = None, _large(small)
        if large:
            relaxed = self._run(small.relaxed(), cost[kept])
            if relaxed.solution is None:
                return relaxed
            start = self._first(small, cost[kept], relaxed)
        outcome = self._run(
            small,
            cost[kept],
            start=start,
            gap=WIDE_GAP if large else GAP,
            extra={"mip_abs_gap": UNIT} if whole else None,
        )
        return widened(outcome, kept, arrays)

    def relaxed(self, arrays: Arrays, cost: Vector) -> Outcome:
        """Minimise a cost, nothing being whole; prices are those of all rows."""
        return self._run(arrays.relaxed(), cost) if self.left > 0 else UNASKED

    def _first(self, arrays: Arrays, cost: Vector, relaxed: Outcome) -> Vector | None:
        """Return a first plan of a large program from its relaxation, if there is one near."""
        if not _large(arrays) or relaxed.solution is None or relaxed.value is None:
            return None
        return first_plan(
            _budgets_that_count(arrays),
            relaxed.solution,
            [(cost, 0.0)],
            hold,
            [relaxed.value],
            lambda program, costs, _: self._run(program, costs, seconds=QUICK, gap=WIDE_GAP),
        )

    def _run(
        self,
        arrays: Arrays,
        cost: Vector,
        *,
        start: Vector | None = None,
        seconds: float = SECONDS,
        gap: float = GAP,
        extra: dict[str, Any] | None = None,
    ) -> Outcome:
        if self.cancel is not None and self.cancel.is_set():
            raise Stopped
        limit = min(seconds, self.left)
        if limit <= 0:
            return UNASKED
        settings = Settings(limit, gap, self.seed, presolve=self.presolve, extra=extra or {})
        outcome = engine.run(arrays, cost, 0.0, settings, start=start, cancel=self.cancel)
        if self.cancel is not None and self.cancel.is_set():
            raise Stopped
        return outcome


def is_least(outcome: Outcome, *, whole: bool = False) -> bool:
    """Tell whether it is proven that nothing costs less.

    Parameters
    ----------
    whole
        Whether every value of the cost is whole.
    """
    if outcome.value is None or outcome.bound is None:
        return False
    bound = math.ceil(outcome.bound - WHOLE) if whole else outcome.bound
    return outcome.value - bound <= 10 * GAP * max(1.0, abs(outcome.value))


def shrunk(arrays: Arrays) -> tuple[Arrays, Positions]:
    """Leave out the columns that are zero anyway, and the rows that only they are in.

    Returns
    -------
    arrays
        What is left.
    kept
        Positions of its columns.
    """
    kept = np.flatnonzero((arrays.lower != 0.0) | (arrays.upper != 0.0))
    matrix = arrays.matrix[:, kept]
    filled = np.diff(matrix.indptr) > 0
    rows = np.flatnonzero(filled | (arrays.row_lower > 0.0) | (arrays.row_upper < 0.0))
    place = {int(old): new for new, old in enumerate(kept)}
    columns = {
        name: {index: place[i] for index, i in own.items() if i in place}
        for name, own in arrays.columns.items()
        if name in _NAMED
    }
    small = replace(
        arrays,
        matrix=matrix[rows],
        row_lower=arrays.row_lower[rows],
        row_upper=arrays.row_upper[rows],
        lower=arrays.lower[kept],
        upper=arrays.upper[kept],
        integer=arrays.integer[kept],
        objectives={},
        columns=columns,
        row_names=tuple(arrays.row_names[i] for i in rows),
    )
    return small, kept


_NAMED = ("steps", "further_budget")
"""Columns that are looked for by name in what is left."""


def widened(outcome: Outcome, kept: Positions, arrays: Arrays) -> Outcome:
    """Return the outcome of a shrunk program as one of the whole."""
    if outcome.solution is None:
        return outcome
    solution = np.zeros(len(arrays.lower))
    solution[kept] = outcome.solution
    return replace(outcome, solution=solution)


def is_whole(arrays: Arrays, solution: Vector) -> bool:
    """Tell whether everything is whole in `solution` that must be."""
    values = solution[arrays.integer]
    return bool((np.abs(values - np.round(values)) <= WHOLE).all())


def _large(arrays: Arrays) -> bool:
    return int(arrays.integer.sum()) > LARGE


def _budgets_that_count(arrays: Arrays) -> Arrays:
    """Return the program with budgets that may be exceeded taken for none."""
    upper = arrays.row_upper.copy()
    further = arrays.columns.get("further_budget", {})
    for row, (name, kind) in enumerate(arrays.row_names):
        if name == "budget" and kind in further:
            upper[row] = np.inf
    return replace(arrays, row_upper=upper)


def _money(arrays: Arrays) -> Vector:
    """Return what measures cost in the rows of the budgets, shape (columns,)."""
    rows = [i for i, (name, _) in enumerate(arrays.row_names) if name == "budget"]
    cost = np.asarray(arrays.matrix[rows].sum(axis=0), dtype=np.float64).ravel()
    return np.maximum(cost, 0.0)
