"""What binds: a budget binds when what is left does not pay for a step where nothing is left."""

from typing import Any

import pytest

from allocator.binding import budgets_bound
from allocator.solve import solve
from models.binding import municipalities_bound
from models.instance import Instance
from models.options import SolveOptions
from models.plan import Plan
from models.policy import Policy
from tests.small import measure, tiny


def solved(budget: dict[str, float], **more: Any) -> tuple[Instance, Plan]:
    """Solve for two towns, 20 persons; the second has 4 dwellings, and steps of 3 for 100."""
    measures = [
        measure("homes", "dwellings", site_id="0002", beds=1, units_per_step=3.0, max_steps=4),
        measure("bus", "transit", site_id="0001", units_per_step=5.0, max_steps=2),
    ]
    about: dict[str, Any] = {"seats": [50.0, None], "gp": [20.0, 20.0], "measures": measures}
    instance = tiny([100, 100], 20, [10.0, 4.0], **(about | more))
    policy = Policy.model_validate({"step": 1, "floor": 0, "budget": budget})
    return instance, solve(instance, policy, SolveOptions(gap=0.0))


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        ({}, {}),
        ({"total": 0.0}, {"total": True}),
        ({"total": 150.0}, {"total": True}),  # 50 are left, which buy nothing
        ({"total": 200.0}, {"total": True}),  # nothing is left for another step
        ({"total": 350.0}, {"total": False}),  # 150 are left for one more step
        ({"total": 900.0, "dwellings": 120.0}, {"total": False, "dwellings": True}),
        ({"total": 900.0, "transit": 0.0}, {"total": False, "transit": False}),  # the bus is idle
    ],
)
def test_a_budget_binds_when_a_step_cannot_be_paid(
    budget: dict[str, float], expected: dict[str, bool]
) -> None:
    assert budgets_bound(*solved(budget)) == expected


def test_a_budget_does_not_bind_when_all_steps_are_bought() -> None:
    few = [measure("homes", "dwellings", site_id="0002", beds=1, units_per_step=3.0, max_steps=1)]
    instance, plan = solved({"total": 100.0}, measures=few)
    assert plan.totals is not None
    assert plan.totals.shortfall == 3
    assert budgets_bound(instance, plan) == {"total": False}


def test_a_full_pool_counts_for_its_members() -> None:
    places = measure("gp", "service", municipality_id="0001", service_id="gp", units_per_step=1.0)
    instance, _ = solved({}, measures=[places], gp=[None, None])
    pooled = instance.replace(
        shared_capacities=_frame(pool_id="west", service_id="gp", capacity=8.0),
        pool_members=_frame(pool_id="west", municipality_id="0001"),
    )
    policy = Policy.model_validate({"step": 1, "floor": 0, "budget": {"total": 100.0}})
    plan = solve(pooled, policy, SolveOptions(gap=0.0))
    assert plan.totals is not None
    assert plan.totals.cost == 100.0
    assert budgets_bound(pooled, plan) == {"total": True}


def _frame(**cells: Any) -> Any:
    import pandas as pd

    return pd.DataFrame([cells])


def test_municipalities_are_counted_once_by_family() -> None:
    _, plan = solved({"total": 0.0})
    assert municipalities_bound(plan) == {"housing": 2}
    _, full = solved({"total": 0.0}, gp=[10.0, 4.0])
    assert municipalities_bound(full) == {"health": 2, "housing": 2}
