"""``allocator batch``: thousands of cases from one specification, kept for others to repeat."""

import json
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console

from allocator.cli.cases import SchedulerOption
from allocator.cli.ending import Exit
from allocator.cli.options import JsonOption
from allocator.folders import refuse_existing_file

if TYPE_CHECKING:
    from allocator.batch import Results
    from allocator.sensitivity.watching import Watcher

SpecArgument = Annotated[
    Path, typer.Argument(metavar="SPEC", help="Specification of the batch, as TOML.")
]
FolderArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder that `allocator batch run` wrote.")
]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", min=1, help="Processes that solve (one a core)."),
]

Result = TypeVar("Result")

batch_app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", add_completion=False)


@batch_app.callback()
def batch_command() -> None:
    """Solve thousands of what-ifs from one specification, reproducibly.

    \b
    Examples:
      allocator batch plan batch.toml
      allocator batch run batch.toml --out results --workers 2
      allocator batch run batch.toml --out results --resume
      allocator batch report results --out results.html
      allocator batch archive results --out results.zip
      allocator batch reproduce results.zip --sample 20
    """  # noqa: D301  # \b keeps the examples on lines of their own


@batch_app.command("plan")
def plan_command(
    spec: SpecArgument,
    workers: WorkersOption = None,
    estimate: Annotated[
        bool,
        typer.Option(
            "--estimate/--no-estimate",
            help="Solve the base plan and three cases of every instance to tell how long the batch "
            "takes.",
        ),
    ] = True,
    json_: JsonOption = False,
) -> None:
    """Check a batch, and say how many cases it has, about how long it takes, and the first ones.

    \b
    Examples:
      allocator batch plan batch.toml
      allocator batch plan batch.toml --workers 16 --json
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator import batch

    asked, cancel = batch.read_spec(spec), threading.Event()
    found = _watched(
        lambda watch: batch.plan(
            asked,
            workers=workers,
            estimate=estimate,
            progress=watch,
            cancel=cancel,
            name=spec.name,
        ),
        cancel,
        kept="the plan, without an estimate",
    )
    typer.echo(json.dumps(found.as_dict(), ensure_ascii=False) if json_ else str(found))
    if cancel.is_set():
        raise typer.Exit(Exit.INTERRUPTED)


@batch_app.command("run")
def run_command(
    spec: SpecArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.")],
    workers: WorkersOption = None,
    scheduler: SchedulerOption = None,
    time_limit: Annotated[
        float | None,
        typer.Option(
            "--time-limit-per-case",
            metavar="S",
            min=0.001,
            help="Seconds for one case, instead of those of the specification.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what is in the folder.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Solve every case of a batch; Ctrl-C stops, and the same command with --resume goes on.

    \b
    Examples:
      allocator batch run batch.toml --out results
      allocator batch run batch.toml --out results --resume
      allocator batch run batch.toml --out results --scheduler tcp://host:8786
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator import batch

    if workers is not None and scheduler is not None:
        raise typer.BadParameter("give --workers or --scheduler, not both")
    asked, cancel = batch.read_spec(spec), threading.Event()
    if resume and not out.exists():
        typer.echo(f"there is no {out} to go on with; the batch begins", err=True)
    found = _watched(
        lambda watch: batch.run(
            asked,
            out,
            workers=workers,
            scheduler=scheduler,
            time_limit_per_case=time_limit,
            resume=resume,
            progress=watch,
            cancel=cancel,
            name=spec.name,
        ),
        cancel,
    )
    _tell(found, as_json=json_)
    if cancel.is_set():
        typer.echo("stopped; the same command with --resume goes on", err=True)
        raise typer.Exit(Exit.INTERRUPTED)
    if found.count("failed") or found.disagreements:
        raise typer.Exit(Exit.SOLVER)


@batch_app.command("report")
def report_command(
    folder: FolderArgument,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The page (DIR with .html).")
    ] = None,
    tables: Annotated[
        Path | None,
        typer.Option("--tables", metavar="FOLDER", help="Write all tables there too, as CSV."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are there.")
    ] = False,
    top: Annotated[
        int, typer.Option("--top", metavar="N", min=1, help="Municipalities in each chart.")
    ] = 20,
    json_: JsonOption = False,
) -> None:
    """Write what a batch says as one page that needs no network; also while the batch runs.

    Response curves of the totals along every input, quotas over all cases, which municipalities'
    numbers hang on which input, and Sobol' or Morris indices where such a sample is answered.

    \b
    Examples:
      allocator batch report results
      allocator batch report results --out report.html --tables tables --top 40
      allocator batch report results --overwrite --json
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator import batch
    from allocator.batch.record import write_whole
    from allocator.writing import csv_bytes

    results = batch.open(folder)
    page = out or results.folder.with_suffix(".html")
    found = batch.analyse(results)
    files: dict[Path, Callable[[], bytes]] = {page: lambda: found.page(top).encode()}
    if tables is not None:
        files |= {
            tables / f"{name}.csv": partial(csv_bytes, frame)
            for name, frame in found.tables.items()
        }
    for file in files:
        refuse_existing_file(file, overwrite=overwrite)
    for file, content in files.items():
        write_whole(file, content())
    if json_:
        typer.echo(json.dumps(found.as_dict(), ensure_ascii=False, allow_nan=False))
    else:
        typer.echo(str(found))
    typer.echo(f"written to {page}" + (f" and {tables}" if tables else ""), err=True)
    if not found.instances["with_plan"].any():
        raise typer.Exit(Exit.NOTHING_FOUND)


