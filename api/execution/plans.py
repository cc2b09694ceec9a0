"""Plans as they are kept: whole, and by municipality."""

from typing import Any

import pandas as pd
import sqlalchemy as sa

from api.store import results
from api.store.results import Result
from models.instance import Instance
from models.plan import Plan

PLAN = "plan"
"""Name of the result that holds a plan."""
JSON = "application/json"


def plan_of(connection: sa.Connection, run_id: str) -> Plan | None:
    """Return the plan of a run, if it made one."""
    kept = results.get(connection, run_id, PLAN)
    return None if kept is None else Plan.model_validate_json(kept.content)


def kept_plan(plan: Plan) -> Result:
    """Return a plan as it is kept."""
    return Result(PLAN, JSON, plan.model_dump_json().encode())


def headline(plan: Plan) -> dict[str, Any] | None:
    """Return a plan in a few numbers, if it has any."""
    if plan.totals is None:
        return None
    names = ("target", "placed", "shortfall", "cost", "asked")
    return {**{name: getattr(plan.totals, name) for name in names}, "gap": plan.gap}


def numbers(plan: Plan, instance: Instance) -> dict[str, dict[str, Any]]:
    """Return what a plan asks of every municipality, each to be read alone."""
    if not plan.found:
        return {}
    at_site = instance.sites.set_index("site_id")["municipality_id"]
    bought = plan.measures.merge(
        instance.measures[["measure_id", "kind", "site_id", "municipality_id"]], on="measure_id"
    )
    bought["municipality_id"] = bought["municipality_id"].fillna(bought["site_id"].map(at_site))
    measures = _by_municipality(bought, ["measure_id", "kind", "steps", "cost"])
    columns = ["family", "site_id", "item", "used", "capacity", "slack", "binding"]
    capacity = _by_municipality(plan.capacity, columns)
    found = {}
    for row in _records(plan.quotas.drop(columns="county_id")):
        m = row["municipality_id"]
        more = {"capacity": capacity.get(m, []), "measures": measures.get(m, [])}
        found[str(m)] = {**row, **more}
    return found


def _by_municipality(frame: pd.DataFrame, columns: list[str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    known = frame[frame["municipality_id"].notna()]
    for m, row in zip(known["municipality_id"], _records(known[columns]), strict=True):
        found.setdefault(str(m), []).append(row)
    return found


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    cells = frame.astype("object").where(frame.notna(), None)
    rows: list[dict[str, Any]] = cells.to_dict("records")
    return rows
