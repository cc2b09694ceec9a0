"""What there is in a municipality, and what of it the state buys."""

from typing import Any

import pandas as pd

from allocator.explain.country import Country
from allocator.explain.types import Bought, Cause, Limit


def limits_of(country: Country, municipality: str) -> tuple[Limit, ...]:
    """Return the capacities here and those of its pools, the tightest first."""
    rows, members = country.plan.capacity, country.instance.pool_members
    pools = members.loc[members["municipality_id"] == municipality, "pool_id"]
    pooled = rows["municipality_id"].isna() & rows["item"].isin(pools)
    own = rows[(rows["municipality_id"] == municipality) | pooled]
    services = country.instance.services.set_index("service_id")["name"].to_dict()
    pooled_services = country.instance.shared_capacities.set_index("pool_id")["service_id"]
    names = {**services, **{p: services[h] for p, h in pooled_services.items()}}
    found = [
        Limit(
            family=row.family,
            site_id=None if pd.isna(row.site_id) else row.site_id,
            item=row.item,
            name=names.get(row.item, ""),
            used=row.used,
            capacity=row.capacity,
            slack=row.slack,
            binding=row.binding,
        )
        for row in own.itertuples(index=False)
    ]
    return tuple(sorted(found, key=lambda limit: (not limit.binding, limit.slack)))


def bought_in(country: Country, municipality: str) -> tuple[Bought, ...]:
    """Return the measures that the plan buys here, the dearest first."""
    instance = country.instance
    at_site = instance.sites.set_index("site_id")["municipality_id"]
    services = instance.services.set_index("service_id")
    rows = country.plan.measures.merge(instance.measures, on="measure_id")
    rows = rows[rows["municipality_id"].fillna(rows["site_id"].map(at_site)) == municipality]
    found = [
        Bought(
            family=_FAMILIES.get(row.kind) or str(services.loc[row.service_id, "family"]),
            site_id=None if pd.isna(row.site_id) else row.site_id,
            item="" if row.kind == "transit" else _item(row),
            name="" if pd.isna(row.service_id) else str(services.loc[row.service_id, "name"]),
            units=row.steps * row.units_per_step,
            cost=row.cost,
        )
        for row in rows.itertuples(index=False)
    ]
    return tuple(sorted(found, key=lambda one: (-one.cost, one.family, one.item)))


_FAMILIES = {"dwellings": Cause.HOUSING.value, "transit": Cause.TRANSPORT.value}


def _item(row: Any) -> str:
    return str(row.service_id) if pd.isna(row.beds) else str(int(row.beds))
