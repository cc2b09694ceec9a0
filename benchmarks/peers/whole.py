"""A program in whole numbers, as text that one process can hand to another."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """One row: lower ≤ Σ coefficients·counts ≤ upper, none where there is no side."""

    columns: list[int]
    coefficients: list[int]
    lower: int | None = None
    upper: int | None = None


@dataclass(frozen=True)
class Whole:
    """A program in whole numbers: minimise `goal` within `rows` and bounds.

    Attributes
    ----------
    lower, upper
        By column, in counts.
    hint
        Counts to begin from, none without.
    """

    lower: list[int]
    upper: list[int]
    rows: list[Row]
    goal: Row
    hint: list[int] | None = None

    def to_json(self) -> str:
        """Return the program as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Whole":
        """Return the program written by `to_json`."""
        content = json.loads(text)
        content["rows"] = [Row(**row) for row in content["rows"]]
        content["goal"] = Row(**content["goal"])
        return cls(**content)
