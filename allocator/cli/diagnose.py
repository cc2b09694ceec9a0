"""``allocator diagnose``: what clashes when no plan keeps everything, and the ways out."""

import threading
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from allocator.cli.ending import Exit
from allocator.cli.examine import SettingsOption
from allocator.cli.options import InstanceArgument, JsonOption, PolicyOption
from allocator.cli.solve import options_from

if TYPE_CHECKING:
    from allocator.diagnose import Diagnosis
    from models.instance import Instance
    from models.options import SolveOptions
    from models.policy import Policy


def diagnose_command(
    instance: InstanceArgument,
    policy: PolicyOption = None,
    settings: SettingsOption = None,
    no_shortfall: Annotated[
        bool,
        typer.Option("--no-shortfall", help="Ask also that everyone is given a place."),
    ] = False,
    ways: Annotated[
        bool, typer.Option("--ways/--no-ways", help="Look for ways out as well (usual).")
    ] = True,
    time_limit: Annotated[
        float | None, typer.Option("--time-limit", metavar="S", help="Seconds for the whole run.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Random seed of the solver.")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Tell what clashes when no plan keeps everything that is asked, and the ways out.

    What clashes is told in sets: leave out any one of a set, and the others can hold. Every
    way out is the least that one family (demands, dwellings, seats, places, budget, floor, lots,
    target) must give way by for everything else to hold, and is proven by solving with it.

    \b
    Examples:
      allocator diagnose norway-2024 --policy policy.toml
      allocator diagnose norway-2024 --set min_ratio=0.8 --no-ways
      allocator diagnose norway-2024 --set budget.total=1e8 --no-shortfall --json
      allocator diagnose norway-2024 --set 'fixed=[{municipality_id="1151",persons=500}]'

    Ends with code 0 when nothing clashes, and with 4 when something does or the time was too
    short to tell.
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator.policies import read_policy

    options = options_from(time_limit=time_limit, seed=seed)
    chosen = read_policy(policy, settings or [])

    # Only now, because the solver and pandas take a while to import.
    from allocator.loading import load

    cancel = threading.Event()
    found = _diagnose(load(instance), chosen, options, cancel, promise=no_shortfall, ways=ways)
    if json_:
        typer.echo(found.model_dump_json())
    else:
        from allocator.diagnose import in_words

        typer.echo(in_words(found))
    if cancel.is_set():
        raise typer.Exit(Exit.INTERRUPTED)
    raise typer.Exit(Exit.DONE if found.verdict == "holds" else Exit.NOTHING_FOUND)


def _diagnose(
    instance: "Instance",
    policy: "Policy",
    options: "SolveOptions",
    cancel: threading.Event,
    *,
    promise: bool,
    ways: bool,
) -> "Diagnosis":
    from allocator.cli.interrupting import run_interruptibly
    from allocator.cli.progress import ProgressLine
    from allocator.diagnose import diagnose

    with ProgressLine(Console(stderr=True)) as line:
        return run_interruptibly(
            lambda: diagnose(
                instance,
                policy,
                options,
                promise=promise,
                ways=ways,
                progress=line.tell,
                cancel=cancel,
            ),
            cancel,
            line,
        )
