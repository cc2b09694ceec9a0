"""Charts of an analysis: Altair states them."""

from typing import Any

import altair as alt
import pandas as pd

from allocator.batch.analysis.words import value_in_words
from allocator.report.charts import BLUE, BROWN, FAINT, INK
from allocator.sensitivity.bars import PALE, TITLES, index_panels
from allocator.sensitivity.charts import MILLION
from allocator.sensitivity.designs import ScreeningMethod
from allocator.sensitivity.inputs import ASSUME
from allocator.sensitivity.tables import records

WIDTH, HEIGHT = 250, 76
"""Pixels of one panel of a response curve: narrow enough for a telephone."""
LABELS = 40
"""Pixels of the figures beside a panel, so that all panels begin at the same place."""
ROW = 20
"""Pixels of a municipality with its surroundings."""
CELL = 58
"""Pixels of a cell of what hangs on what."""

Rows = list[dict[str, Any]]


def curve_chart(curves: pd.DataFrame, path: str, currency: str) -> Any:
    """Return how every result that moves in the batch moves along one input.

    Panels of the same result have the same scale whatever the input is.

    Parameters
    ----------
    curves
        Response curves of one instance, over all inputs.
    path
        The input.
    currency
        Of the cost.
    """
    moving = moving_results(curves)
    own = curves[curves["input"] == path]
    charts = []
    for number, name in enumerate(moving):
        every = curves[curves["result"] == name]
        scale, title = _unit(name, every, currency)
        ends = [float(every["q10"].min()) / scale, float(every["q90"].max()) / scale]
        rows = _points(own[own["result"] == name], scale)
        last = number == len(moving) - 1
        charts.append(_panel(rows, ends, title, path if last else None))
    return alt.vconcat(*charts, spacing=8)


def moving_results(curves: pd.DataFrame) -> list[str]:
    """Return the results that have two values at least anywhere on the curves."""
    ends = curves.groupby("result").agg({"q10": "min", "q90": "max"})
    return [name for name in TITLES if name in ends.index and ends.q90[name] > ends.q10[name]]


def _unit(name: str, every: pd.DataFrame, currency: str) -> tuple[float, str]:
    """Return by what a result is divided, and what stands above it."""
    if name != "cost":
        return 1.0, TITLES[name]
    large = bool((every["q90"] >= MILLION).any())
    return (MILLION if large else 1.0), f"cost, {'million ' if large else ''}{currency}"


def _points(own: pd.DataFrame, scale: float) -> Rows:
    named = own["value"].map(lambda value: value is None or isinstance(value, str)).any()
    return [
        {
            "x": value_in_words(row["value"]) if named else float(row["value"]),
            **{name: float(row[name]) / scale for name in ("q10", "q50", "q90")},
        }
        for row in own[own["cases"] > 0].to_dict("records")
    ]


def _panel(rows: Rows, ends: list[float], title: str, below: str | None) -> Any:
    numbers = not any(isinstance(row["x"], str) for row in rows)
    last = below is not None
    axis = alt.Axis(
        title=below, labels=last, ticks=last, labelAngle=0 if numbers else -40, labelLimit=110,
        labelOverlap=True, titleLimit=WIDTH,
    )  # fmt: skip
    if numbers:
        x = alt.X("x:Q", axis=axis, scale=alt.Scale(zero=False, nice=False, padding=6))
    else:
        x = alt.X("x:N", axis=axis, sort=[row["x"] for row in rows])
    scale = alt.Scale(domain=ends, nice=True, zero=False)
    beside = alt.Axis(tickCount=3, minExtent=LABELS, maxExtent=LABELS)
    y, low = (alt.Y(f"{name}:Q", title=None, axis=beside, scale=scale) for name in ("q50", "q10"))
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x)
    dots = base.mark_point(filled=True, size=28, opacity=1, color=BLUE).encode(y=y)
    if numbers:
        band = base.mark_area(color=PALE).encode(y=low, y2="q90:Q")
        layers = alt.layer(band, base.mark_line(color=BLUE, strokeWidth=2).encode(y=y), dots)
    else:
        layers = alt.layer(base.mark_bar(color=PALE, width=14).encode(y=low, y2="q90:Q"), dots)
    return layers.properties(
        width=WIDTH, height=HEIGHT, title=alt.TitleParams(title, frame="group")
    )


