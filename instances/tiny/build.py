"""Build the tiny instances: each shows one rule, and its answer can be checked by hand.

Every instance starts from three municipalities with the same population, one site
each, one group of single adults and plenty of everything; each then changes only what
its rule needs. The description says what the right answer under the default policy (or
the policy it names) is, and why.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from models.instance import Instance

Rows = list[dict[str, Any]]
Cells = dict[str, Rows]

_NAMES = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir")
_PLENTY = 1000.0


def build(name: str) -> Instance:
    """Return the tiny instance called `name`.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name not in BUILDERS:
        raise ValueError(f"no tiny instance is called {name!r}; try {', '.join(BUILDERS)}")
    return BUILDERS[name](name)


def _base(count: int = 3) -> Cells:
    """Return `count` equal municipalities with plenty of room for single adults."""
    numbers = [f"{number:02d}01" for number in range(1, count + 1)]
    return {
        "municipalities": [
            {
                "municipality_id": number,
                "name": name,
                "county_id": number[:2],
                "county": f"{name} County",
                "latitude": 60.0 + position,
                "longitude": 10.0,
                "population": 1000,
            }
            for position, (number, name) in enumerate(zip(numbers, _NAMES, strict=False))
        ],
        "sites": [
            {
                "site_id": f"{number}-town",
                "municipality_id": number,
                "name": f"{name}, town",
                "transit_seats": None,
            }
            for number, name in zip(numbers, _NAMES, strict=False)
        ],
        "dwellings": [
            {"site_id": f"{number}-town", "beds": 1, "dwellings": _PLENTY} for number in numbers
        ],
        "groups": [_group("singles", "Single adults")],
        "services": [],
        "needs": [],
        "capacities": [],
    }


def _group(group_id: str, name: str, **changes: Any) -> dict[str, Any]:
    usual = {
        "group_id": group_id,
        "name": name,
        "beds": 1,
        "persons_per_dwelling": 1.0,
        "persons": 100.0,
        "transit_share": 1.0,
        "integral": False,
        "minors": False,
    }
    return usual | changes


def _instance(name: str, target: int, description: str, cells: Mapping[str, Rows]) -> Instance:
    return Instance(
        id=name,
        title=name.replace("tiny-", "Tiny: ").replace("-", " "),
        year=2024,
        target=target,
        budget=400.0 if "measures" in cells else None,
        currency="NOK",
        description=description,
        tables={table: pd.DataFrame(rows) for table, rows in cells.items() if rows},  # type: ignore[arg-type]  # a mapping of frames is made into Tables
    )


def _housing(name: str) -> Instance:
    cells = _base()
    cells["dwellings"][:1] = [
        {"site_id": "0101-town", "beds": 1, "dwellings": 30.0},
        {"site_id": "0101-town", "beds": 3, "dwellings": 0.0},
    ]
    for site in ("0201-town", "0301-town"):
        cells["dwellings"].append({"site_id": site, "beds": 3, "dwellings": 10.0})
    cells["groups"] = [
        _group("singles", "Single adults", persons=60.0),
        _group("families", "Families of three", beds=3, persons_per_dwelling=3.0, persons=60.0),
    ]
    return _instance(
        name,
        120,
        "Three equal municipalities, 60 single adults and 60 persons in families of three. Fair "
        "shares are 40 each. Alder (0101) has 30 one-bed dwellings and none for families, so it "
        "takes at most 30; Birch and Cedar have 10 dwellings of three beds each, just enough for "
        "the 20 families between them. The answer is 30, 45, 45: the other 90 persons split "
        "evenly, and all 60 family members live in Birch and Cedar, 30 in each.",
        cells,
    )


def _transport(name: str) -> Instance:
    cells = _base()
    cells["sites"][0]["transit_seats"] = 10.0
    cells["groups"] = [_group("singles", "Single adults", persons=120.0, transit_share=0.5)]
    return _instance(
        name,
        120,
        "Three equal municipalities and 120 single adults, half of whom travel daily. Fair shares "
        "are 40 each. Alder (0101) has 10 daily seats and so room for 20 persons however many "
        "dwellings stand free. The answer is 20, 50, 50.",
        cells,
    )


def _services(name: str) -> Instance:
    cells = _base()
    cells["groups"] = [_group("singles", "Single adults", persons=120.0)]
    cells["services"] = [
        {
            "service_id": "gp",
            "name": "General practitioner",
            "family": "health",
            "unit": "place on a list",
        }
    ]
    cells["needs"] = [{"group_id": "singles", "service_id": "gp", "units_per_person": 2.0}]
    cells["capacities"] = [
        {"municipality_id": "0101", "service_id": "gp", "capacity": 50.0},
        {"municipality_id": "0201", "service_id": "gp", "capacity": 500.0},
        {"municipality_id": "0301", "service_id": "gp", "capacity": None},
    ]
    return _instance(
        name,
        120,
        "Three equal municipalities and 120 single adults who each use two places on a GP list. "
        "Fair shares are 40 each. Alder (0101) has 50 places and so room for 25 persons; Birch "
        "has 500; Cedar's cell is blank, which is no limit. 95 persons remain for Birch and "
        "Cedar. The answer is 25 and, in lots of 5, 45 and 50 in either order.",
        cells,
    )


