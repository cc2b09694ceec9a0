"""Every constraint family on three municipalities: where it binds, is slack, and clashes."""

from typing import Any

import pytest

from allocator.solve import solve
from models.instance import Instance
from models.options import SolveOptions
from models.plan import Plan, Status
from models.policy import Decision, Policy, Relation
from tests.small import group, measure, tiny

EXACT = SolveOptions(gap=0.0)
ROOM = [500.0, 500.0, 500.0]


def plan_of(instance: Instance, **policy: Any) -> Plan:
    return solve(instance, Policy.model_validate(policy), EXACT)


def quotas(plan: Plan) -> list[int]:
    return list(plan.quotas["quota"])


def test_without_limits_everyone_gets_the_fair_share() -> None:
    plan = plan_of(tiny([100, 200, 300], 60, ROOM))
    assert (quotas(plan), plan.status) == ([10, 20, 30], Status.OPTIMAL)


@pytest.mark.parametrize(("dwellings", "expected"), [(30.0, [10, 20, 30]), (20.0, [10, 30, 20])])
def test_housing(dwellings: float, expected: list[int]) -> None:
    plan = plan_of(tiny([100, 200, 300], 60, [12.0, 500.0, dwellings]))
    assert quotas(plan) == expected


def test_housing_that_cannot_hold_everyone_leaves_a_shortfall_and_says_so() -> None:
    plan = plan_of(tiny([100, 200, 300], 60, [10.0, 10.0, 17.0]))
    assert plan.totals is not None
    assert (quotas(plan), plan.totals.shortfall) == ([10, 10, 15], 25)


def test_large_households_do_not_fit_small_dwellings_but_small_ones_fit_large() -> None:
    people = [group("large", 30.0, beds=4, persons_per_dwelling=5.0), group("small", 30.0)]
    small = tiny([100, 100, 100], 60, [50.0, 50.0, 50.0], groups=people)
    plan = plan_of(small)
    assert plan.totals is not None
    assert plan.totals.shortfall == 30
    large = tiny([100, 100, 100], 60, [4.0, 4.0, 28.0], groups=people, beds=4)
    assert sum(quotas(plan_of(large))) == 60


@pytest.mark.parametrize(("seats", "expected"), [(15.0, [20, 20, 20]), (5.0, [10, 25, 25])])
def test_transport(seats: float, expected: list[int]) -> None:
    people = [group("singles", 60.0, transit_share=0.5)]
    plan = plan_of(tiny([100, 100, 100], 60, ROOM, seats=[seats, None, None], groups=people))
    assert quotas(plan) == expected


@pytest.mark.parametrize(("places", "expected"), [(40.0, [20, 20, 20]), (12.0, [10, 25, 25])])
def test_services(places: float, expected: list[int]) -> None:
    plan = plan_of(tiny([100, 100, 100], 60, ROOM, gp=[places, 500.0, 500.0]))
    assert quotas(plan) == expected


def test_a_soft_family_is_overloaded_at_its_price_rather_than_leaving_anyone_out() -> None:
    instance = tiny([100, 100, 100], 60, ROOM, gp=[10.0, 20.0, 20.0])
    plan = plan_of(instance, soft={"health": 3.0})
    assert plan.totals is not None
    assert (plan.totals.shortfall, plan.totals.overload) == (0, 30.0)


@pytest.mark.parametrize(
    ("kind", "columns", "limits"),
    [
        ("dwellings", {"site_id": "0001", "beds": 1}, {"dwellings": [0.0, 20.0, 20.0]}),
        ("transit", {"site_id": "0001"}, {"seats": [0.0, 10.0, 10.0]}),
        (
            "service",
            {"municipality_id": "0001", "service_id": "gp"},
            {"gp": [0.0, 20.0, 20.0]},
        ),
    ],
)
@pytest.mark.parametrize(("budget", "shortfall"), [(200.0, 0), (199.0, 10), (0.0, 20)])
def test_measures(
    kind: str, columns: dict[str, Any], limits: dict[str, Any], budget: float, shortfall: int
) -> None:
    figures = {"units_per_step": 5.0} if kind == "transit" else {}
    instance = tiny(
        [100, 100, 100],
        60,
        limits.pop("dwellings", ROOM),
        groups=[group("singles", 60.0, transit_share=0.5)],
        measures=[measure("help", kind, **columns, **figures)],
        **dict(limits),
    )
    limits.update({"dwellings": instance.dwellings["dwellings"].tolist()})
    plan = plan_of(instance, budget=budget)
    assert plan.totals is not None
    assert plan.totals.shortfall == shortfall
    assert plan.totals.cost == pytest.approx(100.0 * (20 - shortfall) / 10)


def test_a_budget_of_one_kind_binds_that_kind_alone() -> None:
    instance = tiny(
        [100, 100, 100],
        60,
        [0.0, 20.0, 20.0],
        measures=[measure("build", "dwellings", site_id="0001", beds=1)],
    )
    closed, open_ = (
        plan_of(instance, budget={"dwellings": 0.0}),
        plan_of(instance, budget={"transit": 0.0}),
    )
    assert [p.totals.shortfall for p in (closed, open_) if p.totals] == [20, 0]


def test_pools_bind_over_their_members() -> None:
    def pooled(capacity: float) -> Plan:
        instance = tiny([100, 100, 100], 60, ROOM, gp=[500.0, 500.0, 500.0])
        pool = [{"pool_id": "p", "service_id": "gp", "capacity": capacity}]
        members = [{"pool_id": "p", "municipality_id": m} for m in ("0001", "0002")]
        frame = type(instance.groups)
        shared = {"shared_capacities": frame(pool), "pool_members": frame(members)}
        return plan_of(instance.replace(**shared))

    assert quotas(pooled(40.0)) == [20, 20, 20]
    tight = quotas(pooled(20.0))
    assert (tight[0] + tight[1], tight[2]) == (20, 40)


