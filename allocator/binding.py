"""Which budgets bind in a plan."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from models.columns import MeasureKind
from models.instance import Instance
from models.plan import Plan

CENT = 1e-6
"""Part of an amount of money that is rounding."""


def budgets_bound(instance: Instance, plan: Plan) -> dict[str, bool]:
    """Tell which budgets bind: `total`, and the kinds of measure that have one.

    A budget binds when money stands against a further step of some measure: one that has steps
    left, adds to a capacity that is used up, and costs more than what is left of the budget.
    """
    if plan.totals is None:
        return {}
    kinds = {kind.value: plan.policy.budget.for_kind(kind.value) for kind in MeasureKind}
    limits = {"total": plan.totals.budget, **kinds}
    offers = _offers(instance, plan)
    return {
        name: _binds(offers if name == "total" else offers[offers["kind"] == name], limit)
        for name, limit in limits.items()
        if limit is not None
    }


def _binds(offers: pd.DataFrame, limit: float) -> bool:
    left = limit - float((offers["steps"] * offers["cost_per_step"]).sum())
    wanted = offers["wanted"] & (offers["steps"] < offers["max_steps"])
    dear = offers["cost_per_step"] > left + CENT * max(1.0, limit)
    return bool((wanted & dear).any())


def _offers(instance: Instance, plan: Plan) -> pd.DataFrame:
    """Return the measures with the steps bought, and whether what they add to is used up."""
    offers = instance.measures
    steps = plan.measures.set_index("measure_id")["steps"]
    offers["steps"] = offers["measure_id"].map(steps).fillna(0).astype("int64")
    used_up = set(_used_up(instance, plan))
    wanted = [
        any(place in used_up for place in _places(row)) for row in offers.itertuples(index=False)
    ]
    offers["wanted"] = pd.Series(wanted, index=offers.index, dtype="bool")
    return offers


def _places(measure: Any) -> Iterator[tuple[str, str, str]]:
    """Yield the capacities that a measure adds to: kind, place, size or service."""
    if measure.kind == MeasureKind.DWELLINGS:
        sizes = range(1, int(measure.beds) + 1)
        yield from ((measure.kind, measure.site_id, str(k)) for k in sizes)
    elif measure.kind == MeasureKind.TRANSIT:
        yield measure.kind, measure.site_id, "seats"
    else:
        yield measure.kind, measure.municipality_id, measure.service_id


def _used_up(instance: Instance, plan: Plan) -> Iterator[tuple[str, str, str]]:
    kinds = {"housing": MeasureKind.DWELLINGS, "transport": MeasureKind.TRANSIT}
    members = instance.pool_members.merge(instance.shared_capacities, on="pool_id")
    for row in plan.capacity[plan.capacity["binding"]].itertuples(index=False):
        kind = kinds.get(row.family, MeasureKind.SERVICE).value
        if not pd.isna(row.site_id):
            yield kind, row.site_id, row.item
        elif not pd.isna(row.municipality_id):
            yield kind, row.municipality_id, row.item
        else:
            drawn = members[members["pool_id"] == row.item]
            for m, h in zip(drawn["municipality_id"], drawn["service_id"], strict=True):
                yield kind, m, h
