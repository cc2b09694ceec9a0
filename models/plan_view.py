"""A plan in a few lines for people."""

from collections.abc import Iterator

from models.binding import missing, municipalities_bound
from models.plan import GoalResult, Plan, Status, Totals
from models.views import Grid, Part

FIRST = 5
"""Levels of ratios that are named."""

_STATUS = {
    Status.OPTIMAL: "optimal: proven best, every goal",
    Status.WITHIN_GAP: "within the gap asked for",
    Status.LIMIT: "best found within the limits",
    Status.INFEASIBLE: "infeasible: no plan keeps every demand of the policy",
    Status.NONE: "nothing found within the limits, and nothing proven",
}
_NEXT = "`allocator diagnose`, with the same policy, tells all that clashes and the ways out"


def headline(plan: Plan) -> str:
    """Say which instance a plan is of, and what is known about it."""
    return f"{plan.instance.id}: {_STATUS[plan.status]}"


def in_one_line(plan: Plan) -> str:
    """Say what a plan is, in the middle of other things."""
    about = f"Plan of {plan.instance.id}, {plan.status.value}"
    if plan.totals is None:
        return about
    gap = "not proven" if plan.gap is None else f"gap {plan.gap:.3%}"
    return f"{about}: {plan.totals.placed:,} of {plan.totals.target:,} persons placed, {gap}"


def parts(plan: Plan, currency: str = "") -> Iterator[Part]:
    """Yield what a plan is worth: totals, ratios, what binds, every goal.

    Parameters
    ----------
    plan
        Any plan, also one without quotas: then what clashes is told.
    currency
        Code of the currency, blank when it is not known.
    """
    for conflict in plan.conflicts:
        yield f"  {conflict.rule} at {conflict.where}: {conflict.message}"
    if plan.status is Status.INFEASIBLE:
        yield _NEXT
    if plan.totals is not None:
        yield Grid((), tuple(_figures(plan, plan.totals, currency)))
    if plan.goals:
        yield _goals(plan)
    for warning in plan.warnings:
        yield f"warning: {warning}"


def _figures(plan: Plan, totals: Totals, currency: str) -> Iterator[tuple[str, str]]:
    yield "target", f"{totals.target:,} persons"
    yield "placed", f"{totals.placed:,} persons"
    yield "shortfall", f"{totals.shortfall:,} persons"
    of = "" if totals.budget is None else f" of {totals.budget:,.0f}"
    yield "cost", f"{totals.cost:,.0f}{of} {currency}".rstrip()
    yield "asked", f"{totals.asked:,} of {totals.municipalities:,} municipalities"
    for label, extreme in (("largest ratio", "max"), ("smallest ratio", "min")):
        yield label, _extreme(plan, extreme)
    yield from (("levels", _levels(goal)) for goal in plan.goals if goal.levels)
    yield "binding in", _families(municipalities_bound(plan), totals) or "no municipality"
    if missing(plan):
        yield "none at all in", _families(missing(plan), totals)
    yield "gap", "not proven" if plan.gap is None else f"{plan.gap:.3%}"
    if "total" in plan.timings:
        how = "" if plan.method is None else f", {plan.method.value}"
        warm = ", from a plan at hand" if plan.warm_start else ""
        yield "time", f"{plan.timings['total']:.1f} s{how}{warm}"


def _families(counts: dict[str, int], totals: Totals) -> str:
    families = ", ".join(f"{family} {count:,}" for family, count in counts.items())
    return f"{families} of {totals.municipalities:,}" if families else ""


def _extreme(plan: Plan, extreme: str) -> str:
    """Name the municipalities with the largest or smallest ratio."""
    quotas = plan.quotas.dropna(subset=["ratio"])
    if quotas.empty:
        return "no fair shares"
    ratio = quotas["ratio"].agg(extreme)
    names = [str(name) for name in quotas.loc[quotas["ratio"] == ratio, "name"]]
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return f"{ratio:.3f}  {', '.join(names[:3])}{more}"


def _levels(goal: GoalResult) -> str:
    """Say how many levels of ratios are proven, and the first of them."""
    first = [
        f"{level.ratio:.3f}" + (f" ({level.municipalities:,})" if level.municipalities > 1 else "")
        for level in goal.levels[:FIRST]
    ]
    more = ["…"] if len(goal.levels) > FIRST else []
    proven = f"{goal.proven_levels:,} of {len(goal.levels):,} proven"
    return f"{proven}: {', '.join([*first, *more])}"


def _goals(plan: Plan) -> Grid:
    rows = []
    for goal in plan.goals:
        bound = "–" if goal.bound is None else f"{goal.bound:,.2f}"
        gap = "–" if goal.gap is None else f"{goal.gap:.3%}"
        source = "" if goal.bound_from is None else goal.bound_from.value
        rows.append((goal.name, f"{goal.value:,.2f}", bound, gap, source))
    return Grid(("goal", "value", "bound", "gap", "bound from"), tuple(rows), texts=(0, 4))