def _pools(name: str) -> Instance:
    cells = _base(4)
    cells["groups"] = [_group("singles", "Single adults", persons=160.0)]
    cells["services"] = [
        {
            "service_id": "hospital",
            "name": "Hospital",
            "family": "health",
            "unit": "patient",
        }
    ]
    cells["needs"] = [{"group_id": "singles", "service_id": "hospital", "units_per_person": 1.0}]
    cells["shared_capacities"] = [
        {"pool_id": "west", "service_id": "hospital", "capacity": 60.0},
        {"pool_id": "east", "service_id": "hospital", "capacity": 500.0},
    ]
    cells["pool_members"] = [
        {"pool_id": pool, "municipality_id": number}
        for pool, number in (("west", "0101"), ("west", "0201"), ("east", "0301"), ("east", "0401"))
    ]
    return _instance(
        name,
        160,
        "Four equal municipalities and 160 single adults. Fair shares are 40 each. Alder and "
        "Birch share a hospital with room for 60, Cedar and Dogwood one with room for 500. The "
        "answer is 30, 30, 50, 50.",
        cells,
    )


def _measures(name: str) -> Instance:
    cells = _base()
    cells["groups"] = [_group("singles", "Single adults", persons=120.0)]
    for row in cells["dwellings"]:
        row["dwellings"] = 30.0
    cells["measures"] = [
        {
            "measure_id": f"{number}-dwellings",
            "kind": "dwellings",
            "site_id": f"{number}-town",
            "beds": 1,
            "units_per_step": 5.0,
            "cost_per_step": cost,
            "max_steps": steps,
        }
        for number, cost, steps in (("0101", 50.0, 2), ("0201", 100.0, 6), ("0301", 300.0, 6))
    ]
    return _instance(
        name,
        120,
        "Three equal municipalities with 30 dwellings each, and 120 single adults: 30 have no "
        "place. Five more dwellings cost 50 in Alder (at most twice), 100 in Birch, 300 in Cedar. "
        "The budget is 400. The most it can place is 25 more, by two steps in Alder (100) and "
        "three in Birch (300): a step in Cedar leaves 100, enough for 15 in all. The answer is "
        "40, 45, 30, a shortfall of 5 and a cost of 400.",
        cells,
    )


def _stability(name: str) -> Instance:
    cells = _base()
    cells["groups"] = [_group("singles", "Single adults", persons=120.0)]
    for row, previous in zip(cells["municipalities"], (70.0, 30.0, 20.0), strict=True):
        row["previous_quota"] = previous
    return _instance(
        name,
        120,
        "Three equal municipalities and 120 single adults. Fair shares are 40 each, and the "
        "default policy gives 40, 40, 40. The year before it was 70, 30, 20. With "
        "max_change = {persons = 15} Alder may not fall below 55 and Cedar not rise above 35, "
        "and the answer is 55, 30, 35 or 55, 35, 30: 65 persons are left for two, in lots of 5.",
        cells,
    )


def _integral(name: str) -> Instance:
    cells = _base()
    cells["groups"] = [
        _group("singles", "Single adults", persons=83.0),
        _group(
            "minors",
            "Unaccompanied minors",
            persons=7.0,
            integral=True,
            minors=True,
        ),
    ]
    for row, allowed in zip(cells["municipalities"], (True, True, False), strict=True):
        row["minors_allowed"] = allowed
    cells["services"] = [
        {
            "service_id": "guardians",
            "name": "Guardians",
            "family": "care",
            "unit": "guardian",
        }
    ]
    cells["needs"] = [{"group_id": "minors", "service_id": "guardians", "units_per_person": 1.0}]
    cells["capacities"] = [
        {"municipality_id": "0101", "service_id": "guardians", "capacity": 3.5},
        {"municipality_id": "0201", "service_id": "guardians", "capacity": 10.0},
        {"municipality_id": "0301", "service_id": "guardians", "capacity": 10.0},
    ]
    return _instance(
        name,
        90,
        "Three equal municipalities, 83 single adults and 7 unaccompanied minors. The answer is "
        "30 each. Minors may only go to Alder and Birch, in whole numbers. Alder has guardians "
        "for 3.5, that is for 3 whole persons, so Birch takes at least 4; Cedar takes none.",
        cells,
    )


def _odd_lot(name: str) -> Instance:
    cells = _base()
    cells["groups"] = [_group("singles", "Single adults", persons=92.0)]
    for row, population in zip(cells["municipalities"], (1000, 2000, 6000), strict=True):
        row["population"] = population
    return _instance(
        name,
        92,
        "Three municipalities with 1,000, 2,000 and 6,000 inhabitants, and 92 single adults; "
        "92 is 18 lots of 5 and an odd lot of 2, which exactly one municipality carries. Fair "
        "shares are 10.2, 20.4 and 61.3 persons. The answer is 10, 20, 62: the odd two cost "
        "least where the fair share is largest.",
        cells,
    )


BUILDERS: Mapping[str, Callable[[str], Instance]] = {
    "tiny-housing": _housing,
    "tiny-transport": _transport,
    "tiny-services": _services,
    "tiny-pools": _pools,
    "tiny-measures": _measures,
    "tiny-stability": _stability,
    "tiny-integral": _integral,
    "tiny-odd-lot": _odd_lot,
}
"""What builds every tiny instance, by its name."""
