"""Random small instances and policies with every feature there is, for comparing ways to solve."""

import os
from typing import Any

import numpy as np
import pandas as pd

from models.instance import Instance
from models.policy import Policy
from tests.small import group, measure, municipalities

GROUPS = (
    group("singles", 50.0, transit_share=0.9, persons_per_dwelling=1.5),
    group("families", 40.0, beds=3, persons_per_dwelling=3.5, transit_share=0.5),
    group("care", 12.0, beds=2, integral=True, transit_share=0.3),
    group("minors", 10.0, beds=3, persons_per_dwelling=4.0, integral=True, minors=True),
)
TIMES = float(os.environ.get("CASES", "1"))
"""Times as many random cases in slow tests as usual: ``CASES=4 make test-all`` takes hours."""
FIRST = ("shortfall", "overload")
LATER: tuple[dict[str, float], ...] = (
    {"unfairness": 1.0, "cost": 1e-4},
    {"unfairness": 1.0},
    {"cost": 1.0},
    {"change": 1.0},
    {"max_ratio": 1.0},
    {"outcome": 1.0},
    {"change": 0.3, "cost": 1e-3},
    {"max_ratio": 2.0, "unfairness": 0.5},
)


def more(first: int, usual: int) -> range:
    """Return the random cases of a test: as many as usual, or as many times that as asked for."""
    return range(first, first + round(usual * TIMES))


def draw(seed: int) -> tuple[Instance, Policy]:
    """Draw an instance of two to four municipalities and a policy, the same for the same seed.

    About half the policies decide, bound or limit so much that no plan may keep it all.
    """
    random = np.random.default_rng(seed)
    target = int(random.integers(20, 120))
    tables = _tables(random, int(random.integers(2, 5)), target)
    about: dict[str, Any] = {"id": f"random-{seed}", "title": "Random", "year": 2024}
    instance = Instance.model_validate({**about, "target": target, "tables": tables})
    ids = tables["municipalities"]["municipality_id"].tolist()
    return instance, Policy.model_validate(_policy(random, ids, target))


def _tables(random: np.random.Generator, count: int, target: int) -> dict[str, pd.DataFrame]:
    many = random.integers(100, 2000, count)
    towns = municipalities(many.tolist())
    ids = towns["municipality_id"].tolist()
    usual = target * many / many.sum()
    towns["previous_quota"] = [
        # The first is always known: change cannot be counted where nothing was before.
        None if i and random.random() < 0.3 else float(5 * round(x * random.uniform(0.3, 2) / 5))
        for i, x in enumerate(usual)
    ]
    towns["max_quota"] = [
        float(round(3 * x)) if random.random() < 0.15 else None for x in usual.tolist()
    ]
    towns["minors_allowed"] = random.random(count) < 0.6
    sites = [(m, f"{m}-{k}") for m in ids for k in range(1 + int(random.random() < 0.4))]
    wanted = [GROUPS[k] for k in range(4) if k == 0 or random.random() < 0.6]
    scale = 2 * target / count
    tables = {
        "municipalities": towns,
        "sites": pd.DataFrame(
            [
                {"site_id": s, "municipality_id": m, "name": s, "transit_seats": seats}
                for m, s in sites
                for seats in [
                    None if random.random() < 0.4 else float(random.integers(0, int(scale)))
                ]
            ]
        ),
        "dwellings": pd.DataFrame(
            [
                {
                    "site_id": s,
                    "beds": beds,
                    "dwellings": float(random.integers(0, int(scale / beds))),
                }
                for _, s in sites
                for beds in (1, 3)
            ]
        ),
        "groups": pd.DataFrame(wanted),
        "measures": pd.DataFrame(_measures(random, sites)),
    }
    return tables | _services(random, ids, [g["group_id"] for g in wanted], scale)


def _measures(random: np.random.Generator, sites: list[tuple[str, str]]) -> list[dict[str, Any]]:
    measures = []
    for m, s in sites:
        kinds: list[tuple[str, dict[str, Any]]] = [
            ("dwellings", {"site_id": s, "beds": 3, "units_per_step": 3.0}),
            ("transit", {"site_id": s, "units_per_step": 16.0, "cost_per_step": 150.0}),
            ("service", {"municipality_id": m, "service_id": "gp", "cost_per_step": 80.0}),
        ]
        for kind, columns in kinds:
            most = int(random.integers(0, 3))
            measures.append(measure(f"{kind}-{s}", kind, **columns, max_steps=most))
    return measures


