"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from allocator.cli.ending import AS_JSON


def _remember(ctx: typer.Context, value: bool) -> bool:
    """Let errors be told in the form that was asked for."""
    ctx.meta[AS_JSON] = value
    return value


InstanceArgument = Annotated[
    str,
    typer.Argument(
        metavar="INSTANCE", help="Folder of an instance, or the name of a packaged one."
    ),
]
PlanArgument = Annotated[Path, typer.Argument(metavar="PLAN", help="Folder of a plan.")]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy", metavar="FILE", help="Policy as TOML or JSON; without it the default policy."
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", callback=_remember, is_eager=True, help="Answer as JSON, for machines."),
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace the folder if it exists.")
]
