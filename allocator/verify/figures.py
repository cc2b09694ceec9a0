"""The figures of a plan: totals, values of goals, bounds, gaps, and the status drawn from them."""

from collections.abc import Iterator, Mapping

from allocator.verify.facts import Facts, positions
from allocator.verify.violation import RELATIVE, Violation, agree, margin
from models.plan import GoalResult, Status
from models.policy import Term

ZERO = 1e-6
"""Distance between value and bound that counts as none."""


def terms(facts: Facts, overload: float) -> dict[Term, float]:
    """Recompute every term as goals count it: all minimised, hence `outcome` negative."""
    divisor = facts.fair.where(facts.fair > 0, facts.fair[facts.fair > 0].min())
    # Without any fair share there is none to divide by; the program divides by one person.
    unfair = (facts.quota - facts.fair) ** 2 / divisor.fillna(1.0)
    return {
        Term.SHORTFALL: float(facts.target - facts.quota.sum()),
        Term.OVERLOAD: overload,
        Term.UNFAIRNESS: float(unfair.sum()),
        Term.MAX_RATIO: float(facts.ratio.max()) if facts.ratio.notna().any() else 0.0,
        Term.COST: float(facts.paid.sum()),
        Term.CHANGE: float((facts.quota - facts.before).abs().sum()),
        Term.OUTCOME: -_successes(facts),
    }


def _successes(facts: Facts) -> float:
    rows = facts.instance.outcomes
    at = (
        positions(facts.towns, rows["municipality_id"]),
        positions(facts.groups, rows["group_id"]),
    )
    return float(facts.persons_in_town[at] @ rows["probability"].to_numpy())


def totals(facts: Facts, worth: Mapping[Term, float]) -> Iterator[Violation]:
    """Check every reported total against the recomputed terms `worth`."""
    rated = facts.ratio.notna().any()
    expected: dict[str, float | None] = {
        "target": facts.target,
        "placed": float(facts.quota.sum()),
        "shortfall": worth[Term.SHORTFALL],
        "cost": worth[Term.COST],
        "budget": facts.budget,
        "municipalities": len(facts.towns),
        "asked": int((facts.quota > 0).sum()),
        "largest_ratio": float(facts.ratio.max()) if rated else None,
        "smallest_ratio": float(facts.ratio.min()) if rated else None,
        "unfairness": worth[Term.UNFAIRNESS],
        "overload": worth[Term.OVERLOAD],
        "change": worth[Term.CHANGE] if facts.before.notna().any() else None,
        "outcome": -worth[Term.OUTCOME] if len(facts.instance.outcomes) else None,
    }
    for name, value in expected.items():
        said = getattr(facts.plan.totals, name)
        if not agree(said, value):
            text = f"reported {said}, should be {value}"
            off = 1.0 if said is None or value is None else abs(said - value)
            yield Violation("totals", name, text, off)


def goals(facts: Facts, worth: Mapping[Term, float]) -> Iterator[Violation]:
    """Check values, bounds, gaps and the status drawn from them."""
    said = [(goal.name, dict(goal.terms)) for goal in facts.plan.goals]
    if said != [(goal.name, dict(goal.terms)) for goal in facts.policy.goals]:
        yield Violation("goals", "plan", "not the goals of the policy, in their order", 1.0)
    for goal in facts.plan.goals:
        yield from _goal(goal, sum(weight * worth[term] for term, weight in goal.terms.items()))
    for goal, asked in zip(facts.plan.goals, facts.policy.goals, strict=False):
        yield from _levels(facts, goal, refined=asked.refined)
    yield from _status(facts)


def _goal(goal: GoalResult, value: float) -> Iterator[Violation]:
    if not agree(goal.value, value):
        text = f"reported {goal.value:g}, should be {value:g}"
        yield Violation("goal_value", goal.name, text, abs(goal.value - value))
    if goal.bound is not None and not goal.bound <= goal.value + margin(goal.value):
        text = f"the bound {goal.bound:g} lies above the value {goal.value:g}"
        yield Violation("goal_bound", goal.name, text, goal.bound - goal.value)
    gap = _gap(goal.value, goal.bound)
    if (goal.gap is None) is not (gap is None):
        yield Violation("goal_gap", goal.name, f"the gap is {gap}, not {goal.gap}", 1.0)
    elif (
        goal.gap is not None and gap is not None and not abs(goal.gap - gap) <= RELATIVE * (1 + gap)
    ):
        text = f"the gap is {gap:g}, not {goal.gap:g}"
        yield Violation("goal_gap", goal.name, text, abs(goal.gap - gap))


def _levels(facts: Facts, goal: GoalResult, *, refined: bool) -> Iterator[Violation]:
    """Check that the levels of a refined goal are the ratios there are, the largest first."""
    said = [level.ratio for level in goal.levels for _ in range(level.municipalities)]
    ratios = sorted(facts.ratio.dropna(), reverse=True) if refined else []
    if len(said) != len(ratios):
        text = f"{len(said)} municipalities lie at the levels, should be {len(ratios)}"
        yield Violation("goal_levels", goal.name, text, float(abs(len(said) - len(ratios))))
    for i, (one, other) in enumerate(zip(said, ratios, strict=False)):
        if not abs(one - other) <= RELATIVE * (1 + other):
            text = f"ratio {i + 1} is reported as {one:g}, should be {other:g}"
            yield Violation("goal_levels", goal.name, text, abs(one - other))
    for i, level in enumerate(goal.levels[1:]):
        above = goal.levels[i]
        if not level.ratio < above.ratio:
            text = f"a level of {level.ratio:g} comes after one of {above.ratio:g}"
            yield Violation("goal_levels", goal.name, text, level.ratio - above.ratio)
        if level.proven and not above.proven:
            text = f"the level of {level.ratio:g} is proven, but not the one above"
            yield Violation("goal_levels", goal.name, text, 1.0)


def _gap(value: float, bound: float | None) -> float | None:
    if bound is None:
        return None
    return 0.0 if value - bound <= ZERO else (value - bound) / max(abs(value), 1e-9)


def _status(facts: Facts) -> Iterator[Violation]:
    status = facts.plan.status
    allowed = {Status.OPTIMAL: 0.0, Status.WITHIN_GAP: facts.plan.options.gap}
    if status in (Status.INFEASIBLE, Status.NONE):
        yield Violation("status", "plan", f"{status} with a plan", 1.0)
    elif facts.plan.conflicts:
        yield Violation("conflicts", "plan", f"conflicts, but the status is {status}", 1.0)
    if status not in allowed:
        return
    for goal in facts.plan.goals:
        gap = _gap(goal.value, goal.bound)
        if gap is None or not gap <= allowed[status] + ZERO + 1e-12:
            yield Violation("status", goal.name, f"{status}, but the gap is {gap}", gap or 1.0)
        if goal.proven_levels < len(goal.levels):
            text = f"{status}, but {goal.proven_levels} of {len(goal.levels)} levels are proven"
            yield Violation("status", goal.name, text, 1.0)
