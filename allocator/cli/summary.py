"""A plan in a few lines for people."""

from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table

from allocator.binding import missing, municipalities_bound
from models.plan import GoalResult, Plan, Status, Totals

FIRST = 5
"""Levels of ratios that are named."""

_STATUS = {
    Status.OPTIMAL: "optimal: proven best, every goal",
    Status.WITHIN_GAP: "within the gap asked for",
    Status.LIMIT: "best found within the limits",
    Status.INFEASIBLE: "infeasible: no plan keeps every demand of the policy",
    Status.NONE: "nothing found within the limits, and nothing proven",
}


def print_summary(plan: Plan, console: Console, *, currency: str) -> None:
    """Print what a plan is worth: totals, ratios, what binds, every goal.

    Parameters
    ----------
    plan
        Any plan, also one without quotas: then what clashes is printed.
    console
        Where to print.
    currency
        Code of the currency, blank when it is not known.
    """
    console.print(f"{plan.instance.id}: {_STATUS[plan.status]}", highlight=False, markup=False)
    for conflict in plan.conflicts:
        _say(console, f"  {conflict.rule} at {conflict.where}: {conflict.message}")
    if plan.totals is not None:
        grid = _grid()
        for label, text in _figures(plan, plan.totals, currency):
            grid.add_row(label, text)
        console.print(grid)
    if plan.goals:
        console.print(_goals(plan))
    for warning in plan.warnings:
        _say(console, f"warning: {warning}")


def binding(plan: Plan) -> dict[str, int]:
    """Return in how many municipalities each family of capacity binds, most first."""
    rows = plan.capacity[plan.capacity["binding"]]
    counts = rows.groupby("family")["municipality_id"].nunique()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return {str(family): int(count) for family, count in ordered if count}


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


def _goals(plan: Plan) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("goal")
    for column in ("value", "bound", "gap"):
        table.add_column(column, justify="right")
    table.add_column("bound from")
    for goal in plan.goals:
        bound = "–" if goal.bound is None else f"{goal.bound:,.2f}"
        gap = "–" if goal.gap is None else f"{goal.gap:.3%}"
        source = "" if goal.bound_from is None else goal.bound_from.value
        table.add_row(goal.name, f"{goal.value:,.2f}", bound, gap, source)
    return table


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column()
    grid.add_column()
    return grid


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
