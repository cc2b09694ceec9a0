"""What is shown of sweeps, marginal values, frontiers, robustness and screenings: lines, tables."""

from collections.abc import Iterator
from typing import Any

from allocator.sensitivity.designs import INDICES, ScreeningMethod
from allocator.sensitivity.frontier import Frontier
from allocator.sensitivity.marginal import Marginal
from allocator.sensitivity.robustness import Robustness
from allocator.sensitivity.screening import Screening
from allocator.sensitivity.sweep import Sweep
from allocator.sensitivity.tables import records
from models.views import Grid, Part, figure

MILLION = 1e6
CHANGES = 30
"""Most changes of a sweep that are shown; its table has all."""
PLACES = 10
"""Most places of a plan that is not robust that are shown; the table has all."""
INPUTS = 5
"""Most inputs that are shown for one result of a screening; the table has all."""


def sweep_parts(sweep: Sweep) -> Iterator[Part]:
    """Yield what becomes of every point, and what changes between neighbours."""
    families = [str(name) for name in sweep.table if str(name).startswith("binds_")]
    large = bool((sweep.table["cost"].fillna(0) >= MILLION).any())
    unit = f"{'M' if large else ''}{sweep.currency}"
    first = ("status", "shortfall", f"cost {unit}", "unfairness", "Jain", "budget spent")
    headings = (*sweep.over, *first, *(name.removeprefix("binds_") for name in families))
    rows = [
        (
            *(figure(row[path]) for path in sweep.over),
            row["status"] if isinstance(row["status"], str) else str(row["state"]),
            figure(row["shortfall"]),
            figure(row["cost"], scale=MILLION, digits=1) if large else figure(row["cost"]),
            figure(row["unfairness"], digits=2),
            figure(row["jain"], digits=3),
            figure(row["budgets_spent"] or None),
            *(figure(row[name]) for name in families),
        )
        for row in sweep.table.to_dict("records")
    ]
    yield Grid(headings, tuple(rows), texts=(headings.index("budget spent"),))
    changes = sweep.changes.to_dict("records")
    if not changes:
        return
    yield "what changes between neighbouring points"
    for row in changes[:CHANGES]:
        other = f" at {row['other']}" if row["other"] else ""
        yield (
            f"  {row['input']} {figure(row['from'])} → {figure(row['to'])}{other}: "
            f"{row['what']}: {row['before']} → {row['after']}"
        )
    if len(changes) > CHANGES:
        yield f"  and {len(changes) - CHANGES:,} more"


def marginal_parts(marginal: Marginal) -> Iterator[Part]:
    """Yield what was confirmed, measures ranked by what a million is worth."""
    for number, goal in enumerate(marginal.goals, start=1):
        yield f"goal {number}: {goal}"
    ranked = marginal.ranking.to_dict("records")
    others = marginal.confirmed[marginal.confirmed["what"] != "measure"].to_dict("records")
    if ranked:
        title = f"where the next million {marginal.currency} helps most"
        yield _worths(title, ranked, f"per million {marginal.currency}")
    yield _worths("more of one thing", others, "per unit")


def _worths(title: str, rows: list[dict[str, Any]], per: str) -> Grid:
    headings = ("what", "where", "goal", "worth", "at least", "at most", per, "prices said")
    return Grid(headings, tuple(map(_worth, rows)), texts=(0, 1), title=title)


def _worth(row: dict[str, Any]) -> tuple[str, ...]:
    by_money = row["what"] == "measure"
    said = row["conditional"]
    if by_money and row["cost"]:
        said = said * row["units"] / row["cost"] * MILLION
    return (
        row["trial"],
        row["name"] if isinstance(row["name"], str) else "",
        figure(row["goal"]),
        *(figure(row[name], digits=3) for name in ("worth", "at_least", "at_most")),
        figure(row["worth_per_million" if by_money else "worth_per_unit"]),
        figure(said),
    )


def frontier_parts(frontier: Frontier) -> Iterator[Part]:
    """Yield value, bound and gap of both goals, point by point."""
    goals = (frontier.second.value, frontier.first.value)
    own = [title for name in goals for title in (name, "bound", "gap")]
    headings = (f"{frontier.second.value} at most", *own, "")
    rows = []
    for row in frontier.table.to_dict("records"):
        cells = [
            cell
            for name in goals
            for cell in (
                figure(row[name], digits=2),
                figure(row[f"{name}_bound"], digits=2),
                figure(row[f"{name}_gap"], scale=0.01, digits=3, after="%"),
            )
        ]
        kind = row["kind"] if row["kind"] != "none" else row["status"] or row["state"]
        last = "" if kind == "efficient" else kind
        rows.append((figure(row["limit"], digits=2), *cells, last))
    yield Grid(headings, tuple(rows), texts=(len(headings) - 1,))


