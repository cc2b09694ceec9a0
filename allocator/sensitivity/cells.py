"""Cells of the tables of an instance, named in a line and given other values.

::

    change   = table [ "." column ] [ "[" item { "," item } "]" ] operator
    item     = [ label "=" ] id
    operator = "*=" | "+=" | "="

``capacities[health,0301] *=`` means the capacities of the services of the family `health` in the
municipality 0301, ``groups.persons[families] +=`` one cell, ``dwellings.dwellings *=`` a whole
column. An item is the text of an id in the row, or of what the row belongs to: the family of a
service, the municipality and county of a site. Rows that have all of the items are meant; where
an item could be two things, its label says which (``county_id=03``). An id with a comma or a
bracket is put in double quotes. A table with one column of figures needs no column.

Blank cells stay blank under ``*=`` and ``+=``; columns of whole numbers are rounded to them.
"""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from allocator.errors import InvalidInput
from allocator.sensitivity.types import Part
from allocator.validation import names_like, near
from models.columns import TABLES, Column, ColumnType, Table
from models.instance import Instance
from models.problems import Problem

_NUMBERS = (ColumnType.NUMBER, ColumnType.INTEGER)
_FORM = re.compile(
    r"\s*(?P<table>\w+)\s*(?:\.\s*(?P<column>\w+)\s*)?(?:\[(?P<items>.*)\]\s*)?(?P<sign>[*+]?=)\s*"
)
_ITEM = re.compile(r'\s*(?:(?P<label>\w+)\s*=\s*)?(?:"(?P<quoted>[^"]*)"|(?P<bare>[^",\[\]=]+))\s*')
_EXAMPLE = "write it like `capacities[health,0301] *=` or `groups.persons[families] +=`"


class Operator(StrEnum):
    """What is done to a cell."""

    TIMES = "*="
    """It is multiplied."""
    PLUS = "+="
    """Units are added."""
    SET = "="
    """It is replaced."""


class Item(Part):
    """What a row must have."""

    value: str
    """Id, as text."""
    label: str | None = None
    """Column it stands in, or `family`, `municipality_id` or `county_id`; none: whichever."""


class CellChange(Part):
    """Other values of cells of one column."""

    table: str
    """Table of the instance."""
    column: str
    """Column of figures."""
    items: tuple[Item, ...] = ()
    """What a row must have to be meant; none: every row."""
    operator: Operator
    """What is done to its cell."""
    value: float
    """By how much."""

    @property
    def words(self) -> str:
        """The change as it is written, without its value."""
        items = ",".join(
            item.value if item.label is None else f"{item.label}={item.value}"
            for item in self.items
        )
        rows = f"[{items}]" if items else ""
        return f"{self.table}.{self.column}{rows} {self.operator.value}"


def with_changes(
    instance: Instance, changes: Iterable[CellChange], problems: list[Problem]
) -> dict[str, pd.DataFrame]:
    """Return the tables that changes make others, by name, after all of them in order.

    Parameters
    ----------
    instance
        What is changed; nothing is built.
    changes
        Other values.
    problems
        Takes everything that is wrong with them.
    """
    frames: dict[str, pd.DataFrame] = {}
    for change in changes:
        before = frames.get(change.table, instance.tables[change.table])
        after = _changed(instance, before, change, problems)
        if after is not None:
            frames[change.table] = after
    return frames


def is_cell(path: str) -> bool:
    """Tell whether an input means cells of a table, rightly written or not."""
    table = re.match(r"\s*(\w+)\s*[.\[*+=]", path)
    return path.rstrip().endswith("=") or (table is not None and table[1] in TABLES)


def cell_change(path: str, value: float) -> CellChange:
    """Return the change that is written in `path`, by `value`.

    Raises
    ------
    InvalidInput
        With what is wrong with it, as far as that can be told without an instance.
    """
    form = _FORM.fullmatch(path)
    if form is None:
        raise _wrong("this is no change of cells", _EXAMPLE, path)
    table = TABLES.get(form["table"])
    if table is None:
        raise _wrong(
            f"there is no table {form['table']!r}", names_like(form["table"], list(TABLES)), path
        )
    column = form["column"]
    if column is None:
        known = [one.name for one in _figures(table)]
        if len(known) != 1 or table.open:
            expected = f"name one of {', '.join(known)}" if known else "name another table"
            raise _wrong(f"{table.name} has not one column of figures", expected, path)
        column = known[0]
    elif not table.open and column not in [one.name for one in _figures(table)]:
        known = [one.name for one in _figures(table)]
        expected = f"name one of {', '.join(known)}" if known else "name another table"
        raise _wrong(f"{table.name} has no column of figures {column!r}", expected, path)
    items = () if form["items"] is None else tuple(_items(form["items"], path))
    return CellChange(
        table=table.name, column=column, items=items, operator=Operator(form["sign"]), value=value
    )


def _items(text: str, path: str) -> Iterator[Item]:
    position = 0
    while True:
        found = _ITEM.match(text, position)
        if found is None:
            raise _wrong("there is no id where one is needed", _EXAMPLE, path)
        value = found["bare"].strip() if found["quoted"] is None else found["quoted"]
        yield Item(value=value, label=found["label"])
        if found.end() == len(text):
            return
        if text[found.end()] != ",":
            raise _wrong("ids need a comma between them", _EXAMPLE, path)
        position = found.end() + 1


