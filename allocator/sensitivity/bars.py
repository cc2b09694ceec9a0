"""Charts of screenings: for every result that moves, which inputs move it most."""

from typing import Any

import altair as alt
import pandas as pd

from allocator.report.charts import BLUE, BROWN, FAINT, INK
from allocator.sensitivity.charts import MILLION, WIDTH
from allocator.sensitivity.designs import ScreeningMethod
from allocator.sensitivity.inputs import ASSUME
from allocator.sensitivity.screening import Screening

SHOWN = 8
"""Most inputs that are shown for a result."""
BAR = 18
"""Pixels of a bar with its surroundings."""
PALE = "#b9cdea"

TITLES = {
    "shortfall": "persons without a place",
    "cost": "cost",
    "unfairness": "unfairness, persons",
    "largest_ratio": "largest quota ÷ fair share",
    "smallest_ratio": "smallest quota ÷ fair share",
    "gini_per_inhabitant": "Gini coefficient of quotas per inhabitant",
    "gini_per_fair_share": "Gini coefficient of quotas per fair share",
    "jain": "Jain's index",
    "moved_share": "part of the persons asked elsewhere than by the key",
    "asked": "municipalities asked",
    "overload": "overload of soft capacities",
    "change": "persons asked elsewhere than the year before",
    "outcome": "expected successes, persons",
}
RAISES, LOWERS, EITHER = "more of it raises", "more of it lowers", "now one, now the other"

EXPLAINED = {
    ScreeningMethod.MORRIS: "bar: mean size of the effect over the whole range (mu*), "
    "line: 95 % confidence, grey tick: its standard deviation (sigma)",
    ScreeningMethod.SOBOL: "bar: part of the variance with all interactions (ST), "
    "line: 95 % confidence, dark: by itself (S1)",
}
"""What the bars show."""

Rows = list[dict[str, Any]]


def screening_chart(screening: Screening) -> Any:
    """Return bars of every result that moves, the inputs that matter most first.

    Bars are `mu_star` with its confidence, and a tick `sigma` (Morris); or `ST` with its
    confidence, and within it `S1` (Sobol').
    """
    method = screening.design.method
    costs = screening.results.query("result == 'cost'")["largest"]
    charts = index_panels(screening.indices, method, max(costs, default=0.0), screening.currency)
    if not charts:
        text = {"text": screening.refusal or "no input matters for any result"}
        return alt.Chart(alt.InlineData(values=[text])).mark_text(color=INK).encode(text="text:N")
    title = f"{screening.instance_id}: what matters for what"
    heading = alt.TitleParams(title, subtitle=EXPLAINED[method])
    return alt.vconcat(*charts, spacing=12, title=heading)


def index_panels(
    indices: pd.DataFrame, method: ScreeningMethod, largest_cost: float, currency: str
) -> list[Any]:
    """Return bars of every result that moves, a chart each.

    Parameters
    ----------
    indices
        One row a result and input: result, input, the indices of the method, rank.
    method
        Of the design.
    largest_cost
        Of any case: effects on the cost are shown in millions where it is that large.
    currency
        Of the cost.
    """
    morris = method is ScreeningMethod.MORRIS
    draw = _effects if morris else _parts
    charts = []
    for name, title in TITLES.items():
        scale, words = 1.0, title
        if name == "cost" and morris:
            large = largest_cost >= MILLION
            scale = MILLION if large else 1.0
            words = f"{title}, {f'million {currency}' if large else currency}"
        rows = _ranked(indices, name, scale)
        if rows:
            bars = draw(rows)
            charts.append(bars.properties(width=WIDTH - 120, height=BAR * len(rows), title=words))
    return charts


def _ranked(frame: pd.DataFrame, result: str, scale: float) -> Rows:
    own = frame[(frame["result"] == result) & frame["rank"].notna()].sort_values("rank")
    rows = []
    for row in own.head(SHOWN).to_dict("records"):
        label = row["input"].removeprefix(ASSUME)
        shown: dict[str, Any] = {"label": label}
        for name in ("mu", "mu_star", "mu_star_conf", "sigma", "S1", "ST", "ST_conf"):
            if name in row:
                shown[name] = float(row[name]) / scale
        rows.append(shown)
    return rows


def _base(rows: Rows) -> Any:
    order = [row["label"] for row in rows]
    axis = alt.Axis(labelLimit=260, ticks=False)
    return alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("label:N", sort=order, title=None, axis=axis)
    )


def _effects(rows: Rows) -> Any:
    told = [
        {
            **row,
            "way": _way(row["mu"], row["mu_star"]),
            "low": max(0.0, row["mu_star"] - row["mu_star_conf"]),
            "high": row["mu_star"] + row["mu_star_conf"],
        }
        for row in rows
    ]
    ways = [RAISES, LOWERS, EITHER]
    colour = alt.Color(
        "way:N",
        scale=alt.Scale(domain=ways, range=[BLUE, BROWN, FAINT]),
        legend=alt.Legend(title=None),
    )
    base = _base(told)
    bars = base.mark_bar(height={"band": 0.6}).encode(x=_x("mu_star:Q"), color=colour)
    sure = base.mark_rule(color=INK, strokeWidth=1.5).encode(x="low:Q", x2="high:Q")
    spread = base.mark_tick(color=FAINT, thickness=2, height=12).encode(x="sigma:Q")
    return alt.layer(bars, sure, spread)


def _parts(rows: Rows) -> Any:
    told = [
        {
            **row,
            "own": max(0.0, row["S1"]),
            "low": max(0.0, row["ST"] - row["ST_conf"]),
            "high": row["ST"] + row["ST_conf"],
        }
        for row in rows
    ]
    base = _base(told)
    whole = base.mark_bar(color=PALE, height={"band": 0.7}).encode(x=_x("ST:Q"))
    own = base.mark_bar(color=BLUE, height={"band": 0.35}).encode(x="own:Q")
    sure = base.mark_rule(color=INK, strokeWidth=1.5).encode(x="low:Q", x2="high:Q")
    return alt.layer(whole, own, sure)


def _x(field: str) -> alt.X:
    return alt.X(field, title=None, axis=alt.Axis(tickCount=5))


def _way(mu: float, mu_star: float) -> str:
    """Tell whether all effects point one way."""
    if abs(mu) < mu_star * (1 - 1e-9):
        return EITHER
    return RAISES if mu > 0 else LOWERS
