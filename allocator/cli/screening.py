"""``allocator screening``: which assumption matters for which result."""

import threading
from functools import partial
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from allocator.sensitivity.screening import Prepared
    from models.plan import Plan

METHODS = ("morris", "sobol")


def screening_command(
    context: typer.Context,
    plan: PlanArgument,
    instance: WhereInstanceIs = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="path[=LOW:HIGH]",
            help="What is varied; may be repeated. Assumptions have ranges of their own. Without "
            "it: every assumption that the program rests on.",
        ),
    ] = None,
    method: Annotated[
        str, typer.Option("--method", metavar="M", help="morris or sobol.")
    ] = METHODS[0],
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples", metavar="N", help="Trajectories (10), or points, a power of 2 (64)."
        ),
    ] = None,
    levels: Annotated[
        int, typer.Option("--levels", metavar="N", help="Values of an input in trajectories.")
    ] = 4,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of what is drawn.")] = 0,
    out: OutOption = None,
    overwrite: AnewOption = False,
    time_limit: CaseTimeOption = None,
    total_time: TotalTimeOption = None,
    gap: GapOption = None,
    processes: ProcessesOption = None,
    scheduler: SchedulerOption = None,
    json_: JsonOption = False,
) -> None:
    """Tell which assumption matters for which result, all of them varied together.

    Elementary effects (morris) take (inputs + 1) solves a trajectory, parts of the variance
    (sobol) (inputs + 2) a point. Policy, gap and time limit are those of the plan unless said
    otherwise, and every solve starts from it. Inputs are paths as of `allocator sweep`.

    \b
    Examples:
      allocator screening plan --gap 0.01 --out screened
      allocator screening plan --input assume.housing_turnover --input assume.minors_share
      allocator screening plan --input target=30000:39000 --input budget=0.6e9:1.4e9 --samples 4
      allocator screening plan --method sobol --samples 32 --input factor.housing=0.8:1.2 --json
    """  # noqa: D301  # \b keeps the examples on lines of their own
    if method not in METHODS:
        raise typer.BadParameter(
            f"give one of {', '.join(METHODS)}, not {method!r}", param_hint="'--method'"
        )
    many = Many(out, overwrite, processes, scheduler, total_time)
    many.prepare(context)
    from allocator.plans import instance_of, read_plan
    from allocator.sensitivity.ranges import read_ranges
    from allocator.sensitivity.screening import prepare
    from allocator.sensitivity.views import screening_parts

    read = read_plan(plan)
    given, cancel = instance_of(read, instance), threading.Event()
    options = options_like(read.options, gap=gap, time_limit=time_limit)
    typer.echo("checking which values are possible together", err=True)
    try:
        prepared = prepare(
            given,
            read.policy,
            read_ranges(inputs) if inputs else None,
            method=method,
            samples=samples,
            levels=levels,
            seed=seed,
            options=options,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(announced(prepared, read), err=True)
    start = read if read.found else None
    found = many.run(lambda executor: prepared.solved(executor, start), cancel)
    tables = {
        "indices": found.indices,
        "results": found.results,
        "left_out": found.left_out,
        "runs": found.runs,
    }
    show = None if json_ else partial(print_parts, screening_parts(found), printer())
    many.tell("screening", found.as_dict(), tables, found.chart, show)
    say_what_lacks(found.outcomes)
    if found.refusal is not None:
        typer.echo(found.refusal, err=True)
    code = code_of(found.outcomes, interrupted=cancel.is_set())
    refused = found.refusal is not None and code is Exit.DONE
    raise typer.Exit(Exit.NOTHING_FOUND if refused else code)


def announced(prepared: "Prepared", plan: "Plan") -> str:
    """Say how many solves there will be, and about how long they take one after the other."""
    design, solves = prepared.design, prepared.solves
    said = (
        f"{len(design.inputs)} inputs · {design.samples} × {design.rows_of_a_set} rows · "
        f"{solves:,} solves"
    )
    seconds = plan.timings.get("total", 0.0)
    if not seconds:
        return said
    each, total = f"{seconds:.3g} s", seconds * solves / 60
    return f"{said} · at {each} each, as the plan took, {total:,.3g} min of solving"
