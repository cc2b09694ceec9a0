"""Where commands print for people."""

from rich.console import Console

WIDE = 400
"""Columns where no terminal says how many there are: nobody reads a file through a window."""


def printer() -> Console:
    """Return the console for standard output; what is piped is never cut to a width."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDE)
