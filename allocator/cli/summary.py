"""A plan in a few lines for people."""

from rich.console import Console

from allocator.cli.printing import print_parts
from models.plan import Plan
from models.plan_view import headline, parts


def print_summary(plan: Plan, console: Console, *, currency: str) -> None:
    """Print what a plan is worth; see `models.plan_view.parts`."""
    print_parts([headline(plan), *parts(plan, currency)], console)