@pytest.mark.parametrize(("floor", "expected"), [(0, [5, 45]), (10, [0, 50]), (40, [0, 50])])
def test_floor(floor: int, expected: list[int]) -> None:
    plan = plan_of(tiny([100, 1100], 50, [500.0, 500.0]), floor=floor)
    assert quotas(plan) == expected


def test_whole_lots_and_one_odd_lot() -> None:
    plan = plan_of(tiny([100, 100, 100], 63, ROOM))
    assert sum(quotas(plan)) == 63
    assert sorted(q % 5 for q in quotas(plan)) == [0, 0, 3]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"max_ratio": 1.0}, [20, 20, 20]),
        ({"fixed": [Decision(municipality_id="0001", persons=7)]}, None),
        ({"fixed": [{"municipality_id": "0001", "relation": "at_most", "persons": 10}]}, None),
        ({"fixed": [{"municipality_id": "0001", "relation": "at_least", "persons": 40}]}, None),
        ({"county_bounds": [{"county_id": "01", "at_most": 30}]}, None),
        ({"county_bounds": [{"county_id": "02", "at_least": 40}]}, [10, 40, 10]),
        ({"max_change": {"persons": 5}}, [20, 15, 25]),
    ],
)
def test_demands_are_kept(policy: dict[str, Any], expected: list[int] | None) -> None:
    towns = {"previous_quota": [20, 10, 30]}
    plan = plan_of(tiny([100, 100, 100], 60, ROOM, towns=towns), **policy)
    assert plan.totals is not None
    assert plan.totals.shortfall == 0
    if expected is not None:
        assert quotas(plan) == expected
    for decision in plan.policy.fixed:
        sign = {Relation.EXACT: "==", Relation.AT_LEAST: ">=", Relation.AT_MOST: "<="}
        quota = quotas(plan)[0]
        holds = {"==": quota == decision.persons, ">=": quota >= decision.persons}
        holds["<="] = quota <= decision.persons
        assert holds[sign[decision.relation]]


@pytest.mark.parametrize(
    ("policy", "rule", "persons"),
    [
        ({"fixed": [{"municipality_id": "0001", "persons": 30}]}, "fixed", 10.0),
        (
            {"fixed": [{"municipality_id": "0001", "relation": "at_least", "persons": 35}]},
            "fixed",
            15.0,
        ),
        ({"county_bounds": [{"county_id": "02", "at_least": 25}]}, "county_bounds", 5.0),
        ({"min_ratio": 1.0, "target": 75}, "min_ratio", 15.0),
    ],
)
def test_demands_that_clash_are_named_with_their_amount(
    policy: dict[str, Any], rule: str, persons: float
) -> None:
    plan = plan_of(tiny([100, 100, 100], 60, [20.0, 20.0, 20.0]), **policy)
    assert plan.status is Status.INFEASIBLE
    assert {conflict.rule for conflict in plan.conflicts} == {rule}
    assert sum(conflict.persons for conflict in plan.conflicts) == pytest.approx(persons)


def test_minors_are_placed_whole_and_only_where_allowed() -> None:
    people = [
        group("singles", 50.0),
        group("minors", 10.0, integral=True, minors=True),
    ]
    towns = {"minors_allowed": [False, True, True]}
    plan = plan_of(tiny([100, 100, 100], 60, ROOM, groups=people, towns=towns))
    minors = plan.quotas["minors"].tolist()
    assert minors[0] == 0
    assert (sum(minors), [m % 1 for m in minors]) == (10, [0, 0, 0])


def test_goals_are_kept_in_order() -> None:
    towns = {"previous_quota": [40, 10, 10]}
    instance = tiny([100, 100, 100], 60, ROOM, towns=towns)
    still = plan_of(instance, goals=[["shortfall"], ["change"], ["unfairness"]])
    fair = plan_of(instance, goals=[["shortfall"], ["unfairness"], ["change"]])
    even = plan_of(instance, goals=[["shortfall"], ["max_ratio"]])
    assert (quotas(still), quotas(fair), quotas(even)) == (
        [40, 10, 10],
        [20, 20, 20],
        [20, 20, 20],
    )


def test_outcomes_are_maximised() -> None:
    chances = [
        {"municipality_id": f"000{i}", "group_id": "singles", "probability": p}
        for i, p in ((1, 0.2), (2, 0.9), (3, 0.5))
    ]
    base = tiny([100, 100, 100], 60, [30.0, 30.0, 30.0])
    instance = base.replace(outcomes=type(base.groups)(chances))
    plan = plan_of(instance, goals=[["shortfall"], ["outcome"]])
    assert quotas(plan) == [0, 30, 30]
    assert plan.goals[1].value == pytest.approx(-42.0)


def test_change_is_measured_from_the_base_of_the_policy_when_it_has_one() -> None:
    towns = {"previous_quota": [40, 10, 10]}
    goals = [["shortfall"], ["change"]]
    base = {"0001": 10, "0002": 15, "0003": 30}
    instance = tiny([100, 100, 100], 60, ROOM, towns=towns)
    plan = plan_of(instance, base=base, goals=goals, max_change={"persons": 5})
    assert plan.totals is not None
    assert plan.totals.change == 5.0
    assert all(abs(q - b) <= 5 for q, b in zip(quotas(plan), base.values(), strict=True))
