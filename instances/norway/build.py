"""Build the Norwegian instances from the facts and the assumptions."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from instances.norway.assumptions import resolve
from instances.norway.capacity import free_dwellings, service_capacities, services, sites
from instances.norway.facts import licences, municipalities_of, sources
from instances.norway.groups import groups, needs
from instances.norway.indicators import KEY_INDICATORS, KEY_INDICATORS_2024, key_indicators
from instances.norway.measures import measures
from models.instance import Instance


@dataclass(frozen=True)
class _Edition:
    year: int
    target: int
    budget: str


EDITIONS: Mapping[str, _Edition] = {
    "norway-2022": _Edition(2022, 35_000, "measures_budget_2022"),
    "norway-2023": _Edition(2023, 38_000, "measures_budget_2023"),
    "norway-2024": _Edition(2024, 37_000, "measures_budget"),
}
"""The instances that `build` knows, by name."""

_DESCRIPTION = (
    "Settlement of refugees in Norway in {year}: {count} municipalities, {target} persons. "
    "Population, previous settlement, dwelling stock and types, renting, GP lists and the "
    "indicator columns are published figures; free dwellings by size, seats, care and language "
    "places, the make-up of the groups, and cost and extent of the measures rest on the "
    "assumptions listed in instances/norway/assumptions.toml."
)

_INDICATORS = (
    "kostra_group",
    "centrality_class",
    "area_km2",
    "employment_rate",
    "renting_share",
    "urban_share",
    "median_household_income_nok",
    *KEY_INDICATORS,
)
_INDICATORS_OF_YEAR = {
    2022: ("requested_2022",),
    2023: ("settled_2022", "requested_2023"),
    2024: (
        "settled_2022",
        "settled_2023",
        "minors_requested_2024",
        "requested_2024",
        *KEY_INDICATORS_2024,
    ),
}


def build(name: str, assume: Mapping[str, float] | None = None) -> Instance:
    """Return the Norwegian instance called `name`.

    Parameters
    ----------
    name
        ``norway-2024``, ``norway-2023`` or ``norway-2022``.
    assume
        Assumptions to change, by name; `instances.norway.assumptions.load_assumptions`
        lists them.

    Raises
    ------
    ValueError
        If there is no such instance, an assumption is unknown or a value is not
        plausible; the message lists everything that is wrong.
    """
    if name not in EDITIONS:
        raise ValueError(f"no Norwegian instance is called {name!r}; try {', '.join(EDITIONS)}")
    edition, values = EDITIONS[name], resolve(assume)
    facts = municipalities_of(edition.year)
    places = sites(facts, values)
    tables = {
        "municipalities": _municipalities(facts, edition.year, values),
        "sites": places[["site_id", "municipality_id", "name", "transit_seats"]],
        "dwellings": free_dwellings(facts, places, values),
        "groups": groups(edition.target, facts["disability_grant_nok_2023"].sum(), values),
        "services": services(),
        "needs": needs(),
        "capacities": service_capacities(facts, values),
        "measures": measures(facts, places, values),
    }
    description = _DESCRIPTION.format(year=edition.year, count=len(facts), target=edition.target)
    return Instance(
        id=name,
        title=f"Norway {edition.year}",
        year=edition.year,
        target=edition.target,
        budget=values[edition.budget],
        currency="NOK",
        description=description + _changes(assume),
        sources=sources(),
        licenses=licences(),
        tables=tables,  # type: ignore[arg-type]  # a mapping of frames is made into Tables
    )


def _municipalities(facts: pd.DataFrame, year: int, assume: Mapping[str, float]) -> pd.DataFrame:
    frame = facts.reset_index(names="municipality_id")
    # Minors were requested of some municipalities in 2024; no such list exists before.
    frame["minors_allowed"] = frame["minors_requested_2024"].notna() if year == 2024 else True
    frame["employment_rate"] = frame["employment_rate_2021"].fillna(
        assume["employment_rate_where_missing"]
    )
    frame["urban_share"] = frame["urban_share_2020"].fillna(assume["urban_share_where_missing"])
    frame["renting_share"] = frame["renting_share_2024"]
    frame = key_indicators(frame, assume)
    return frame[
        [
            "municipality_id",
            "name",
            "county_id",
            "county",
            "latitude",
            "longitude",
            "population",
            "previous_quota",
            "minors_allowed",
            *_INDICATORS,
            *_INDICATORS_OF_YEAR[year],
        ]
    ].astype({"population": "int64"})


def _changes(assume: Mapping[str, float] | None) -> str:
    """Say which assumptions a variant changes."""
    if not assume:
        return ""
    return " Changed: " + ", ".join(f"{key} = {assume[key]:g}" for key in sorted(assume)) + "."
