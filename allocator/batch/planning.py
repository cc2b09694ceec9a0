"""What a batch comes to before it is run: how many cases, how long, and the first ones."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import pandas as pd

from allocator.batch.asked import Batch
from allocator.batch.checking import prepared
from allocator.batch.running import checked_numbers
from allocator.batch.spec import Spec
from allocator.sensitivity.cases import Case
from allocator.sensitivity.executor import Tally, cores
from allocator.sensitivity.inputs import whole
from allocator.sensitivity.watching import Watcher, watcher
from allocator.solve.engine import Flag
from models.plan import Plan
from models.views import Part, Shown, counted

FIRST = 10
"""Cases that are shown."""
STARTING, HANDING = 3.0, 0.02
"""Seconds that workers of this machine take to start, and that a case takes beyond its solve, as
measured on two cores (docs/benchmarks.md)."""


@dataclass(frozen=True)
class Trial:
    """One solve by which the time of a batch is estimated.

    Attributes
    ----------
    instance
        Position of its instance.
    case
        Number of the case, solved from the base plan; none: the base plan itself.
    seconds
        How long it took.
    """

    instance: int
    case: int | None
    seconds: float


@dataclass(frozen=True, repr=False)
class Planned(Shown):
    """A batch before it is run.

    Attributes
    ----------
    batch
        Its cases, checked.
    workers
        Processes that the estimate is for.
    trials
        Solves that the estimate rests on; none: there is no estimate.
    """

    batch: Batch
    workers: int
    trials: tuple[Trial, ...]

    @property
    def checks(self) -> int:
        """Cases that are solved cold as well."""
        return len(checked_numbers(self.batch))

    @property
    def seconds(self) -> float | None:
        """Estimate of the whole: cases as those tried of their instance, checks as base plans."""
        if not self.trials:
            return None
        batch, count = self.batch, len(self.batch.instances)
        cold = [self._mean(i, base=True) for i in range(count)]
        warm = [self._mean(i, base=False) for i in range(count)]
        each = len(batch.points) * (sum(warm) + count * HANDING) + sum(cold)
        work = each * len(batch.seeds) + self.checks * sum(cold) / count
        return STARTING + work / self.workers

    def _mean(self, instance: int, *, base: bool) -> float:
        return fmean(
            one.seconds
            for one in self.trials
            if one.instance == instance and (one.case is None) == base
        )

    @property
    def seconds_at_most(self) -> float:
        """How long the whole takes if every solve ends at its limit of time."""
        batch = self.batch
        solves = len(batch) + len(batch.instances) * len(batch.seeds) + self.checks
        return solves * batch.spec.options.time_limit / self.workers

    @property
    def first(self) -> pd.DataFrame:
        """The first cases: number, instance, what is varied, seed."""
        rows = [
            {
                "case": asked.number,
                "instance": self.batch.instances[asked.instance].id,
                **{
                    path: value if isinstance(value, str) else whole(value)
                    for path, value in self.batch.settings(asked).items()
                },
                "seed": asked.seed,
            }
            for asked, _ in zip(self.batch, range(FIRST), strict=False)
        ]
        return pd.DataFrame(rows, columns=["case", "instance", *self.batch.inputs, "seed"])

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        first = self.first.astype("object").where(self.first.notna(), None)
        return {
            "title": self.batch.spec.title,
            "cases": len(self.batch),
            "instances": [one.id for one in self.batch.instances],
            "settings": len(self.batch.points),
            "seeds": list(self.batch.seeds),
            "inputs": list(self.batch.inputs),
            "checks": self.checks,
            "fingerprint": self.batch.fingerprint,
            "workers": self.workers,
            "trials": [asdict(one) for one in self.trials],
            "seconds": self.seconds,
            "seconds_at_most": self.seconds_at_most,
            "first": first.to_dict("records"),
        }

    @property
    def lines(self) -> list[str]:
        """How many cases, how many of them are solved cold as well, and about how long it takes."""
        batch = self.batch
        parts = [
            f"{counted(len(batch), 'case')} (instances × settings × seeds: "
            f"{len(batch.instances)} × {len(batch.points):,} × {len(batch.seeds)})",
            f"solved cold as well: {self.checks:,}",
        ]
        if self.seconds is not None:
            cold = [one.seconds for one in self.trials if one.case is None]
            warm = [one.seconds for one in self.trials if one.case is not None]
            parts += [
                f"about {in_words(self.seconds)} with {counted(self.workers, 'worker')}, at most "
                f"{in_words(self.seconds_at_most)}",
                f"tried: {_took(cold, 'base plan')}, {_took(warm, 'case')} from it",
            ]
        return parts

    def _headline(self) -> str:
        return self.lines[0]

    def _parts(self) -> Iterator[Part]:
        from allocator.batch.views import planned_parts

        return planned_parts(self)

    def __str__(self) -> str:
        return "\n".join([*self.lines, "", self.first.to_string(index=False, na_rep="")])


def _took(seconds: Sequence[float], what: str) -> str:
    """Say how long solves took."""
    several = f"{len(seconds)} {what}s" if len(seconds) > 1 else what
    least, most = f"{min(seconds):.2f}", f"{max(seconds):.2f}"
    return f"{several} in {least if least == most else f'{least} to {most}'} s"


def plan(
    spec: Spec,
    *,
    workers: int | None = None,
    estimate: bool = True,
    progress: Watcher | bool | None = None,
    cancel: Flag | None = None,
    name: str = "batch",
) -> Planned:
    """Return what a batch comes to.

    Parameters
    ----------
    spec
        What is asked.
    workers
        Processes that the estimate is for; none: one a core.
    estimate
        Whether the base plan of every instance and, from it, its first, middle and last case
        are solved to tell how long the batch takes.
    progress
        Called with a `Standing` whenever one of these is done; true: a `ProgressPrinter`.
    cancel
        When set, nothing further is tried; there is no estimate then.
    name
        Of the file of the specification, for problems.

    Raises
    ------
    InvalidSpec
        With everything that is wrong.
    """
    batch = prepared(spec, name)
    trials = tuple(_tried(batch, watcher(progress), cancel)) if estimate else ()
    if cancel is not None and cancel.is_set():
        trials = ()
    return Planned(batch, workers or cores(), trials)


def _tried(batch: Batch, progress: Watcher | None, cancel: Flag | None) -> Iterator[Trial]:
    """Yield solves by which the time of the batch can be told."""
    last = len(batch.points) - 1
    some = dict.fromkeys((0, last // 2, last))
    total = len(batch.instances) * (1 + len(some))
    tally = Tally("solves to estimate the time", total, total, 0.0)
    began = time.perf_counter()

    def solved(case: Case, number: int | None = None) -> tuple[Trial, Plan | None]:
        at = time.perf_counter()
        found = case.task.solve(case.instance, case.start, cancel=cancel)
        now = time.perf_counter()
        if progress is not None:
            progress(tally.counting(found).standing(now - began))
        return Trial(i, number, now - at), found.plan

    for i in range(len(batch.instances)):
        trial, known = solved(batch.base(i, batch.seeds[0]))
        yield trial
        for point in some:
            asked = batch[(i * len(batch.points) + point) * len(batch.seeds)]
            trial, _ = solved(batch.case(asked, known), asked.number)
            yield trial


def in_words(seconds: float) -> str:
    """Put a time into words."""
    for unit, name in ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"
