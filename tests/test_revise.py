"""A revision keeps its rule, moves the fewest persons, and remembers every answer."""

import datetime as dt
import random
from pathlib import Path
from typing import Any

import pytest

from allocator.errors import InstanceMismatch, InvalidDecisions, InvalidPlan
from allocator.plans import read_plan, write_plan
from allocator.revising import Revision, revise
from allocator.solve import solve
from allocator.verify import verify
from models.answers import Answer, Rule
from models.instance import Instance
from models.options import Method, SolveOptions
from models.plan import Plan, Status
from models.policy import Policy, Relation, Term
from tests.small import measure, tiny

EXACT = SolveOptions(gap=0.0)
ROOM = [500.0, 500.0, 500.0]
EQUAL = tiny([100, 100, 100], 60, ROOM)


def plan_of(instance: Instance, **policy: Any) -> Plan:
    return solve(instance, Policy.model_validate(policy), EXACT)


def quotas(plan: Plan) -> list[int]:
    return list(plan.quotas["quota"])


def answer(municipality_id: str, kind: str, persons: int | None = None) -> Answer:
    said = {"author": "council", "date": dt.date(2024, 3, 1), "reason": "as resolved"}
    place = {"municipality_id": municipality_id, "answer": kind, "persons": persons}
    return Answer.model_validate(place | said)


def checked(revision: Revision, instance: Instance) -> list[int]:
    """Return the quotas of a revision that was found and verifies."""
    plan = revision.plan
    assert plan.found, plan.conflicts
    assert verify(instance, plan.policy, plan) == []
    return quotas(plan)


def test_when_the_target_rises_nobody_loses() -> None:
    # The fair plan of 40 would be 10, 10, 20 again; here an uneven plan is in force.
    skew = {"fixed": [{"municipality_id": "0001", "persons": 40}]}
    plan = plan_of(EQUAL, **skew)
    assert quotas(plan) == [40, 10, 10]
    revision = revise(plan, EQUAL, target=75, settings=["fixed=[]"])
    assert checked(revision, EQUAL)[0] == 40
    assert sorted(checked(revision, EQUAL)[1:]) == [15, 20]
    assert (revision.rule, revision.moved) == (Rule.NOBODY_LOSES, 15)
    assert revision.figures()["target"] == (60, 75)
    assert set(revision.changes["why"]) == {"the target rises"}


def test_when_the_target_falls_nobody_gains() -> None:
    skew = {"fixed": [{"municipality_id": "0001", "persons": 10}]}
    plan = plan_of(EQUAL, **skew)
    revision = revise(plan, EQUAL, target=50, settings=["fixed=[]"])
    assert checked(revision, EQUAL) == [10, 20, 20]
    assert (revision.rule, revision.moved) == (Rule.NOBODY_GAINS, 10)


@pytest.mark.parametrize("seed", range(3))
def test_a_year_of_changing_targets_is_monotone(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - no secret
    instance = tiny([70, 230, 310], 60, [25.0, 60.0, 80.0])
    plan = plan_of(instance)
    for _ in range(4):
        assert plan.totals is not None
        target = rng.randrange(30, 160)
        revision = revise(plan, instance, target=target)
        after, before = checked(revision, instance), quotas(plan)
        rises = target >= plan.totals.target
        right = [a >= b if rises else a <= b for a, b in zip(after, before, strict=True)]
        lost = [e.municipality_id for e in revision.exceptions]
        assert all(right) or lost
        assert bool(revision.exceptions) is not all(right)
        plan = revision.plan


@pytest.mark.parametrize("method", [Method.WHOLE, Method.DECOMPOSED])
@pytest.mark.parametrize("seed", range(4))
def test_a_revision_starts_from_the_plan_and_is_as_good_as_one_that_does_not(
    seed: int, method: Method
) -> None:
    rng = random.Random(100 + seed)  # noqa: S311 - no secret
    bought = [
        measure(f"homes-{i}", "dwellings", site_id=f"{i:04d}", beds=1, max_steps=rng.randrange(3))
        for i in (1, 2, 3, 4)
    ]
    people = [rng.randrange(50, 500) for _ in range(4)]
    homes = [float(rng.randrange(10, 60)) for _ in range(4)]
    instance = tiny(people, 100, homes, measures=bought)
    options = SolveOptions(gap=0.0, method=method, processes=1)
    plan = solve(instance, Policy.model_validate({"budget": 300}), options)
    for target, decisions in ((70, []), (135, []), (100, [answer("0002", "declined")])):
        revision = revise(plan, instance, target=target, decisions=decisions)
        checked(revision, instance)
        assert revision.plan.warm_start
        cold = solve(instance, revision.plan.policy, options)
        assert revision.plan.status is cold.status is Status.OPTIMAL
        ours, theirs = ([goal.value for goal in p.goals] for p in (revision.plan, cold))
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-5)


