"""Draw the charts of a report: Altair states them, vl-convert draws them as SVG."""

from typing import Any

import altair as alt
import vl_convert
from markupsafe import Markup

from allocator.language import Texts
from allocator.report.classes import CLASSES, NO_SHARE, NOT_ASKED, colour_of
from allocator.report.figures import Figures
from allocator.report.map import class_name

BLUE, BROWN, INK, FAINT = "#2f6db0", "#9c4a08", "#22272e", "#59636e"
FONT = "Arial, Helvetica, Liberation Sans, sans-serif"
ROW = 24
"""Height of one bar with what is between it and the next, in pixels."""

Rows = list[dict[str, Any]]


def ratio_chart(figures: Figures, texts: Texts) -> Markup:
    """Return how many municipalities are in every class of ratio, as SVG."""
    labels = [texts("ratio.not_asked"), *(class_name(one, texts) for one in CLASSES)]
    fills = [NOT_ASKED, *(one.colour for one in CLASSES)]
    towns = figures.municipalities
    fill = [
        colour_of(float(quota), ratio)
        for quota, ratio in zip(towns["quota"], towns["ratio"], strict=True)
    ]
    if NO_SHARE in fill:
        labels, fills = [*labels, texts("ratio.no_share")], [*fills, NO_SHARE]
    rows = [
        {"label": label, "value": fill.count(colour), "text": texts.number(fill.count(colour))}
        for label, colour in zip(labels, fills, strict=True)
    ]
    colour = alt.Color("label:N", scale=alt.Scale(domain=labels, range=fills), legend=None)
    return _svg(_bars(rows, labels, colour, 300))


def centrality_chart(figures: Figures, texts: Texts) -> Markup:
    """Return persons per 1,000 inhabitants by class of centrality, as SVG."""
    rows = [
        {
            "label": texts("fairness.class", number=group.name),
            "value": group.per_1000 or 0.0,
            "text": texts.number(group.per_1000, 1),
        }
        for group in figures.fairness.by_centrality
    ]
    return _svg(_bars(rows, [str(row["label"]) for row in rows], alt.value(BLUE), 300))


def county_chart(figures: Figures, texts: Texts) -> Markup:
    """Return persons per 1,000 inhabitants by county, most first, after the whole country."""
    measured = figures.fairness
    groups = sorted(measured.by_county, key=lambda group: -(group.per_1000 or 0.0))
    country = texts("fairness.country")
    figures_by_name = [(country, measured.per_1000), *((g.name, g.per_1000) for g in groups)]
    rows = [
        {"label": name, "value": value or 0.0, "text": texts.number(value, 2)}
        for name, value in figures_by_name
    ]
    colour = alt.condition(alt.datum.label == country, alt.value(BROWN), alt.value(BLUE))
    return _svg(_bars(rows, [str(row["label"]) for row in rows], colour, 300))


def binding_chart(figures: Figures, texts: Texts) -> Markup:
    """Return in which part of a county's municipalities nothing is left, by family, as SVG."""
    frame = figures.bound_by_county
    rows = [
        {
            "county": row["county"],
            "family": texts.known("family", row["family"]),
            "share": row["bound"] / row["municipalities"],
            "text": f"{row['bound']}",
        }
        for row in frame.to_dict("records")
    ]
    counties = list(dict.fromkeys(frame["county"]))
    families = [texts.known("family", name) for name in dict.fromkeys(figures.capacity["family"])]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("family:N", sort=families, title=None, axis=_axis(orient="top", labelAngle=0)),
        y=alt.Y("county:N", sort=counties, title=None, axis=_axis()),
    )
    scale = alt.Scale(domain=[0, 1], range=["#ffffff", "#2f6db0"], interpolate="rgb")
    cells = base.mark_rect(stroke="#d5dae0").encode(
        color=alt.Color("share:Q", scale=scale, legend=None)
    )
    numbers = base.mark_text(fontSize=12).encode(
        text="text:N",
        color=alt.condition("datum.share > 0.7", alt.value("#ffffff"), alt.value(INK)),
    )
    size = {"width": 96 * len(families), "height": ROW * len(counties)}
    return _svg(alt.layer(cells, numbers).properties(**size))


def _axis(**more: Any) -> alt.Axis:
    return alt.Axis(
        domain=False, ticks=False, labelLimit=220, labelPadding=6, labelFontSize=12, **more
    )


def _bars(rows: Rows, order: list[str], colour: Any, width: int) -> Any:
    """Return horizontal bars with their numbers behind them."""
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("label:N", sort=order, title=None, axis=_axis()),
        x=alt.X("value:Q", axis=None, scale=alt.Scale(domainMin=0, nice=False)),
    )
    bars = base.mark_bar(stroke=INK, strokeWidth=0.5, height=alt.RelativeBandSize(0.68)).encode(
        color=colour
    )
    numbers = base.mark_text(align="left", dx=5, fontSize=12, color=INK).encode(text="text:N")
    return alt.layer(bars, numbers).properties(width=width, height=ROW * max(len(rows), 1))


def _svg(chart: Any) -> Markup:
    styled = chart.configure(background="transparent", font=FONT).configure_view(stroke=None)
    return in_page(vl_convert.vegalite_to_svg(styled.to_dict()))


def in_page(svg: str) -> Markup:
    """Return a drawing as a part of a page."""
    # The page says in words what a chart shows; to a screen reader its marks are noise.
    svg = svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
    return Markup(svg)  # noqa: S704 - vl-convert escapes the texts
