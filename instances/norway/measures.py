"""What the state can buy: dwellings, minibus lines, GP and care places."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

_SQUARE_METRES = {1: 30.0, 2: 50.0, 3: 70.0, 5: 100.0}
_TOWN_SIZES, _RURAL_SIZES = (2, 5), (3,)
_COLUMNS = (
    "measure_id",
    "kind",
    "site_id",
    "municipality_id",
    "beds",
    "service_id",
    "units_per_step",
    "cost_per_step",
    "max_steps",
)


def measures(
    facts: pd.DataFrame, places: pd.DataFrame, assume: Mapping[str, float]
) -> pd.DataFrame:
    """Return the measures of every site and municipality, those of no step left out.

    Parameters
    ----------
    facts
        Facts by municipality.
    places
        Sites with `inhabitants`.
    assume
        Assumptions by name.
    """
    price = facts["house_price_nok_per_m2_2024"].fillna(0).clip(lower=assume["least_building_cost"])
    rows: list[dict[str, Any]] = []
    for site in places.to_dict("records"):
        rural = site["site_id"].endswith("-rural")
        rows.extend(_dwellings(site, rural, float(price[site["municipality_id"]]), assume))
        if rural:
            rows.append(_minibus(site, assume))
    for municipality_id, population in facts["population"].to_dict().items():
        rows.extend(_services(str(municipality_id), population, assume))
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    return frame[frame["max_steps"] > 0].astype({"beds": "Int64"}).reset_index(drop=True)


def _dwellings(
    site: Mapping[Any, Any], rural: bool, price: float, assume: Mapping[str, float]
) -> Iterator[dict[str, Any]]:
    steps = math.ceil(site["inhabitants"] * assume["new_dwellings_per_1000"] / 1000)
    for beds in _RURAL_SIZES if rural else _TOWN_SIZES:
        grant = price * _SQUARE_METRES[beds] * assume["rental_grant_share"]
        yield {
            "measure_id": f"{site['site_id']}-dwellings-{beds}",
            "kind": "dwellings",
            "site_id": site["site_id"],
            "beds": beds,
            "units_per_step": 1.0,
            "cost_per_step": float(round(grant, -3)),
            "max_steps": steps,
        }


def _minibus(site: Mapping[Any, Any], assume: Mapping[str, float]) -> dict[str, Any]:
    # More lines than the site could house people for would never be of use.
    lines = math.ceil(site["inhabitants"] / 100 / assume["minibus_seats"])
    return {
        "measure_id": f"{site['site_id']}-minibus",
        "kind": "transit",
        "site_id": site["site_id"],
        "units_per_step": assume["minibus_seats"],
        "cost_per_step": assume["minibus_cost"],
        "max_steps": lines,
    }


def _services(
    municipality_id: str, population: float, assume: Mapping[str, float]
) -> Iterator[dict[str, Any]]:
    lists = population * assume["new_gp_places_per_1000"] / 1000 / assume["gp_list_places"]
    for service, places, cost, steps in (
        ("gp", assume["gp_list_places"], assume["gp_cost_per_place"], math.ceil(lists)),
        (
            "care",
            1.0,
            assume["care_cost_per_place"],
            math.ceil(population * assume["new_care_places_per_1000"] / 1000),
        ),
    ):
        yield {
            "measure_id": f"{municipality_id}-{service}",
            "kind": "service",
            "municipality_id": municipality_id,
            "service_id": service,
            "units_per_step": places,
            "cost_per_step": places * cost,
            "max_steps": steps,
        }
