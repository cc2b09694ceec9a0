"""``allocator fairness``: how fair a plan is, and what its fairness costs."""

import json
import threading
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from allocator.cli.compare import WhereInstanceIs
from allocator.cli.ending import Exit
from allocator.cli.options import JsonOption, PlanArgument
from allocator.cli.printing import print_parts, printer
from allocator.cli.solve import options_from, options_like

if TYPE_CHECKING:
    from allocator.fairness import PriceOfFairness
    from models.instance import Instance
    from models.options import SolveOptions
    from models.plan import Plan


def fairness_command(
    plan: PlanArgument,
    instance: WhereInstanceIs = None,
    time_limit: Annotated[
        float | None, typer.Option("--time-limit", metavar="S", help="Seconds for one run.")
    ] = None,
    gap: Annotated[
        float | None,
        typer.Option(
            "--gap", metavar="G", help="Gap at which a goal counts as reached; as in the plan."
        ),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Show how fair a plan is, and what shortfall, cost and expected outcome that gave up.

    The first goal that counts unfairness, max_ratio or change is left out; what shortfall, cost
    and outcome could be without it, the goals before it held, is solved for and proven. Ctrl-C
    stops and shows what is known by then.

    \b
    Examples:
      allocator fairness plan
      allocator fairness plan --gap 0.01 --time-limit 60
      allocator fairness plan --instance norway-2024 --json
    """  # noqa: D301  # \b keeps the examples on lines of their own
    given = {"time_limit": time_limit, "gap": gap}
    options_from(**given)

    # Only now, because the solver and pandas take a while to import.
    from allocator.fairness import fairness
    from allocator.plans import instance_for, read_plan

    read = read_plan(plan)
    loaded = instance_for(read, instance)
    options = options_like(read.options, **given)
    cancel = threading.Event()
    price, measured = _price(read, loaded, options, cancel), fairness(loaded, read)
    if json_:
        told = {"fairness": measured.model_dump(), "price": price.model_dump(mode="json")}
        typer.echo(json.dumps(told, ensure_ascii=False, allow_nan=False))
    else:
        from allocator.fairness.views import fairness_grid

        console = printer()
        print_parts([fairness_grid([("", measured)])], console)
        _print(price, console, loaded.currency)
    raise typer.Exit(Exit.INTERRUPTED if cancel.is_set() else Exit.DONE)


def _price(
    plan: "Plan", instance: "Instance", options: "SolveOptions", cancel: threading.Event
) -> "PriceOfFairness":
    from allocator.cli.interrupting import run_interruptibly
    from allocator.cli.progress import ProgressLine
    from allocator.fairness import price_of_fairness

    with ProgressLine(Console(stderr=True)) as line:
        return run_interruptibly(
            lambda: price_of_fairness(instance, plan, options, progress=line.tell, cancel=cancel),
            cancel,
            line,
        )


def _print(price: "PriceOfFairness", console: Console, currency: str) -> None:
    from allocator.fairness.views import price_grid

    if price.goal is None:
        text = "no goal of the plan counts fairness: nothing was given up for it"
    else:
        held = f"; held before it: {', '.join(price.earlier)}" if price.earlier else ""
        text = f"goal of fairness: {price.goal}{held}"
        print_parts([price_grid(price, currency)], console)
    print_parts([text], console)
