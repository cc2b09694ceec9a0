"""Figures as tables of text for the page, in one language."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from allocator.fairness import Fairness
from allocator.language import NONE, Texts
from allocator.report.classes import colour_of
from allocator.report.figures import Figures
from allocator.report.words import item_in_words, measure_in_words, terms_in_words
from models.plan import GoalResult, Plan

Cells = list[str]

TEXT_COLUMNS = ("municipality_id", "name", "county", "families")
"""Columns of the large table that hold text; all others hold numbers."""


@dataclass(frozen=True)
class Town:
    """One row of the large table.

    Attributes
    ----------
    id, county
        For the filter and for the map.
    colour
        Its fill on the map.
    cells
        Text and value to sort by, one a column.
    """

    id: str
    county: str
    colour: str
    cells: tuple[tuple[str, str], ...]


def town_columns(figures: Figures) -> list[str]:
    """Return the columns of the large table; minors only where there are any."""
    columns = ["municipality_id", "name", "county", "population", "fair_share", "quota"]
    columns += ["ratio", "per_1000"]
    if (figures.municipalities["minors"] > 0).any():
        columns.append("minors")
    if figures.other is not None:
        columns += ["other", "difference"]
    return [*columns, "families"]


def towns(figures: Figures, texts: Texts) -> Iterator[Town]:
    """Yield a row for every municipality in the order of ids."""
    columns = town_columns(figures)
    for row in figures.municipalities.to_dict("records"):
        yield Town(
            str(row["municipality_id"]),
            str(row["county"]),
            colour_of(row["quota"], row["ratio"]),
            tuple(_town_cell(column, row[str(column)], texts) for column in columns),
        )


def _town_cell(column: str, value: Any, texts: Texts) -> tuple[str, str]:
    if column == "families":
        words = ", ".join(texts.known("family", family) for family in value)
        return words, f"{len(value)} {words}"
    if column in TEXT_COLUMNS:
        return str(value), str(value)
    decimals = {"fair_share": 1, "ratio": 2, "per_1000": 1}.get(column, 0)
    text = texts.number(value, decimals, sign=column == "difference")
    # Blank sorts last, whichever way.
    return text, "" if text == NONE else repr(float(value))


def goal_rows(plan: Plan, texts: Texts) -> list[Cells]:
    """Return goal, value, bound, gap and verdict of every goal."""
    return [
        [
            terms_in_words(dict(goal.terms), texts),
            texts.number(goal.value, 2),
            texts.number(goal.bound, 2),
            texts.percent(goal.gap, 2),
            _verdict(goal, texts),
        ]
        for goal in plan.goals
    ]


def _verdict(goal: GoalResult, texts: Texts) -> str:
    if goal.levels:
        proven, levels = texts.number(goal.proven_levels), texts.number(len(goal.levels))
        return texts("goals.levels", proven=proven, levels=levels)
    if goal.gap is None:
        return texts("goals.unproven")
    if goal.gap == 0:
        return texts("goals.best")
    return texts("goals.within", gap=texts.percent(goal.gap, 2))


def capacity_rows(figures: Figures, texts: Texts) -> list[Cells]:
    """Return family, item, used, capacity and municipalities where it is used up."""
    return [
        [
            texts.known("family", row["family"]),
            item_in_words(row["family"], row["item"], row["name"], texts),
            texts.number(row["used"]),
            texts.number(row["capacity"]),
            texts("totals.of", whole=texts.number(row["municipalities"])).join(
                [f"{texts.number(row['bound'])} ", ""]
            ),
        ]
        for row in figures.capacity.to_dict("records")
    ]


def measure_rows(figures: Figures, texts: Texts) -> list[Cells]:
    """Return measure, steps, units, municipalities and cost."""
    services = figures.instance.services
    names = dict(zip(services["service_id"], services["name"], strict=True))
    return [
        [
            measure_in_words(row, names, texts),
            texts.number(row["steps"]),
            texts.number(row["units"]),
            texts.number(row["municipalities"]),
            texts.money(row["cost"], figures.instance.currency),
        ]
        for _, row in figures.measures.iterrows()
    ]


def fairness_rows(measured: list[Fairness], texts: Texts) -> list[Cells]:
    """Return every measure of fairness: its name, then a figure for every plan."""
    quartiles = [one.ratio for one in measured]
    rows = [
        [texts(f"fairness.{name}")]
        + [texts.number(None if one is None else getattr(one, name), 3) for one in quartiles]
        for name in ("minimum", "lower", "median", "upper", "maximum")
    ]
    decimals = {"per_1000": 2, "gini_per_inhabitant": 4, "gini_per_fair_share": 4, "jain": 4}
    rows += [
        [texts(f"fairness.{name}")] + [texts.number(getattr(one, name), places) for one in measured]
        for name, places in decimals.items()
    ]
    rows.append(
        [texts("fairness.moved_share")] + [texts.percent(one.moved_share, 2) for one in measured]
    )
    rows.append([texts("fairness.unfairness")] + [texts.number(o.unfairness, 1) for o in measured])
    return rows


def total_rows(plans: list[Plan], currency: str, texts: Texts) -> list[Cells]:
    """Return every total: its name, then a figure for every plan."""
    totals = [plan.totals for plan in plans if plan.totals is not None]
    whole = ("target", "placed", "shortfall", "municipalities", "asked")
    rows = [
        [texts(f"totals.{name}")] + [texts.number(getattr(one, name)) for one in totals]
        for name in whole
    ]
    rows += [
        [texts(f"totals.{name}")] + [texts.money(getattr(one, name), currency) for one in totals]
        for name in ("cost", "budget")
    ]
    decimals = {"largest_ratio": 3, "smallest_ratio": 3, "unfairness": 1, "change": 0}
    rows += [
        [texts(f"totals.{name}")] + [texts.number(getattr(one, name), places) for one in totals]
        for name, places in decimals.items()
    ]
    rows.append([texts("totals.gap")] + [_gap(plan, texts) for plan in plans])
    return rows


def _gap(plan: Plan, texts: Texts) -> str:
    return texts("totals.not_proven") if plan.gap is None else texts.percent(plan.gap, 2)


def extreme_rows(figures: Figures, number: int, texts: Texts, *, ascending: bool) -> list[Cells]:
    """Return the municipalities that are asked and have the largest or smallest ratios."""
    frame = figures.municipalities
    asked = frame[(frame["quota"] > 0) & frame["ratio"].notna()]
    away = asked[asked["ratio"] < 1] if ascending else asked[asked["ratio"] > 1]
    rows = away.sort_values("ratio", ascending=ascending, kind="stable").head(number)
    return [
        [str(row["name"]), texts.number(row["quota"]), texts.number(row["ratio"], 2)]
        for row in rows.to_dict("records")
    ]


def mover_rows(figures: Figures, number: int, texts: Texts) -> list[Cells]:
    """Return the municipalities whose quotas differ most from the other plan's."""
    frame = figures.municipalities
    order = frame["difference"].abs().sort_values(ascending=False, kind="stable")
    rows = frame.loc[[i for i in order.index[:number] if not math.isclose(order[i], 0)]]
    return [
        [
            str(row["name"]),
            str(row["county"]),
            texts.number(row["fair_share"], 1),
            texts.number(row["quota"]),
            texts.number(row["other"]),
            texts.number(row["difference"], sign=True),
        ]
        for row in rows.to_dict("records")
    ]
