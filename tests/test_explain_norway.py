"""Explanations of the packaged country: 30 municipalities, every statement tried by solving."""

from collections.abc import Iterator

import numpy as np
import pytest

from allocator import SolveOptions, explain_all, load, solve
from allocator.explain import Explanation
from allocator.explain.changes import More
from models.instance import Instance
from models.plan import Plan
from models.policy import Policy
from tests.test_explain import adds_up

pytestmark = pytest.mark.slow

GAP = 0.001
OPTIONS = SolveOptions(gap=GAP)
COUNT = 30
EVERY = 5
"""Of how many municipalities one is solved for anew where nothing is said to change."""


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


def test_where_nothing_changes_the_number_stays_as_good(
    norway: Instance, plan: Plan, explanations: list[Explanation]
) -> None:
    """With the capacity, the country gains no more than the gap by asking for another number."""
    asked = 0
    for instance, municipality, quota in _still(norway, explanations):
        pinned = [
            {"municipality_id": municipality, "relation": relation, "persons": quota}
            for relation in ("at_least", "at_most")
        ]
        policy = Policy.model_validate({"fixed": pinned})
        free = solve(instance, options=OPTIONS, start=plan)
        held = solve(instance, policy, OPTIONS, start=plan)
        best = free.goals[-1].bound
        assert best is not None
        assert held.goals[-1].value <= best + 2 * GAP * abs(best) + 1e-6, municipality
        asked += 1
    assert asked >= COUNT // EVERY // 2


def _still(
    norway: Instance, explanations: list[Explanation]
) -> Iterator[tuple[Instance, str, int]]:
    """Yield, for some, the tightest capacity that is said to change nothing."""
    for why in explanations[::EVERY]:
        still = next((change for change in why.changes if not change.change), None)
        if still is None:
            continue
        limit = next(
            limit
            for limit in why.limits
            if (limit.family, limit.site_id, limit.item)
            == (still.family, still.site_id, still.item)
        )
        more = More(limit, still.units)
        yield more.in_instance(norway, why.municipality_id), why.municipality_id, why.quota
