"""Verification accepts a plan worked out by hand, and names the rule that a changed plan breaks."""

import ast
import math
from pathlib import Path
from typing import Any

import pytest

import allocator.keys
from allocator.verify import Violation, verify
from models.plan import Conflict, GoalResult, InstanceReference, Plan, Status, Totals
from models.policy import Policy, Term
from tests.builders import tiny
from tests.hand_made import (
    SECOND,
    THIRD,
    Case,
    Change,
    added,
    both,
    case,
    cell,
    demand,
    fact,
    field,
    fixed,
    frame,
    goal,
    rules,
    total,
    with_tables,
    without,
)

HOMES_GONE = both(
    fact("dwellings", 3, "dwellings", 3),
    cell("capacity", 4, "capacity", 19),
    cell("capacity", 4, "slack", -1),
    cell("capacity", 5, "capacity", 4),
    cell("capacity", 5, "slack", -1),
)
SEATS_GONE = both(
    fact("sites", 1, "transit_seats", 5),
    cell("capacity", 6, "capacity", 5),
    cell("capacity", 6, "slack", -0.5),
    cell("capacity", 6, "binding", True),
)
DOCTORS_GONE = both(
    fact("capacities", 0, "capacity", 8),
    cell("capacity", 8, "capacity", 8),
    cell("capacity", 8, "slack", -2),
)
CLASSES_GONE = both(
    fact("shared_capacities", 0, "capacity", 12),
    cell("capacity", 11, "capacity", 12),
    cell("capacity", 11, "slack", -0.5),
    cell("capacity", 11, "binding", True),
)

