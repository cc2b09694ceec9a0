"""Tables as typed data frames: cells turned into values, rows in one order, one fingerprint."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from models.columns import TABLES, Column, ColumnType, Table
from models.problems import Problem

TRUE_WORDS = frozenset({"true", "1", "yes"})
FALSE_WORDS = frozenset({"false", "0", "no"})
_LARGEST_EXACT_INTEGER = 2.0**53


class Tables(Mapping[str, pd.DataFrame]):
    """The tables of an instance, which nobody can change.

    Every look-up hands out a copy-on-write view, so that writing into a frame
    changes that frame and never the instance.

    Parameters
    ----------
    frames
        Typed frames by table name, as `typed` returns them. Tables that are
        missing become empty ones. Rows are put in the order of their key.
    """

    def __init__(self, frames: Mapping[str, pd.DataFrame]) -> None:
        self._frames = {
            name: ordered(table, frames[name]) if name in frames else empty(table)
            for name, table in TABLES.items()
        }

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self._frames[name].copy(deep=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)


def empty(table: Table) -> pd.DataFrame:
    """Return `table` without rows."""
    return _empty(table).copy(deep=False)


@cache
def _empty(table: Table) -> pd.DataFrame:
    frame, _ = typed(table, pd.DataFrame(columns=[c.name for c in table.columns], dtype="str"))
    return frame


def ordered(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows sorted by key and the columns in their order, indicators last by name."""
    known = [column.name for column in table.columns]
    extra = sorted(str(name) for name in frame.columns if name not in known)
    rows = frame[known + extra].sort_values(list(table.key), kind="stable")
    return rows.reset_index(drop=True)


def typed(table: Table, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[Problem]]:
    """Turn the cells of `frame` into values of the types that `table` defines.

    Parameters
    ----------
    table
        Definition of the table.
    frame
        Cells as text (blank = missing) or already as values.

    Returns
    -------
    frame
        All columns of the table in the order given, defaults filled in. Ids and text
        are `str`, numbers `float64`, integers `int64` (`Int64` where blanks are
        allowed), booleans `bool`.
    problems
        Every cell that could not be turned into an allowed value, every missing
        column and every column nobody knows.
    """
    problems: list[Problem] = []
    columns: dict[str, pd.Series] = {}
    for column in table.columns:
        if column.name in frame.columns:
            columns[column.name] = _typed_column(table, column, frame[column.name], problems)
        elif column.required:
            problems.append(
                Problem(
                    "the column is missing",
                    f"add a column {column.name} ({column.description.rstrip('.')})",
                    table.name,
                    column=column.name,
                )
            )
        else:
            blank = pd.Series([""] * len(frame), index=frame.index, dtype="str")
            columns[column.name] = _typed_column(table, column, blank, problems)
    for name in frame.columns:
        if name in columns or any(column.name == name for column in table.columns):
            continue
        if table.open:
            columns[str(name)] = _typed_column(
                table, _indicator(str(name), frame[name]), frame[name], problems
            )
        else:
            problems.append(
                Problem(
                    "nobody knows this column",
                    f"the columns are {', '.join(c.name for c in table.columns)}",
                    table.name,
                    column=str(name),
                )
            )
    return pd.DataFrame(columns, index=frame.index), problems