def quota_chart(quotas: pd.DataFrame) -> Any:
    """Return quotas over all cases: a bar from q10 to q90, a line from the least to the most.

    Parameters
    ----------
    quotas
        Rows of `quota_quantiles`, in the order in which they are shown.
    """
    names = ("min", "q10", "q50", "q90", "max", "unvaried")
    rows = [
        {"label": f"{row['municipality_id']} {row['name']}", **{name: row[name] for name in names}}
        for row in records(quotas)
    ]
    order = [row["label"] for row in rows]
    axis = alt.Axis(labelLimit=170, ticks=False, domain=False)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("label:N", sort=order, title=None, axis=axis)
    )
    ends = base.mark_rule(color=FAINT).encode(x=alt.X("min:Q", title="persons"), x2="max:Q")
    bars = base.mark_bar(color=PALE, height={"band": 0.6}).encode(x="q10:Q", x2="q90:Q")
    middle = base.mark_tick(color=BLUE, thickness=3, height=14).encode(x="q50:Q")
    unvaried = base.mark_point(filled=True, color=BROWN, size=36, opacity=1).encode(x="unvaried:Q")
    return alt.layer(ends, bars, middle, unvaried).properties(width=340, height=ROW * len(rows))


def dependence_chart(table: pd.DataFrame, towns: list[str], inputs: list[str]) -> Any:
    """Return ε² of municipalities on inputs; cells that do not stand out are left white.

    Parameters
    ----------
    table
        Rows of `Dependence.table` of one instance.
    towns, inputs
        Those that are shown, in order.
    """
    own = table[table["municipality_id"].isin(towns) & table["input"].isin(inputs)]
    rows = [
        {
            "town": f"{row['municipality_id']} {row['name']}",
            "input": row["input"].removeprefix(ASSUME),
            "share": row["epsilon_squared"] if row["stands_out"] else 0.0,
            "text": f"{row['epsilon_squared']:.2f}" if row["stands_out"] else "",
        }
        for row in own.to_dict("records")
    ]
    names = own.drop_duplicates("municipality_id").set_index("municipality_id")["name"]
    order = [f"{town} {names[town]}" for town in towns]
    columns = [path.removeprefix(ASSUME) for path in inputs]
    above = alt.Axis(
        orient="top", labelAngle=-40, labelAlign="left", labelLimit=220, ticks=False, domain=False
    )
    beside = alt.Axis(labelLimit=170, ticks=False, domain=False)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("input:N", sort=columns, title=None, axis=above),
        y=alt.Y("town:N", sort=order, title=None, axis=beside),
    )
    scale = alt.Scale(domain=[0, 1], range=["#ffffff", BLUE], interpolate="rgb")
    cells = base.mark_rect(stroke="#d5dae0").encode(
        color=alt.Color("share:Q", scale=scale, legend=None)
    )
    numbers = base.mark_text(fontSize=11).encode(
        text="text:N",
        color=alt.condition("datum.share > 0.7", alt.value("#ffffff"), alt.value(INK)),
    )
    size = {"width": CELL * len(columns), "height": ROW * len(order)}
    return alt.layer(cells, numbers).properties(**size)


def indices_chart(
    indices: pd.DataFrame, method: ScreeningMethod, largest_cost: float, currency: str
) -> Any | None:
    """Return the indices of one sample as bars; none where no result moves."""
    panels = index_panels(indices, method, largest_cost, currency)
    return alt.vconcat(*panels, spacing=12) if panels else None
