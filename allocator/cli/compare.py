"""``allocator compare``: plans, keys and what was really asked, side by side."""

import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from allocator.cli.options import JsonOption
from allocator.cli.printing import printer

if TYPE_CHECKING:
    from allocator.compare import Comparison

WhereInstanceIs = Annotated[
    str | None,
    typer.Option(
        "--instance",
        metavar="INSTANCE",
        help="Where the instance is, if it is no longer where a plan was made from it.",
    ),
]


def compare_command(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="A B …", help="Plan folders, key:NAME, observed:NAME; the first is the base."
        ),
    ],
    instance: WhereInstanceIs = None,
    movers: Annotated[
        int, typer.Option("--movers", metavar="N", min=0, help="Municipalities to show.")
    ] = 15,
    csv: Annotated[
        bool, typer.Option("--csv", help="Print the table of all municipalities as CSV.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Compare plans, keys and real requests: measures of fairness, and who moves most.

    All are measured against the fair shares of the first plan's policy. Observed in Norway
    (IMDi) are requested, requested_first, decided, settled and settled_part.

    \b
    Examples:
      allocator compare plan key:population observed:requested
      allocator compare plan other-plan --movers 30
      allocator compare plan other-plan --csv > differences.csv
      allocator compare key:population observed:decided --instance norway-2023 --json
    """  # noqa: D301  # \b keeps the examples on lines of their own
    if csv and json_:
        raise typer.BadParameter("give one of --csv and --json")
    from allocator.compare import candidates_from, compare
    from allocator.writing import csv_bytes

    loaded, policy, candidates = candidates_from(names, instance)
    comparison = compare(loaded, policy, candidates)
    if json_:
        typer.echo(json.dumps(comparison.as_dict(), ensure_ascii=False, allow_nan=False))
    elif csv:
        typer.echo(csv_bytes(comparison.table).decode(), nl=False)
    else:
        _print(comparison, movers, printer())


def _print(comparison: "Comparison", movers: int, console: Console) -> None:
    from allocator.cli.measures import fairness_table

    letters = [chr(ord("A") + i) if i < 26 else str(i) for i in range(len(comparison.names))]
    _say(console, f"{comparison.instance_id}: measured against {comparison.basis}")
    for letter, candidate in zip(letters, comparison.candidates, strict=True):
        _say(console, f"  {letter}  {candidate.name}: {candidate.description}")
    measured = [comparison.fairness[name] for name in comparison.names]
    console.print(fairness_table(list(zip(letters, measured, strict=True))))
    if comparison.differences and movers:
        _print_movers(comparison, letters, movers, console)


def _print_movers(
    comparison: "Comparison", letters: list[str], number: int, console: Console
) -> None:
    rows = comparison.movers(number)
    if rows.empty:
        _say(console, "no municipality differs")
        return
    table = Table(title="largest movers", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("id")
    table.add_column("name", no_wrap=True)
    headings = ["fair share", *letters, *(f"{letter}−{letters[0]}" for letter in letters[1:])]
    for heading in headings:
        table.add_column(heading, justify="right")
    columns = ["fair_share", *comparison.names, *comparison.differences]
    for row in rows.to_dict("records"):
        signed = [_figure(row[name], sign=name in comparison.differences) for name in columns]
        table.add_row(row["municipality_id"], row["name"], *signed)
    console.print(table)


def _figure(value: Any, *, sign: bool) -> str:
    if math.isnan(value):
        return "–"
    form = "+,.1f" if sign else ",.1f"
    return format(value, form).removesuffix(".0")


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
