"""The rules of capacities: housing, transport, services and pools, and their table."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from allocator.verify.facts import Array, Facts, positions
from allocator.verify.violation import RELATIVE, Violation, margin
from models.columns import MeasureKind

KEY = ["family", "municipality_id", "site_id", "item"]


def capacities(facts: Facts, expected: pd.DataFrame) -> Iterator[Violation]:
    """Check that no hard capacity is exceeded, and that the plan's table says what is used.

    Parameters
    ----------
    facts
        The plan and what it is for.
    expected
        The recomputed table, from `expected_capacity`.
    """
    over = expected["used"] - expected["capacity"]
    hard = ~expected["family"].isin(list(facts.policy.soft))
    for row in _rows_where(expected, hard & (over > margin(expected["capacity"]))):
        text = f"{row.used:g} used of {row.capacity:g} ({row.item})"
        yield Violation(str(row.family), _place(row), text, float(row.used - row.capacity))
    yield from _reported(facts.plan.capacity, expected)


def expected_capacity(facts: Facts) -> pd.DataFrame:
    """Recompute every row of the plan's capacity table but slack and binding."""
    parts = [_housing(facts), _transport(facts), *_services(facts)]
    filled = [part for part in parts if len(part)]
    if not filled:
        return parts[0]
    return pd.concat(filled, ignore_index=True)


def overload(facts: Facts, expected: pd.DataFrame) -> float:
    """Recompute the priced overload from the table of `expected_capacity`."""
    rows = expected[expected["family"].isin(list(facts.policy.soft))]
    over = (rows["used"] - rows["capacity"]).clip(lower=0.0)
    # A missing dwelling is counted once a site, at the size that lacks most.
    item = rows["item"].where(rows["family"] != "housing", "")
    largest = over.groupby([rows["family"], rows["municipality_id"], rows["site_id"], item]).max()
    units = largest.groupby(level=0).sum()
    return float(sum(facts.policy.soft[str(family)] * value for family, value in units.items()))


def _reported(reported: pd.DataFrame, expected: pd.DataFrame) -> Iterator[Violation]:
    reported = reported.fillna({"municipality_id": "", "site_id": ""})
    for row in _rows_where(reported, reported.duplicated(KEY)):
        yield Violation("capacity", _place(row), f"{row.family} {row.item} is there twice", 1.0)
    reported = reported.drop_duplicates(KEY)
    both = expected.merge(reported, on=KEY, how="outer", suffixes=("", "_said"), indicator=True)
    for row in _rows_where(both, both["_merge"] == "left_only"):
        yield Violation("capacity", _place(row), f"{row.family} {row.item} is missing", 1.0)
    for row in _rows_where(both, both["_merge"] == "right_only"):
        text = f"{row.family} {row.item} is no capacity of the instance"
        yield Violation("capacity", _place(row), text, 1.0)
    both = both[both["_merge"] == "both"]
    slack = both["capacity"] - both["used"]
    close = margin(both["capacity"])
    # The slack may carry rounding of the solver, hence binding is held against what is reported.
    binding = both["slack"] <= RELATIVE * both["capacity_said"].clip(lower=1.0)
    wrong = {
        "used": ~((both["used"] - both["used_said"]).abs() <= close),
        "capacity": ~((both["capacity"] - both["capacity_said"]).abs() <= close),
        "slack": ~((slack - both["slack"]).abs() <= close),
        "binding": binding != both["binding"].astype("bool"),
    }
    for column, rows in wrong.items():
        for row in _rows_where(both, rows):
            text = f"{column} of {row.family} {row.item} is reported wrongly"
            yield Violation("capacity", _place(row), text, 1.0)


def _rows_where(frame: pd.DataFrame, wrong: "pd.Series[bool]") -> Iterator[Any]:
    """Yield rows; there mostly are none, which is soon said."""
    if wrong.any():
        yield from frame[wrong].itertuples()


