"""What a batch found, as data frames; also while it still runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset as pads

from allocator.batch.agreement import Known
from allocator.batch.columns import (
    BINDING,
    CASES,
    CHECKS,
    DATASETS,
    PLACEMENTS,
    QUOTAS,
    SUMMARY,
    schemas,
)
from allocator.batch.record import read_manifest
from allocator.batch.spec import Spec
from allocator.validation import names_like
from models.views import Part, Shown


@dataclass(frozen=True, repr=False)
class Results(Shown):
    """A folder of results.

    Attributes
    ----------
    folder
        Where it lies.
    manifest
        What was asked, of which instances, by which versions, and when.
    """

    folder: Path
    manifest: dict[str, Any]

    @property
    def spec(self) -> Spec:
        """What was asked."""
        return Spec.model_validate(self.manifest["spec"])

    @property
    def cases(self) -> pd.DataFrame:
        """One row a case: what it varies, seed, state, status, gap, seconds, worker, error."""
        return self._frame(CASES)

    @property
    def summary(self) -> pd.DataFrame:
        """One row a case with a plan: totals, measures of fairness, goals in order."""
        return self._frame(SUMMARY)

    @property
    def quotas(self) -> pd.DataFrame:
        """One row a case and municipality: quota (persons)."""
        return self._frame(QUOTAS)

    @property
    def binding(self) -> pd.DataFrame:
        """One row a case and family (municipalities in which it binds) or budget.

        Of a budget (`budget_spent`) 1 says that what is left of it pays for no further step of a
        measure that adds to a capacity that is used up, wanted or not.
        """
        return self._frame(BINDING)

    @property
    def placements(self) -> pd.DataFrame:
        """One row a case, site and group: persons; empty unless the batch keeps them."""
        return self._frame(PLACEMENTS)

    @property
    def checks(self) -> pd.DataFrame:
        """One row a case that was solved cold as well: whether the two agree."""
        return self._frame(CHECKS)

    def dataset(self, name: str) -> Any:
        """Return a table as a dataset of pyarrow, which reads what is asked of it and no more.

        Raises
        ------
        KeyError
            If there is no such table.
        """
        if name not in DATASETS:
            raise KeyError(f"no table {name!r}; {names_like(name, DATASETS)}")
        parts = sorted((self.folder / name).glob("part-*.parquet"))
        if name != CHECKS:  # a part exists when `cases` has it
            there = {path.name for path in (self.folder / CASES).glob("part-*.parquet")}
            parts = [path for path in parts if path.name in there]
        if not parts:
            return pads.dataset(schemas(self.manifest["inputs"])[name].empty_table())
        return pads.dataset([str(path) for path in parts], format="parquet")

    def known(self, number: int) -> Known:
        """Return what is known of one case.

        Raises
        ------
        KeyError
            If it has no answer.
        """
        only = pads.field("case") == number
        cases = self.dataset(CASES).to_table(filter=only).to_pylist()
        if not cases:
            raise KeyError(number)
        summary = self.dataset(SUMMARY).to_table(filter=only).to_pylist()
        quotas = self.dataset(QUOTAS).to_table(filter=only).to_pylist()
        about: dict[str, Any] = summary[0] if summary else {"goals": [], "bounds": []}
        status = cases[0]["status"]
        asked = {row["municipality_id"]: row["quota"] for row in quotas}
        return Known(status, about["goals"], about["bounds"], asked)

    def _frame(self, name: str) -> pd.DataFrame:
        frame: pd.DataFrame = self.dataset(name).to_table().to_pandas()
        return frame.sort_values("case", kind="stable", ignore_index=True)

    def count(self, state: str | None = None) -> int:
        """Return how many cases have an answer; with a state (``failed``) only those in it."""
        cases = self.dataset(CASES)
        if state is None:
            return int(cases.count_rows())
        return int(cases.count_rows(filter=pads.field("state") == state))

    @property
    def errors(self) -> dict[str, int]:
        """How many cases failed, by what went wrong."""
        cases = self.cases
        return {str(error): int(n) for error, n in cases["error"].value_counts().items()}

    @property
    def disagreements(self) -> int:
        """How many cases a cold solve speaks against."""
        return sum(one is False for one in self.checks["agrees"].tolist())

    def as_dict(self) -> dict[str, Any]:
        """Return where the batch stands as plain data for JSON."""
        return {
            "folder": str(self.folder),
            "title": self.spec.title,
            "cases": self.manifest["cases"],
            "done": self.count(),
            "failed": self.count("failed"),
            "errors": self.errors,
            "checked": len(self.checks),
            "disagreements": self.disagreements,
        }

    def _headline(self) -> str:
        failed, checked = self.count("failed"), len(self.checks)
        parts = [
            f"{self.spec.title}: " if self.spec.title else "",
            f"{self.count():,} of {self.manifest['cases']:,} cases",
            f", {failed:,} failed" if failed else "",
            f", {checked - self.disagreements:,} of {checked:,} agree with a cold solve"
            if checked
            else "",
            f", in {self.folder}",
        ]
        return "".join(parts)

    def _parts(self) -> Iterator[Part]:
        from allocator.batch.views import results_parts

        return results_parts(self)


def opened(folder: str | Path) -> Results:
    """Return the results in a folder, finished or not.

    Raises
    ------
    InvalidSpec
        If there is no batch.
    """
    path = Path(folder)
    return Results(path, read_manifest(path))
