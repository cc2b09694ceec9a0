"""Checks between tables, and of a policy against its instance, name the row and what is wrong."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from allocator.checking import check, check_policy
from allocator.loading import load
from allocator.solve import solve
from models.checks import check_tables
from models.columns import TABLES
from models.instance import Instance
from models.plan import Status
from models.policy import Budget, CountyBound, Decision, Goal, Key, MaxChange, Policy, Term
from models.problems import Problem, Severity, errors, warnings
from models.reach import most_placed
from models.tables import Tables, typed


@pytest.fixture
def instance() -> Instance:
    return load("tiny-measures").replace(
        target=100,
        services=table("services", service_id="gp", name="GP", family="health", unit="place"),
        needs=table("needs", group_id="singles", service_id="gp", units_per_person="1"),
        capacities=table(
            "capacities",
            municipality_id=["0101", "0201", "0301"],
            service_id="gp",
            capacity=["500", "500", "500"],
        ),
    )


def table(name: str, /, **columns: Any) -> pd.DataFrame:
    rows = max([len(cells) for cells in columns.values() if isinstance(cells, list)], default=1)
    raw = pd.DataFrame({**columns}, index=range(rows), dtype="str")
    frame, problems = typed(TABLES[name], raw)
    assert problems == []
    return frame


def with_row(frame: pd.DataFrame, /, **changes: Any) -> pd.DataFrame:
    """Add a copy of the first row with some cells changed."""
    more = frame.iloc[[0]].copy()
    for name, value in changes.items():
        more[name] = pd.Series([value], index=more.index, dtype=frame[name].dtype)
    return pd.concat([frame, more], ignore_index=True)


def only(problems: list[Problem]) -> Problem:
    (problem,) = problems
    return problem


def unsorted_errors(instance: Instance, **frames: pd.DataFrame) -> list[Problem]:
    """Check tables in the order of their source, as loading does."""
    return errors(check_tables({**instance.tables, **frames}, instance.target, instance.budget))


def test_nothing_is_wrong_with_a_sound_instance(instance: Instance) -> None:
    assert check(instance) == []


@pytest.mark.parametrize(
    ("name", "column"),
    [
        (table.name, column.name)
        for table in TABLES.values()
        for column in table.columns
        if column.references and table.name in ("sites", "dwellings", "needs", "capacities")
    ],
)
def test_an_id_nobody_knows_is_an_error(instance: Instance, name: str, column: str) -> None:
    more = {"site_id": "new"} if name == "sites" else {}
    frame = with_row(instance.tables[name], **{**more, column: "0999"})
    problem = only(unsorted_errors(instance, **{name: frame}))
    assert (problem.table, problem.row, problem.column, problem.value) == (
        name,
        len(frame),
        column,
        "0999",
    )


def test_pools_and_measures_and_outcomes_name_known_ids(instance: Instance) -> None:
    pool = table("shared_capacities", pool_id="p", service_id="nothing", capacity="1")
    member = table("pool_members", pool_id="p", municipality_id="0999")
    outcome = table("outcomes", municipality_id="0101", group_id="nobody", probability="1")
    found = unsorted_errors(
        instance,
        shared_capacities=pool,
        pool_members=member,
        outcomes=outcome,
        measures=with_row(instance.measures, measure_id="x", site_id="nowhere"),
    )
    assert [(p.table, p.column, p.value) for p in found] == [
        ("shared_capacities", "service_id", "nothing"),
        ("pool_members", "municipality_id", "0999"),
        ("measures", "site_id", "nowhere"),
        ("outcomes", "group_id", "nobody"),
    ]


@pytest.mark.parametrize("name", ["municipalities", "sites", "dwellings", "groups", "needs"])
def test_a_repeated_key_is_an_error_at_its_row(instance: Instance, name: str) -> None:
    frame = with_row(instance.tables[name])
    problem = only(unsorted_errors(instance, **{name: frame}))
    assert (problem.table, problem.row, problem.column) == (
        name,
        len(frame),
        TABLES[name].key[0],
    )
    assert problem.message.startswith("row 1 has the same")


def test_the_row_is_the_one_in_the_source(instance: Instance) -> None:
    sites = instance.sites.iloc[::-1].reset_index(drop=True)
    sites.loc[0, "municipality_id"] = "0999"
    assert only(unsorted_errors(instance, sites=sites)).row == 1


@pytest.mark.parametrize("name", ["municipalities", "sites", "groups"])
def test_a_table_without_rows_is_an_error(instance: Instance, name: str) -> None:
    found = unsorted_errors(instance, **{name: instance.tables[name].iloc[:0]})
    assert (name, "the table has no rows") in [(p.table, p.message) for p in found]


def test_a_county_has_one_name(instance: Instance) -> None:
    towns = instance.municipalities
    towns["county_id"] = "01"
    problem = only(unsorted_errors(instance, municipalities=towns))
    assert problem.column == "county"
    assert "Alder County, Birch County" in (problem.value or "")


def test_groups_without_persons_are_an_error_only_with_a_target(instance: Instance) -> None:
    groups = instance.groups.assign(persons=0.0)
    assert only(errors(check(instance.replace(groups=groups)))).column == "persons"
    assert check(instance.replace(groups=groups, target=0)) == []


@pytest.mark.parametrize(
    ("kind", "filled", "wrong"),
    [
        ("dwellings", {"site_id": "0101-town"}, {"beds"}),
        ("dwellings", {"beds": "1"}, {"site_id"}),
        (
            "dwellings",
            {"site_id": "0101-town", "beds": "1", "service_id": "gp"},
            {"service_id"},
        ),
        ("transit", {}, {"site_id"}),
        ("transit", {"site_id": "0101-town", "beds": "1"}, {"beds"}),
        ("service", {"municipality_id": "0101"}, {"service_id"}),
        ("service", {"service_id": "gp", "site_id": "0101-town"}, {"municipality_id", "site_id"}),
        ("service", {"service_id": "gp", "municipality_id": "0101"}, set()),
    ],
)
def test_measures_fill_the_columns_of_their_kind_only(
    instance: Instance, kind: str, filled: dict[str, str], wrong: set[str]
) -> None:
    measure = {"measure_id": "m", "units_per_step": "1", "cost_per_step": "1", "max_steps": "1"}
    frame = table("measures", kind=kind, **measure, **filled)
    found = unsorted_errors(instance, measures=frame)
    assert {problem.column for problem in found} == wrong
    assert {problem.row for problem in found} <= {1}


def measures(**columns: Any) -> pd.DataFrame:
    steps = {"units_per_step": "1", "cost_per_step": "1", "max_steps": "1"}
    return table("measures", measure_id="m", **steps, **columns)


def without_places(instance: Instance) -> pd.DataFrame:
    return instance.capacities.assign(capacity=float("nan"))


Place = tuple[str, int | None, str | None]

WARNINGS: dict[str, tuple[Callable[[Instance], dict[str, pd.DataFrame]], Place]] = {
    "a bus line to a site without limit": (
        lambda i: {"measures": measures(kind="transit", site_id="0101-town")},
        ("measures", 1, "site_id"),
    ),
    "places of a service without limit": (
        lambda i: {
            "measures": measures(kind="service", municipality_id="0101", service_id="gp"),
            "capacities": without_places(i),
        },
        ("measures", 1, "service_id"),
    ),
    "a municipality without site": (
        lambda i: {
            "municipalities": with_row(i.municipalities, municipality_id="0102"),
            "capacities": with_row(i.capacities, municipality_id="0102"),
        },
        ("sites", None, None),
    ),
    "a service covered for some only": (
        lambda i: {"capacities": i.capacities.iloc[:2]},
        ("capacities", None, None),
    ),
    "a pool without members": (
        lambda i: {
            "shared_capacities": table(
                "shared_capacities", pool_id="p", service_id="gp", capacity="9"
            )
        },
        ("shared_capacities", 1, "pool_id"),
    ),
    "outcomes for some only": (
        lambda i: {
            "outcomes": table(
                "outcomes", municipality_id="0101", group_id="singles", probability="1"
            )
        },
        ("outcomes", None, None),
    ),
    "a group no dwelling fits": (
        lambda i: {"groups": with_row(i.groups, group_id="z", beds=9, persons=0.0)},
        ("groups", 2, "beds"),
    ),
}


@pytest.mark.parametrize("case", WARNINGS)
def test_what_is_only_odd_is_a_warning(instance: Instance, case: str) -> None:
    changes, place = WARNINGS[case]
    # Without the measures there is less room: what is out of reach is tested by itself.
    problem = only(check(instance.replace(target=50, **changes(instance))))
    assert problem.severity is Severity.WARNING
    assert (problem.table, problem.row, problem.column) == place


def test_members_of_a_pool_are_covered_by_it(instance: Instance) -> None:
    pool = table("shared_capacities", pool_id="p", service_id="gp", capacity="900")
    member = table("pool_members", pool_id="p", municipality_id="0301")
    changed = instance.replace(
        capacities=instance.capacities.iloc[:2], shared_capacities=pool, pool_members=member
    )
    assert check(changed) == []


def test_tables_that_could_not_be_read_stop_no_other_check(instance: Instance) -> None:
    frames = dict(instance.tables)
    del frames["groups"]
    frames["sites"] = with_row(frames["sites"])
    assert only(check_tables(frames, None, None)).table == "sites"
    assert check_tables({}, 5, None) == []


REACH: dict[str, tuple[dict[str, Any], float]] = {
    "dwellings, and those the budget buys": ({}, 115.0),
    "dwellings, and all that can be bought": ({"budget": None}, 160.0),
    "no measures": ({"measures": Tables({})["measures"]}, 90.0),
    "places": (
        {
            "capacities": table(
                "capacities", municipality_id=["0101"], service_id="gp", capacity=["7"]
            ),
            "measures": Tables({})["measures"],
        },
        67.0,
    ),
    "a shared pool": (
        {
            "capacities": Tables({})["capacities"],
            "shared_capacities": table(
                "shared_capacities", pool_id="p", service_id="gp", capacity="20"
            ),
            "pool_members": table("pool_members", pool_id="p", municipality_id=["0101", "0201"]),
            "measures": Tables({})["measures"],
        },
        50.0,
    ),
}


@pytest.mark.parametrize("case", REACH)
def test_the_bound_on_persons_placed(instance: Instance, case: str) -> None:
    changes, expected = REACH[case]
    changed = instance.replace(**changes)
    most = most_placed(changed.tables, 1000, changed.budget)
    assert most == pytest.approx(expected)
    above, below = changed.replace(target=int(most) + 1), changed.replace(target=int(most))
    problem = only([p for p in warnings(check(above)) if "no plan can place" in p.message])
    assert f"at most {expected:.0f}" in problem.message
    assert [p for p in check(below) if "no plan can place" in p.message] == []


def test_transport_and_the_largest_quota_bound_too(instance: Instance) -> None:
    sites = instance.sites.assign(transit_seats=[10.0, float("nan"), 2.0])
    towns = instance.municipalities.assign(max_quota=[float("nan"), 4.0, float("nan")])
    changed = instance.replace(sites=sites, municipalities=towns, measures=Tables({})["measures"])
    assert most_placed(changed.tables, 1000, None) == pytest.approx(10 + 4 + 2)


def test_large_households_need_large_dwellings(instance: Instance) -> None:
    groups = with_row(
        instance.groups, group_id="families", beds=4, persons_per_dwelling=4.0, persons=120.0
    )
    homes = with_row(instance.dwellings, beds=4, dwellings=5.0)
    changed = instance.replace(groups=groups, dwellings=homes, measures=Tables({})["measures"])
    # Half of 80 persons are families, of whom 5 dwellings hold 20; one person may be rounding
    # for each of the two groups.
    assert most_placed(changed.tables, 80, None) == pytest.approx(40 + 20 + 2)


def test_what_holds_of_packaged_instances() -> None:
    instance = load("norway-2024")
    assert check(instance) == []
    assert most_placed(instance.tables, instance.target, instance.budget) >= instance.target
    assert most_placed(instance.tables, instance.target, 0.0) < instance.target


CHANGE = (Goal(terms={Term.CHANGE: 1.0}),)

POLICIES: dict[str, tuple[Policy, str]] = {
    "county": (
        Policy(county_bounds=(CountyBound(county_id="77", at_most=5),)),
        "county_bounds.0.county_id",
    ),
    "municipality": (
        Policy(fixed=(Decision(municipality_id="101", persons=5),)),
        "fixed.0.municipality_id",
    ),
    "family": (Policy(soft={"helth": 1.0}), "soft.helth"),
    "key": (Policy(key=Key(name="lottery")), "key.name"),
    "column of a key": (Policy(key=Key(name="weighted", weights={"rain": 1.0})), "rain"),
    "goal without previous quotas": (Policy(goals=CHANGE), "goals"),
    "limit without previous quotas": (Policy(max_change=MaxChange(persons=5)), "max_change"),
    "goal without outcomes": (Policy(goals=(Goal(terms={Term.OUTCOME: 1.0}),)), "goals"),
}


def test_more_decided_than_the_target_is_told_and_for_the_diagnosis(instance: Instance) -> None:
    policy = Policy(fixed=(Decision(municipality_id="0101", persons=500),))
    problem = only(check_policy(instance, policy))
    assert (problem.column, problem.severity) == ("fixed", Severity.WARNING)
    assert problem.value == "500"
    plan = solve(instance, policy)
    assert plan.status is Status.INFEASIBLE
    assert [conflict.rule for conflict in plan.conflicts] == ["fixed"]
    assert str(problem) in plan.warnings


@pytest.mark.parametrize("case", POLICIES)
def test_a_policy_that_cannot_be_used_with_the_instance(instance: Instance, case: str) -> None:
    policy, field = POLICIES[case]
    problem = only(check_policy(instance, policy))
    assert (problem.table, problem.severity) == ("policy", Severity.ERROR)
    assert (problem.column or "").endswith(field)


def test_every_problem_of_a_policy_is_said_at_once(instance: Instance) -> None:
    policy = Policy(goals=CHANGE, soft={"helth": 1.0}, key=Key(name="lottery"))
    assert len(check_policy(instance, policy)) == 3


def test_a_sound_policy_has_no_problems(instance: Instance) -> None:
    towns = instance.municipalities.assign(previous_quota=10.0)
    policy = Policy(
        goals=CHANGE,
        max_change=MaxChange(share=0.5),
        soft={"health": 1.0, "housing": 2.0, "transport": 3.0},
        county_bounds=(CountyBound(county_id="01", at_least=5),),
        fixed=(Decision(municipality_id="0101", persons=5),),
        budget=Budget(total=5),
    )
    assert check_policy(instance.replace(municipalities=towns), policy) == []


def test_some_blank_previous_quotas_and_no_target_are_warnings(instance: Instance) -> None:
    towns = instance.municipalities.assign(previous_quota=[1.0, float("nan"), 2.0])
    changed = instance.replace(municipalities=towns)
    blank = only(check_policy(changed, Policy(max_change=MaxChange(share=0.5))))
    none = only(check_policy(changed, Policy(target=0)))
    assert (blank.severity, blank.column) == (Severity.WARNING, "max_change")
    assert (none.severity, none.column) == (Severity.WARNING, "target")


def test_room_is_counted_with_the_budget_and_the_target_of_the_policy() -> None:
    instance = load("tiny-measures")

    def said(policy: Policy) -> list[str]:
        return [one.message for one in check(instance, policy) if "there is room" in one.message]

    assert "that a budget of 400 buys there is room for at most 115" in said(Policy())[0]
    assert said(Policy(budget=Budget(total=1200.0))) == []
    assert "at most 90" in said(Policy(budget=Budget(total=0.0)))[0]
    assert said(Policy(target=100)) == []