def _place(row: object) -> str:
    """Return the id of the smallest place that a row of the capacity table belongs to."""
    names = (getattr(row, column) for column in ("site_id", "municipality_id", "item"))
    return next((str(name) for name in names if name), "plan")


def _rows(
    family: object, municipality: object, site: object, item: object, used: Array, capacity: Array
) -> pd.DataFrame:
    cells = [family, municipality, site, item, used, capacity]
    frame = pd.DataFrame(dict(zip([*KEY, "used", "capacity"], cells, strict=True)))
    return frame.astype(dict.fromkeys(KEY, "str") | {"used": "float64", "capacity": "float64"})


def _housing(facts: Facts) -> pd.DataFrame:
    """Nested sizes: those who need at least k beds, in the dwellings of at least k beds."""
    groups, stock = facts.groups, facts.instance.dwellings
    built = facts.built(MeasureKind.DWELLINGS)
    sizes = np.array(sorted({*groups["beds"], *stock["beds"]}), dtype=np.int64)
    homes = facts.persons / groups["persons_per_dwelling"].to_numpy()
    used = homes @ (groups["beds"].to_numpy()[:, None] >= sizes).astype("float64")
    capacity = np.zeros_like(used)
    for rows, units in ((stock, stock["dwellings"]), (built, built["units"])):
        fits = rows["beds"].to_numpy(dtype=np.int64)[:, None] >= sizes
        counts = np.asarray(units, dtype=np.float64)[:, None] * fits
        np.add.at(capacity, positions(facts.sites, rows["site_id"]), counts)
    return _rows(
        "housing",
        np.repeat(facts.sites["municipality_id"].to_numpy(), len(sizes)),
        np.repeat(facts.sites.index.to_numpy(), len(sizes)),
        np.tile(sizes.astype("str"), len(facts.sites)),
        used.ravel(),
        capacity.ravel(),
    )


def _transport(facts: Facts) -> pd.DataFrame:
    built, sites = facts.built(MeasureKind.TRANSIT), facts.sites
    used = facts.persons @ facts.groups["transit_share"].to_numpy()
    seats = sites["transit_seats"].to_numpy(dtype=np.float64, copy=True)
    limited = ~np.isnan(seats)
    np.add.at(seats, positions(sites, built["site_id"]), built["units"].to_numpy(dtype=np.float64))
    return _rows(
        "transport",
        sites["municipality_id"].to_numpy()[limited],
        sites.index.to_numpy()[limited],
        "seats",
        used[limited],
        seats[limited],
    )


def _services(facts: Facts) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Services by municipality, and pools over their members."""
    towns, services = facts.towns, facts.services
    used = facts.persons_in_town @ facts.needs
    added = np.zeros_like(used)
    built = facts.built(MeasureKind.SERVICE)
    at = (positions(towns, built["municipality_id"]), positions(services, built["service_id"]))
    np.add.at(added, at, built["units"].to_numpy(dtype=np.float64))

    own = facts.instance.capacities.dropna(subset="capacity")
    here = (positions(towns, own["municipality_id"]), positions(services, own["service_id"]))
    alone = _rows(
        services["family"].to_numpy()[here[1]],
        own["municipality_id"].to_numpy(),
        "",
        own["service_id"].to_numpy(),
        used[here],
        own["capacity"].to_numpy() + added[here],
    )

    pools = facts.instance.shared_capacities.set_index("pool_id")
    service = positions(services, pools["service_id"])
    members = facts.instance.pool_members
    pool = positions(pools, members["pool_id"])
    there = (positions(towns, members["municipality_id"]), service[pool])
    together, more = np.zeros(len(pools)), np.zeros(len(pools))
    np.add.at(together, pool, used[there])
    np.add.at(more, pool, added[there])
    shared = _rows(
        services["family"].to_numpy()[service],
        "",
        "",
        pools.index.to_numpy(),
        together,
        pools["capacity"].to_numpy() + more,
    )
    return alone, shared