BROKEN: dict[str, tuple[Change, set[str]]] = {
    "another instance": (field(instance=InstanceReference(id="x", sha256="0")), {"instance"}),
    "another policy": (field(policy=Policy()), {"policy"}),
    "an unknown key": (demand(key={"name": "nonsense"}), {"key"}),
    # rows that cannot be matched
    "an unknown municipality": (
        added("quotas", "9901", "Nowhere", "99", 0, 0, 0, None, False),
        {"quotas"},
    ),
    "a municipality missing": (without("quotas", 0), {"quotas"}),
    "a municipality twice": (
        added("quotas", "0101", "Town 1", "01", 10, 10, 0, 1, True),
        {"quotas"},
    ),
    "another name": (cell("quotas", 0, "name", "Elsewhere"), {"quotas"}),
    "another county": (cell("quotas", 0, "county_id", "09"), {"quotas"}),
    "an unknown site": (cell("placements", 0, "site_id", "Z"), {"placements"}),
    "an unknown group": (cell("placements", 0, "group_id", "pets"), {"placements"}),
    "a placement twice": (added("placements", "A", "singles", 1), {"placements"}),
    "an unknown measure": (cell("measures", 0, "measure_id", "magic"), {"measures"}),
    "a measure twice": (added("measures", "line", 1, 50), {"measures"}),
    # quotas
    "no whole lots": (demand(step=10), {"step"}),
    "below the floor": (demand(floor=11), {"floor"}),
    "two odd lots": (both(demand(step=10), fixed("0101", "exact", 5)), {"odd_lot", "fixed"}),
    "fair share": (cell("quotas", 0, "fair_share", 11), {"fair_share"}),
    "ratio": (cell("quotas", 1, "ratio", 0.8), {"ratio"}),
    "ratio missing": (cell("quotas", 1, "ratio", None), {"ratio"}),
    "minors": (cell("quotas", 1, "minors", 3), {"minors"}),
    "asked": (cell("quotas", 2, "asked", False), {"asked"}),
    # limits
    "min_ratio": (demand(min_ratio=0.8), {"min_ratio"}),
    "max_ratio": (demand(max_ratio=1.1), {"max_ratio"}),
    "share of population": (demand(max_share_of_population=0.0116), {"max_share_of_population"}),
    "max_quota": (fact("municipalities", 2, "max_quota", 34), {"max_quota"}),
    "max_change": (demand(max_change={"persons": 4, "share": 0.2}), {"max_change"}),
    "county too few": (
        demand(county_bounds=({"county_id": "03", "at_least": 36.0},)),
        {"county_bounds"},
    ),
    "county too many": (
        demand(county_bounds=({"county_id": "03", "at_most": 34.0},)),
        {"county_bounds"},
    ),
    "decided exactly": (fixed("0101", "exact", 5), {"fixed"}),
    "decided at least": (fixed("0101", "at_least", 11), {"fixed"}),
    "decided at most": (fixed("0101", "at_most", 9), {"fixed"}),
    "decided for nobody known": (fixed("9901", "at_least", 0), {"fixed"}),
    # groups
    "supply": (
        both(fact("groups", 2, "persons", 34), fact("groups", 0, "persons", 21)),
        {"supply"},
    ),
    "minors not allowed": (fact("municipalities", 1, "minors_allowed", False), {"minors_allowed"}),
    "half a minor": (
        both(
            cell("placements", 1, "persons", 3.5),
            cell("placements", 2, "persons", 11.5),
            cell("placements", 4, "persons", 1.5),
            cell("placements", 5, "persons", 13.5),
            cell("quotas", 1, "minors", 3.5),
            cell("quotas", 2, "minors", 1.5),
            cell("capacity", 6, "used", 5.75),
            cell("capacity", 6, "slack", 0.25),
            cell("capacity", 7, "used", 10.75),
            cell("capacity", 7, "slack", 4.25),
        ),
        {"integral"},
    ),
    "a row of nobody": (added("placements", "A", "families", 0), {"placements"}),
    # measures
    "too many steps": (fact("measures", 2, "max_steps", 0), {"max_steps"}),
    "cost of a measure": (cell("measures", 0, "cost", 21), {"cost"}),
    "budget": (both(demand(budget={"total": 160}), total(budget=160.0)), {"budget"}),
    "budget of the instance": (
        both(
            lambda i, p, plan: (i.replace(budget=160.0), p, plan),
            fact("measures", 0, "max_steps", 2),
            total(budget=160.0),
        ),
        {"budget"},
    ),
    "budget of a kind": (demand(budget={"transit": 49}), {"budget"}),
    # capacities
    "housing": (HOMES_GONE, {"housing"}),
    "transport": (SEATS_GONE, {"transport"}),
    "services": (DOCTORS_GONE, {"health"}),
    "pools": (CLASSES_GONE, {"education"}),
    "soft, but the overload is hidden": (
        both(HOMES_GONE, demand(soft={"housing": 2.0})),
        {"totals"},
    ),
    "used": (cell("capacity", 0, "used", 9), {"capacity"}),
    "capacity": (cell("capacity", 8, "capacity", 11), {"capacity"}),
    "slack": (cell("capacity", 7, "slack", 3), {"capacity"}),
    "binding, said falsely": (cell("capacity", 0, "binding", True), {"capacity"}),
    "binding, not said": (cell("capacity", 11, "binding", True), {"capacity"}),
    "a capacity missing": (without("capacity", 11), {"capacity"}),
    "a capacity twice": (
        added("capacity", "transport", "0201", "B", "seats", 5.5, 6, 0.5, False),
        {"capacity"},
    ),
    "a capacity that is none": (
        added("capacity", "transport", "0101", "A", "seats", 0, 0, 0, True),
        {"capacity"},
    ),
    # goals
    "value": (goal(0, value=1.0, gap=1.0, bound=0.0), {"goal_value", "status"}),
    "outcome counted as a loss": (
        goal(2, value=THIRD + 2, bound=THIRD + 2, gap=0.0),
        {"goal_value"},
    ),
    "bound above the value": (goal(1, bound=SECOND + 1, gap=0.0), {"goal_bound"}),
    "bound that is no number": (
        goal(1, bound=math.nan),
        {"goal_bound", "goal_gap", "status"},
    ),
    "gap": (goal(1, gap=0.01), {"goal_gap"}),
    "gap without a bound": (goal(1, bound=None), {"goal_gap", "status"}),
    "goals": (
        lambda i, p, plan: (i, p, plan.model_copy(update={"goals": plan.goals[:2]})),
        {"goals"},
    ),
    "optimal with a gap": (field(status=Status.OPTIMAL), {"status"}),
    "infeasible with a plan": (field(status=Status.INFEASIBLE), {"status"}),
    "none with a plan": (field(status=Status.NONE), {"status"}),
    "conflicts with a plan": (
        field(conflicts=(Conflict(rule="fixed", where="0101", message="", persons=1),)),
        {"conflicts"},
    ),
}


