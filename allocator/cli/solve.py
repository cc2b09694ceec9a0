"""``allocator solve``: compute a plan, show what it is worth, keep it in a folder."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError
from rich.console import Console

from allocator.cli.ending import Exit
from allocator.cli.examine import SettingsOption
from allocator.cli.options import InstanceArgument, JsonOption, OverwriteOption, PolicyOption
from allocator.cli.printing import printer
from models.options import Method

if TYPE_CHECKING:
    from models.instance import Instance
    from models.options import SolveOptions
    from models.plan import Plan
    from models.policy import Policy


def solve_command(
    instance: InstanceArgument,
    policy: PolicyOption = None,
    settings: SettingsOption = None,
    target: Annotated[
        int | None, typer.Option("--target", metavar="N", help="Persons to settle.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option("--budget", metavar="N", help="Currency for measures, in all.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder to write the plan to.")
    ] = None,
    overwrite: OverwriteOption = False,
    time_limit: Annotated[
        float | None, typer.Option("--time-limit", metavar="S", help="Seconds for the whole run.")
    ] = None,
    gap: Annotated[
        float | None,
        typer.Option("--gap", metavar="G", help="Gap at which a goal counts as reached (0.001)."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Random seed of the solver.")
    ] = None,
    method: Annotated[
        Method | None,
        typer.Option("--method", help="How to solve; auto picks by size and by what is shared."),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            "--start", metavar="PLAN", help="Plan to start from: quicker, and proven as without."
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option("--processes", metavar="N", help="Processes to work with (one a core)."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", metavar="ADDRESS", help="Dask scheduler whose workers do the work."
        ),
    ] = None,
    json_: JsonOption = False,
    fail_on_shortfall: Annotated[
        bool,
        typer.Option("--fail-on-shortfall", help="End with code 6 if persons have no place."),
    ] = False,
) -> None:
    """Compute a plan and show what it is worth. Ctrl-C stops and keeps the best plan so far.

    \b
    Examples:
      allocator solve norway-2024 --out plan
      allocator solve norway-2024 --target 30000 --set step=10
      allocator solve my-country --policy policy.toml --gap 0.01 --json
      allocator solve norway-2024 --budget 1.1e9 --start plan --out cheaper
      allocator solve norway-2024 --set 'soft={housing=100}' --budget 2e9

    \b
    A setting is a dotted path and a value as in TOML; a bare word is text,
    and none switches a limit off:
      --set budget.total=2e9 --set max_ratio=none
      --set 'county_bounds=[{county_id="03",at_most=900}]'
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator.folders import refuse_existing
    from allocator.policies import read_policy

    if out is not None:
        refuse_existing(out, overwrite=overwrite)
    options = options_from(
        time_limit=time_limit,
        gap=gap,
        seed=seed,
        method=method,
        processes=processes,
        scheduler=scheduler,
    )
    changes = [*(settings or [])]
    if target is not None:
        changes.append(f"target={target}")
    if budget is not None:
        changes.append(f"budget.total={budget!r}")
    chosen = read_policy(policy, changes)

    # Only now, because the solver and pandas take a while to import.
    from allocator.loading import load
    from allocator.plans import read_plan, remembering, write_plan

    given, known = load(instance), None if start is None else read_plan(start)
    cancel = threading.Event()
    plan = remembering(_solve(given, chosen, options, known, cancel), instance)
    if out is not None and plan.found:
        write_plan(plan, out, overwrite=overwrite)
    _print(plan, given, out, as_json=json_)
    raise typer.Exit(code_of(plan, interrupted=cancel.is_set(), strict=fail_on_shortfall))


def options_from(**given: float | str | None) -> "SolveOptions":
    """Return the options given on the command line; those that are none are left as usual."""
    from allocator.validation import sentence
    from models.options import SolveOptions

    try:
        return SolveOptions.model_validate(
            {name: value for name, value in given.items() if value is not None}
        )
    except ValidationError as error:
        names = [str(detail["loc"][0]).replace("_", "-") for detail in error.errors()]
        wrong = [
            f"--{name} {detail['input']}: {sentence(detail['msg'])}"
            for name, detail in zip(names, error.errors(), strict=True)
        ]
        raise typer.BadParameter("\n".join(wrong)) from error


def options_like(usual: "SolveOptions", **given: float | str | None) -> "SolveOptions":
    """Return the options of a plan, with those given on the command line in their place."""
    told = {name: value for name, value in given.items() if value is not None}
    return options_from(**usual.model_dump(exclude_none=True) | told)


def _solve(
    instance: "Instance",
    policy: "Policy",
    options: "SolveOptions",
    start: "Plan | None",
    cancel: threading.Event,
) -> "Plan":
    from allocator.cli.interrupting import run_interruptibly
    from allocator.cli.progress import ProgressLine
    from allocator.solve import solve

    with ProgressLine(Console(stderr=True)) as line:
        return run_interruptibly(
            lambda: solve(
                instance, policy, options, start=start, progress=line.tell, cancel=cancel
            ),
            cancel,
            line,
        )


def _print(plan: "Plan", instance: "Instance", out: Path | None, *, as_json: bool) -> None:
    if as_json:
        typer.echo(plan.model_dump_json())
        return
    from allocator.cli.summary import print_summary

    print_summary(plan, printer(), currency=instance.currency)
    if out is not None:
        typer.echo(f"written to {out}" if plan.found else f"nothing to write to {out}")


def code_of(plan: "Plan", *, interrupted: bool, strict: bool) -> Exit:
    """Return the exit code that a plan ends a command with."""
    if interrupted:
        return Exit.INTERRUPTED
    if plan.totals is None:
        return Exit.NOTHING_FOUND
    if strict and plan.totals.shortfall > 0:
        return Exit.SHORTFALL
    return Exit.DONE
