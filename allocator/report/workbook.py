"""Make the workbook: the tables of a plan for planners who calculate on.

Text is written as text whatever it begins with, so that no name can become a formula; ids are
text and keep their leading zeros; numbers are numbers.
"""

import datetime as dt
import io
import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.format import Format

from allocator.language import Texts
from allocator.report.figures import Figures
from allocator.report.tables import town_columns
from allocator.report.words import (
    goals_in_words,
    item_in_words,
    measure_in_words,
    policy_in_words,
    terms_in_words,
)
from models.plan import Plan, used_up

Row = Sequence[Any]

_FORMS = {"fair_share": "0.0", "ratio": "0.000", "per_1000": "0.0", "gap": "0.00%"}
_LONGEST = 60
"""Widest column, in letters."""


def workbook(figures: Figures, texts: Texts) -> bytes:
    """Return the sheets totals, municipalities, measures, capacity and policy as XLSX."""
    buffer = io.BytesIO()
    book = _Book(buffer, texts, figures.instance.year)
    _totals(book, figures, texts)
    _quotas(book, figures, texts)
    _measures(book, figures, texts)
    _capacity(book, figures, texts)
    _policy(book, figures, texts)
    book.close()
    return buffer.getvalue()


class _Book:
    """A workbook that is written sheet by sheet, the same bytes for the same cells."""

    def __init__(self, buffer: io.BytesIO, texts: Texts, year: int) -> None:
        self._book = xlsxwriter.Workbook(
            buffer,
            {
                "in_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        # A file says when it was made; the year of the plan is all we know of that.
        created = dt.datetime(year, 1, 1)  # noqa: DTZ001 - the format has no time zone
        self._book.set_properties(
            {"created": created, "title": texts("page.title", year=str(year))}
        )
        self._head = self._book.add_format({"bold": True, "bottom": 1, "text_wrap": True})
        self._wrap = self._book.add_format({"text_wrap": True, "valign": "top"})
        self._forms: dict[str, Format] = {}

    def sheet(
        self, name: str, headings: Sequence[str], rows: Iterable[Row], forms: Sequence[str]
    ) -> None:
        """Write one sheet: a heading row that stays in view, and a filter over all rows.

        Parameters
        ----------
        forms
            Number format of every column, blank for the default.
        """
        sheet = self._book.add_worksheet(name)
        for column, heading in enumerate(headings):
            sheet.write_string(0, column, heading, self._head)
        widths = [len(heading) + 2 for heading in headings]
        number = 0
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                widths[column] = max(widths[column], len(_shown(value)) + 1)
                form = self._form(forms[column])
                if isinstance(value, str):
                    sheet.write_string(number, column, value, self._wrap)
                elif isinstance(value, bool):
                    sheet.write_boolean(number, column, value)
                elif value is not None and not math.isnan(value):
                    sheet.write_number(number, column, value, form)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, min(width, _LONGEST))
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, number, len(headings) - 1)

    def _form(self, form: str) -> Format | None:
        if not form:
            return None
        if form not in self._forms:
            self._forms[form] = self._book.add_format({"num_format": form})
        return self._forms[form]

    def close(self) -> None:
        """Finish the file."""
        self._book.close()


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.1f}" if value is not None else ""


def _plain(value: Any) -> Any:
    """Return a cell of a frame as text, number or None."""
    if isinstance(value, str | bool) or value is None:
        return value
    return None if pd.isna(value) else float(value)


def _totals(book: _Book, figures: Figures, texts: Texts) -> None:
    plans = [figures.plan] + ([figures.other] if figures.other is not None else [])
    headings = [texts("table.figure"), texts("other.this"), texts("other.that")]
    rows: list[Row] = [
        [texts("totals.status"), *(texts(f"status.{plan.status}") for plan in plans)]
    ]
    totals = [plan.totals for plan in plans if plan.totals is not None]
    names = (
        "target", "placed", "shortfall", "municipalities", "asked", "cost", "budget",
        "largest_ratio", "smallest_ratio", "unfairness", "overload", "change", "outcome",
    )  # fmt: skip
    rows += [[texts(f"totals.{name}"), *(getattr(one, name) for one in totals)] for name in names]
    rows.append([texts("totals.gap"), *(plan.gap for plan in plans)])
    measured = [figures.fairness]
    if figures.other_fairness is not None:
        measured.append(figures.other_fairness)
    for name in ("lower", "median", "upper"):
        cells = [None if one.ratio is None else getattr(one.ratio, name) for one in measured]
        rows.append([texts(f"fairness.{name}"), *cells])
    for name in ("per_1000", "gini_per_inhabitant", "gini_per_fair_share", "jain", "moved_share"):
        rows.append([texts(f"fairness.{name}"), *(getattr(one, name) for one in measured)])
    rows += [row for plan in plans[:1] for row in _goals(plan, len(plans), texts)]
    width = 1 + len(plans)
    book.sheet(texts("sheet.totals"), headings[:width], rows, [""] * width)


