"""The published figures, brought into the municipal structure of a year."""

import tomllib
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from models.instance import Licence, Source

COUNTIES_2020_2023 = {
    "03": "Oslo",
    "11": "Rogaland",
    "15": "Møre og Romsdal",
    "18": "Nordland",
    "30": "Viken",
    "34": "Innlandet",
    "38": "Vestfold og Telemark",
    "42": "Agder",
    "46": "Vestland",
    "50": "Trøndelag",
    "54": "Troms og Finnmark",
}
"""The eleven counties of the structure in force from 2020 to 2023 (Kartverket)."""

SPLIT_IN_2024 = {"1507": ("1508", "1580")}
"""Municipalities of 2020-2023 that became several in 2024: Ålesund lost Haram."""

_TEXT = ("municipality_id", "municipality_id_2024", "name", "county_id", "county", "kostra_group")
_SUMMED = (
    "area_km2",
    "population_2024",
    "dwellings_2021",
    "gp_agreements_2025",
    "gp_list_places_2025",
    "gp_listed_patients_2025",
    "language_grant_nok_2023",
    "disability_grant_nok_2023",
    "settled_2022",
    "settled_2023",
    "minors_requested_2024",
    "requested_2024",
    "reception_residents_2024_01",
)
_LARGEST = (
    "name",
    "county_id",
    "county",
    "kostra_group",
    "centrality_class",
    "latitude",
    "longitude",
)


def municipalities_of(year: int) -> pd.DataFrame:
    """Return the facts of every municipality in the structure of `year`.

    Returns
    -------
    pandas.DataFrame
        Indexed by municipality_id, with the columns of ``facts/municipalities.csv``
        and besides `population` (persons, of the year) and `previous_quota` (persons
        settled the year before, missing where unknown).
    """
    facts = read_facts("municipalities").set_index("municipality_id")
    if year == 2024:
        return facts.assign(
            population=facts["population_2024"], previous_quota=facts["settled_2023"]
        )
    requests = read_facts("requests").set_index("municipality_id")
    now = requests[requests["year"] == year]
    before = requests[requests["year"] == year - 1]
    joined = {old: _joined(facts.loc[list(parts)]) for old, parts in SPLIT_IN_2024.items()}
    known = pd.concat([facts, pd.DataFrame.from_dict(joined, orient="index")])
    successor = now["municipality_id_2024"].fillna(now.index.to_series())
    frame = known.loc[successor].set_axis(now.index)
    frame["name"] = now["name"]
    frame["county_id"] = frame.index.str[:2]
    frame["county"] = frame["county_id"].map(COUNTIES_2020_2023)
    frame["population"] = now["population_2022"]
    frame["previous_quota"] = before["settled"].reindex(frame.index)
    frame[f"requested_{year}"] = now["requested"]
    return frame


def sources() -> tuple[Source, ...]:
    """Return the publishers of the figures, as ``facts/sources.toml`` lists them."""
    return tuple(Source(**entry) for entry in _sources()["source"])


def licences() -> tuple[Licence, ...]:
    """Return the licences of the figures, as ``facts/sources.toml`` lists them."""
    return tuple(Licence(**entry) for entry in _sources()["licence"])


def _sources() -> dict[str, Any]:
    text = files("instances.norway").joinpath("facts/sources.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def read_facts(table: str) -> pd.DataFrame:
    """Return one table of facts, ids as text: `municipalities` or `requests`."""
    path = files("instances.norway").joinpath(f"facts/{table}.csv")
    with path.open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype=dict.fromkeys(_TEXT, "str"))


def _joined(parts: pd.DataFrame) -> dict[str, Any]:
    """Return the facts of `parts` together: sums, or means weighted by population."""
    rows = parts.sort_values("population_2024", ascending=False)
    joined: dict[str, Any] = {}
    for name in rows.columns:
        filled = rows[rows[name].notna()]
        if filled.empty or name in _LARGEST:
            joined[name] = rows[name].iloc[0]
        elif name in _SUMMED:
            joined[name] = filled[name].sum()
        else:
            joined[name] = np.average(filled[name], weights=filled["population_2024"])
    return joined
