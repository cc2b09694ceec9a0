"""The columns of the tables that a batch keeps, and outcomes as their rows."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from allocator.batch.asked import Asked, Batch
from allocator.batch.neighbours import BASE
from allocator.sensitivity.tables import FAIRNESS, TOTALS
from allocator.sensitivity.types import Outcome

CASES, SUMMARY, QUOTAS, BINDING, PLACEMENTS, CHECKS = DATASETS = (
    "cases", "summary", "quotas", "binding", "placements", "checks",
)  # fmt: skip
"""Tables of a batch."""

Rows = dict[str, list[dict[str, Any]]]
"""Rows by table."""

_CASE = pa.field("case", pa.int64(), nullable=False)
_TEXT, _NUMBER = pa.string(), pa.float64()


def schemas(inputs: Mapping[str, bool]) -> dict[str, pa.Schema]:
    """Return the columns of every table.

    Parameters
    ----------
    inputs
        What is varied, and whether its values are numbers.
    """
    varied = [pa.field(path, _NUMBER if numbers else _TEXT) for path, numbers in inputs.items()]
    cases = [
        _CASE,
        *((name, _TEXT) for name in ("key", "instance", "instance_sha256")),
        ("seed", pa.int64()),
        *varied,
        *((name, _TEXT) for name in ("state", "status", "method")),
        ("gap", _NUMBER),
        ("seconds", _NUMBER),
        ("warm_start", pa.bool_()),
        ("started_from", pa.int64()),
        ("worker", _TEXT),
        ("finished", pa.timestamp("ms", tz="UTC")),
        *((name, _TEXT) for name in ("error", "conflicts", "warnings")),
    ]
    lists = [(name, pa.list_(_NUMBER)) for name in ("goals", "bounds", "gaps")]
    summary = [_CASE, *((name, _NUMBER) for name in (*TOTALS, *FAIRNESS)), *lists]
    checks = [
        _CASE,
        ("agrees", pa.bool_()),
        ("same_quotas", pa.bool_()),
        ("why", _TEXT),
        *((name, _NUMBER) for name in ("seconds", "seconds_cold", "gap", "gap_cold")),
        ("status_cold", _TEXT),
    ]
    return {
        CASES: pa.schema(cases),
        SUMMARY: pa.schema(summary),
        QUOTAS: pa.schema([_CASE, ("municipality_id", _TEXT), ("quota", pa.int64())]),
        BINDING: pa.schema([_CASE, ("kind", _TEXT), ("name", _TEXT), ("binds", pa.int64())]),
        PLACEMENTS: pa.schema(
            [_CASE, ("site_id", _TEXT), ("group_id", _TEXT), ("persons", _NUMBER)]
        ),
        CHECKS: pa.schema(checks),
    }


def rows_of(
    batch: Batch, asked: Asked, outcome: Outcome, worker: str | None, finished: str
) -> Rows:
    """Return what is kept of the outcome of one case.

    `binding` has in how many municipalities a family of capacity binds (kind `capacity`) and
    whether a budget does (kind `budget`, 0 or 1).
    """
    number = {"case": asked.number}
    parent = batch.neighbours.parents[asked.point]
    instance = batch.instances[asked.instance]
    case = {
        **number,
        "key": outcome.key,
        "instance": instance.id,
        "instance_sha256": instance.sha256,
        "seed": asked.seed,
        **_typed(batch, asked),
        "state": outcome.state.value,
        "status": None if outcome.status is None else outcome.status.value,
        "method": None if outcome.method is None else outcome.method.value,
        "gap": outcome.gap,
        "seconds": outcome.seconds,
        "warm_start": outcome.warm_start,
        "started_from": (
            None
            if parent == BASE or not outcome.warm_start
            else batch.sibling(asked, parent).number
        ),
        "worker": worker,
        "finished": datetime.fromisoformat(finished),
        "error": outcome.error,
        "conflicts": "; ".join(one.message for one in outcome.conflicts) or None,
        "warnings": "; ".join(outcome.warnings) or None,
    }
    rows: Rows = {name: [] for name in DATASETS} | {CASES: [case]}
    if not outcome.found:
        return rows
    rows[SUMMARY] = [number | summary_of(outcome)]
    rows[QUOTAS] = [
        number | {"municipality_id": m, "quota": quota} for m, quota in outcome.quotas.items()
    ]
    rows[BINDING] = [
        *({"kind": "capacity", "name": name, "binds": n} for name, n in outcome.bound.items()),
        *(
            {"kind": "budget_spent", "name": name, "binds": int(b)}
            for name, b in outcome.budgets.items()
        ),
    ]
    rows[BINDING] = [number | row for row in rows[BINDING]]
    if batch.spec.placements and outcome.plan is not None:
        rows[PLACEMENTS] = [number | row for row in outcome.plan.placements.to_dict("records")]
    return rows


def summary_of(outcome: Outcome) -> dict[str, Any]:
    """Return totals, measures of fairness, and the goals in order."""
    return {
        **{name: getattr(outcome.totals, name, None) for name in TOTALS},
        **{name: getattr(outcome.fairness, name, None) for name in FAIRNESS},
        "goals": [goal.value for goal in outcome.goals],
        "bounds": [goal.bound for goal in outcome.goals],
        "gaps": [goal.gap for goal in outcome.goals],
    }


def _typed(batch: Batch, asked: Asked) -> dict[str, Any]:
    return {
        path: value if batch.inputs[path] else str(value)
        for path, value in batch.settings(asked).items()
    }


def now() -> str:
    """Return the time, in UTC, to milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