def fingerprint(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return a sha256 over the content of `tables`, in hexadecimal digits.

    The order of rows and the file format leave it unchanged; any value, and any
    indicator column, changes it.
    """
    digest = hashlib.sha256()
    for name, frame in tables.items():
        digest.update(f"\x1d{name}\x1e{len(frame)}".encode())
        for column in frame.columns:
            digest.update(f"\x1e{column}\x1f".encode())
            digest.update(_bytes(frame[column]))
    return digest.hexdigest()


def _bytes(series: "pd.Series[Any]") -> bytes:
    if isinstance(series.dtype, pd.StringDtype):
        return "\x1f".join(series.fillna("\x00").tolist()).encode()
    values = series.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0
    return bytes(values.astype("<f8").tobytes())


def _typed_column(
    table: Table, column: Column, cells: "pd.Series[Any]", problems: list[Problem]
) -> "pd.Series[Any]":
    if column.type in (ColumnType.NUMBER, ColumnType.INTEGER):
        values, blank = _number_column(cells)
        wrong = ~blank & ~_allowed(column, values)
        _report(table, column, cells, wrong | (blank & column.required), problems)
        return _with_dtype(column, values, blank, wrong)
    text = _as_text(cells)
    blank = text == ""
    if column.type in (ColumnType.ID, ColumnType.TEXT):
        values, wrong = text.where(~blank, None), pd.Series(False, index=text.index)
        if column.choices:
            wrong = ~blank & ~text.isin(column.choices)
    else:
        lower = text.str.lower()
        values = lower.isin(TRUE_WORDS)
        wrong = ~blank & ~lower.isin(TRUE_WORDS | FALSE_WORDS)
    _report(table, column, cells, wrong | (blank & column.required), problems)
    return _with_dtype(column, values, blank, wrong)


def _report(
    table: Table,
    column: Column,
    cells: "pd.Series[Any]",
    wrong: "pd.Series[bool]",
    problems: list[Problem],
) -> None:
    positions = np.flatnonzero(wrong.to_numpy())
    text = _as_text(cells.iloc[positions])
    problems += [
        _cell_problem(table, column, int(position), str(cell))
        for position, cell in zip(positions, text, strict=True)
    ]


def _number_column(cells: "pd.Series[Any]") -> tuple["pd.Series[float]", "pd.Series[bool]"]:
    """Return the numbers in `cells`, NaN where there is none, and which cells are blank."""
    kind = cells.dtype
    if pd.api.types.is_float_dtype(kind) or pd.api.types.is_integer_dtype(kind):
        # Read back from their text they would be the same, at ten times the cost.
        values = pd.Series(cells.to_numpy(dtype=np.float64, na_value=np.nan), index=cells.index)
        return values, values.isna()
    text = _as_text(cells)
    return _numbers(text), text == ""


def _indicator(name: str, cells: "pd.Series[Any]") -> Column:
    """Define an indicator column: numbers when every filled cell is one, text otherwise."""
    values, blank = _number_column(cells)
    numeric = bool(np.isfinite(values[~blank]).all())
    return Column(name, ColumnType.NUMBER if numeric else ColumnType.TEXT, required=False)


def _as_text(cells: "pd.Series[Any]") -> "pd.Series[str]":
    if isinstance(cells.dtype, pd.StringDtype):
        return cells.fillna("").str.strip()
    if pd.api.types.is_float_dtype(cells.dtype):
        values = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        words = ["" if np.isnan(v) else repr(float(v)) for v in values]
        return pd.Series(words, index=cells.index, dtype="str")
    words = ["" if pd.isna(cell) else str(cell).strip() for cell in cells.tolist()]
    return pd.Series(words, index=cells.index, dtype="str")


def _numbers(text: "pd.Series[str]") -> "pd.Series[float]":
    """Read dot decimals exactly as Python does; anything else becomes NaN."""
    values = [_number(cell) if cell else np.nan for cell in text.tolist()]
    return pd.Series(values, index=text.index, dtype="float64")


def _number(cell: str) -> float:
    try:
        # Python reads 1_000 as a number too, but no table means that.
        return float(cell) if "_" not in cell else np.nan
    except ValueError:
        return np.nan


def _allowed(column: Column, values: "pd.Series[float]") -> "pd.Series[bool]":
    allowed = pd.Series(np.isfinite(values), index=values.index)
    if column.type is ColumnType.INTEGER:
        allowed &= (values % 1 == 0) & (values.abs() <= _LARGEST_EXACT_INTEGER)
    if column.minimum is not None:
        allowed &= values >= column.minimum
    if column.maximum is not None:
        allowed &= values <= column.maximum
    if column.positive:
        allowed &= values > 0
    return allowed


def _with_dtype(
    column: Column,
    values: "pd.Series[Any]",
    blank: "pd.Series[bool]",
    wrong: "pd.Series[bool]",
) -> "pd.Series[Any]":
    if column.type in (ColumnType.ID, ColumnType.TEXT):
        return values.astype("str")
    if column.type is ColumnType.BOOLEAN:
        return values.where(~blank, bool(column.default)).astype("bool")
    values = values.where(~(blank | wrong), np.nan)
    if column.default is not None:
        values = values.fillna(float(column.default))
    if column.type is ColumnType.NUMBER:
        return values.astype("float64") + 0.0  # no negative zero, which would read back as 0
    return values.fillna(0).astype("int64") if column.required else values.astype("Int64")


def _cell_problem(table: Table, column: Column, position: int, cell: str) -> Problem:
    message = "the cell is blank" if cell == "" else f"not {_kind(column)}"
    return Problem(message, f"give {_kind(column)}", table.name, position + 1, column.name, cell)


def _kind(column: Column) -> str:
    """Say in words what a cell of `column` may hold."""
    if column.choices:
        return f"one of {', '.join(column.choices)}"
    if column.type in (ColumnType.ID, ColumnType.TEXT):
        return "an id" if column.type is ColumnType.ID else "a text"
    if column.type is ColumnType.BOOLEAN:
        return "true or false"
    words = "a whole number" if column.type is ColumnType.INTEGER else "a finite number"
    if column.positive:
        words += " above 0"
    elif column.minimum is not None and column.maximum is not None:
        words += f" from {column.minimum:g} to {column.maximum:g}"
    elif column.minimum is not None:
        words += f" of at least {column.minimum:g}"
    return f"{words} ({column.unit})" if column.unit else words
