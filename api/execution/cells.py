"""What is looked for in tables that are sent, beyond what is wrong with them anywhere.

Plans and instances come out as CSV, which people open in spreadsheets; there a text that begins
like a formula becomes one. Such a text is refused when it is sent, so that what comes out is
what went in and does nothing.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from allocator.datapackage import PACKAGE
from allocator.loading import read_csv
from models.columns import TABLES, ColumnType
from models.problems import Problem

_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_MAYBE = re.compile(r'[=@＝＋－＠]|(?:^|[,"\r\n])\s*[-+]')
"""Found in the text of every file that has such a cell, and in few others."""
_NUMBERS = (ColumnType.NUMBER, ColumnType.INTEGER, ColumnType.BOOLEAN)
_ROWS, _BYTES = ("rows", "rowCount"), ("bytes",)


def formulas(folder: Path) -> Iterator[Problem]:
    """Find texts in the tables of a folder that a spreadsheet would take for formulas.

    Cells of columns of numbers are left to those who read them as numbers.
    """
    for name, table in TABLES.items():
        path = folder / f"{name}.csv"
        if not path.exists() or not _MAYBE.search(path.read_text("utf-8", errors="replace")):
            continue
        frame = read_csv(path, name, [])
        if frame is None:  # what is wrong with it is told where it is read
            continue
        numbers = {column.name for column in table.columns if column.type in _NUMBERS}
        for column in frame.columns:
            if _is_formula(column):
                yield _formula(name, None, column, column)
            if column in numbers:
                continue
            suspects = frame[column].str.strip().str.startswith(_STARTS)
            for row in frame.index[suspects]:
                cell = str(frame[column][row])
                if _is_formula(cell):
                    yield _formula(name, int(row) + 1, column, cell)


def declared(folder: Path, cells: int, expanded: int) -> Iterator[Problem]:
    """Refuse a package that tells of more rows or bytes than are read."""
    try:
        about = json.loads((folder / PACKAGE).read_text("utf-8-sig"))
        resources = about.get("resources", [])
    except (OSError, ValueError, RecursionError, AttributeError):
        return  # what is wrong with it is told where it is read
    for place, resource in enumerate(resources if isinstance(resources, list) else []):
        if not isinstance(resource, dict):
            continue
        stats = resource.get("stats")
        for field, said in (("", resource), ("stats.", stats)):
            for names, most in ((_ROWS, cells), (_BYTES, expanded)):
                for name in names:
                    stated = said.get(name) if isinstance(said, dict) else None
                    if isinstance(stated, int | float) and stated > most:
                        at = f"resources.{place}.{field}{name}"
                        yield _beyond(at, stated, most)


def _is_formula(cell: str) -> bool:
    text = cell.strip()
    if not text.startswith(_STARTS) or text == "-":
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False


def _formula(table: str, row: int | None, column: str, cell: str) -> Problem:
    message = "a spreadsheet would take this text for a formula"
    expected = f"begin it with another character than {' '.join(_STARTS[:4])}"
    return Problem(message, expected, table, row, column[:80], cell[:80])


def _beyond(at: str, stated: Any, most: int) -> Problem:
    message = "more is declared than is read"
    return Problem(message, f"at most {most:,} are read", PACKAGE, None, at, str(stated)[:80])
