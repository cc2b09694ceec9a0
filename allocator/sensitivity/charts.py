"""Charts of sweeps, marginal values and frontiers: Altair states them, vl-convert draws them."""

from typing import Any, Literal, get_args

import altair as alt
import pandas as pd
import vl_convert

from allocator.report.charts import BLUE, BROWN, FAINT, FONT, INK
from allocator.sensitivity.frontier import Frontier, plain
from allocator.sensitivity.inputs import Value
from allocator.sensitivity.marginal import Marginal
from allocator.sensitivity.sweep import Sweep
from models.policy import Term

ChartFormat = Literal["svg", "png", "html"]
FORMATS: tuple[ChartFormat, ...] = get_args(ChartFormat)

WIDTH, HEIGHT = 560, 130
SCALE = 1.0
"""Pixels by unit of a chart drawn as PNG."""
MILLION = 1e6
SHADE = "#f2e6d0"
COLOURS = (BLUE, BROWN, "#3a8a5c", "#8a5aa8", "#b8860b", "#59636e")

Rows = list[dict[str, Any]]


def drawn(chart: Any, format: ChartFormat) -> bytes:  # noqa: A002 - as the report calls it
    """Return a chart as the content of one file, which needs no network.

    Raises
    ------
    ValueError
        If the format is not one of `FORMATS`.
    """
    if format not in FORMATS:
        raise ValueError(f"charts are drawn as {', '.join(FORMATS)}, not as {format!r}")
    spec = styled(chart).to_dict()
    if format == "svg":
        return str(vl_convert.vegalite_to_svg(spec)).encode()
    if format == "png":
        return bytes(vl_convert.vegalite_to_png(spec, scale=SCALE))
    return str(vl_convert.vegalite_to_html(spec, bundle=True)).encode()


def styled(chart: Any) -> Any:
    """Return a chart as all are drawn: fonts, sizes, no grid."""
    return (
        chart.configure(background="#ffffff", font=FONT)
        .configure_view(stroke=None)
        .configure_axis(grid=False, labelFontSize=12, titleFontSize=12, titleFontWeight="normal")
        .configure_title(fontSize=13, anchor="start", fontWeight="normal")
        .configure_legend(labelFontSize=12, titleFontSize=12, titleFontWeight="normal")
    )


def sweep_chart(sweep: Sweep) -> Any:
    """Return what moves along the first input; lines are the values of the second, if any."""
    view = _Along(sweep)
    charts = []
    for name, title in (
        ("shortfall", "persons without a place"),
        ("cost", f"cost, {view.money} {sweep.currency}"),
        ("unfairness", "unfairness, persons"),
    ):
        scale = view.scale if name == "cost" else 1.0
        rows = [{**row, "y": row[name] / scale} for row in view.rows]
        last = bool(view.others) and name == "unfairness"
        chart = _panel(rows, view.x(last=last), title, view.lines, view.others)
        charts.append(view.shaded(chart))
    if not view.others:
        charts.append(_binding_panel(view))
    title = f"{sweep.instance_id} along {' and '.join(sweep.over)}"
    return alt.vconcat(*charts, spacing=14, title=title).resolve_scale(color="independent")


