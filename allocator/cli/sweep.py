"""``allocator sweep``: how plans move when one or two inputs do."""

import threading
from functools import partial
from pathlib import Path
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


def sweep_command(
    context: typer.Context,
    instance: InstanceArgument,
    over: Annotated[
        list[str],
        typer.Option(
            "--over",
            metavar="path=FIRST:LAST:COUNT",
            help="What is varied, and over which values (or path=A,B,C); at most twice.",
        ),
    ],
    policy: PolicyOption = None,
    settings: SettingsOption = None,
    start: Annotated[
        Path | None,
        typer.Option("--start", metavar="PLAN", help="Plan that every point starts from."),
    ] = None,
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
    """Solve along one or two inputs: shortfall, cost, fairness, quotas, and what binds where.

    \b
    What can be varied:
      target, budget                 persons; currency for measures in all
      floor, max_ratio, key, …       any setting of the policy, by its dotted path
      assume.NAME                    an assumption of the packaged Norwegian instances
      factor.FAMILY.PLACE.ITEM       capacities times a factor; place and item may be left out
      added.FAMILY.PLACE.ITEM        units added to one capacity

    \b
    Examples:
      allocator sweep norway-2024 --over budget=0.6e9:1.4e9:9 --out budgets
      allocator sweep norway-2024 --over budget=0.8e9:1.2e9:5 --over target=35000:39000:5
      allocator sweep norway-2024 --over assume.housing_turnover=0.02:0.04:5 --json
      allocator sweep norway-2024 --over factor.health=0.5:1.5:5
      allocator sweep norway-2024 --over added.housing.0301-town.2=0:200:5
      allocator sweep norway-2024 --over key=population,norway_2018
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator.policies import read_policy
    from allocator.sensitivity.inputs import read_over

    many = Many(out, overwrite, processes, scheduler, total_time)
    many.prepare(context)
    options = options_from(time_limit=time_limit, gap=gap, seed=seed)
    varied, chosen = read_over(over), read_policy(policy, settings or [])

    # Only now, because the solver and pandas take a while to import.
    from allocator.loading import load
    from allocator.plans import read_plan
    from allocator.sensitivity.sweep import sweep
    from allocator.sensitivity.views import sweep_parts

    given, known = load(instance), None if start is None else read_plan(start)
    cancel = threading.Event()
    found = many.run(
        lambda executor: sweep(
            given, chosen, varied, options=options, start=known, executor=executor
        ),
        cancel,
    )
    tables = {"sweep": found.table, "quotas": found.quotas, "changes": found.changes}
    outcomes = [point.outcome for point in found.points]
    show = None if json_ else partial(print_parts, sweep_parts(found), printer())
    many.tell("sweep", found.as_dict(), tables, found.chart, show)
    say_what_lacks(outcomes)
    raise typer.Exit(code_of(outcomes, interrupted=cancel.is_set()))
