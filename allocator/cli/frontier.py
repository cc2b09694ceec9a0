"""``allocator frontier``: two goals against each other."""

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
    SeedOption,
    TotalTimeOption,
    code_of,
    say_what_lacks,
)
from allocator.cli.examine import SettingsOption
from allocator.cli.options import InstanceArgument, JsonOption, PolicyOption
from allocator.cli.printing import print_parts, printer
from allocator.cli.solve import options_from


def frontier_command(
    context: typer.Context,
    instance: InstanceArgument,
    between: Annotated[
        str,
        typer.Option(
            "--between",
            metavar="FIRST,SECOND",
            help="Two terms of goals; the second is limited, in even steps.",
        ),
    ] = "unfairness,cost",
    points: Annotated[
        int, typer.Option("--points", metavar="N", help="Points, the two ends among them.")
    ] = 9,
    policy: PolicyOption = None,
    settings: SettingsOption = None,
    out: OutOption = None,
    overwrite: AnewOption = False,
    time_limit: CaseTimeOption = None,
    total_time: TotalTimeOption = None,
    gap: GapOption = None,
    seed: SeedOption = None,
    processes: ProcessesOption = None,
    scheduler: SchedulerOption = None,
    json_: JsonOption = False,
) -> None:
    """Set two goals against each other: what one costs in terms of the other, proven.

    Terms are shortfall, overload, unfairness, max_ratio, cost, change and outcome. The goals of
    the policy before the first that counts one of the two are kept first; the others are left
    out.

    \b
    Examples:
      allocator frontier norway-2024 --out fairness-cost
      allocator frontier norway-2024 --between shortfall,cost --points 7
      allocator frontier my-country --between unfairness,outcome --gap 0.01 --json
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator.policies import read_policy

    many = Many(out, overwrite, processes, scheduler, total_time)
    many.prepare(context)
    options = options_from(time_limit=time_limit, gap=gap, seed=seed)
    chosen = read_policy(policy, settings or [])
    first, _, second = (part.strip() for part in between.partition(","))

    # Only now, because the solver and pandas take a while to import.
    from allocator.loading import load
    from allocator.sensitivity.frontier import frontier
    from allocator.sensitivity.views import frontier_parts

    given, cancel = load(instance), threading.Event()
    found = many.run(
        lambda executor: frontier(
            given, chosen, (first, second), points=points, options=options, executor=executor
        ),
        cancel,
    )
    show = None if json_ else partial(print_parts, frontier_parts(found), printer())
    many.tell("frontier", found.as_dict(), {"frontier": found.table}, found.chart, show)
    outcomes = [point.outcome for point in found.tried]
    say_what_lacks(outcomes)
    raise typer.Exit(code_of(outcomes, interrupted=cancel.is_set()))
