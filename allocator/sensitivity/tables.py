"""Outcomes as cells of a table."""

from typing import Any

import pandas as pd

from allocator.sensitivity.types import Outcome

TOTALS = (
    "target", "placed", "shortfall", "cost", "budget", "asked", "largest_ratio",
    "smallest_ratio", "unfairness", "overload", "change", "outcome",
)  # fmt: skip
"""Columns of the totals of a plan."""
FAIRNESS = ("gini_per_inhabitant", "gini_per_fair_share", "jain", "moved_share")
"""Columns of its measures of fairness."""


def outcome_columns(outcome: Outcome) -> dict[str, Any]:
    """Return what became of a case: what is known, totals, measures of fairness."""
    return {
        "state": outcome.state.value,
        "error": outcome.error,
        "status": None if outcome.status is None else outcome.status.value,
        "gap": outcome.gap,
        "seconds": outcome.seconds,
        **{name: getattr(outcome.totals, name, None) for name in TOTALS},
        **{name: getattr(outcome.fairness, name, None) for name in FAIRNESS},
    }


def goal_columns(outcome: Outcome) -> dict[str, Any]:
    """Return value, bound and gap of every goal, numbered from 1."""
    return {
        f"{name}_{number}": value
        for number, goal in enumerate(outcome.goals, start=1)
        for name, value in (("goal", goal.value), ("bound", goal.bound), ("gap", goal.gap))
    }


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as rows for JSON, missing values as null."""
    cells = frame.astype("object").where(frame.notna(), None)
    rows: list[dict[str, Any]] = cells.to_dict("records")
    return rows