def _services(
    random: np.random.Generator, ids: list[str], groups: list[str], scale: float
) -> dict[str, pd.DataFrame]:
    services = [
        {"service_id": "gp", "name": "GP", "family": "health", "unit": "places"},
        {"service_id": "class", "name": "Classes", "family": "education", "unit": "places"},
    ]
    needs = [
        {"group_id": g, "service_id": h, "units_per_person": units}
        for g in groups
        for h, units in (("gp", 1.0), ("class", 0.5))
    ]
    tables = {
        "services": pd.DataFrame(services),
        "needs": pd.DataFrame(needs),
        "capacities": pd.DataFrame(
            [
                {"municipality_id": m, "service_id": "gp", "capacity": float(places)}
                for m, places in zip(ids, random.integers(0, int(scale) + 1, len(ids)), strict=True)
            ]
        ),
        "outcomes": pd.DataFrame(
            [
                {"municipality_id": m, "group_id": g, "probability": float(random.random())}
                for m in ids
                for g in groups
            ]
        ),
    }
    if random.random() < 0.4:
        members = ids[: int(random.integers(2, len(ids) + 1))]
        places = float(random.integers(0, int(scale)))
        tables["shared_capacities"] = pd.DataFrame(
            [{"pool_id": "west", "service_id": "class", "capacity": places}]
        )
        tables["pool_members"] = pd.DataFrame({"pool_id": "west", "municipality_id": members})
    return tables


def _policy(random: np.random.Generator, ids: list[str], target: int) -> dict[str, Any]:
    def often(chance: float, value: Any, otherwise: Any = None) -> Any:
        return value if random.random() < chance else otherwise

    fair = target / len(ids)
    low = int(random.integers(0, target // 2))
    budget = {
        "total": often(0.8, float(random.integers(0, 1000))),
        "transit": often(0.3, float(random.integers(0, 400))),
    }
    return {
        "step": int(random.choice([1, 3, 5, 10])),
        "floor": int(random.choice([0, 0, 5, 10, 20])),
        "budget": budget,
        "max_ratio": often(0.15, 3.0),
        "min_ratio": often(0.1, 0.2),
        "max_change": often(0.15, {"persons": float(round(2 * fair))}),
        "county_bounds": often(
            0.2, [{"county_id": "01", "at_least": low, "at_most": low + target // 2}], []
        ),
        "fixed": _decisions(random, ids, fair),
        "soft": {f: 2.0 for f in ("housing", "transport", "health", "education") if often(0.2, 1)},
        "minors": str(random.choice(["listed", "anywhere"])),
        "goals": _goals(random),
    }


def _decisions(random: np.random.Generator, ids: list[str], fair: float) -> list[dict[str, Any]]:
    decided = random.random(len(ids)) < 0.15
    return [
        {
            "municipality_id": m,
            "relation": str(random.choice(["exact", "at_least", "at_most"])),
            "persons": int(random.integers(0, max(2, round(1.5 * fair)))),
        }
        for m, there in zip(ids, decided, strict=True)
        if there
    ]


def _goals(random: np.random.Generator) -> list[dict[str, Any]]:
    """Draw an order of goals; placing people comes first, or nobody would be placed."""
    first: list[dict[str, float]] = [{name: 1.0} for name in FIRST]
    if random.random() < 0.3:
        first = [{"shortfall": 10.0, "overload": 1.0, "unfairness": 1.0}]
    picked = random.choice(len(LATER), size=int(random.integers(1, 3)), replace=False)
    goals: list[dict[str, Any]] = [
        {"terms": terms} for terms in [*first, *(LATER[k] for k in picked)]
    ]
    for goal in goals[:-1]:
        if random.random() < 0.1:
            goal["tolerance"] = 0.1
        if random.random() < 0.1:
            goal["tolerance_absolute"] = 2.0
    return goals