def _goals(plan: Plan, plans: int, texts: Texts) -> list[Row]:
    """Return value, bound and gap of every goal of this plan, a row each."""
    blank = [None] * (plans - 1)
    return [
        [f"{terms_in_words(dict(goal.terms), texts)}: {texts(f'table.{name}')}", value, *blank]
        for goal in plan.goals
        for name, value in (("value", goal.value), ("bound", goal.bound), ("gap", goal.gap))
    ]


def _quotas(book: _Book, figures: Figures, texts: Texts) -> None:
    columns = town_columns(figures)
    columns.insert(columns.index("county"), "county_id")
    rows = [
        [
            ", ".join(texts.known("family", family) for family in row[name])
            if name == "families"
            else _plain(row[name])
            for name in columns
        ]
        for row in figures.municipalities.to_dict("records")
    ]
    headings = [texts(f"table.{name}") for name in columns]
    book.sheet(texts("sheet.quotas"), headings, rows, [_FORMS.get(name, "") for name in columns])


def _measures(book: _Book, figures: Figures, texts: Texts) -> None:
    instance = figures.instance
    names = dict(zip(instance.services["service_id"], instance.services["name"], strict=True))
    sites = instance.sites.set_index("site_id")["municipality_id"].to_dict()
    towns = instance.municipalities.set_index("municipality_id")["name"].to_dict()
    rows: list[Row] = []
    bought = figures.plan.measures.merge(instance.measures, on="measure_id", validate="one_to_one")
    for _, row in bought.iterrows():
        site = None if pd.isna(row["site_id"]) else str(row["site_id"])
        town = str(row["municipality_id"]) if site is None else str(sites[site])
        words = measure_in_words(row, names, texts)
        figures_of_row = [float(row["steps"]), float(row["steps"] * row["units_per_step"])]
        rows.append([town, towns[town], site or "", words, *figures_of_row, float(row["cost"])])
    columns = ("municipality_id", "name", "site_id", "kind", "steps", "units", "cost")
    headings = [texts(f"table.{name}") for name in columns]
    headings[-1] = f"{headings[-1]} ({instance.currency})"
    forms = ["#,##0" if name == "cost" else "" for name in columns]
    book.sheet(texts("sheet.measures"), headings, rows, forms)


def _capacity(book: _Book, figures: Figures, texts: Texts) -> None:
    towns = figures.instance.municipalities.set_index("municipality_id")["name"].to_dict()
    item_names = {
        (row["family"], row["item"]): row["name"] for row in figures.capacity.to_dict("records")
    }
    rows: list[Row] = []
    capacity = figures.plan.capacity
    for row in capacity.assign(binding=used_up(capacity)).to_dict("records"):
        # Blank is a pool that several municipalities share.
        town = "" if pd.isna(row["municipality_id"]) else str(row["municipality_id"])
        family, item = str(row["family"]), str(row["item"])
        rows.append(
            [
                texts.known("family", family),
                town,
                towns.get(town, ""),
                "" if pd.isna(row["site_id"]) else str(row["site_id"]),
                item_in_words(family, item, item_names[family, item], texts),
                *(float(row[name]) for name in ("used", "capacity", "slack")),
                texts("table.yes") if row["binding"] else "",
            ]
        )
    columns = ["family", "municipality_id", "name", "site_id", "item"]
    columns += ["used", "capacity", "slack", "binding"]
    headings = [texts(f"table.{name}") for name in columns]
    forms = ["0.0" if name in ("used", "capacity", "slack") else "" for name in columns]
    book.sheet(texts("sheet.capacity"), headings, rows, forms)


def _policy(book: _Book, figures: Figures, texts: Texts) -> None:
    said: list[Row] = []
    plans = [(texts("other.this"), figures.plan)]
    if figures.other is not None:
        plans.append((texts("other.that"), figures.other))
    for name, plan in plans:
        said += [[name, words] for words in policy_in_words(plan.policy, figures.instance, texts)]
        goals = goals_in_words(plan.policy, texts)
        said += [
            [name, f"{texts('table.goal')} {number}: {words}"]
            for number, words in enumerate(goals, start=1)
        ]
    headings = ["", texts("policy.heading")]
    book.sheet(texts("sheet.policy"), headings, said, ["", ""])
