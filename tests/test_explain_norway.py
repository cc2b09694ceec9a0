"""Explanations of the packaged country: 30 municipalities, every statement tried by solving."""

import numpy as np
import pytest

from allocator import SolveOptions, explain_all, load, solve
from allocator.explain import Change, Explanation
from allocator.explain.changes import More
from models.instance import Instance
from models.plan import Plan
from models.policy import Policy
from tests.test_explain import adds_up

pytestmark = pytest.mark.slow

GAP = 0.001
OPTIONS = SolveOptions(gap=GAP)
COUNT = 30
EVERY = 3
"""Of how many municipalities one has tried what is said to change nothing."""


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


def test_every_change_is_confirmed_by_solving(explanations: list[Explanation]) -> None:
    changes = [change for why in explanations for change in why.changes if change.change]
    assert changes
    assert all(change.confirmed for change in changes)


def test_what_is_said_to_change_nothing_leaves_the_number(
    norway: Instance, plan: Plan, explanations: list[Explanation]
) -> None:
    """With the capacity, the country gains no more than the gap by asking for another number.

    All that is said to change nothing in a municipality is tried at once.
    """
    stated = 0
    for why in explanations[::EVERY]:
        nothing = [_more(why, change) for change in why.changes if not change.change]
        stated += len(nothing)
        if nothing:
            assert _stays(norway, plan, why, nothing), (why.municipality_id, nothing)
    assert stated >= COUNT


def _more(why: Explanation, change: Change) -> More:
    """Return the capacity that a change speaks of."""
    of = (change.family, change.site_id, change.item)
    (limit,) = [one for one in why.limits if (one.family, one.site_id, one.item) == of]
    return More(limit, change.units)


def _stays(norway: Instance, plan: Plan, why: Explanation, some: list[More]) -> bool:
    """Solve the country with more of some capacities; tell whether the number is still a best one.

    It is where the plan at hand, which keeps every rule, is still as good as any; otherwise the
    country is solved again with the number held.
    """
    instance = norway
    for more in some:
        instance = more.in_instance(instance, why.municipality_id)
    best = solve(instance, options=OPTIONS, start=plan).goals[-1].bound
    assert best is not None
    enough = best + 2 * GAP * abs(best) + 1e-6
    if plan.goals[-1].value <= enough:
        return True
    pinned = [
        {"municipality_id": why.municipality_id, "relation": relation, "persons": why.quota}
        for relation in ("at_least", "at_most")
    ]
    held = solve(instance, Policy.model_validate({"fixed": pinned}), OPTIONS, start=plan)
    return held.goals[-1].value <= enough