def _figures(table: Table) -> list[Column]:
    """Return the columns whose cells can be changed."""
    return [c for c in table.columns if c.type in _NUMBERS and c.name not in table.key]


def _changed(
    instance: Instance, frame: pd.DataFrame, change: CellChange, problems: list[Problem]
) -> pd.DataFrame | None:
    """Return the table with other values; none where the change is wrong."""
    table = TABLES[change.table]
    if change.column not in frame.columns or not pd.api.types.is_numeric_dtype(
        frame[change.column]
    ):
        known = [str(c) for c in frame.columns if pd.api.types.is_numeric_dtype(frame[c])]
        expected = f"name one of {', '.join(known)}"
        problems.append(_problem("the instance has no such column of figures", expected, change))
        return None
    meant = _meant(instance, change, problems)
    if meant is None:
        return None
    before = frame[change.column].astype("float64")
    if change.operator is not Operator.SET:
        meant &= before.notna()
    if not meant.any():
        message = "no row has all of that, or its cell is blank"
        problems.append(_problem(message, "name rows with a figure", change))
        return None
    after = before.copy()
    after[meant] = _value(change, before[meant])
    column = next((one for one in table.columns if one.name == change.column), None)
    if column is not None and column.type is ColumnType.INTEGER:
        after = after.round()
    limits = _limits(column, after[meant])
    if limits is not None:
        problems.append(_problem(*limits, change, change.value))
        return None
    return frame.assign(**{change.column: after})


def _value(change: CellChange, before: "pd.Series[float]") -> Any:
    if change.operator is Operator.TIMES:
        return before * change.value
    return before + change.value if change.operator is Operator.PLUS else change.value


def _limits(column: Column | None, after: "pd.Series[float]") -> tuple[str, str] | None:
    """Say which limit of a column the new values break."""
    low, high = float(after.min()), float(after.max())
    if not np.isfinite([low, high]).all():
        return "the cell would be no finite number", "give another value"
    if column is None:
        return None
    if column.minimum is not None and low < column.minimum:
        message = f"a cell would be {low:g}, less than {column.minimum:g}"
        return message, f"give a value that leaves it at {column.minimum:g} or more"
    if column.positive and low <= 0:
        return f"a cell would be {low:g}", "leave it above 0"
    if column.maximum is not None and high > column.maximum:
        return f"a cell would be {high:g}, more than {column.maximum:g}", "add less"
    return None


def _meant(
    instance: Instance, change: CellChange, problems: list[Problem]
) -> "pd.Series[bool] | None":
    """Tell which rows are meant."""
    labels = _labels(instance, change.table)
    meant = pd.Series(True, index=instance.tables[change.table].index)
    wrong = len(problems)
    for item in change.items:
        if item.label is not None and item.label not in labels:
            expected = f"give one of {', '.join(labels)}"
            problems.append(_problem("rows have no such label", expected, change, item.label))
            continue
        asked = labels if item.label is None else {item.label: labels[item.label]}
        found = {name: cells == item.value for name, cells in asked.items()}
        found = {name: rows for name, rows in found.items() if rows.any()}
        if not found:
            ids = [one for cells in asked.values() for one in cells.dropna().unique()]
            meant_by = near(item.value, ids)
            maybe = "" if meant_by is None else f"maybe {meant_by}; "
            expected = f"{maybe}give an id of {', '.join(asked)} as text, leading zeros included"
            problems.append(_problem("no row has this", expected, change, item.value))
            continue
        first, *others = found.values()
        if any((rows != first).any() for rows in others):
            expected = " or ".join(f"write {name}={item.value}" for name in found)
            problems.append(_problem("this can be more than one", expected, change, item.value))
            continue
        meant &= first
    return meant if len(problems) == wrong else None


def _labels(instance: Instance, name: str) -> "dict[str, pd.Series[str]]":
    """Return what rows can be named by: their ids, and what they belong to, as text."""
    table, frame = TABLES[name], instance.tables[name]
    found = {
        column.name: frame[column.name].astype("str")
        for column in table.columns
        if column.type is ColumnType.ID or column.choices or column.name in (*table.key, "beds")
    }
    if name != "sites" and "site_id" in found:
        towns = dict(zip(instance.sites["site_id"], instance.sites["municipality_id"], strict=True))
        of_site = found["site_id"].map(towns)
        own = found.get("municipality_id", of_site)
        found["municipality_id"] = own.where(own.isin(set(towns.values())), of_site)
    if name != "municipalities" and "municipality_id" in found:
        towns = instance.municipalities
        counties = dict(zip(towns["municipality_id"], towns["county_id"], strict=True))
        found["county_id"] = found["municipality_id"].map(counties)
    if name != "services" and "service_id" in found:
        services = instance.services
        families = dict(zip(services["service_id"], services["family"], strict=True))
        found["family"] = found["service_id"].map(families)
    return found


def _problem(
    message: str, expected: str, change: CellChange, value: float | str | None = None
) -> Problem:
    shown = f"{value:.15g}" if isinstance(value, float) else value
    return Problem(message, expected, None, None, change.words, shown)


def _wrong(message: str, expected: str, path: str) -> InvalidInput:
    return InvalidInput("cannot be varied", [Problem(message, expected, "over", None, path, path)])
