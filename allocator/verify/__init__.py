"""Verify a plan from the tables alone, knowing nothing of the program or the solver.

Every rule, total and figure is recomputed with pandas and numpy from the instance, the
policy and the plan's own tables. A family of rules a file.
"""

from allocator.errors import InvalidPolicy
from allocator.verify.capacity import capacities, expected_capacity, overload
from allocator.verify.facts import Facts
from allocator.verify.figures import goals, terms, totals
from allocator.verify.form import belonging, readable, without_plan
from allocator.verify.placements import measures, placements
from allocator.verify.quotas import limits, quotas
from allocator.verify.violation import Violation
from models.instance import Instance
from models.plan import Plan
from models.policy import Policy

__all__ = ["Violation", "verify"]


def verify(instance: Instance, policy: Policy, plan: Plan) -> list[Violation]:
    """Recompute every constraint, total and figure of `plan` and list what does not hold.

    Parameters
    ----------
    instance, policy
        What the plan should be for; the instance is a checked one.
    plan
        The plan; also a wrong one, nothing is raised.

    Returns
    -------
    list of Violation
        Empty when everything holds. Where rows cannot be matched with the instance
        (unknown ids, rows twice, numbers that are none), only that is listed.
    """
    found = list(belonging(instance, policy, plan))
    if plan.totals is None:
        return [*found, *without_plan(plan)]
    unreadable = list(readable(instance, plan))
    if unreadable:
        return found + unreadable
    try:
        facts = Facts(instance, policy, plan)
    except InvalidPolicy as error:
        return [*found, Violation("key", policy.key.name, str(error), 1.0)]
    expected = expected_capacity(facts)
    worth = terms(facts, overload(facts, expected))
    return [
        *found,
        *quotas(facts),
        *limits(facts),
        *placements(facts),
        *measures(facts),
        *capacities(facts, expected),
        *totals(facts, worth),
        *goals(facts, worth),
    ]