def rules_named(violations: list[Violation]) -> set[str]:
    return {violation.rule for violation in violations}


def test_the_plan_made_by_hand_holds() -> None:
    assert verify(*case()) == []


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named_and_nothing_else(name: str) -> None:
    change, expected = BROKEN[name]
    violations = verify(*change(*case()))
    assert rules_named(violations) == expected, [str(violation) for violation in violations]
    # What is found can be written as JSON, also where a figure is missing.
    assert all(math.isfinite(violation.amount) for violation in violations)


@pytest.mark.parametrize("name", Totals.model_fields)
def test_every_total_is_recomputed(name: str) -> None:
    violations = verify(*total(**{name: 7777})(*case()))
    assert [(v.rule, v.where) for v in violations] == [("totals", name)]


@pytest.mark.parametrize("name", ["budget", "change", "outcome", "largest_ratio"])
def test_a_total_that_is_known_must_be_given(name: str) -> None:
    violations = verify(*total(**{name: None})(*case()))
    assert [(v.rule, v.where) for v in violations] == [("totals", name)]


def test_a_total_that_is_no_number_is_found() -> None:
    assert rules_named(verify(*total(cost=math.nan)(*case()))) == {"totals"}


def test_a_quota_is_the_sum_of_its_placements() -> None:
    violations = verify(*cell("quotas", 0, "quota", 15)(*case()))
    assert ("quota", "0101") in [(v.rule, v.where) for v in violations]


def test_no_more_than_the_target_is_asked() -> None:
    assert "target" in rules_named(verify(*demand(target=55)(*case())))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_cell_that_is_no_number_is_found(value: float) -> None:
    instance, policy, plan = case()
    # A plan's tables refuse such cells, so it is put past them.
    plan.tables._frames["placements"].loc[0, "persons"] = value
    assert rules_named(verify(instance, policy, plan)) == {"placements"}


@pytest.mark.parametrize(
    ("gone", "family", "units"),
    [
        # A site counts once for housing, at the size that lacks most.
        (HOMES_GONE, "housing", 1.0),
        (SEATS_GONE, "transport", 0.5),
        (DOCTORS_GONE, "health", 2.0),
        (CLASSES_GONE, "education", 0.5),
    ],
)
def test_soft_families_may_be_overloaded_at_their_price(
    gone: Change, family: str, units: float
) -> None:
    change = both(gone, demand(soft={family: 2.0}), total(overload=2.0 * units))
    assert verify(*change(*case())) == []


def test_minors_may_be_placed_anywhere_when_the_policy_says_so() -> None:
    closed = fact("municipalities", 1, "minors_allowed", False)
    assert verify(*both(closed, demand(minors="anywhere"))(*case())) == []


def test_step_and_floor_leave_exact_decisions_alone() -> None:
    change = both(demand(step=10, floor=20), fixed("0201", "exact", 15), demand(step=5))
    violations = verify(*change(*case()))
    assert [(v.rule, v.where) for v in violations] == [("floor", "0101")]


def test_one_odd_lot_is_allowed() -> None:
    # Of the 50 persons not decided, lots of 15 leave 5, which the quota of 35 carries.
    assert verify(*both(demand(step=15), fixed("0101", "exact", 10))(*case())) == []


def test_a_limit_says_nothing_about_gaps() -> None:
    assert verify(*both(goal(1, bound=None, gap=None), field(status=Status.LIMIT))(*case())) == []


def test_the_row_order_of_a_plan_does_not_matter() -> None:
    instance, policy, plan = case()
    shuffled = {name: rows.iloc[::-1] for name, rows in plan.tables.items()}
    assert verify(instance, policy, with_tables(plan, **shuffled)) == []


