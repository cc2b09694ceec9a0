"""``allocator instances`` and ``allocator build-instance``: packaged instances, variants."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from allocator.cli.options import JsonOption, OverwriteOption

if TYPE_CHECKING:
    from models.instance import Instance

_FIELDS = ("id", "title", "year", "target", "budget", "currency")


def instances_command(json_: JsonOption = False) -> None:
    """List the packaged instances; each can be given by name wherever INSTANCE stands.

    \b
    Examples:
      allocator instances
      allocator solve norway-2024 --out plan
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator.packaged import packaged

    # The description is enough here; reading all tables would take seconds.
    rows = []
    for name, folder in packaged().items():
        about = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
        rows.append({"name": name, **{field: about.get(field) for field in _FIELDS}})
    if json_:
        typer.echo(json.dumps({"instances": rows}, ensure_ascii=False, indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("title")
    table.add_column("target", justify="right")
    table.add_column("budget", justify="right")
    for row in rows:
        budget = "" if row["budget"] is None else f"{row['budget']:,.0f} {row['currency']}"
        table.add_row(row["name"], row["title"], f"{row['target']:,}", budget)
    Console().print(table)


def build_instance_command(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Instance to build, such as norway-2024.")
    ] = None,
    assume: Annotated[
        list[str] | None,
        typer.Option(
            "--assume", metavar="name=value", help="Change an assumption; may be repeated."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder to write; without it, NAME."),
    ] = None,
    overwrite: OverwriteOption = False,
    list_assumptions: Annotated[
        bool, typer.Option("--list-assumptions", help="Print the assumptions and stop.")
    ] = False,
) -> None:
    """Build an instance from published figures and named assumptions.

    \b
    Examples:
      allocator build-instance --list-assumptions
      allocator build-instance norway-2024 --assume housing_turnover=0.03 --out tight
      allocator check tight
    """  # noqa: D301  # \b keeps the examples on lines of their own
    if list_assumptions:
        _print_assumptions()
        return
    if name is None:
        raise typer.BadParameter("name the instance to build", param_hint="'NAME'")
    folder = out if out is not None else Path(name)
    from allocator.folders import refuse_existing

    refuse_existing(folder, overwrite=overwrite)
    instance = _build(name, _numbers(assume or []))
    from allocator.writing import write

    write(instance, folder, overwrite=overwrite)
    typer.echo(f"{instance.title} written to {folder}")


def _build(name: str, assume: dict[str, float]) -> "Instance":
    from instances.norway.build import EDITIONS
    from instances.norway.build import build as build_norway
    from instances.tiny.build import BUILDERS
    from instances.tiny.build import build as build_tiny

    if name in BUILDERS:
        if assume:
            raise typer.BadParameter(f"{name} rests on no assumptions", param_hint="'--assume'")
        return build_tiny(name)
    if name not in EDITIONS:
        names = ", ".join([*EDITIONS, *BUILDERS])
        raise typer.BadParameter(f"nothing builds {name!r}; there are {names}", param_hint="'NAME'")
    try:
        return build_norway(name, assume)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="'--assume'") from error


def _numbers(settings: list[str]) -> dict[str, float]:
    """Read ``name=value`` settings, telling everything that is wrong at once."""
    values, wrong = {}, []
    for setting in settings:
        name, _, text = setting.partition("=")
        try:
            values[name.strip()] = float(text)
        except ValueError:
            wrong.append(f"{setting!r} is not name=number; write housing_turnover=0.03")
    if wrong:
        raise typer.BadParameter("\n".join(wrong), param_hint="'--assume'")
    return values


def _print_assumptions() -> None:
    from instances.norway.assumptions import load_assumptions

    for assumption in load_assumptions().values():
        typer.echo(
            f"{assumption.name} = {assumption.value:g}  "
            f"({assumption.low:g} to {assumption.high:g}; {assumption.unit})"
        )
        typer.echo(f"    {assumption.reason}")
