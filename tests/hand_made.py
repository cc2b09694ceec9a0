"""A plan worked out by hand, and ways to change one thing about it."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from models.instance import Instance
from models.plan import GoalResult, InstanceReference, Plan, PlanTables, Status, Totals
from models.policy import Policy
from tests.builders import (
    dwellings_measure,
    group,
    municipality,
    service_measure,
    tiny,
    transit_measure,
)

Case = tuple[Instance, Policy, Plan]
Change = Callable[[Instance, Policy, Plan], Case]


def given() -> Instance:
    """Fair shares 10, 20 and 30; every family of capacity is there, some of it bought."""
    return tiny(
        [
            municipality(1, population=1000, previous_quota=10, minors_allowed=False),
            municipality(2, population=2000, previous_quota=20, minors_allowed=True),
            municipality(3, population=3000, previous_quota=None, minors_allowed=True),
        ],
        budget=200.0,
        sites=[
            {"site_id": "A", "municipality_id": "0101", "name": "A", "transit_seats": None},
            {"site_id": "B", "municipality_id": "0201", "name": "B", "transit_seats": 6},
            {"site_id": "C", "municipality_id": "0301", "name": "C", "transit_seats": 10},
        ],
        dwellings=[
            {"site_id": "A", "beds": 1, "dwellings": 12},
            {"site_id": "B", "beds": 1, "dwellings": 16},
            {"site_id": "C", "beds": 1, "dwellings": 15},
            {"site_id": "C", "beds": 3, "dwellings": 4},
        ],
        groups=[
            group("singles", persons=35),
            group("families", persons=20, beds=3, persons_per_dwelling=4, transit_share=0.2),
            group("minors", persons=5, transit_share=0, integral=True, minors=True),
        ],
        services=[
            {"service_id": "gp", "name": "GP list", "family": "health", "unit": "place"},
            {"service_id": "class", "name": "Classes", "family": "education", "unit": "place"},
        ],
        needs=[
            {"group_id": "singles", "service_id": "gp", "units_per_person": 1},
            {"group_id": "families", "service_id": "gp", "units_per_person": 1},
            {"group_id": "minors", "service_id": "gp", "units_per_person": 1},
            {"group_id": "singles", "service_id": "class", "units_per_person": 0.5},
        ],
        capacities=[
            {"municipality_id": "0101", "service_id": "gp", "capacity": 10},
            {"municipality_id": "0201", "service_id": "gp", "capacity": 20},
            {"municipality_id": "0301", "service_id": "gp", "capacity": 30},
        ],
        shared_capacities=[{"pool_id": "west", "service_id": "class", "capacity": 15}],
        pool_members=[
            {"pool_id": "west", "municipality_id": "0201"},
            {"pool_id": "west", "municipality_id": "0301"},
        ],
        measures=[
            dwellings_measure("homes", "C", 3),
            transit_measure("line", "C", units_per_step=5, cost_per_step=50),
            service_measure("doctor", "0301", "gp", units_per_step=10, cost_per_step=20),
        ],
        outcomes=[
            {"municipality_id": "0101", "group_id": "singles", "probability": 0.5},
            {"municipality_id": "0301", "group_id": "families", "probability": 0.25},
        ],
    )


def rules() -> Policy:
    return Policy.model_validate(
        {
            "max_share_of_population": 0.02,
            "min_ratio": 0.5,
            "max_ratio": 1.5,
            "max_change": {"persons": 5.0},
            "county_bounds": ({"county_id": "03", "at_most": 40.0},),
            "fixed": ({"municipality_id": "0101", "relation": "at_least", "persons": 5},),
            "goals": (
                {"terms": {"shortfall": 1.0}},
                {"terms": {"unfairness": 1.0, "cost": 0.01}},
                {"terms": {"max_ratio": 1.0, "change": 0.1, "outcome": 0.1}},
            ),
        }
    )


UNFAIRNESS = 25 / 20 + 25 / 30
SECOND = UNFAIRNESS + 1.7
THIRD = 35 / 30 + 0.5 - 1.0


def capacity_rows() -> list[tuple[Any, ...]]:
    return [
        ("housing", "0101", "A", "1", 10, 12, 2, False),
        ("housing", "0101", "A", "3", 0, 0, 0, True),
        ("housing", "0201", "B", "1", 15, 16, 1, False),
        ("housing", "0201", "B", "3", 0, 0, 0, True),
        ("housing", "0301", "C", "1", 20, 20, 0, True),
        ("housing", "0301", "C", "3", 5, 5, 0, True),
        ("transport", "0201", "B", "seats", 5.5, 6, 0.5, False),
        ("transport", "0301", "C", "seats", 11, 15, 4, False),
        ("health", "0101", None, "gp", 10, 10, 0, True),
        ("health", "0201", None, "gp", 15, 20, 5, False),
        ("health", "0301", None, "gp", 35, 40, 5, False),
        ("education", None, None, "west", 12.5, 15, 2.5, False),
    ]


def by_hand(instance: Instance, policy: Policy) -> Plan:
    """Quotas 10, 15 and 35, all of it worked out on paper."""
    return Plan.model_validate(
        {
            "instance": InstanceReference(id=instance.id, sha256=instance.sha256),
            "policy": policy,
            "options": {"gap": 0.1},
            "status": Status.WITHIN_GAP,
            "goals": tuple(
                GoalResult(name=g.name, terms=dict(g.terms), value=value, bound=bound, gap=gap)
                for g, value, bound, gap in zip(
                    policy.goals,
                    (0.0, SECOND, THIRD),
                    (0.0, 3.5, 0.65),
                    (0.0, (SECOND - 3.5) / SECOND, (THIRD - 0.65) / THIRD),
                    strict=True,
                )
            ),
            "totals": Totals(
                target=60,
                placed=60,
                shortfall=0,
                cost=170.0,
                budget=200.0,
                municipalities=3,
                asked=3,
                largest_ratio=35 / 30,
                smallest_ratio=0.75,
                unfairness=UNFAIRNESS,
                overload=0.0,
                change=5.0,
                outcome=10.0,
            ),
            "tables": PlanTables(
                {
                    "quotas": frame(
                        "municipality_id name county_id fair_share quota minors ratio asked",
                        ("0101", "Town 1", "01", 10, 10, 0, 1, True),
                        ("0201", "Town 2", "02", 20, 15, 4, 0.75, True),
                        ("0301", "Town 3", "03", 30, 35, 1, 35 / 30, True),
                    ),
                    "placements": frame(
                        "site_id group_id persons",
                        ("A", "singles", 10),
                        ("B", "minors", 4),
                        ("B", "singles", 11),
                        ("C", "families", 20),
                        ("C", "minors", 1),
                        ("C", "singles", 14),
                    ),
                    "measures": frame(
                        "measure_id steps cost",
                        ("doctor", 1, 20),
                        ("homes", 1, 100),
                        ("line", 1, 50),
                    ),
                    "capacity": frame(
                        "family municipality_id site_id item used capacity slack binding",
                        *capacity_rows(),
                    ),
                }
            ),
        }
    )


def frame(columns: str, *rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=columns.split())


def case() -> Case:
    instance, policy = given(), rules()
    return instance, policy, by_hand(instance, policy)


# What can be changed: one cell, one row, a total, a goal, the policy, the instance.


def with_tables(plan: Plan, **frames: pd.DataFrame) -> Plan:
    return plan.model_copy(update={"tables": PlanTables({**plan.tables, **frames})})


def cell(table: str, row: int, column: str, value: Any) -> Change:
    def change(instance: Instance, policy: Policy, plan: Plan) -> Case:
        rows = plan.tables[table].astype({column: "object"})
        rows.loc[row, column] = value
        return instance, policy, with_tables(plan, **{table: rows})

    return change


def without(table: str, row: int) -> Change:
    return lambda instance, policy, plan: (
        instance,
        policy,
        with_tables(plan, **{table: plan.tables[table].drop(index=row)}),
    )


def added(table: str, *cells: Any) -> Change:
    def change(instance: Instance, policy: Policy, plan: Plan) -> Case:
        rows = plan.tables[table].astype("object")
        rows.loc[len(rows)] = list(cells)
        return instance, policy, with_tables(plan, **{table: rows})

    return change


def total(**changes: Any) -> Change:
    def change(instance: Instance, policy: Policy, plan: Plan) -> Case:
        assert plan.totals is not None
        totals = plan.totals.model_copy(update=changes)
        return instance, policy, plan.model_copy(update={"totals": totals})

    return change


def goal(number: int, **changes: Any) -> Change:
    def change(instance: Instance, policy: Policy, plan: Plan) -> Case:
        goals = list(plan.goals)
        goals[number] = goals[number].model_copy(update=changes)
        return instance, policy, plan.model_copy(update={"goals": tuple(goals)})

    return change


def field(**changes: Any) -> Change:
    return lambda instance, policy, plan: (instance, policy, plan.model_copy(update=changes))


def demand(**changes: Any) -> Change:
    """Change the policy, of the plan as well."""

    def change(instance: Instance, policy: Policy, plan: Plan) -> Case:
        policy = Policy.model_validate(policy.model_dump() | changes)
        return instance, policy, plan.model_copy(update={"policy": policy})

    return change


def fact(table: str, row: int, column: str, value: Any) -> Change:
    """Change the instance, and let the plan belong to the changed one."""

    def change(instance: Instance, policy: Policy, plan: Plan) -> Case:
        rows = instance.tables[table]
        rows[column] = rows[column].astype("object")
        rows.loc[row, column] = value
        instance = instance.replace(**{table: rows})
        reference = InstanceReference(id=instance.id, sha256=instance.sha256)
        return instance, policy, plan.model_copy(update={"instance": reference})

    return change


def both(*changes: Change) -> Change:
    def change(instance: Instance, policy: Policy, plan: Plan) -> Case:
        for one in changes:
            instance, policy, plan = one(instance, policy, plan)
        return instance, policy, plan

    return change


def fixed(municipality_id: str, relation: str, persons: int) -> Change:
    decision = {"municipality_id": municipality_id, "relation": relation, "persons": persons}
    return demand(fixed=(decision,))
