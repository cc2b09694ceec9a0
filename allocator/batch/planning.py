"""What a batch comes to before it is run: how many cases, how long, and the first ones."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from allocator.batch.asked import Batch
from allocator.batch.checking import prepared
from allocator.batch.running import checked_numbers
from allocator.batch.spec import Spec
from allocator.sensitivity.executor import cores
from allocator.solve import solve
from models.views import Part, Shown

FIRST = 10
"""Cases that are shown."""


@dataclass(frozen=True, repr=False)
class Planned(Shown):
    """A batch before it is run.

    Attributes
    ----------
    batch
        Its cases, checked.
    workers
        Processes that the estimate is for.
    cold, warm
        Seconds of a solve without a start and of one from it, tried here; none: not tried.
    """

    batch: Batch
    workers: int
    cold: float | None
    warm: float | None

    @property
    def checks(self) -> int:
        """Cases that are solved cold as well."""
        return len(checked_numbers(self.batch))

    @property
    def seconds(self) -> float | None:
        """Estimate of the whole: every case as the warm solve, base plans and checks as cold."""
        if self.cold is None or self.warm is None:
            return None
        batch = self.batch
        bases = len(batch.instances) * len(batch.seeds)
        return (len(batch) * self.warm + (bases + self.checks) * self.cold) / self.workers

    @property
    def first(self) -> pd.DataFrame:
        """The first cases: number, instance, what is varied, seed."""
        rows = [
            {
                "case": asked.number,
                "instance": self.batch.instances[asked.instance].id,
                **self.batch.settings(asked),
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
            "seconds_cold": self.cold,
            "seconds_warm": self.warm,
            "seconds": self.seconds,
            "first": first.to_dict("records"),
        }

    @property
    def lines(self) -> list[str]:
        """How many cases, how many of them are solved cold as well, and about how long it takes."""
        batch = self.batch
        parts = [
            f"{len(batch):,} cases (instances × settings × seeds: {len(batch.instances)} × "
            f"{len(batch.points):,} × {len(batch.seeds)})",
            f"{self.checks:,} of them are solved cold as well",
        ]
        if self.seconds is not None:
            parts.append(
                f"about {in_words(self.seconds)} with {self.workers} workers: the middle case took "
                f"{self.warm:.2f} s from the base plan, the base plan {self.cold:.2f} s"
            )
        return parts

    def _headline(self) -> str:
        return self.lines[0]

    def _parts(self) -> Iterator[Part]:
        from allocator.batch.views import planned_parts

        return planned_parts(self)

    def __str__(self) -> str:
        return "\n".join([*self.lines, "", self.first.to_string(index=False, na_rep="")])


def plan(
    spec: Spec, *, workers: int | None = None, estimate: bool = True, name: str = "batch"
) -> Planned:
    """Return what a batch comes to.

    Parameters
    ----------
    spec
        What is asked.
    workers
        Processes that the estimate is for; none: one a core.
    estimate
        Whether the base plan and the middle case of the first instance are solved to tell how
        long the batch takes.
    name
        Of the file of the specification, for problems.

    Raises
    ------
    InvalidSpec
        With everything that is wrong.
    """
    batch = prepared(spec, name)
    cold = warm = None
    if estimate:
        base = batch.base(0, batch.seeds[0])
        options = base.options.model_copy(update={"processes": 1})
        began = time.perf_counter()
        known = solve(base.instance, base.policy, options)
        cold = time.perf_counter() - began
        middle = batch.case(batch[len(batch.points) // 2 * len(batch.seeds)], known)
        warm = middle.task.solve(middle.instance, known).seconds or cold
    return Planned(batch, workers or cores(), cold, warm)


def in_words(seconds: float) -> str:
    """Put a time into words."""
    for unit, name in ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"
