"""In how many municipalities capacity is used up, or was never there."""

import pandas as pd

from models.plan import NOTHING, Plan, used_up


def municipalities_bound(plan: Plan) -> dict[str, int]:
    """Return in how many municipalities each family of capacity is used up, most first."""
    return _counted(plan.capacity[used_up(plan.capacity)])


def missing(plan: Plan) -> dict[str, int]:
    """Return how many municipalities have nothing at all of each family of capacity, most first.

    Measures count: what is bought is there.
    """
    keys = ["family", "municipality_id"]
    most = plan.capacity.groupby(keys)[["capacity", "used"]].max().max(axis=1)
    return _counted(most[most <= NOTHING].reset_index())


def _counted(rows: pd.DataFrame) -> dict[str, int]:
    counts = rows.groupby("family")["municipality_id"].nunique()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return {str(family): int(count) for family, count in ordered if count}
