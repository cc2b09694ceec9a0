"""``allocator report``: a plan as a page, a workbook or a map for people."""

from pathlib import Path
from typing import Annotated

import typer

from allocator.cli.compare import WhereInstanceIs
from allocator.cli.options import PlanArgument

_FORMATS = ("html", "xlsx", "svg", "png")
_LANGUAGES = ("en", "nb")


def report_command(
    plan: PlanArgument,
    other: Annotated[
        Path | None, typer.Argument(metavar="[PLAN2]", help="A plan to compare with.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write.")] = Path(
        "report.html"
    ),
    format_: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="|".join(_FORMATS), help="Without it, what the name of FILE says."
        ),
    ] = None,
    language: Annotated[
        str, typer.Option("--lang", metavar="|".join(_LANGUAGES), help="Language of the report.")
    ] = "en",
    instance: WhereInstanceIs = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it exists.")
    ] = False,
) -> None:
    """Write a report of a plan: one file that needs no network.

    The page (html) has totals, map, distribution, what binds, measures, proof, all
    municipalities, policy and sources; the workbook (xlsx) the tables; svg and png the map.

    \b
    Examples:
      allocator report plan --out report.html
      allocator report plan other-plan --lang nb --out rapport.html
      allocator report plan --out plan.xlsx
      allocator report plan --out map.png
    """  # noqa: D301  # \b keeps the examples on lines of their own
    kind = _format(format_, out)
    if language not in _LANGUAGES:
        expected = f"give one of {', '.join(_LANGUAGES)}, not {language!r}"
        raise typer.BadParameter(expected, param_hint="'--lang'")
    if out.exists() and not overwrite:
        message = f"{out} is there already; give another name or --overwrite"
        raise typer.BadParameter(message, param_hint="'--out'")
    from allocator.plans import instance_for, read_plan
    from allocator.report import report

    first = read_plan(plan)
    second = None if other is None else read_plan(other)
    given = instance_for(first, instance)
    content = report(given, first, second, language=language, format=kind)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(content)
    typer.echo(f"written to {out}")


def _format(asked: str | None, out: Path) -> str:
    """Return the format asked for, or the one that the name of the file says."""
    kind = out.suffix.removeprefix(".").lower() if asked is None else asked
    if kind in _FORMATS:
        return kind
    if asked is None:
        message = f"the name {out.name} does not say the format; give --format or another name"
    else:
        message = f"give one of {', '.join(_FORMATS)}, not {asked!r}"
    raise typer.BadParameter(message, param_hint="'--format'")
