"""Explanations of the packaged country: random municipalities, every statement tried by solving.

``CASES=6 make test-all`` tries thirty, which takes some ten minutes.
"""

import numpy as np
import pytest

from allocator import SolveOptions, explain_all, load, solve
from allocator.explain import Change, Explanation
from allocator.explain.changes import More
from allocator.explain.country import Country
from allocator.explain.limits import limits_of
from models.instance import Instance
from models.plan import Plan
from models.policy import Policy
from tests.random_small import more
from tests.test_explain import adds_up

pytestmark = pytest.mark.slow

GAP = 0.001
OPTIONS = SolveOptions(gap=GAP)
COUNT = len(more(0, 5))


@pytest.fixture(scope="module")
def norway() -> Instance:
    return load("norway-2024")


@pytest.fixture(scope="module")
def plan(norway: Instance) -> Plan:
    return solve(norway, options=OPTIONS)


@pytest.fixture(scope="module")
def explanations(norway: Instance, plan: Plan) -> list[Explanation]:
    ids = plan.quotas["municipality_id"].tolist()
    some = np.random.default_rng(2024).choice(ids, COUNT, replace=False).tolist()
    return list(explain_all(plan, norway, municipalities=some, confirm=True))


def test_every_chain_adds_up(plan: Plan, explanations: list[Explanation]) -> None:
    assert len(explanations) == COUNT
    for explanation in explanations:
        adds_up(explanation, plan)


def test_every_number_said_to_be_unique_lies_within_its_limits(
    explanations: list[Explanation],
) -> None:
    for why in explanations:
        assert why.unique is not None
        assert why.unique.fewest <= why.quota <= why.unique.most


@pytest.fixture(scope="module")
def bare(norway: Instance) -> Instance:
    """The country where the state buys nothing."""
    return norway.replace(measures=norway.measures.iloc[:0])


@pytest.fixture(scope="module")
def plan_of_bare(bare: Instance) -> Plan:
    return solve(bare, options=OPTIONS)


def test_every_change_is_confirmed_by_solving(explanations: list[Explanation]) -> None:
    changes = [change for why in explanations for change in why.changes if change.change]
    without = [
        change
        for why in explanations
        for change in (why.unaided.changes if why.unaided else ())
        if change.change
    ]
    assert len(without) >= COUNT / 2
    assert [one for one in (*changes, *without) if not one.confirmed] == []


def test_what_is_said_to_change_nothing_leaves_the_number(
    norway: Instance, plan: Plan, explanations: list[Explanation]
) -> None:
    stated = 0
    for why in explanations:
        nothing = [_more(norway, plan, why, one) for one in why.changes if not one.change]
        stated += len(nothing)
        assert _stay(norway, plan, why.municipality_id, nothing) == [], why.municipality_id
    assert stated >= 3 * COUNT


def test_what_changes_nothing_without_measures_leaves_the_number_there(
    bare: Instance, plan_of_bare: Plan, explanations: list[Explanation]
) -> None:
    stated = 0
    for why in explanations:
        assert why.unaided is not None
        assert why.unaided.quota == plan_of_bare.quota_of[why.municipality_id]
        changes = [one for one in why.unaided.changes if not one.change]
        nothing = [_more(bare, plan_of_bare, why, one) for one in changes]
        stated += len(nothing)
        assert _stay(bare, plan_of_bare, why.municipality_id, nothing) == [], why.municipality_id
    assert stated >= 3 * COUNT


def _more(instance: Instance, plan: Plan, why: Explanation, change: Change) -> More:
    """Return the capacity that a change speaks of."""
    of = (change.family, change.site_id, change.item)
    limits = limits_of(Country(instance, plan, OPTIONS), why.municipality_id)
    (limit,) = [one for one in limits if (one.family, one.site_id, one.item) == of]
    return More(limit, change.units)


def _stay(instance: Instance, base: Plan, municipality: str, some: list[More]) -> list[More]:
    """Return which of some capacities would move the number, by solving the country with more.

    Where the plan at hand is as good as any with all of them, it is with each of them; otherwise
    each is tried by itself.
    """
    if not some or _stays(instance, base, municipality, some):
        return []
    return [one for one in some if not _stays(instance, base, municipality, [one])]


def _stays(instance: Instance, base: Plan, municipality: str, some: list[More]) -> bool:
    """Tell whether some plan that is as good as any with the capacities has the number of today."""
    for one in some:
        instance = one.in_instance(instance, municipality)
    best = solve(instance, base.policy, OPTIONS, start=base)
    quota = base.quota_of[municipality]
    if _reaches(base, best):
        return True
    if len(some) > 1:
        return False
    if best.quota_of[municipality] == quota:
        return True
    pinned = [
        {"municipality_id": municipality, "relation": relation, "persons": quota}
        for relation in ("at_least", "at_most")
    ]
    policy = Policy.model_validate({**base.policy.model_dump(), "fixed": pinned})
    held = solve(instance, policy, OPTIONS, start=base)
    return held.found and _reaches(held, best)


def _reaches(plan: Plan, best: Plan) -> bool:
    """Tell whether a plan has the earlier goals of another, and the bound of its last one."""
    *earlier, last = zip(plan.goals, best.goals, strict=True)
    if any(ours.value > theirs.value + 1e-6 for ours, theirs in earlier):
        return False
    ours, theirs = last
    assert theirs.bound is not None
    return ours.value <= theirs.bound + 2 * GAP * abs(theirs.bound) + 1e-6
