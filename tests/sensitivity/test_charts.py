"""Charts show what was found: every point, what is proven, and where a budget begins to bind."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from allocator.sensitivity.charts import (
    FORMATS,
    drawn,
    frontier_chart,
    marginal_chart,
    sweep_chart,
)
from allocator.sensitivity.executor import Executor
from allocator.sensitivity.frontier import frontier
from allocator.sensitivity.marginal import marginal
from allocator.sensitivity.sweep import sweep
from allocator.solve import solve
from tests.sensitivity.cases import EXACT, Country, draw

COUNTRY = draw(0)


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(processes=1) as one:
        yield one


def data(chart: Any) -> list[dict[str, Any]]:
    """Return every row of data that a chart draws, as often as it does."""
    spec = chart.to_dict()
    found: list[dict[str, Any]] = []

    def look(part: Any) -> None:
        if isinstance(part, dict):
            found.extend(spec["datasets"].get(part.get("data", {}).get("name"), []))
            for name, value in part.items():
                if name not in ("data", "datasets"):
                    look(value)
        elif isinstance(part, list):
            for value in part:
                look(value)

    look(spec)
    return found


def text(chart: Any) -> str:
    return drawn(chart, "svg").decode()


def test_a_sweep_shows_every_point_and_where_a_budget_turns(executor: Executor) -> None:
    country = Country((100, 100), 20, (10.0, 4.0), (20.0, 12.0), (0, 4), (0.5, 0.5), 0.0)
    over = {"budget": [0, 100, 250, 400]}
    found = sweep(country.instance, country.policy, over, options=EXACT, executor=executor)
    chart = sweep_chart(found)
    rows = data(chart)
    shortfall = [row["y"] for row in rows if row.get("line") == "all"][:4]
    assert shortfall == found.table["shortfall"].tolist()
    assert [row for row in rows if set(row) == {"from", "to"}] == 3 * [{"from": 250, "to": 400}]
    housing = [row["y"] for row in rows if row.get("line") == "housing"]
    assert housing == found.table["binds_housing"].tolist()
    for words in ("persons without a place", "cost, in EUR", "budget, in EUR", "housing"):
        assert words in text(chart)


def test_two_inputs_are_lines_and_words_are_an_order(executor: Executor) -> None:
    over: dict[str, list[Any]] = {"minors": ["listed", "anywhere"], "budget": [0, 1_500_000]}
    found = sweep(COUNTRY.instance, COUNTRY.policy, over, options=EXACT, executor=executor)
    chart = sweep_chart(found)
    assert {row["line"] for row in data(chart)} == {"0", "1.5"}
    assert {row["x"] for row in data(chart)} == {"listed", "anywhere"}
    assert "million EUR" in text(chart)


def test_points_without_a_plan_are_left_out(executor: Executor) -> None:
    over = {"min_ratio": [0.0, 0.99]}
    found = sweep(COUNTRY.instance, COUNTRY.policy, over, options=EXACT, executor=executor)
    assert {row["x"] for row in data(sweep_chart(found))} == {0.0}


def test_marginal_values_are_bars_with_what_is_proven(executor: Executor) -> None:
    plan = solve(COUNTRY.instance, COUNTRY.policy, EXACT)
    found = marginal(COUNTRY.instance, plan, money=100.0, options=EXACT, executor=executor)
    bars = {row["label"]: row for row in data(marginal_chart(found)) if "label" in row}
    ranking = found.ranking[found.ranking["goal"] == found.ranking["goal"].min()]
    helping = ranking[ranking["worth"] > 0]
    assert not helping.empty
    assert [row["worth"] for row in bars.values()] == helping["worth_per_million"].tolist()
    for row in bars.values():
        assert row["low"] <= row["worth"] + 1e-6
        assert row["high"] >= row["worth"] - 1e-6
    assert "gains in shortfall" in text(marginal_chart(found))


def test_nothing_to_show_is_said(executor: Executor) -> None:
    plenty = Country((100, 200), 30, (90.0, 90.0), (90.0, 90.0), (0, 0), (0.5, 0.5), 100.0)
    plan = solve(plenty.instance, plenty.policy, EXACT)
    found = marginal(plenty.instance, plan, options=EXACT, executor=executor)
    assert "nothing that was tried helps" in text(marginal_chart(found))


def test_a_frontier_shows_points_and_bounds(executor: Executor) -> None:
    country = replace(draw(1), budget=700.0)
    found = frontier(
        country.instance,
        country.policy,
        ("shortfall", "cost"),
        points=4,
        options=EXACT,
        executor=executor,
    )
    rows = data(frontier_chart(found))
    assert [(row["x"], row["y"], row["bound"]) for row in rows] == list(
        zip(
            found.table["cost"],
            found.table["shortfall"],
            found.table["shortfall_bound"],
            strict=True,
        )
    )
    assert "shortfall against cost" in text(frontier_chart(found))


def test_formats_are_named(executor: Executor) -> None:
    found = sweep(COUNTRY.instance, None, {"budget": [0]}, options=EXACT, executor=executor)
    chart = sweep_chart(found)
    assert drawn(chart, "svg") == drawn(sweep_chart(found), "svg")
    with pytest.raises(ValueError, match="svg, png, html"):
        drawn(chart, "gif")  # type: ignore[arg-type]
    assert FORMATS == ("svg", "png", "html")
