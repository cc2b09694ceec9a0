"""``allocator revise``: change a plan in the course of the year, moving as few as possible."""

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from allocator.cli.compare import WhereInstanceIs
from allocator.cli.examine import SettingsOption
from allocator.cli.options import JsonOption, OverwriteOption, PlanArgument
from allocator.cli.printing import print_parts, printer
from allocator.cli.solve import code_of, options_from, options_like

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocator.revising import Revision
    from models.answers import Answer
    from models.instance import Instance
    from models.options import SolveOptions
    from models.plan import Plan

SHOWN = 20
"""Municipalities in the table of changes, unless all are asked for."""


def revise_command(
    plan: PlanArgument,
    instance: WhereInstanceIs = None,
    target: Annotated[
        int | None, typer.Option("--target", metavar="N", help="Persons to settle from now on.")
    ] = None,
    decisions: Annotated[
        Path | None,
        typer.Option(
            "--decisions", metavar="FILE", help="Answers of municipalities as CSV or TOML."
        ),
    ] = None,
    settings: SettingsOption = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Give no plan where the rule cannot hold for everybody."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder to write the plan to.")
    ] = None,
    overwrite: OverwriteOption = False,
    time_limit: Annotated[
        float | None, typer.Option("--time-limit", metavar="S", help="Seconds for one run.")
    ] = None,
    gap: Annotated[
        float | None,
        typer.Option("--gap", metavar="G", help="Gap at which a goal counts as reached (0.001)."),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help=f"Show all who are moved, not only the {SHOWN} furthest.")
    ] = False,
    json_: JsonOption = False,
    fail_on_shortfall: Annotated[
        bool,
        typer.Option("--fail-on-shortfall", help="End with code 6 if persons have no place."),
    ] = False,
) -> None:
    """Revise a plan: a new target, answers of municipalities, other figures.

    When there is more to place, nobody who has not answered is asked for fewer; when there is
    less, nobody is asked for more; within that the fewest persons are moved. Answers (accepted,
    declined, counter) stay in the plan as an audit trail.

    \b
    Examples:
      allocator revise plan --target 40000 --out revised
      allocator revise plan --decisions answers.csv --out revised
      allocator revise plan --instance norway-2024-corrected --decisions answers.toml --json
      allocator revise plan --target 30000 --set budget.total=1e9 --strict --all
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator.folders import refuse_existing

    if out is not None:
        refuse_existing(out, overwrite=overwrite)
    given = {"time_limit": time_limit, "gap": gap}
    options_from(**given)

    # Only now, because the solver and pandas take a while to import.
    from allocator.loading import load
    from allocator.plans import instance_of, read_plan, remembering, write_plan
    from allocator.revising.decisions import read_decisions

    base = read_plan(plan)
    loaded = instance_of(base) if instance is None else load(instance)
    answers = () if decisions is None else read_decisions(decisions, base)
    options = options_like(base.options, **given)
    cancel = threading.Event()
    revision = _revise(base, loaded, target, answers, settings or [], options, strict, cancel)
    source = base.instance.path if instance is None else instance
    revised = revision.plan if source is None else remembering(revision.plan, source)
    if out is not None and revised.found:
        write_plan(revised, out, overwrite=overwrite)
    if json_:
        told = {**revision.as_dict(), "plan": revised.model_dump(mode="json")}
        typer.echo(json.dumps(told, ensure_ascii=False, allow_nan=False))
    else:
        _print(revision, loaded, out, None if all_ else SHOWN)
    raise typer.Exit(code_of(revised, interrupted=cancel.is_set(), strict=fail_on_shortfall))


def _revise(
    base: "Plan",
    instance: "Instance",
    target: int | None,
    answers: "Sequence[Answer]",
    settings: "Sequence[str]",
    options: "SolveOptions",
    strict: bool,
    cancel: threading.Event,
) -> "Revision":
    from allocator.cli.interrupting import run_interruptibly
    from allocator.cli.progress import ProgressLine
    from allocator.revising import revise

    with ProgressLine(Console(stderr=True)) as line:
        return run_interruptibly(
            lambda: revise(
                base,
                instance,
                target=target,
                decisions=answers,
                settings=settings,
                options=options,
                strict=strict,
                progress=line.tell,
                cancel=cancel,
            ),
            cancel,
            line,
        )


def _print(
    revision: "Revision", instance: "Instance", out: Path | None, number: int | None
) -> None:
    from allocator.revising.views import revision_parts
    from models.plan_view import headline

    console, plan = printer(), revision.plan
    print_parts([headline(plan), *revision_parts(revision, instance.currency, number)], console)
    more = len(revision.changes) - len(revision.movers(number))
    if more:
        print_parts([f"… and {more:,} more; --all shows them"], console)
    if out is not None:
        typer.echo(f"written to {out}" if plan.found else f"nothing to write to {out}")
