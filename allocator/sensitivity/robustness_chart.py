"""The chart of robustness: what protection costs, where the plan fails, how quotas move."""

from typing import Any

import altair as alt

from allocator.report.charts import BLUE, BROWN, FAINT, INK
from allocator.sensitivity.robustness import Robustness
from allocator.sensitivity.tables import records

WIDTH, HEIGHT = 400, 130
SHOWN = 20
"""Most municipalities of one panel."""

Rows = list[dict[str, Any]]


def robustness_chart(found: Robustness) -> Any:
    """Return the chart: panels that would have nothing to show are left out."""
    panels = [*_along_gamma(found), *_failing(found), *_quotas(found)]
    title = alt.TitleParams(
        f"{found.instance_id}: where capacities and arrivals are uncertain",
        subtitle=f"{len(found.arrivals):,} draws of the plan as it stands; "
        f"{sum(one.found for one in found.anew):,} in which the country is decided anew",
    )
    if not panels:
        text = {"text": "nothing that the plan uses is uncertain"}
        empty = alt.Chart(alt.InlineData(values=[text])).mark_text(color=INK)
        panels = [empty.encode(text="text:N")]
    return alt.vconcat(*panels, spacing=14, title=title)


def _along_gamma(found: Robustness) -> list[Any]:
    rows = [row for row in records(found.robust) if row["placed"] is not None]
    if len(rows) < 2:
        return []
    titles = {
        "shortfall": "persons without a place in the robust plan",
        "unfairness": "unfairness of the robust plan, persons",
        "places_failing": "places in which a capacity is too small, mean over the draws",
    }
    return [
        _line([{"x": row["gamma"], "y": row[name]} for row in rows], title, name == last)
        for name, title in titles.items()
        for last in ("places_failing",)
    ]


def _line(rows: Rows, title: str, last: bool) -> Any:
    axis = alt.Axis(title="budget of uncertainty Γ" if last else None, labels=last, ticks=last)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("x:Q", axis=axis, scale=alt.Scale(domain=[0, 1])),
        y=alt.Y("y:Q", title=None, axis=alt.Axis(tickCount=4)),
    )
    points = base.mark_point(filled=True, size=40, opacity=1, color=BLUE)
    marks = alt.layer(base.mark_line(strokeWidth=2, color=BLUE), points)
    return marks.properties(width=WIDTH, height=HEIGHT, title=title)


def _failing(found: Robustness) -> list[Any]:
    rows = [
        {"label": f"{row['place']} {row['name']}".strip(), "share": row["fails"]}
        for row in records(found.places)[:SHOWN]
        if row["fails"]
    ]
    if not rows:
        return []
    bars = alt.Chart(alt.InlineData(values=rows)).mark_bar(color=BROWN, height={"band": 0.6})
    chart = bars.encode(
        x=alt.X("share:Q", title=None, axis=alt.Axis(format="%", tickCount=5)),
        y=_names(rows),
    )
    title = "share of the draws in which a capacity is too small, nobody being moved"
    return [chart.properties(width=WIDTH, height=18 * len(rows), title=title)]


def _quotas(found: Robustness) -> list[Any]:
    known = [row for row in records(found.quotas) if row["q50"] is not None]
    known.sort(key=lambda row: row["q95"] - row["q05"], reverse=True)
    names = ("quota", "q05", "q25", "q50", "q75", "q95")
    rows = [
        {
            "label": f"{row['municipality_id']} {row['name']}".strip(),
            **{name: row[name] for name in names},
        }
        for row in known[:SHOWN]
    ]
    if not rows:
        return []
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=_names(rows))
    persons = alt.Scale(zero=False)
    marks = alt.layer(
        base.mark_rule(color=FAINT).encode(
            x=alt.X("q05:Q", title="persons", scale=persons), x2="q95:Q"
        ),
        base.mark_bar(color=BLUE, height=8).encode(x=alt.X("q25:Q", title="persons"), x2="q75:Q"),
        base.mark_tick(color=INK, thickness=2, height=12).encode(x="q50:Q"),
        base.mark_point(color=BROWN, filled=True, size=30, opacity=1).encode(x="quota:Q"),
    )
    title = "quotas decided anew: 5, 25, 50, 75 and 95 % (brown: the plan)"
    return [marks.properties(width=WIDTH, height=18 * len(rows), title=title)]


def _names(rows: Rows) -> alt.Y:
    order = [row["label"] for row in rows]
    return alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=200, ticks=False))
