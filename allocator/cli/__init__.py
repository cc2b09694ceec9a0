"""The command line.

Each command imports what it needs when it runs: ``allocator --help`` and
``allocator policy`` answer at once instead of waiting for pandas, Pyomo and the solver.
Results go to standard output, everything else to standard error.
"""

from importlib.metadata import entry_points
from typing import Annotated

import typer

from allocator.cli.batch import batch_app
from allocator.cli.compare import compare_command
from allocator.cli.diagnose import diagnose_command
from allocator.cli.ending import Commands, Exit
from allocator.cli.examine import check_command, verify_command
from allocator.cli.explain import explain_command
from allocator.cli.fairness import fairness_command
from allocator.cli.frontier import frontier_command
from allocator.cli.keys import keys_app
from allocator.cli.marginal import marginal_command
from allocator.cli.packages import build_instance_command, instances_command
from allocator.cli.policy import policy_command
from allocator.cli.report import report_command
from allocator.cli.revise import revise_command
from allocator.cli.robustness import robustness_command
from allocator.cli.screening import screening_command
from allocator.cli.show import show_command
from allocator.cli.solve import solve_command
from allocator.cli.sweep import sweep_command

__all__ = ["Exit", "app", "main"]

_EPILOG = (
    "Exit codes: 0 done, 2 usage, 3 invalid instance, policy or plan, 4 nothing found, "
    "5 solver or verification failed, 6 shortfall (with --fail-on-shortfall), 130 interrupted."
)

app = typer.Typer(
    name="allocator",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)


def _print_version(asked: bool) -> None:
    if asked:
        from allocator.version import VERSION

        typer.echo(f"allocator {VERSION}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[  # its callback does the work
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Split a national settlement target across municipalities, and prove what it is worth."""


app.command("solve")(solve_command)
app.command("diagnose")(diagnose_command)
app.command("revise")(revise_command)
app.command("check")(check_command)
app.command("verify")(verify_command)
app.command("show")(show_command)
app.command("explain")(explain_command)
app.command("sweep")(sweep_command)
app.command("marginal")(marginal_command)
app.command("frontier")(frontier_command)
app.command("robustness")(robustness_command)
app.command("screening")(screening_command)
app.add_typer(keys_app, name="keys")
app.add_typer(batch_app, name="batch")
app.command("compare")(compare_command)
app.command("fairness")(fairness_command)
app.command("report")(report_command)
app.command("build-instance")(build_instance_command)
app.command("policy")(policy_command)
app.command("instances")(instances_command)


def _add_commands_of_others() -> None:
    """Add the commands of packages that stand above this one, such as the service."""
    for plugin in entry_points(group="allocator.commands"):
        plugin.load()(app)


_add_commands_of_others()


def main() -> None:
    """Run the command line."""
    app()
