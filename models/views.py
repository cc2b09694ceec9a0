"""What people are shown of a result: a headline, lines and small tables.

The same lines and tables are printed by the commands and shown by notebooks.
"""

import html
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

MOST_ROWS = 20
"""Most rows of a table, and most lines in a row, that a notebook shows."""


@dataclass(frozen=True)
class Grid:
    """A small table.

    Attributes
    ----------
    headings
        Of the columns; none: a table of labels and texts.
    rows
        Cells as they are shown.
    texts
        Which columns hold text; the others hold figures, and are set to the right.
    prose
        Which columns hold sentences, which may be broken into lines.
    title
        What it is.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: tuple[int, ...] = (0,)
    prose: tuple[int, ...] = ()
    title: str = ""


Part = str | Grid
"""A line, or a table."""


class Shown(ABC):
    """A result that says in one line what it is, and shows itself in notebooks."""

    @abstractmethod
    def _headline(self) -> str:
        """Return what it is, in one line."""

    @abstractmethod
    def _parts(self) -> Iterable[Part]:
        """Return what there is to read."""

    def _repr_html_(self) -> str:
        return as_html(self._headline(), self._parts())

    def __str__(self) -> str:
        return self._headline()

    __repr__ = __str__


def as_html(headline: str, parts: Iterable[Part], drawing: str = "") -> str:
    """Return a result as HTML, everything escaped.

    Parameters
    ----------
    headline
        What it is.
    parts
        Lines and tables; long ones are cut, and say so.
    drawing
        HTML of what is drawn, put last.
    """
    body = "".join(_blocks(parts))
    return f"<div><div><strong>{html.escape(headline)}</strong></div>{body}{drawing}</div>"


def _blocks(parts: Iterable[Part]) -> Iterator[str]:
    lines: list[str] = []
    for part in parts:
        if isinstance(part, str):
            lines.append(part)
        else:
            yield _paragraph(lines)
            lines = []
            yield _table(part)
    yield _paragraph(lines)


def _paragraph(lines: list[str]) -> str:
    """Return lines as they are spaced."""
    if not lines:
        return ""
    shown = [*lines[:MOST_ROWS], *_more(len(lines), "lines")]
    text = html.escape("\n".join(shown))
    return f'<div style="white-space: pre-wrap">{text}</div>'


def _table(grid: Grid) -> str:
    title = f"<caption>{html.escape(grid.title)}</caption>" if grid.title else ""
    texts = (*grid.texts, *grid.prose) if grid.headings else (0, 1)
    head = _row(grid.headings, "th", texts) if grid.headings else ""
    rows = "".join(_row(row, "td", texts) for row in grid.rows[:MOST_ROWS])
    more = "".join(f"<div>{line}</div>" for line in _more(len(grid.rows), "rows"))
    head = f"<thead>{head}</thead>" if head else ""
    return f"<table>{title}{head}<tbody>{rows}</tbody></table>{more}"


def _row(cells: tuple[str, ...], tag: str, texts: tuple[int, ...]) -> str:
    shown = "".join(
        f'<{tag} style="text-align: {"left" if place in texts else "right"}">'
        f"{html.escape(cell)}</{tag}>"
        for place, cell in enumerate(cells)
    )
    return f"<tr>{shown}</tr>"


def _more(count: int, what: str) -> list[str]:
    return [f"… {count - MOST_ROWS:,} more {what}"] if count > MOST_ROWS else []


def counted(number: int, what: str) -> str:
    """Return a number of things in words: `1 case`, `2,000 cases`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def figure(value: Any, *, scale: float = 1.0, digits: int | None = None, after: str = "") -> str:
    """Put a value into a cell: divided by `scale`, text as it is, a missing one as a dash."""
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return "–"
    scaled = float(value) / scale
    if digits is None and not scaled.is_integer():
        return f"{scaled:,.6g}{after}"
    return f"{scaled:,.{digits or 0}f}{after}"
