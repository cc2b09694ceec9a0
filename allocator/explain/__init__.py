"""Why a municipality is asked for its number, and what would change it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from allocator.errors import InvalidInput
from allocator.explain.alone import Priced, only
from allocator.explain.chain import chain
from allocator.explain.changes import changes
from allocator.explain.country import Country
from allocator.explain.similar import similar
from allocator.explain.types import (
    Bought,
    Cause,
    Change,
    Explanation,
    Limit,
    Similar,
    Step,
    Uniqueness,
)
from allocator.explain.unique import exactly, uniqueness
from allocator.explain.words import in_words
from models.instance import Instance
from models.options import SolveOptions
from models.plan import Plan
from models.problems import Problem

if TYPE_CHECKING:
    from allocator.solve.engine import Flag
    from allocator.solve.progress import Listener

__all__ = [
    "Bought",
    "Cause",
    "Change",
    "Explanation",
    "Limit",
    "Similar",
    "Step",
    "Uniqueness",
    "explain",
    "explain_all",
    "in_words",
]


class UnknownMunicipality(InvalidInput):
    """The plan has no such municipality."""


def explain(
    plan: Plan,
    municipality_id: str,
    instance: Instance,
    *,
    options: SolveOptions | None = None,
    confirm: bool = True,
    progress: "Listener | None" = None,
    cancel: "Flag | None" = None,
) -> Explanation:
    """Explain the quota of one municipality.

    Parameters
    ----------
    plan
        A plan that was found.
    municipality_id
        Official number, as text.
    instance
        The instance of the plan.
    options
        How re-solves are done; none: as the plan was.
    confirm
        Solve the country for every number that another capacity would give.
    progress, cancel
        As for `solve`.

    Raises
    ------
    InvalidPlan
        If the plan has no quotas.
    UnknownMunicipality
        If the plan does not have the municipality.
    SolverError, VerificationError
        As for `solve`.
    """
    country = Country(instance, plan, options or plan.options, progress, cancel)
    (explanation,) = _explained(country, [municipality_id], confirm=confirm)
    return explanation


def explain_all(
    plan: Plan,
    instance: Instance,
    *,
    municipalities: Sequence[str] | None = None,
    options: SolveOptions | None = None,
    confirm: bool = False,
    progress: "Listener | None" = None,
    cancel: "Flag | None" = None,
) -> Iterator[Explanation]:
    """Explain many municipalities, one after another; what they share is worked out once.

    Parameters
    ----------
    municipalities
        Official numbers; none: all.
    plan, instance, options, confirm, progress, cancel
        As for `explain`; confirming takes some seconds for every number.

    Raises
    ------
    InvalidPlan, UnknownMunicipality, SolverError, VerificationError
        As for `explain`.
    """
    country = Country(instance, plan, options or plan.options, progress, cancel)
    asked = list(country.quotas) if municipalities is None else list(municipalities)
    return _explained(country, asked, confirm=confirm)


def _explained(country: Country, asked: list[str], *, confirm: bool) -> Iterator[Explanation]:
    unknown = [
        Problem(
            "the plan has no such municipality",
            "give the official number of one that it has, such as "
            f"{next(iter(country.quotas), '')}",
            "quotas",
            column="municipality_id",
            value=m,
        )
        for m in asked
        if m not in country.quotas
    ]
    if unknown:
        raise UnknownMunicipality("cannot explain", unknown)
    return (_explanation(country, m, confirm=confirm) for m in asked)


def _explanation(country: Country, municipality: str, *, confirm: bool) -> Explanation:
    towns = country.instance.municipalities.set_index("municipality_id")
    limits = _limits(country, municipality)
    alike, known_by = similar(country, municipality)
    unique = _unique(country, municipality)
    return Explanation(
        municipality_id=municipality,
        name=towns.loc[municipality, "name"],
        instance=country.instance.id,
        sha256=country.instance.sha256,
        population=int(towns.loc[municipality, "population"]),
        quota=country.quotas[municipality],
        fair_share=float(country.shares[municipality]),
        key=country.policy.key.name,
        step=country.policy.step,
        floor=country.policy.floor,
        steps=chain(country, municipality),
        limits=limits,
        currency=country.instance.currency,
        bought=_bought(country, municipality),
        similar=alike,
        alike=known_by,
        unique=unique,
        changes=changes(country, municipality, limits, confirm=confirm)
        if country.small or country.priced
        else (),
    )


def _unique(country: Country, municipality: str) -> Uniqueness | None:
    if country.small:
        return exactly(country, municipality)
    if not country.priced:
        return None
    town = only(country.data, municipality)
    return uniqueness(country, Priced.of(country.data, town, municipality, country.plan.goals))


def _bought(country: Country, municipality: str) -> tuple[Bought, ...]:
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


def _limits(country: Country, municipality: str) -> tuple[Limit, ...]:
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
