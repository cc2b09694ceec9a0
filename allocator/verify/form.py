"""Whether a plan belongs to the instance and can be read at all: hash, policy, ids, numbers."""

from collections.abc import Iterator

import numpy as np

from allocator.verify.violation import Violation
from models.columns import ColumnType
from models.instance import Instance
from models.plan import PLAN_TABLES, Plan, Status
from models.policy import Policy


def belonging(instance: Instance, policy: Policy, plan: Plan) -> Iterator[Violation]:
    """Check that the plan was made for this instance and this policy."""
    if plan.instance.sha256 != instance.sha256:
        yield Violation("instance", instance.id, "the plan belongs to another instance", 1.0)
    if plan.policy != policy:
        yield Violation("policy", instance.id, "the plan was made with another policy", 1.0)


def without_plan(plan: Plan) -> Iterator[Violation]:
    """Check a plan that has no totals: nothing was found, and it says why."""
    if plan.status not in (Status.INFEASIBLE, Status.NONE):
        yield Violation("status", "plan", f"{plan.status} without totals", 1.0)
    if plan.status is Status.INFEASIBLE and not plan.conflicts:
        yield Violation("conflicts", "plan", "infeasible without a conflict", 1.0)
    if plan.status is not Status.INFEASIBLE and plan.conflicts:
        yield Violation("conflicts", "plan", f"conflicts, but the status is {plan.status}", 1.0)
    if any(len(frame) for frame in plan.tables.values()):
        yield Violation("tables", "plan", "tables with rows, but no totals", 1.0)


def readable(instance: Instance, plan: Plan) -> Iterator[Violation]:
    """Check ids and numbers: every row once, known to the instance, every number finite."""
    yield from _numbers(plan)
    yield from _municipalities(instance, plan)
    known = {
        "site_id": instance.sites["site_id"],
        "group_id": instance.groups["group_id"],
        "measure_id": instance.measures["measure_id"],
    }
    for name, key in (("placements", ["site_id", "group_id"]), ("measures", ["measure_id"])):
        frame = plan.tables[name]
        for row in frame.loc[frame.duplicated(key), key].to_numpy():
            yield Violation(name, " ".join(map(str, row)), "the row is there twice", 1.0)
        for column in key:
            for value in frame.loc[~frame[column].isin(known[column]), column].unique():
                yield Violation(name, str(value), f"the instance has no such {column}", 1.0)


def _numbers(plan: Plan) -> Iterator[Violation]:
    for name, frame in plan.tables.items():
        for column in PLAN_TABLES[name].columns:
            if column.type is not ColumnType.NUMBER:
                continue
            values = frame[column.name]
            wrong = ~np.isfinite(values) & (column.required | values.notna())
            if wrong.any():
                text = f"{int(wrong.sum())} numbers are missing or not finite"
                yield Violation(name, f"{name}.csv {column.name}", text, float(wrong.sum()))


def _municipalities(instance: Instance, plan: Plan) -> Iterator[Violation]:
    towns = instance.municipalities.set_index("municipality_id")
    rows = plan.quotas
    ids = rows["municipality_id"]
    for value in ids[ids.duplicated()].unique():
        yield Violation("quotas", str(value), "the municipality has two rows", 1.0)
    for value in ids[~ids.isin(towns.index)].unique():
        yield Violation("quotas", str(value), "the instance has no such municipality", 1.0)
    for value in towns.index[~towns.index.isin(ids)]:
        yield Violation("quotas", str(value), "the municipality has no row", 1.0)
    described = rows[ids.isin(towns.index)].set_index("municipality_id")
    for column in ("name", "county_id"):
        other = described[column] != towns[column].reindex(described.index)
        for value in described.index[other]:
            yield Violation("quotas", str(value), f"another {column} than in the instance", 1.0)
