"""``allocator marginal``: what a little more of everything is worth."""

import threading
from functools import partial
from typing import Annotated

import typer

from allocator.cli.cases import (
    AnewOption,
    CaseTimeOption,
    GapOption,
    Many,
    OutOption,
    ProcessesOption,
    SchedulerOption,
    TotalTimeOption,
    code_of,
    say_what_lacks,
)
from allocator.cli.compare import WhereInstanceIs
from allocator.cli.ending import Exit
from allocator.cli.options import JsonOption, PlanArgument
from allocator.cli.printing import print_parts, printer
from allocator.cli.solve import options_like
from allocator.errors import SolverError


def marginal_command(
    context: typer.Context,
    plan: PlanArgument,
    instance: WhereInstanceIs = None,
    top: Annotated[
        int,
        typer.Option(
            "--top", metavar="N", min=0, help="Capacities and measures of each kind to try."
        ),
    ] = 5,
    money: Annotated[
        float, typer.Option("--money", metavar="N", help="Currency that is tried.")
    ] = 1e6,
    out: OutOption = None,
    overwrite: AnewOption = False,
    time_limit: CaseTimeOption = None,
    total_time: TotalTimeOption = None,
    gap: GapOption = None,
    processes: ProcessesOption = None,
    scheduler: SchedulerOption = None,
    json_: JsonOption = False,
) -> None:
    """Tell what one more dwelling, seat, place, unit of currency or person is worth.

    Every capacity and measure is screened by the prices of a linear program around the plan
    (conditional); the best of each kind are confirmed by solving again with 5 and 20 dwellings, 20
    seats, 20 places, and what a million buys.

    \b
    Examples:
      allocator marginal plan --out worth
      allocator marginal plan --top 3 --gap 0.0001 --json
      allocator marginal plan --top 0 --out screened
    """  # noqa: D301  # \b keeps the examples on lines of their own
    if not 0 < money < float("inf"):
        raise typer.BadParameter(f"give an amount above 0, not {money:g}", param_hint="'--money'")
    many = Many(out, overwrite, processes, scheduler, total_time)
    many.prepare(context)
    from allocator.plans import instance_for, read_plan
    from allocator.sensitivity.marginal import SHARPER, marginal
    from allocator.sensitivity.views import marginal_parts

    read = read_plan(plan)
    given, cancel = instance_for(read, instance), threading.Event()
    sharp = read.options.gap / SHARPER if gap is None else gap
    options = options_like(read.options, gap=sharp, time_limit=time_limit)
    try:
        found = many.run(
            lambda executor: marginal(
                given,
                read,
                top=top,
                money=money,
                options=options,
                executor=executor,
                cancel=cancel,
            ),
            cancel,
        )
    except SolverError:
        if cancel.is_set():  # the prices it stopped at are none
            raise typer.Exit(Exit.INTERRUPTED) from None
        raise
    tables = {
        "capacities": found.capacities,
        "measures": found.measures,
        "confirmed": found.confirmed,
    }
    show = None if json_ else partial(print_parts, marginal_parts(found), printer())
    many.tell("marginal", found.as_dict(), tables, found.chart, show)
    outcomes = [found.base, *found.outcomes]
    say_what_lacks(outcomes)
    raise typer.Exit(code_of(outcomes, interrupted=cancel.is_set()))