@batch_app.command("archive")
def archive_command(
    folder: FolderArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="The archive (DIR with .zip)."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it exists.")
    ] = False,
) -> None:
    """Put a finished batch into one file, with all that others need to solve its cases again.

    \b
    Examples:
      allocator batch archive results
      allocator batch archive results --out published.zip
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator import batch

    typer.echo(f"written to {batch.archive(folder, out, overwrite=overwrite)}", err=True)


@batch_app.command("reproduce")
def reproduce_command(
    file: Annotated[
        Path, typer.Argument(metavar="ARCHIVE", help="An archive, or the folder of a batch.")
    ],
    sample: Annotated[
        int | None,
        typer.Option("--sample", metavar="N", min=1, help="Cases that are solved again (20)."),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Solve every case again.")] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of the draw.")] = 0,
    workers: WorkersOption = None,
    json_: JsonOption = False,
) -> None:
    """Solve cases of an archive again, cold, and say whether they agree with what it holds.

    \b
    Examples:
      allocator batch reproduce published.zip
      allocator batch reproduce published.zip --sample 200 --seed 7 --json
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator import batch
    from allocator.batch.archive import SAMPLE

    if all_ and sample is not None:
        raise typer.BadParameter("give --sample or --all, not both")
    cancel = threading.Event()
    found = _watched(
        lambda watch: batch.reproduce(
            file,
            sample=None if all_ else sample or SAMPLE,
            seed=seed,
            workers=workers,
            progress=watch,
            cancel=cancel,
        ),
        cancel,
    )
    if json_:
        typer.echo(json.dumps(found.as_dict(), ensure_ascii=False, allow_nan=False))
    else:
        typer.echo(str(found))
        for row in found.table[found.table["why"].notna()].to_dict("records"):
            typer.echo(f"  case {row['case']}: {row['why']}")
    if cancel.is_set():
        raise typer.Exit(Exit.INTERRUPTED)
    if not found.holds:
        raise typer.Exit(Exit.SOLVER)


def _watched(
    work: "Callable[[Watcher], Result]", cancel: threading.Event, kept: str = "what is done"
) -> Result:
    """Return what `work` returns, with progress; Ctrl-C sets `cancel`, which keeps `kept`."""
    from allocator.cli.interrupting import run_interruptibly
    from allocator.cli.progress import ProgressLine
    from allocator.sensitivity.watching import SECONDS_BETWEEN_LINES, with_rate

    with ProgressLine(Console(stderr=True), SECONDS_BETWEEN_LINES) as line:
        return run_interruptibly(
            lambda: work(lambda standing: line.tell_many(standing, with_rate)), cancel, line, kept
        )


def _tell(found: "Results", *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found.as_dict(), ensure_ascii=False, allow_nan=False))
        return
    typer.echo(str(found))
    for error, count in found.errors.items():
        typer.echo(f"  failed: {count}: {error}", err=True)
