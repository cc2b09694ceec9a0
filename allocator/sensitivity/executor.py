"""Solve many cases: side by side, in a known order, each of them once.

Every question about how an answer moves comes down to many solves. They are independent, so
each runs in one process and several processes run at once; every plan is verified there.
"""

import os
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from allocator.sensitivity.cases import Case
from allocator.sensitivity.crews import Beside, Crew, OnCluster
from allocator.sensitivity.journal import Journal
from allocator.sensitivity.types import Outcome, State
from allocator.sensitivity.watching import Watcher, watcher
from allocator.solve.engine import Flag

GRACE = 300.0
"""Seconds beyond its time limit that a case may take: the limit is the solver's, who may be
late, and what clashes is looked for after it."""


@dataclass(frozen=True)
class Standing:
    """Where a run of cases stands.

    Attributes
    ----------
    phase
        What the cases are for.
    done, failed, total
        Cases with an outcome, those of them that failed, and all.
    elapsed
        Seconds since the executor began.
    left
        Seconds that the others will take at the pace so far; none before the first is done.
    taken
        Seconds that those done have taken, one beside the other.
    """

    phase: str
    done: int
    failed: int
    total: int
    elapsed: float
    left: float | None
    taken: float = 0.0

    def later(self, seconds: float) -> "Standing":
        """Return where it stands if nothing more is done for so long: the pace is lower then."""
        left = self.left
        if left is not None and self.taken > 0:
            left *= 1 + seconds / self.taken
        taken = self.taken + seconds
        return replace(self, elapsed=self.elapsed + seconds, left=left, taken=taken)

    @property
    def rate(self) -> float | None:
        """Cases a second at the pace so far; none before the first and after the last."""
        return (self.total - self.done) / self.left if self.left else None

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""
        return self.done == self.total

    def __str__(self) -> str:
        parts = [f"{self.phase}: {self.done:,} of {self.total:,} done"]
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.left:
            parts.append(f"about {self.left:.0f} s left")
        return " · ".join(parts)


class Executor:
    """Runs cases.

    Parameters
    ----------
    processes
        Processes on this machine, each with one case at a time; none: one a core.
    scheduler
        Address of a Dask scheduler whose workers (one thread each) solve the cases instead.
    journal
        File that keeps outcomes as they come, one JSON object a line. What is answered there
        is not solved again; what failed is.
    time_limit
        Seconds for all cases of this executor together; none: no limit but their own.
    grace
        Seconds beyond its own time limit after which a case has failed (not on a cluster).
    progress
        Called with a `Standing` when a run begins and whenever a case is done; true: a
        `ProgressPrinter`.
    cancel
        When set, no further case is begun and those at work are given up; outcomes are kept.

    Raises
    ------
    ValueError
        With everything that is wrong with the numbers.
    InvalidInput
        If the journal holds something else than outcomes.
    """

    def __init__(
        self,
        *,
        processes: int | None = None,
        scheduler: str | None = None,
        journal: str | Path | None = None,
        time_limit: float | None = None,
        grace: float = GRACE,
        progress: Watcher | bool | None = None,
        cancel: Flag | None = None,
    ) -> None:
        wrong = []
        if processes is not None and processes < 1:
            wrong.append(f"processes is {processes}; give 1 or more")
        if time_limit is not None and not time_limit > 0:
            wrong.append(f"time_limit is {time_limit:g}; give seconds above 0")
        if wrong:
            raise ValueError("\n".join(wrong))
        self._processes, self._scheduler, self._grace = processes or cores(), scheduler, grace
        self._journal = None if journal is None else Journal(journal)
        self._limit, self._progress, self._cancel = time_limit, watcher(progress), cancel
        self._known = {} if self._journal is None else self._journal.read()
        self._began = time.monotonic()
        self._crew: Crew | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let everybody go who works for it."""
        if self._crew is not None:
            self._crew.close()
        self._crew = None

    def run(self, cases: Sequence[Case], phase: str = "cases") -> list[Outcome]:
        """Return the outcome of every case, in the order of the cases.

        Parameters
        ----------
        cases
            Those with the same key are solved once.
        phase
            What they are for, for those who watch.

        Raises
        ------
        SolverError
            If no scheduler answers. What goes wrong with a case is an outcome.
        """
        todo: dict[str, Case] = {}
        for case in cases:
            if not self._has(case) and (case.keep or case.key not in todo):
                todo[case.key] = case
        tally = Tally(phase, len({case.key for case in cases}), len(todo), self._elapsed)
        self._tell(tally.standing(self._elapsed))
        if todo and self._why_stop() is None:
            with closing(self._hired().solve(list(todo.values()), self._stop)) as answers:
                for outcome in (answer.outcome for answer in answers):
                    self._known[outcome.key] = outcome
                    if self._journal is not None:
                        self._journal.append(todo[outcome.key].name, outcome)
                    self._tell(tally.counting(outcome).standing(self._elapsed))
        reason = self._why_stop() or "not run"
        return [self._known.get(case.key) or Outcome.not_run(case.key, reason) for case in cases]

    def _has(self, case: Case) -> bool:
        known = self._known.get(case.key)
        return known is not None and not (case.keep and known.found and known.plan is None)

    def _hired(self) -> Crew:
        if self._crew is None:
            self._crew = (
                Beside(self._processes, self._grace)
                if self._scheduler is None
                else OnCluster(self._scheduler)
            )
        return self._crew

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _stop(self) -> bool:
        return self._why_stop() is not None

    def _why_stop(self) -> str | None:
        if self._cancel is not None and self._cancel.is_set():
            return "cancelled before it was answered"
        if self._limit is not None and self._elapsed > self._limit:
            return f"the time for all cases ({self._limit:g} s) was over"
        return None

    def _tell(self, standing: Standing) -> None:
        if self._progress is not None:
            self._progress(standing)


class Tally:
    """Counts outcomes.

    Parameters
    ----------
    phase, total
        As of `Standing`.
    todo
        Cases without an outcome as yet.
    began
        Seconds of the clock when the first of them is begun.
    """

    def __init__(self, phase: str, total: int, todo: int, began: float) -> None:
        self._phase, self._total, self._todo, self._began = phase, total, todo, began
        self._new = self._failed = 0

    def counting(self, outcome: Outcome) -> Self:
        """Count one more."""
        self._new += 1
        self._failed += outcome.state is State.FAILED
        return self

    @property
    def counted(self) -> int:
        """How many outcomes were counted."""
        return self._new

    def standing(self, elapsed: float) -> Standing:
        """Return where the run stands."""
        to_come = self._todo - self._new
        taken = elapsed - self._began
        left = taken / self._new * to_come if self._new else None
        done = self._total - to_come
        return Standing(self._phase, done, self._failed, self._total, elapsed, left, taken)


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not known on every system
        return os.cpu_count() or 1