def robustness_parts(found: Robustness) -> Iterator[Part]:
    """Yield how often the plan fails and where, and what protection costs."""
    many = len(found.arrivals)
    yield (
        f"as it stands: in {found.nominal.fails:.1%} of {many:,} draws some capacity is too small, "
        f"in {found.nominal.places_failing:,.1f} places on average"
    )
    answered = found.draws["without_place"].dropna().tolist() if found.moved else []
    yield (
        f"placements moved: {sum(answered) / len(answered):,.1f} persons without a place on "
        f"average, at most {max(answered):,.0f}, in {len(answered):,} draws"
        if answered
        else "placements moved: no draw was answered"
    )
    families = [
        (row["family"], _percent(row["fails"]), *_one_digit(row, "places", "places_95"))
        for row in found.families.to_dict("records")
    ]
    headings: tuple[str, ...] = ("family", "fails", "places", "in 95 % at most")
    yield Grid(headings, tuple(families), title="how often, by family")
    places = [
        (
            row["place"],
            row["name"],
            figure(row["quota"]),
            _percent(row["fails"]),
            *_one_digit(row, "lost"),
        )
        for row in found.places.head(PLACES).to_dict("records")
    ]
    headings = ("place", "name", "quota", "fails", "lost")
    yield Grid(headings, tuple(places), texts=(0, 1), title="where, most often first")
    yield _robust_plans(found)
    if found.unproven:
        yield (
            f"{found.unproven:,} of {len(found.outcomes):,} plans ended at a limit: their prices "
            "and quotas are the best that was found, and not proven (see the gaps)"
        )


def _robust_plans(found: Robustness) -> Grid:
    names = ("Γ", "shortfall", "price", "unfairness", "price", "Jain price")
    rows = [
        (
            figure(row["gamma"]),
            *(figure(row[name]) for name in ("shortfall", "price_shortfall")),
            *(figure(row[name], digits=2) for name in ("unfairness", "price_unfairness")),
            figure(row["price_jain"], digits=3),
            *_one_digit(row, "places_failing"),
            *(_percent(row[name]) for name in ("largest_share", "chance")),
            _percent(row["gap"])
            if row["placed"] is not None
            else str(row["status"] or row["state"]),
        )
        for row in records(found.robust)
    ]
    headings = (*names, "places", "one row", "chance", "gap")
    return Grid(headings, tuple(rows), title="robust plans")


def _percent(value: Any) -> str:
    return figure(value, scale=0.01, digits=1, after="%")


def _one_digit(row: dict[str, Any], *names: str) -> tuple[str, ...]:
    return tuple(figure(row[name], digits=1) for name in names)


def screening_parts(screening: Screening) -> Iterator[Part]:
    """Yield what matters most for every result that moves, and what was left out."""
    names = INDICES[screening.design.method]
    rows: list[tuple[str, ...]] = []
    still = []
    for result, frame in screening.indices.groupby("result", sort=False):
        moving = frame[frame["rank"].notna()].sort_values("rank")
        if moving.empty:
            still.append(str(result))
        money = str(result) == "cost" and screening.design.method is ScreeningMethod.MORRIS
        title = f"cost, M{screening.currency}" if money else str(result)
        for number, row in enumerate(moving.head(INPUTS).to_dict("records")):
            cells = [_short(row[name] / (MILLION if money else 1.0)) for name in names]
            rows.append(("" if number else title, row["input"], *cells))
    if rows:
        yield Grid(("result", "input", *names), tuple(rows), texts=(0, 1))
    if still:
        yield f"do not move: {', '.join(still)}"
    gap = "none is proven for all" if screening.gap is None else f"{screening.gap:.3%}"
    yield f"largest gap of any plan: {gap}"
    for why, count in screening.put_aside.items():
        yield f"trajectories drawn anew: {count}: {why}"
    for row in screening.left_out.to_dict("records"):
        yield f"set {row['set']} left out: {row['without_plan']} without a plan: {row['why']}"


def _short(value: float) -> str:
    """Put a figure into a cell: four digits, more where it is large."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"
