"""What the commands that solve many cases share: options, folder, progress, ending."""

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console

from allocator.cli.ending import Exit
from allocator.folders import FolderExists

if TYPE_CHECKING:
    import pandas as pd

    from allocator.sensitivity.executor import Executor
    from allocator.sensitivity.types import Outcome

JOURNAL = "cases.jsonl"
"""File of a folder of results that keeps every outcome as it comes."""

OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Folder for tables, chart and every outcome as it comes; the same command with the "
        "same folder goes on where it stopped.",
    ),
]
AnewOption = Annotated[
    bool,
    typer.Option("--overwrite", help="Begin anew in a folder that is there."),
]
CaseTimeOption = Annotated[
    float | None, typer.Option("--time-limit", metavar="S", help="Seconds for one case (180).")
]
TotalTimeOption = Annotated[
    float | None,
    typer.Option("--total-time", metavar="S", min=0.001, help="Seconds for all cases together."),
]
GapOption = Annotated[
    float | None,
    typer.Option("--gap", metavar="G", help="Gap at which a goal counts as reached."),
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", metavar="N", help="Random seed of the solver.")
]
ProcessesOption = Annotated[
    int | None,
    typer.Option(
        "--processes", metavar="N", min=1, help="Cases that are solved at once (one a core)."
    ),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(
        "--scheduler", metavar="ADDRESS", help="Dask scheduler whose workers solve the cases."
    ),
]

ASKED = "asked.json"
"""File of a folder of results that says which command it answers."""
_ABOUT = ("instance", "plan")
"""Arguments that say what a command is about; a folder may take further values of its inputs."""

Result = TypeVar("Result")


def _asked(context: typer.Context) -> dict[str, Any]:
    """Return the command that runs, and what it is about."""
    given = {name: context.params.get(name) for name in _ABOUT}
    told = {name: str(value) for name, value in given.items() if value is not None}
    return {"command": context.info_name, **told}


@dataclass(frozen=True)
class Many:
    """How many cases are run: where they are kept, and who works.

    Attributes
    ----------
    out
        Folder for what comes out; none: nothing is kept.
    overwrite
        Begin anew in a folder that is there.
    processes, scheduler, total_time
        As for `Executor`.
    """

    out: Path | None
    overwrite: bool
    processes: int | None
    scheduler: str | None
    total_time: float | None

    def prepare(self, context: typer.Context) -> None:
        """Make the folder ready for the command that runs.

        Raises
        ------
        FolderExists
            If it holds something else, or the answer to another command, and is not to be
            overwritten.
        """
        if self.out is None:
            return
        asked, known = _asked(context), self.out / ASKED
        other = self.out.is_file() or (self.out.is_dir() and any(self.out.iterdir()))
        if known.is_file():
            other = json.loads(known.read_text(encoding="utf-8")) != asked
        if other and not self.overwrite:
            raise FolderExists(self.out)
        self.out.mkdir(parents=True, exist_ok=True)
        if self.overwrite:
            (self.out / JOURNAL).unlink(missing_ok=True)
        known.write_text(json.dumps(asked, ensure_ascii=False) + "\n", encoding="utf-8")

    def run(self, work: Callable[["Executor"], Result], cancel: threading.Event) -> Result:
        """Return what `work` returns, with progress; Ctrl-C sets `cancel`."""
        from allocator.cli.interrupting import run_interruptibly
        from allocator.cli.progress import ProgressLine
        from allocator.sensitivity.executor import Executor

        with ProgressLine(Console(stderr=True)) as line:

            def begin() -> Result:
                with Executor(
                    processes=self.processes,
                    scheduler=self.scheduler,
                    journal=None if self.out is None else self.out / JOURNAL,
                    time_limit=self.total_time,
                    progress=line.tell_many,
                    cancel=cancel,
                ) as executor:
                    return work(executor)

            return run_interruptibly(begin, cancel, line, kept="what is done")

    def tell(
        self,
        name: str,
        answer: Any,
        tables: "dict[str, pd.DataFrame]",
        chart: Any,
        show: Callable[[], None] | None,
    ) -> None:
        """Keep what came out and print it: by `show`, or as JSON where there is none.

        Parameters
        ----------
        name, answer, tables, chart
            As for `keep`.
        show
            Prints it for people.
        """
        self.keep(name, answer, tables, chart)
        if show is None:
            typer.echo(json.dumps(answer, ensure_ascii=False, allow_nan=False))
        else:
            show()

    def keep(self, name: str, answer: Any, tables: "dict[str, pd.DataFrame]", chart: Any) -> None:
        """Write what came out into the folder, if there is one: JSON, tables, chart.

        Parameters
        ----------
        name
            Of the JSON file and the chart.
        answer
            Plain data.
        tables
            By file name, without its ending.
        chart
            An Altair chart; none where there is nothing to draw.
        """
        if self.out is None:
            return
        from allocator.sensitivity.charts import FORMATS, drawn
        from allocator.writing import csv_bytes

        text = json.dumps(answer, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        files = {f"{name}.json": text.encode()}
        files |= {f"{table}.csv": csv_bytes(frame) for table, frame in tables.items()}
        if chart is not None:
            files |= {f"{name}.{kind}": drawn(chart, kind) for kind in FORMATS}
        self.out.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            new = self.out / f".{file}.new"
            new.write_bytes(content)
            new.replace(self.out / file)  # whole or not at all
        typer.echo(f"written to {self.out}", err=True)


def say_what_lacks(outcomes: Iterable["Outcome"]) -> None:
    """Say on standard error which cases have no answer, and why, each reason once."""
    counts: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.error is not None:
            counts[outcome.error] = counts.get(outcome.error, 0) + 1
    for reason, count in counts.items():
        typer.echo(f"without an answer: {count}: {reason}", err=True)


def code_of(outcomes: Iterable["Outcome"], *, interrupted: bool) -> Exit:
    """Return the exit code that a command ends with."""
    from allocator.sensitivity.types import State

    known = list(outcomes)
    if interrupted:
        return Exit.INTERRUPTED
    if any(outcome.state is State.FAILED for outcome in known):
        return Exit.SOLVER
    if not any(outcome.found for outcome in known):
        return Exit.NOTHING_FOUND
    return Exit.DONE
