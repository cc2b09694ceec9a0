"""What a batch says: the analysis of every instance in it, as tables."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from allocator.batch.analysis.answered import Answered, answered
from allocator.batch.analysis.curves import response_curves
from allocator.batch.analysis.dependence import dependence
from allocator.batch.analysis.indices import indices
from allocator.batch.analysis.quantiles import quota_quantiles
from allocator.batch.analysis.words import headline, lines
from allocator.batch.record import refuse_damaged
from allocator.batch.results import Results, opened
from allocator.sensitivity.designs import ScreeningMethod
from allocator.sensitivity.tables import records
from models.plan import Status
from models.views import Shown

TABLES = (
    "instances", "without_plan", "curves", "quotas", "indices", "refused", "dependence", "too_few",
)  # fmt: skip
"""Names of the tables of an analysis."""
TOP = 20
"""Municipalities in a chart unless said otherwise."""

NOTHING_FOUND = "no plan was found in its time"

One = TypeVar("One")


@dataclass(frozen=True, eq=False, repr=False)
class Analysis(Shown):
    """What a batch says so far.

    Attributes
    ----------
    title, folder
        Of the batch.
    fingerprint
        Of all that the results rest on.
    inputs
        Those that are varied.
    method
        Of the sample, where it is one with indices.
    instances
        One row an instance: instance, currency, cases, answered, with_plan, without_plan, failed
        (of those without a plan), inputs (varied in the answers), settings (with a plan), seeds,
        still (municipalities whose quota never moves).
    without_plan
        One row an instance and reason: instance, state, why, cases.
    curves
        See `response_curves`.
    quotas
        See `quota_quantiles`.
    indices, refused
        See `Indices`.
    dependence, too_few
        See `Dependence`.
    """

    title: str
    folder: str
    fingerprint: str
    inputs: tuple[str, ...]
    method: ScreeningMethod | None
    instances: pd.DataFrame
    without_plan: pd.DataFrame
    curves: pd.DataFrame
    quotas: pd.DataFrame
    indices: pd.DataFrame
    refused: pd.DataFrame
    dependence: pd.DataFrame
    too_few: pd.DataFrame

    @property
    def cases(self) -> int:
        """How many cases the batch has."""
        return int(self.instances["cases"].sum())

    @property
    def answered(self) -> int:
        """How many of them have an answer."""
        return int(self.instances["answered"].sum())

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        return {name: getattr(self, name) for name in TABLES}

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON, missing values as null."""
        return {
            "title": self.title,
            "folder": self.folder,
            "fingerprint": self.fingerprint,
            "cases": self.cases,
            "answered": self.answered,
            "inputs": list(self.inputs),
            "method": None if self.method is None else self.method.value,
            **{name: records(frame) for name, frame in self.tables.items()},
        }

    def of(self, table: str, instance: str) -> pd.DataFrame:
        """Return the rows of a table that are about one instance."""
        frame: pd.DataFrame = getattr(self, table)
        return frame[frame["instance"] == instance]

    def page(self, top: int = TOP) -> str:
        """Return it as one HTML file that needs nothing else.

        Parameters
        ----------
        top
            Municipalities in each chart.
        """
        from allocator.batch.analysis.page import page

        return page(self, top)

    def _headline(self) -> str:
        return headline(self)

    def _parts(self) -> Iterable[str]:
        return lines(self)

    def __str__(self) -> str:
        return "\n".join([self._headline(), *self._parts()])

    __repr__ = __str__


def analyse(results: Results | str | Path) -> Analysis:
    """Return what a batch says so far, each instance by itself.

    Parameters
    ----------
    results
        Of a batch, finished or not, or its folder.

    Raises
    ------
    InvalidInstance
        If an instance in the folder cannot be read.
    InvalidSpec
        If there is no batch, or a part of a table cannot be read.
    """
    if not isinstance(results, Results):
        results = opened(results)
    refuse_damaged(results.folder)
    known = list(answered(results))
    hanging = [dependence(one) for one in known]
    measured = [indices(one) for one in known]
    return Analysis(
        title=results.spec.title,
        folder=str(results.folder),
        fingerprint=results.manifest["fingerprint"],
        inputs=tuple(dict.fromkeys(path for one in known for path in one.varied)),
        method=measured[0].method,
        instances=pd.DataFrame([_about(one) for one in known]),
        without_plan=_joined(known, _reasons),
        curves=_joined(known, response_curves),
        quotas=_joined(known, quota_quantiles),
        indices=_joined(measured, lambda one: one.table),
        refused=_joined(measured, lambda one: one.refused),
        dependence=_joined(hanging, lambda one: one.table),
        too_few=_joined(hanging, lambda one: one.too_few),
    )


def _joined(some: list[One], table: Callable[[One], pd.DataFrame]) -> pd.DataFrame:
    """Return the tables of all instances as one; empty ones only say which columns there are."""
    frames = [table(one) for one in some]
    kept = [frame for frame in frames if len(frame)] or frames[:1]
    return pd.concat(kept, ignore_index=True)


def _about(known: Answered) -> dict[str, Any]:
    quotas = known.over_seeds(known.quotas)
    return {
        "instance": known.name,
        "currency": known.instance.currency,
        "cases": len(known.numbers),
        "answered": len(known.cases),
        "with_plan": len(known.totals),
        "without_plan": len(known.without_plan),
        "failed": int((known.cases["state"] == "failed").sum()),
        "inputs": len(known.varied),
        "settings": known.cases.loc[known.totals.index, "point"].nunique(),
        "seeds": known.cases["seed"].nunique(),
        "still": int((quotas.nunique() == 1).sum()),
    }


def _reasons(known: Answered) -> pd.DataFrame:
    """Return why cases have no plan, the most frequent reason first."""
    lacking = known.without_plan
    clashes = ": " + lacking["conflicts"]
    status = lacking["status"].replace({Status.NONE.value: NOTHING_FOUND})
    why = lacking["error"].fillna(status + clashes.fillna(""))
    counts = why.groupby([lacking["state"], why]).size().sort_values(ascending=False)
    counts.index.names = ["state", "why"]
    found = counts.rename("cases").reset_index().assign(instance=known.name)
    return found[["instance", "state", "why", "cases"]]
