"""What there is room for: sites, free dwellings, transport and services."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

Numbers = npt.NDArray[np.float64]

BEDS = (1, 2, 3, 5)
"""Sizes of dwelling that are told apart."""

SERVICES = (
    ("gp", "General practitioner", "health", "place on a GP list"),
    ("care", "Extensive care", "health", "place in extensive care"),
    ("language", "Language classes", "education", "place in a class"),
)


def sites(facts: pd.DataFrame, assume: Mapping[str, float]) -> pd.DataFrame:
    """Return the town and the scattered settlement of every municipality.

    A municipality whose inhabitants all live in one of the two has only that one.
    The column `inhabitants` is an aid to the other tables.
    """
    urban = facts["urban_share_2020"].fillna(assume["urban_share_where_missing"])
    per_class = facts["centrality_class"].map(
        lambda number: assume[f"transit_seats_per_1000_class_{number}"]
    )
    town = pd.DataFrame(
        {
            "site_id": facts.index + "-town",
            "municipality_id": facts.index,
            "name": facts["name"] + ", town",
            "transit_seats": np.nan,
            "inhabitants": facts["population"] * urban,
            "share": urban,
        }
    )
    rural = pd.DataFrame(
        {
            "site_id": facts.index + "-rural",
            "municipality_id": facts.index,
            "name": facts["name"] + ", scattered settlement",
            "transit_seats": (facts["population"] * (1 - urban) * per_class / 1000).round(),
            "inhabitants": facts["population"] * (1 - urban),
            "share": 1 - urban,
        }
    )
    both = pd.concat([town, rural], ignore_index=True)
    return both[both["share"] > 0].sort_values("site_id", ignore_index=True)


def free_dwellings(
    facts: pd.DataFrame, places: pd.DataFrame, assume: Mapping[str, float]
) -> pd.DataFrame:
    """Return the dwellings that can be had during the year, by site and size.

    Dwelling stock times renting share times turnover, spread over sizes by the types
    of dwelling, and over the sites by where people live; whole numbers that keep the
    total of the site.
    """
    stock = facts["dwellings_2021"].fillna(
        facts["population_2024"] / assume["persons_per_dwelling_stock"]
    )
    free = stock * facts["renting_share_2024"] * assume["housing_turnover"]
    sizes = _size_shares(facts, assume)
    municipality = places["municipality_id"]
    at_site = free.loc[municipality].to_numpy(dtype=float) * places["share"].to_numpy(dtype=float)
    wanted = at_site[:, None] * sizes.loc[municipality].to_numpy(dtype=float)
    return pd.DataFrame(
        {
            "site_id": np.repeat(places["site_id"].to_numpy(), len(BEDS)),
            "beds": np.tile(BEDS, len(places)),
            "dwellings": np.concatenate([whole_with_total(row) for row in wanted]),
        }
    )


def services() -> pd.DataFrame:
    """Return the services that are planned with."""
    return pd.DataFrame(list(SERVICES), columns=["service_id", "name", "family", "unit"])


def service_capacities(facts: pd.DataFrame, assume: Mapping[str, float]) -> pd.DataFrame:
    """Return the free places of every service in every municipality."""
    population = facts["population"]
    free_on_lists = (facts["gp_list_places_2025"] - facts["gp_listed_patients_2025"]).clip(lower=0)
    taught = facts["language_grant_nok_2023"].fillna(0) / assume["language_grant_per_person"]
    places = {
        "gp": (
            free_on_lists.fillna(0) * assume["gp_open_share"]
            + facts["gp_agreements_2025"].fillna(1) * assume["gp_extra_places_per_agreement"]
        ).round(),
        "care": (population * assume["care_places_per_1000"] / 1000).round(1),
        "language": (taught * assume["language_open_share"])
        .clip(lower=population * assume["language_places_per_1000"] / 1000)
        .round(),
    }
    return (
        pd.DataFrame(places)
        .rename_axis("municipality_id")
        .reset_index()
        .melt("municipality_id", var_name="service_id", value_name="capacity")
    )


def whole_with_total(wanted: Numbers) -> Numbers:
    """Round to whole numbers that keep the rounded total, largest remainders first."""
    counts = np.floor(wanted)
    missing = int(np.floor(wanted.sum() + 0.5) - counts.sum())
    first = np.argsort(-(wanted - counts), kind="stable")[:missing]
    counts[first] += 1
    return counts


def _size_shares(facts: pd.DataFrame, assume: Mapping[str, float]) -> pd.DataFrame:
    """Return, for every municipality, the shares of the sizes among rented dwellings."""
    types = {
        "flat": facts["flat_share_2024"] + facts["communal_share_2024"],
        "row": facts["row_house_share_2024"] + facts["semi_detached_share_2024"],
        "house": facts["detached_share_2024"],
    }
    total = sum(types.values(), start=pd.Series(0.0, index=facts.index))
    shares = pd.DataFrame(0.0, index=facts.index, columns=list(BEDS))
    for name, part in types.items():
        one, two = assume[f"{name}_one_bed_share"], assume[f"{name}_two_bed_share"]
        large = (1 - one - two) * assume["large_share_of_rest"]
        for beds, share in zip(BEDS, (one, two, 1 - one - two - large, large), strict=True):
            shares[beds] += part / total * share
    return shares
