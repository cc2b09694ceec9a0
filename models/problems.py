"""What can be wrong with an instance or a policy, told so that it can be mended."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from models.columns import TABLES

_WITH_COLUMNS = (*TABLES, ".csv", ".parquet")


class Severity(StrEnum):
    """Whether a problem stops the work or is only worth knowing."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes
    ----------
    message
        What is wrong.
    expected
        What would be right.
    table
        Table or file, `None` when the problem lies in no single one.
    row
        Number of the row among the data rows, from 1; `None` when it is no single row.
    column
        Column or field.
    value
        The value found, as written.
    severity
        An error is refused, a warning is only said.
    """

    message: str
    expected: str
    table: str | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None
    severity: Severity = Severity.ERROR

    @property
    def where(self) -> str:
        """The place in words: ``dwellings row 3 column beds``, ``policy at budget.total``."""
        parts = [self.table or "instance"]
        if self.row is not None:
            parts.append(f"row {self.row}")
        if self.column is not None:
            has_columns = self.row is not None or str(self.table).endswith(_WITH_COLUMNS)
            parts.append(f"{'column' if has_columns else 'at'} {self.column}")
        return " ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Return the problem as plain data for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        found = "" if self.value is None else f" (found {self.value!r})"
        return f"{self.where}: {self.message}{found}; {self.expected}"


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems that stop the work."""
    return [problem for problem in problems if problem.severity is Severity.ERROR]


def warnings(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems that are only worth knowing."""
    return [problem for problem in problems if problem.severity is Severity.WARNING]
