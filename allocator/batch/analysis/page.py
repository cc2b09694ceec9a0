"""The page of an analysis: one HTML file that needs nothing else."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd
from markupsafe import Markup

from allocator.batch.analysis import charts
from allocator.batch.analysis.dependence import RATE
from allocator.batch.analysis.levels import EACH
from allocator.batch.analysis.words import (
    counts_in_words,
    gaps_in_words,
    points_in_words,
    value_in_words,
)
from allocator.report.charts import in_page
from allocator.report.templating import resource, templates
from allocator.sensitivity.bars import EXPLAINED
from allocator.sensitivity.charts import drawn
from allocator.version import VERSION

if TYPE_CHECKING:
    from allocator.batch.analysis.result import Analysis

MOST_CURVES = 24
"""Most inputs whose curves are drawn for an instance; the table has all."""
MOST_SAMPLES = 6
"""Most samples whose indices are drawn for an instance; the table has all."""
MOST_INPUTS = 12
"""Most columns of the chart of what hangs on what."""
MOST_ROWS = 1000
"""Most rows of a table; the CSV files have all."""


def page(found: "Analysis", top: int) -> str:
    """Return an analysis as HTML; a content security policy forbids to fetch or run anything.

    Parameters
    ----------
    found
        What a batch says.
    top
        Municipalities in each chart.
    """
    return (
        templates("allocator.batch.analysis")
        .get_template("analysis.html.j2")
        .render(
            title=found.title or "A batch of what-ifs",
            found=found,
            parts=[_part(found, about, top) for about in found.instances.to_dict("records")],
            rate=RATE,
            each=EACH,
            version=VERSION,
            style=Markup(resource("style.css")),  # noqa: S704 - our own file
        )
    )


def _part(found: "Analysis", about: dict[str, Any], top: int) -> dict[str, Any]:
    """Return what the page shows of one instance."""
    name = about["instance"]
    return {
        "name": name,
        "counts": counts_in_words(about),
        "gaps": list(gaps_in_words(found, about)),
        "reasons_table": _table(found.of("without_plan", name).drop(columns="instance")),
        **_curves(found.of("curves", name), about["currency"]),
        **_quotas(found.of("quotas", name), top),
        **_indices(found, name, about["currency"]),
        **_hanging(found.of("dependence", name), about, top),
    }


def _svg(chart: Any) -> Markup:
    return in_page(drawn(chart, "svg").decode())


def _curves(curves: pd.DataFrame, currency: str) -> dict[str, Any]:
    inputs = list(dict.fromkeys(curves["input"]))
    shown = inputs[:MOST_CURVES] if charts.moving_results(curves) else []
    return {
        "curves": [
            (
                path,
                points_in_words(curves[curves["input"] == path]),
                _svg(charts.curve_chart(curves, path, currency)),
            )
            for path in shown
        ],
        "curves_left": inputs[len(shown) :] if shown else [],
        "curve_table": _table(curves.drop(columns="instance")),
    }


def _quotas(quotas: pd.DataFrame, top: int) -> dict[str, Any]:
    spread = (quotas["q90"] - quotas["q10"]).astype("float64")
    widest = quotas.loc[spread[spread > 0].sort_values(ascending=False, kind="stable").index]
    shown = widest.head(top)
    return {
        "quota_chart": _svg(charts.quota_chart(shown)) if len(shown) else None,
        "shown": len(shown),
        "spread": len(widest),
        "unvaried": bool(quotas["unvaried"].notna().any()),
        "quota_table": _table(quotas.drop(columns="instance")),
    }


def _indices(found: "Analysis", name: str, currency: str) -> dict[str, Any]:
    table, curves = found.of("indices", name), found.of("curves", name)
    costs = curves.loc[curves["result"] == "cost", "q90"]
    largest = float(costs.max()) if len(costs) else 0.0
    return {
        "indices": list(_index_charts(found, table, largest, currency)),
        "indices_explained": None if found.method is None else EXPLAINED[found.method],
        "indices_left": max(0, table["within"].nunique() - MOST_SAMPLES),
        "index_table": _table(table.drop(columns="instance")),
        "refused_table": _table(found.of("refused", name).drop(columns="instance")),
    }


def _index_charts(
    found: "Analysis", table: pd.DataFrame, largest: float, currency: str
) -> Iterator[tuple[str, Markup]]:
    for within in table["within"].unique()[:MOST_SAMPLES]:
        own = table[table["within"] == within]
        if found.method is not None:
            chart = charts.indices_chart(own, found.method, largest, currency)
            if chart is not None:
                yield within, _svg(chart)


def _hanging(table: pd.DataFrame, about: dict[str, Any], top: int) -> dict[str, Any]:
    clear = table[table["stands_out"].astype("bool")]
    towns = list(dict.fromkeys(clear["municipality_id"]))[:top]
    weight = clear.groupby("input")["persons"].sum().sort_values(ascending=False, kind="stable")
    inputs = list(weight.index[:MOST_INPUTS])
    return {
        "heat": _svg(charts.dependence_chart(table, towns, inputs)) if towns else None,
        "heat_left": list(weight.index[MOST_INPUTS:]),
        "hanging": clear["municipality_id"].nunique(),
        "still": about["still"],
        "pairs": len(table),
        "dependence_table": _table(clear.drop(columns=["instance", "stands_out"])),
    }


def _table(frame: pd.DataFrame) -> dict[str, Any]:
    """Return a table as the page shows it: figures that a spreadsheet reads, and how many rows."""
    text = [not _is_figures(frame[name]) for name in frame]
    shown = frame.head(MOST_ROWS)
    cells = [
        [_named(name, value) if words else _figure(value) for value in shown[name]]
        for name, words in zip(shown, text, strict=True)
    ]
    return {
        "columns": list(zip(map(str, frame), text, strict=True)),
        "rows": list(zip(*cells, strict=True)),
        "left": len(frame) - len(shown),
    }


def _is_figures(column: "pd.Series[Any]") -> bool:
    return all(not isinstance(value, str) and value is not None for value in column.tolist())


def _named(column: str, value: Any) -> str:
    """Return a value of an input as it is given; other words as they are."""
    if column in ("value", "lowest_at", "highest_at"):
        return value_in_words(value) if value is None or isinstance(value, str) else _figure(value)
    return "" if value is None or value != value else str(value)


def _figure(value: Any) -> str:
    """Return a number to seven digits, without separators; nothing where it is missing."""
    if pd.isna(value):
        return ""
    number = float(value)
    return f"{number:.0f}" if number.is_integer() or abs(number) >= 1e7 else f"{number:.7g}"