class _Along:
    """What a sweep shows along its first input."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.path, *others = sweep.over
        self.others = others[0] if others else None
        self.numbers = all(not isinstance(value, str) for value in sweep.over[self.path])
        found = sweep.table[sweep.table["placed"].notna()]
        amounts = [value for path in sweep.over if _is_money(path) for value in sweep.over[path]]
        amounts += found["cost"].tolist()
        large = any(not isinstance(value, str) and value >= MILLION for value in amounts)
        self.scale, self.money = (MILLION, "million") if large else (1.0, "in")
        self.lines = ["all"]
        if self.others is not None:
            self.lines = [self._shown(self.others, one) for one in sweep.over[self.others]]
        self.rows: Rows = [
            {
                **row,
                "x": self._scaled(self.path, row[self.path]),
                "line": "all"
                if self.others is None
                else self._shown(self.others, row[self.others]),
            }
            for row in found.to_dict("records")
        ]

    def x(self, *, last: bool) -> alt.X:
        """Return the axis, which only the last panel shows."""
        title = self.path
        if _is_money(self.path):
            title = f"{self.path}, {self.money} {self.sweep.currency}"
        axis = alt.Axis(title=title if last else None, labels=last, ticks=last, labelAngle=0)
        if self.numbers:
            return alt.X("x:Q", scale=alt.Scale(zero=False, nice=False, padding=8), axis=axis)
        return alt.X("x:N", sort=list(map(str, self.sweep.over[self.path])), axis=axis)

    def shaded(self, chart: Any) -> Any:
        """Shade between which points a budget begins or ceases to be spent."""
        changes = self.sweep.changes
        turns = changes[changes["what"].str.startswith("budget")]
        if turns.empty or not self.numbers or self.others is not None:
            return chart
        rows = [
            {name: self._scaled(self.path, row[name]) for name in ("from", "to")}
            for row in turns.to_dict("records")
        ]
        band = alt.Chart(alt.InlineData(values=rows)).mark_rect(color=SHADE)
        behind = band.encode(x=alt.X("from:Q"), x2=alt.X2("to:Q"))
        return alt.layer(behind, chart).properties(width=WIDTH, height=HEIGHT)

    def _scaled(self, path: str, value: Value) -> Value:
        return value if isinstance(value, str) or not _is_money(path) else value / self.scale

    def _shown(self, path: str, value: Value) -> str:
        scaled = self._scaled(path, value)
        return scaled if isinstance(scaled, str) else f"{scaled:,.10g}"


def _is_money(path: str) -> bool:
    return path == "budget" or path.startswith("budget.")


def _panel(rows: Rows, x: alt.X, title: str, lines: list[str], legend: str | None) -> Any:
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(lines))]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=x,
        y=alt.Y("y:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=4)),
        color=alt.Color(
            "line:N",
            sort=lines,
            scale=alt.Scale(domain=lines, range=colours),
            legend=None if legend is None else alt.Legend(title=legend),
        ),
    )
    points = base.mark_point(filled=True, size=40, opacity=1)
    marks = alt.layer(base.mark_line(strokeWidth=2), points)
    return marks.properties(width=WIDTH, height=HEIGHT, title=title)


def _binding_panel(view: _Along) -> Any:
    points = view.sweep.points
    families = sorted({name for point in points for name in point.outcome.bound})
    rows = [
        {"x": row["x"], "line": name, "y": row[f"binds_{name}"]}
        for row in view.rows
        for name in families
    ]
    title = "municipalities where a family of capacity binds"
    if any(point.outcome.budgets for point in points):
        title += "; shaded: where a budget begins or ceases to be spent"
    return _panel(rows, view.x(last=True), title, families, "family")


def marginal_chart(marginal: Marginal) -> Any:
    """Return where the next million helps most, by kind of measure, with what is proven."""
    rows = _ranked(marginal)
    if not rows:
        text = {"text": "nothing that was tried helps"}
        return alt.Chart(alt.InlineData(values=[text])).mark_text(color=INK).encode(text="text:N")
    goal = marginal.goals[int(min(row["goal"] for row in rows)) - 1]
    rows = [row for row in rows if marginal.goals[int(row["goal"]) - 1] == goal]
    kinds = list(dict.fromkeys(str(row["kind"]) for row in rows))
    order = [str(row["label"]) for row in rows]
    low = min(0.0, *(float(row["low"]) for row in rows))
    high = max(float(row["high"]) for row in rows)
    x = alt.X("worth:Q", title=None, scale=alt.Scale(domain=[low, high], nice=True))
    charts = []
    for number, kind in enumerate(kinds):
        own = [row for row in rows if row["kind"] == kind]
        base = alt.Chart(alt.InlineData(values=own)).encode(
            y=alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=260, ticks=False)),
        )
        bars = base.mark_bar(color=COLOURS[number % len(COLOURS)], height={"band": 0.6}).encode(x=x)
        proven = base.mark_rule(color=INK, strokeWidth=1.5).encode(x="low:Q", x2="high:Q")
        said = base.mark_tick(color=FAINT, thickness=2, height=14, clip=True).encode(x="said:Q")
        charts.append(
            alt.layer(bars, proven, said).properties(
                width=WIDTH - 120, height=24 * len(own), title=kind
            )
        )
    title = alt.TitleParams(
        f"{marginal.instance_id}: what a million {marginal.currency} gains in {goal}",
        subtitle="line: what is proven; grey tick: what prices said, where the axis reaches it",
    )
    return alt.vconcat(*charts, spacing=10, title=title).resolve_scale(x="shared")


def _ranked(marginal: Marginal) -> Rows:
    rows: Rows = []
    for row in marginal.ranking.to_dict("records"):
        if pd.isna(row["worth_per_million"]) or not row["worth"] > 0:
            continue
        millions = row["cost"] / MILLION
        name = row["name"] or row["item"]
        rows.append(
            {
                "kind": row["kind"],
                "goal": row["goal"],
                "label": f"{name} · {row['measure_id']}",
                "worth": row["worth_per_million"],
                "low": (row["worth"] if pd.isna(row["at_least"]) else row["at_least"]) / millions,
                "high": (row["worth"] if pd.isna(row["at_most"]) else row["at_most"]) / millions,
                "said": None if pd.isna(row["conditional"]) else _per_million(row),
            }
        )
    return rows


def _per_million(row: dict[str, Any]) -> float | None:
    if row["conditional_goal"] != row["goal"]:
        return None
    return float(row["conditional"] * row["units"] / (row["cost"] / MILLION))


def frontier_chart(frontier: Frontier) -> Any:
    """Return the efficient points, with the proven bound of the first goal below each."""
    costs = [point.outcome.totals.cost for point in frontier.tried if point.outcome.totals]
    large = max(costs, default=0.0) >= MILLION
    scale, money = (MILLION, "million") if large else (1.0, "in")

    def counted(term: Term, value: float) -> float:
        return plain(term, value) / (scale if term is Term.COST else 1.0)

    def axis(term: Term) -> str:
        unit = {Term.COST: f"{money} {frontier.currency}", Term.MAX_RATIO: "quota ÷ fair share"}
        return f"{term.value}, {unit.get(term, 'persons')}"

    rows = []
    for point in frontier.tried:
        if point.first is not None and point.second is not None:
            bound = point.first.value if point.first.bound is None else point.first.bound
            row = {"x": counted(frontier.second, point.second.value), "kind": point.kind}
            row["y"] = counted(frontier.first, point.first.value)
            rows.append(row | {"bound": counted(frontier.first, bound)})
    padded = alt.Scale(zero=False, padding=12)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("x:Q", title=axis(frontier.second), scale=padded),
        y=alt.Y("y:Q", title=axis(frontier.first), scale=padded),
    )
    efficient = base.transform_filter("datum.kind == 'efficient'")
    others = base.transform_filter("datum.kind != 'efficient'")
    layers = alt.layer(
        efficient.mark_line(color=BLUE, strokeWidth=1.5, strokeDash=[4, 3]),
        efficient.mark_rule(color=BROWN, strokeWidth=2).encode(y2="bound:Q"),
        efficient.mark_point(filled=True, size=60, color=BLUE, opacity=1),
        others.mark_point(size=40, color=FAINT),
    )
    params = alt.TitleParams(
        f"{frontier.instance_id}: {frontier.first.value} against {frontier.second.value}",
        subtitle="brown: from the value to the bound that is proven",
    )
    return layers.properties(width=WIDTH, height=300, title=params)