def test_others_take_over_what_one_declines_and_the_fewest_are_moved() -> None:
    plan = plan_of(EQUAL)
    revision = revise(plan, EQUAL, decisions=[answer("0001", "declined")])
    after = checked(revision, EQUAL)
    assert (after[0], sum(after), min(after[1:]) >= 20) == (0, 60, True)
    assert revision.moved == 40
    why = revision.changes.set_index("municipality_id")["why"]
    assert why["0001"] == "declined, council, 2024-03-01: as resolved"
    assert why["0002"] == "takes over from Town 0001"


def test_those_moved_furthest_come_in_the_order_of_all() -> None:
    plan = plan_of(tiny([100, 100, 200], 80, ROOM))
    decisions = [answer("0001", "declined"), answer("0002", "counter", 30)]
    revision = revise(plan, tiny([100, 100, 200], 80, ROOM), decisions=decisions)
    assert revision.changes["change"].tolist() == [10, 10, -20]
    assert revision.movers(2)["change"].tolist() == [10, -20]
    assert revision.movers(1)["municipality_id"].tolist() == ["0001"]
    assert revision.movers().equals(revision.changes)
    assert revision.movers(0).empty


def test_those_who_accepted_keep_their_number() -> None:
    answers = [answer("0001", "declined"), answer("0002", "accepted", 20)]
    revision = revise(plan_of(EQUAL), EQUAL, decisions=answers)
    assert checked(revision, EQUAL) == [0, 20, 40]


@pytest.mark.parametrize(("offer", "rule"), [(7, Rule.NOBODY_LOSES), (33, Rule.NOBODY_GAINS)])
def test_a_counter_offer_is_taken_at_its_word(offer: int, rule: Rule) -> None:
    revision = revise(plan_of(EQUAL), EQUAL, decisions=[answer("0001", "counter", offer)])
    after = checked(revision, EQUAL)
    assert (after[0], sum(after), revision.rule) == (offer, 60, rule)
    assert all((q >= 20) is (rule is Rule.NOBODY_LOSES) for q in after[1:] if q != 20)


def test_a_decline_outweighs_a_target_that_falls_less() -> None:
    revision = revise(plan_of(EQUAL), EQUAL, target=55, decisions=[answer("0001", "declined")])
    assert sum(checked(revision, EQUAL)) == 55
    assert revision.rule is Rule.NOBODY_LOSES


def test_where_a_capacity_disappeared_the_exception_is_named() -> None:
    plan = plan_of(EQUAL)
    now = tiny([100, 100, 100], 60, [12.0, 500.0, 500.0])
    revision = revise(plan, now, target=65)
    after = checked(revision, now)
    assert (after[0], sum(after)) == (10, 65)
    (exception,) = revision.exceptions
    assert (exception.municipality_id, exception.persons) == ("0001", -10)
    assert "0001 loses 10 persons against the rule: housing" in exception.message
    assert "has 12, the plan before uses 20" in exception.message
    assert revision.plan.revised is not None
    assert revision.plan.revised.exceptions == (exception,)
    why = revision.changes.set_index("municipality_id")["why"]
    assert "takes over from Town 0001" in " ".join(why)
    assert exception.message in set(why)


def test_strict_gives_no_plan_where_the_rule_cannot_hold() -> None:
    now = tiny([100, 100, 100], 60, [12.0, 500.0, 500.0])
    revision = revise(plan_of(EQUAL), now, strict=True)
    assert revision.plan.status is Status.INFEASIBLE
    assert {conflict.where for conflict in revision.plan.conflicts} == {"0001"}
    assert revision.changes.empty


