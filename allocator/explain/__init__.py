"""Why a municipality is asked for its number, and what would change it."""

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from allocator.errors import InvalidInput
from allocator.explain.alone import Priced, only
from allocator.explain.chain import chain
from allocator.explain.changes import changes
from allocator.explain.country import Country
from allocator.explain.limits import bought_in, limits_of
from allocator.explain.similar import similar
from allocator.explain.types import (
    Bought,
    Cause,
    Change,
    Explanation,
    Limit,
    Similar,
    Step,
    Unaided,
    Uniqueness,
)
from allocator.explain.unique import exactly, uniqueness
from allocator.explain.words import in_words
from models.instance import Instance
from models.options import SolveOptions
from models.plan import Plan
from models.problems import Problem
from models.program.data import Measure

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
    "Unaided",
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
    limits = limits_of(country, municipality)
    alike, known_by = similar(country, municipality)
    unique = _unique(country, municipality)
    steps = only(country.data, municipality).measures.values()
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
        bought=bought_in(country, municipality),
        similar=alike,
        alike=known_by,
        unique=unique,
        changes=changes(country, municipality, limits, steps, confirm=confirm),
        unaided=_unaided(country, municipality, steps, confirm=confirm),
    )


def _unaided(
    country: Country, municipality: str, steps: Collection[Measure], *, confirm: bool
) -> Unaided | None:
    bare = country.bare
    if not country.buys or bare is None:
        return None
    found = changes(bare, municipality, limits_of(bare, municipality), steps, confirm=confirm)
    return Unaided(quota=bare.quotas[municipality], changes=found) if found else None


def _unique(country: Country, municipality: str) -> Uniqueness | None:
    if country.small:
        return exactly(country, municipality)
    if not country.priced:
        return None
    town = only(country.data, municipality)
    return uniqueness(country, Priced.of(country.data, town, municipality, country.plan.goals))