def test_a_plan_survives_json() -> None:
    instance, policy, plan = case()
    again = Plan.model_validate_json(plan.model_dump_json())
    assert verify(instance, policy, again) == []


def without_totals(status: Status, **more: Any) -> Case:
    instance, policy, plan = case()
    reference = {"instance": plan.instance, "policy": policy, "options": plan.options}
    return instance, policy, Plan.model_validate(reference | {"status": status} | more)


CONFLICT = Conflict(rule="fixed", where="0101", message="too many", persons=1.0)


def test_nothing_found_needs_no_figures() -> None:
    assert verify(*without_totals(Status.NONE)) == []
    assert verify(*without_totals(Status.INFEASIBLE, conflicts=(CONFLICT,))) == []


@pytest.mark.parametrize(
    ("status", "more", "rule"),
    [
        (Status.INFEASIBLE, {}, "conflicts"),
        (Status.NONE, {"conflicts": (CONFLICT,)}, "conflicts"),
        (Status.OPTIMAL, {}, "status"),
        (Status.LIMIT, {}, "status"),
        (
            Status.NONE,
            {"tables": {"measures": [{"measure_id": "line", "steps": 1, "cost": 50.0}]}},
            "tables",
        ),
    ],
)
def test_nothing_found_must_be_consistent(status: Status, more: dict[str, Any], rule: str) -> None:
    assert rules_named(verify(*without_totals(status, **more))) == {rule}


def test_a_plan_for_nobody_holds() -> None:
    instance, policy = tiny(2, target=0), Policy()
    plan = Plan.model_validate(
        {
            "instance": InstanceReference(id=instance.id, sha256=instance.sha256),
            "policy": policy,
            "options": {},
            "status": Status.OPTIMAL,
            "goals": tuple(
                GoalResult(name=g.name, terms=dict(g.terms), value=0.0, bound=0.0, gap=0.0)
                for g in policy.goals
            ),
            "totals": Totals.model_validate(
                dict.fromkeys(Totals.model_fields, 0)
                | {"municipalities": 2}
                | dict.fromkeys(
                    ["budget", "largest_ratio", "smallest_ratio", "change", "outcome"], None
                )
            ),
            "tables": {
                "quotas": frame(
                    "municipality_id name county_id fair_share quota minors ratio asked",
                    ("0101", "Town 1", "01", 0, 0, 0, None, False),
                    ("0201", "Town 2", "02", 0, 0, 0, None, False),
                ),
                "capacity": frame(
                    "family municipality_id site_id item used capacity slack binding",
                    ("housing", "0101", "0101-town", "1", 0, 1000, 1000, False),
                    ("housing", "0201", "0201-town", "1", 0, 1000, 1000, False),
                ),
            },
        }
    )
    assert verify(instance, policy, plan) == []


def test_every_term_is_part_of_a_goal_here() -> None:
    counted = {term for goal in rules().goals for term in goal.terms}
    assert counted | {Term.OVERLOAD} == set(Term)


def test_verification_knows_neither_the_program_nor_the_solver() -> None:
    keys = Path(allocator.keys.__file__).parent
    imported = set()
    for path in [*keys.glob("*.py"), *(keys.parent / "verify").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imported.add(str(node.module))
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
    allowed = ("allocator.keys", "allocator.verify", "allocator.errors", "models.")
    plain = {
        "math",
        "collections.abc",
        "dataclasses",
        "functools",
        "itertools",
        "json",
        "typing",
    }
    foreign = {name for name in imported if not name.startswith(allowed)}
    assert foreign == plain | {"numpy", "numpy.typing", "pandas", "pydantic"}
    assert not any(name.startswith("models.program") for name in imported)


def test_change_is_recomputed_from_the_base_of_the_policy() -> None:
    instance, policy, plan = demand(base={"0101": 0}, max_change={"persons": 1.0})(*case())
    broken = {(v.rule, v.where) for v in verify(instance, policy, plan)}
    assert {("max_change", "0101"), ("totals", "change")} <= broken
