"""Small instances built in Python, for tests that need no files."""

from typing import Any

import pandas as pd

from models.columns import TABLES
from models.instance import Instance

Rows = list[dict[str, Any]]


def municipality(number: int, **cells: Any) -> dict[str, Any]:
    """Return municipality `number` (0101, 0201, …), with 1000 inhabitants unless told."""
    usual = {
        "municipality_id": f"{number:02d}01",
        "name": f"Town {number}",
        "county_id": f"{number:02d}",
        "county": f"County {number}",
        "latitude": 60.0 + number,
        "longitude": 10.0,
        "population": 1000,
    }
    return usual | cells


def group(group_id: str, **cells: Any) -> dict[str, Any]:
    """Return a group of single adults called `group_id`."""
    usual = {
        "group_id": group_id,
        "name": group_id,
        "beds": 1,
        "persons_per_dwelling": 1.0,
        "persons": 100.0,
        "transit_share": 0.5,
        "integral": False,
        "minors": False,
    }
    return usual | cells


def dwellings_measure(measure_id: str, site_id: str, beds: int, **cells: Any) -> dict[str, Any]:
    """Return a measure that builds one dwelling a step, for 100, at most twice."""
    place = {"measure_id": measure_id, "kind": "dwellings", "site_id": site_id, "beds": beds}
    return _bought(place, cells)


def transit_measure(measure_id: str, site_id: str, **cells: Any) -> dict[str, Any]:
    """Return a measure that adds a daily seat a step."""
    return _bought({"measure_id": measure_id, "kind": "transit", "site_id": site_id}, cells)


def service_measure(
    measure_id: str, municipality_id: str, service_id: str, **cells: Any
) -> dict[str, Any]:
    """Return a measure that adds one place of a service a step."""
    place = {"measure_id": measure_id, "kind": "service"}
    return _bought(place | {"municipality_id": municipality_id, "service_id": service_id}, cells)


def _bought(place: dict[str, Any], cells: dict[str, Any]) -> dict[str, Any]:
    blank = {"site_id": None, "municipality_id": None, "beds": None, "service_id": None}
    price = {"units_per_step": 1.0, "cost_per_step": 100.0, "max_steps": 2}
    return blank | place | price | cells


def tiny(municipalities: int | Rows = 3, **overrides: Any) -> Instance:
    """Return an instance of equal municipalities, one site each, with room for everyone.

    Parameters
    ----------
    municipalities
        How many, or their rows (see `municipality`). Each gets the site ``0101-town``
        without a limit on transport and 1000 dwellings of one bed.
    **overrides
        Whole tables as rows or frames (``groups=[group("singles")]``), or fields of the
        instance (``target=60``, ``budget=200.0``). A table named ``sites`` or
        ``dwellings`` replaces the usual one.
    """
    towns = (
        [municipality(number) for number in range(1, municipalities + 1)]
        if isinstance(municipalities, int)
        else municipalities
    )
    ids = [town["municipality_id"] for town in towns]
    rows: dict[str, Any] = {
        "municipalities": towns,
        "sites": [{"site_id": f"{m}-town", "municipality_id": m, "name": f"{m} town"} for m in ids],
        "dwellings": [{"site_id": f"{m}-town", "beds": 1, "dwellings": 1000.0} for m in ids],
        "groups": [group("singles")],
    }
    rows |= {name: overrides.pop(name) for name in list(overrides) if name in TABLES}
    tables: Any = {name: pd.DataFrame(cells) for name, cells in rows.items() if len(cells)}
    about: dict[str, Any] = {"id": "tiny", "title": "Tiny", "year": 2024, "target": 60}
    return Instance(tables=tables, **(about | overrides))
