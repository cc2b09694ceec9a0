"""``allocator compare``: plans, keys and what was really asked, side by side."""

import json
from typing import Annotated

import typer

from allocator.cli.options import JsonOption
from allocator.cli.printing import print_parts, printer

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
    from allocator.compare.views import comparison_parts
    from allocator.writing import csv_bytes

    loaded, policy, candidates = candidates_from(names, instance)
    comparison = compare(loaded, policy, candidates)
    if json_:
        typer.echo(json.dumps(comparison.as_dict(), ensure_ascii=False, allow_nan=False))
    elif csv:
        typer.echo(csv_bytes(comparison.table).decode(), nl=False)
    else:
        print_parts(comparison_parts(comparison, movers), printer())
