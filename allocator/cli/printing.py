"""Where and how commands print for people."""

from collections.abc import Iterable

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from models.views import Grid, Part

WIDE = 400
"""Columns where no terminal says how many there are: nobody reads a file through a window."""


def printer() -> Console:
    """Return the console for standard output; what is piped is never cut to a width."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDE)


def print_parts(parts: Iterable[Part], console: Console) -> None:
    """Print lines and tables."""
    for part in parts:
        if isinstance(part, str):
            console.print(part, highlight=False, markup=False, soft_wrap=True)
        else:
            console.print(_grid(part) if part.headings else _labels(part))


def _grid(grid: Grid) -> Table:
    title = Text(grid.title) if grid.title else None
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(grid.headings):
        text = place in grid.texts
        justify: JustifyMethod = "left" if text or place in grid.prose else "right"
        table.add_column(Text(heading), justify=justify, no_wrap=text, overflow="fold")
    return _filled(table, grid)


def _labels(grid: Grid) -> Table:
    return _filled(Table.grid(padding=(0, 2)), grid)


def _filled(table: Table, grid: Grid) -> Table:
    for row in grid.rows:
        table.add_row(*map(Text, row))  # as they are: an input may look like rich's markup
    return table
