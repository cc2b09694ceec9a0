"""``allocator robustness``: how a plan stands where capacities and arrivals are uncertain."""

import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from allocator.cli.options import JsonOption, PlanArgument
from allocator.cli.printing import print_parts, printer
from allocator.cli.solve import options_like

if TYPE_CHECKING:
    from allocator.sensitivity.uncertainty import Uncertainty


def robustness_command(
    context: typer.Context,
    plan: PlanArgument,
    instance: WhereInstanceIs = None,
    draws: Annotated[
        int,
        typer.Option("--draws", metavar="N", min=1, help="Draws of the plan as it stands."),
    ] = 1000,
    resolve: Annotated[
        int,
        typer.Option(
            "--resolve", metavar="N", min=0, help="Draws, the first, in which it is solved again."
        ),
    ] = 20,
    gamma: Annotated[
        list[float] | None,
        typer.Option(
            "--gamma",
            metavar="G",
            min=0,
            max=1,
            help="Budget of uncertainty of a robust plan, 0 to 1 (0.5 and 1); may be repeated.",
        ),
    ] = None,
    deviation: Annotated[
        list[str] | None,
        typer.Option(
            "--deviation",
            metavar="FAMILY=S",
            help="Relative standard deviation of a family, of `services` or of `arrivals`.",
        ),
    ] = None,
    correlation: Annotated[
        float | None,
        typer.Option(
            "--correlation", metavar="R", min=0, max=1, help="Correlation within a county (0.3)."
        ),
    ] = None,
    scenarios: Annotated[
        Path | None,
        typer.Option(
            "--scenarios",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="CSV with scenario, place, family, factor: scenarios in the place of draws.",
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option("--seed", metavar="N", min=0, max=2_147_483_647, help="Seed of the draws."),
    ] = 0,
    out: OutOption = None,
    overwrite: AnewOption = False,
    time_limit: CaseTimeOption = None,
    total_time: TotalTimeOption = None,
    gap: GapOption = None,
    processes: ProcessesOption = None,
    scheduler: SchedulerOption = None,
    json_: JsonOption = False,
) -> None:
    """Tell how often a plan fails where capacities and arrivals are uncertain, and where.

    Many draws look at the plan as it stands; some are solved: how many persons find no place where
    they may be moved, and what every municipality would be asked. Robust plans with capacities
    protected by a budget of uncertainty are set beside it, with what they cost.

    \b
    Examples:
      allocator robustness plan --out robust
      allocator robustness plan --deviation housing=0.2 --deviation arrivals=0.1 --gamma 0.5
      allocator robustness plan --scenarios storms.csv --resolve 5
      allocator robustness plan --resolve 0 --draws 10000 --seed 7 --json
    """  # noqa: D301  # \b keeps the examples on lines of their own
    if scenarios is None and resolve > draws:
        message = f"give at most the number of draws ({draws}), not {resolve}"
        raise typer.BadParameter(message, param_hint="'--resolve'")
    many = Many(out, overwrite, processes, scheduler, total_time)
    uncertainty = _uncertainty(deviation or [], correlation, seed)
    many.prepare(context)
    from allocator.plans import instance_for, read_plan
    from allocator.sensitivity.robustness import GAMMAS, robustness
    from allocator.sensitivity.scenarios import read_scenarios
    from allocator.sensitivity.views import robustness_parts

    read = read_plan(plan)
    given, cancel = instance_for(read, instance), threading.Event()
    options = options_like(read.options, gap=gap, time_limit=time_limit)
    drawn = None if scenarios is None else read_scenarios(given, scenarios)
    found = many.run(
        lambda executor: robustness(
            given,
            read,
            uncertainty,
            scenarios=drawn,
            draws=draws,
            resolve=resolve if drawn is None else min(resolve, len(drawn)),
            gammas=gamma or GAMMAS,
            options=options,
            executor=executor,
        ),
        cancel,
    )
    tables = {
        "families": found.families,
        "places": found.places,
        "draws": found.draws,
        "quotas": found.quotas,
        "robust": found.robust,
    }
    show = None if json_ else partial(print_parts, robustness_parts(found), printer())
    many.tell("robustness", found.as_dict(), tables, found.chart, show)
    say_what_lacks(found.outcomes)
    raise typer.Exit(code_of(found.outcomes, interrupted=cancel.is_set()))


def _uncertainty(texts: list[str], correlation: float | None, seed: int) -> "Uncertainty":
    """Return what is assumed, or refuse everything that is wrong with it at once."""
    from allocator.sensitivity.uncertainty import ARRIVALS, Uncertainty

    usual = Uncertainty()
    families: dict[str, Any] = dict(usual.families)
    others: dict[str, Any] = {ARRIVALS: usual.arrivals, "services": usual.services}
    wrong = []
    for text in texts:
        name, _, value = (part.strip() for part in text.partition("="))
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not name or not 0 <= number <= 1:
            wrong.append(f"{text!r} is no FAMILY=S with S from 0 to 1, such as housing=0.2")
        elif name in others:
            others[name] = number
        else:
            families[name] = number
    if wrong:
        raise typer.BadParameter("; ".join(wrong), param_hint="'--deviation'")
    return Uncertainty(
        families=families,
        correlation=usual.correlation if correlation is None else correlation,
        seed=seed,
        **others,
    )
