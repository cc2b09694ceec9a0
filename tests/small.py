"""Small instances for the tests of the program: one site a municipality, easy to do by hand."""

from typing import Any

import pandas as pd

from models.instance import Instance


def municipalities(populations: list[int], **columns: list[Any]) -> pd.DataFrame:
    """Municipalities 0001, 0002, …; odd ones in county 01, even ones in county 02."""
    ids = [f"{i + 1:04d}" for i in range(len(populations))]
    return pd.DataFrame(
        {
            "municipality_id": ids,
            "name": [f"Town {i}" for i in ids],
            "county_id": ["01" if i % 2 == 0 else "02" for i in range(len(ids))],
            "county": ["First" if i % 2 == 0 else "Second" for i in range(len(ids))],
            "latitude": 60.0,
            "longitude": 10.0,
            "population": populations,
            **columns,
        }
    )


def group(group_id: str, persons: float, **columns: Any) -> dict[str, Any]:
    """One row of groups: one bed, one person a dwelling, no transport, not integral."""
    return {
        "group_id": group_id,
        "name": group_id,
        "beds": 1,
        "persons_per_dwelling": 1.0,
        "persons": persons,
        "transit_share": 0.0,
        "integral": False,
        "minors": False,
        **columns,
    }


def measure(measure_id: str, kind: str, **columns: Any) -> dict[str, Any]:
    """One row of measures: ten units a step, at a cost of 100, at most ten steps."""
    blank = {"site_id": "", "municipality_id": "", "beds": None, "service_id": ""}
    figures = {"units_per_step": 10.0, "cost_per_step": 100.0, "max_steps": 10}
    return {"measure_id": measure_id, "kind": kind, **blank, **figures, **columns}


def tiny(
    populations: list[int],
    target: int,
    dwellings: list[float],
    *,
    seats: list[float | None] | None = None,
    gp: list[float] | None = None,
    groups: list[dict[str, Any]] | None = None,
    measures: list[dict[str, Any]] | None = None,
    beds: int = 1,
    towns: dict[str, list[Any]] | None = None,
) -> Instance:
    """Return an instance with one site a municipality.

    Parameters
    ----------
    populations, dwellings, seats, gp
        By municipality; `gp` are places of the service gp (family health), one a person.
    """
    town = municipalities(populations, **(towns or {}))
    ids = town["municipality_id"].tolist()
    people = groups or [group("singles", float(target))]
    frames: dict[str, pd.DataFrame] = {
        "municipalities": town,
        "sites": pd.DataFrame(
            {"site_id": ids, "municipality_id": ids, "name": ids, "transit_seats": seats or ""}
        ),
        "dwellings": pd.DataFrame({"site_id": ids, "beds": beds, "dwellings": dwellings}),
        "groups": pd.DataFrame(people),
    }
    if gp is not None:
        frames["services"] = pd.DataFrame(
            [{"service_id": "gp", "name": "GP", "family": "health", "unit": "places"}]
        )
        frames["needs"] = pd.DataFrame(
            [
                {"group_id": g["group_id"], "service_id": "gp", "units_per_person": 1.0}
                for g in people
            ]
        )
        frames["capacities"] = pd.DataFrame(
            {"municipality_id": ids, "service_id": "gp", "capacity": gp}
        )
    if measures:
        frames["measures"] = pd.DataFrame(measures)
    about = {"id": "tiny", "title": "Tiny", "year": 2024, "target": target}
    return Instance.model_validate({**about, "tables": frames})
