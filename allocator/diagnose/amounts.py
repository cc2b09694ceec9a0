"""What is lacking and what gives way, read from a solution: by name, place and amount."""

import math
from collections.abc import Collection, Iterator

import pandas as pd

from allocator.diagnose.names import Names
from allocator.diagnose.switches import Switch
from allocator.diagnose.types import Amount
from allocator.solve.extract import Extract
from models.program.data import Data

ROUNDING = 1e-6
"""Units that are rounding and no shortage."""


def lacking(
    data: Data,
    names: Names,
    solution: Extract,
    families: Collection[str],
    pools: Collection[str],
) -> tuple[Amount, ...]:
    """Return what some families lack in a solution, in whole units, rounded up.

    Parameters
    ----------
    families
        `housing`, `transport` and families of services, in municipalities.
    pools
        Families of services whose pools count.
    """
    rows = solution.tables()["capacity"]
    rows = rows[rows["slack"] < -ROUNDING]
    shared = rows["municipality_id"].isna()
    own, pooled = rows["family"].isin(list(families)), rows["family"].isin(list(pools))
    rows = rows[(own & ~shared) | (pooled & shared)]
    housing = rows["family"] == "housing"
    found = [*_dwellings(data, names, rows[housing])]
    for row in rows[~housing].itertuples(index=False):
        lack = math.ceil(-row.slack - ROUNDING)
        if row.family == "transport":
            before, name = data.seats[row.site_id], names.site(row.site_id)
            about = {"rule": "seats", "where": row.site_id, "item": "", "unit": "seats"}
        elif pd.isna(row.municipality_id):
            pool = data.pools[row.item]
            before, name = pool.capacity, f"the pool {row.item}"
            about = {"rule": "shared_places", "where": row.item, "item": pool.service}
        else:
            town = row.municipality_id
            before, name = data.capacity[town, row.item], names.municipality(town)
            about = {"rule": "places", "where": town, "item": row.item}
        about = {"unit": "places", **about}
        found.append(Amount(**about, name=name, before=before, after=before + lack))
    return tuple(found)


def _dwellings(data: Data, names: Names, rows: pd.DataFrame) -> Iterator[Amount]:
    """Yield the dwellings that are lacking, each no larger than it need be.

    A dwelling serves all sizes up to its own, so what the larger sizes lack is counted for
    the smaller ones too.
    """
    for site, own in rows.groupby("site_id", sort=False):
        lack = {
            int(k): math.ceil(-s - ROUNDING) for k, s in zip(own["item"], own["slack"], strict=True)
        }
        covered = 0
        for size in reversed(data.sizes):
            larger = [k for k in data.sizes if k > size]
            further = lack.get(size, 0) - covered
            if further > 0:
                before = data.stock[site, size] - (data.stock[site, larger[0]] if larger else 0.0)
                covered += further
                yield Amount(
                    rule="dwellings",
                    where=str(site),
                    item=str(size),
                    name=names.site(str(site)),
                    before=before,
                    after=before + further,
                    unit="dwellings",
                )


def giving(
    names: Names, solution: Extract, demands: Collection[Switch]
) -> Iterator[tuple[Switch, Amount]]:
    """Yield the demands that a solution does not keep, with the number that it does keep."""
    for demand in demands:
        asked = demand.amount or 0.0
        got = sum(solution.quota[m] for m in demand.municipalities)
        off = {"at least": asked - got, "at most": got - asked, "exactly": abs(got - asked)}
        if off[demand.side] > ROUNDING:
            county = demand.rule == "county_bounds"
            yield (
                demand,
                Amount(
                    rule=demand.rule,
                    where=demand.where,
                    item=demand.side,
                    name=names.county(demand.where) if county else names.municipality(demand.where),
                    before=asked,
                    after=float(got),
                    unit="persons",
                ),
            )