def test_a_lower_limit_of_the_instance_is_named_as_the_reason() -> None:
    now = tiny([100, 100, 100], 60, ROOM, towns={"max_quota": [15, None, None]})
    revision = revise(plan_of(EQUAL), now)
    assert checked(revision, now)[0] == 15
    assert "0001 may take at most 15 persons by its max_quota" in revision.exceptions[0].message


def test_a_gain_against_the_rule_is_named_with_the_demand_behind_it() -> None:
    wanted = 'fixed=[{municipality_id="0001",relation="at_least",persons=30}]'
    revision = revise(plan_of(EQUAL), EQUAL, target=50, settings=[wanted])
    after = checked(revision, EQUAL)
    assert (after[0], sum(after)) == (30, 50)
    (exception,) = revision.exceptions
    assert exception.persons == 10
    assert "0001 is decided to take at least 30 persons" in exception.message


def test_decisions_that_clash_with_capacity_are_not_overruled() -> None:
    now = tiny([100, 100, 100], 60, [12.0, 500.0, 500.0])
    revision = revise(plan_of(EQUAL), now, decisions=[answer("0001", "accepted")])
    assert revision.plan.status is Status.INFEASIBLE
    assert "exactly 20 persons" in revision.plan.conflicts[0].message


def test_max_change_stays_measured_from_last_year() -> None:
    instance = tiny([100, 100, 100], 60, ROOM, towns={"previous_quota": [20, 20, 20]})
    plan = plan_of(instance, max_change={"persons": 10})
    up = revise(plan, instance, target=90)
    assert checked(up, instance) == [30, 30, 30]
    further = revise(up.plan, instance, target=120)
    assert checked(further, instance) == [30, 30, 30]
    # One who declines is not held back by it.
    declined = revise(plan, instance, decisions=[answer("0001", "declined")])
    assert checked(declined, instance) == [0, 30, 30]


def test_the_audit_trail_is_kept_through_revisions_and_files(tmp_path: Path) -> None:
    first = revise(plan_of(EQUAL), EQUAL, decisions=[answer("0001", "declined")])
    asked = quotas(first.plan)[1]
    kept = read_plan(write_plan(first.plan, tmp_path / "first"))
    assert kept.audit == first.plan.audit
    second = revise(kept, EQUAL, target=80, decisions=[answer("0002", "accepted")])
    after = checked(second, EQUAL)
    assert after == [0, asked, 80 - asked]
    third = revise(second.plan, EQUAL, decisions=[answer("0001", "counter", 10)])
    assert checked(third, EQUAL)[:2] == [10, asked]
    trail = [(e.municipality_id, e.asked, e.persons) for e in third.plan.audit]
    assert trail == [("0001", 20, 0), ("0002", asked, asked), ("0001", 0, 10)]
    assert read_plan(write_plan(third.plan, tmp_path / "third")) == third.plan
    # What the rule asked in one revision is gone in the next.
    assert second.plan.revised is not None
    relations = {d.relation for d in second.plan.revised.policy.fixed}
    assert relations == {Relation.EXACT}


def test_the_usual_goals_come_after_the_fewest_moved() -> None:
    goals = [["shortfall"], ["unfairness", "cost"]]
    revision = revise(plan_of(EQUAL, goals=goals), EQUAL, target=70)
    terms = [set(goal.terms) for goal in revision.plan.goals]
    first = [{Term.SHORTFALL}, {Term.OVERLOAD}, {Term.CHANGE}]
    assert terms == [*first, {Term.UNFAIRNESS, Term.COST}]


def test_what_cannot_be_revised_is_refused() -> None:
    plan = plan_of(EQUAL)
    clash = plan_of(tiny([100, 100], 60, [5.0, 5.0]), min_ratio=1.0)
    with pytest.raises(InvalidPlan, match="no quotas to revise"):
        revise(clash, EQUAL)
    with pytest.raises(InstanceMismatch, match="only the plan has 0003"):
        revise(plan, tiny([100, 100], 60, ROOM[:2]))
    twice = [answer("0001", "declined"), answer("0001", "accepted")]
    with pytest.raises(InvalidDecisions, match="row 1 is about the same municipality"):
        revise(plan, EQUAL, decisions=twice)
