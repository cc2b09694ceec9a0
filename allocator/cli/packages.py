"""``allocator instances`` and ``allocator build-instance``: packaged, varied, synthetic."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from allocator.cli.options import JsonOption, OverwriteOption
from allocator.cli.printing import printer

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
    printer().print(table)


def build_instance_command(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Instance to build: norway-2024, synthetic, …"),
    ] = None,
    municipalities: Annotated[
        int | None,
        typer.Option(
            "--municipalities", metavar="N", help="For synthetic: how many municipalities to draw."
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="S", help="For synthetic: seed of the draw; without it, 0."),
    ] = None,
    assume: Annotated[
        list[str] | None,
        typer.Option(
            "--assume", metavar="name=value", help="Change an assumption; may be repeated."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Folder to write; without it, the id of the instance."
        ),
    ] = None,
    overwrite: OverwriteOption = False,
    list_assumptions: Annotated[
        bool, typer.Option("--list-assumptions", help="Print the assumptions and stop.")
    ] = False,
) -> None:
    """Build an instance from published figures and named assumptions, or a synthetic one.

    \b
    Examples:
      allocator build-instance --list-assumptions
      allocator build-instance norway-2024 --assume housing_turnover=0.03 --out tight
      allocator check tight
      allocator build-instance synthetic --municipalities 3570 --seed 1 --out large
      allocator build-instance synthetic --municipalities 50 --assume size_spread=0.3
    """  # noqa: D301  # \b keeps the examples on lines of their own
    if list_assumptions:
        _print_assumptions()
        return
    if name is None:
        raise typer.BadParameter("name the instance to build", param_hint="'NAME'")
    from allocator.folders import refuse_existing
    from allocator.writing import write
    from instances.synthetic.build import name_of

    values = _numbers(assume or [])
    drawn = _drawn(name, municipalities, seed)
    folder = out or Path(name_of(*drawn) if drawn else name)
    refuse_existing(folder, overwrite=overwrite)
    instance = _build_synthetic(*drawn, values) if drawn else _build(name, values)
    write(instance, folder, overwrite=overwrite)
    typer.echo(f"{instance.title} written to {folder}")


def _drawn(name: str, municipalities: int | None, seed: int | None) -> tuple[int, int] | None:
    """Return the numbers that a synthetic instance is drawn by, or None for any other."""
    from instances.synthetic.build import NAME

    if name == NAME and municipalities is None:
        message = "say how many to draw: --municipalities 3570"
        raise typer.BadParameter(message, param_hint="'--municipalities'")
    if name != NAME and (municipalities is not None or seed is not None):
        message = f"these go with {NAME} only, not with {name}"
        raise typer.BadParameter(message, param_hint="'--municipalities' / '--seed'")
    return None if municipalities is None else (municipalities, seed or 0)


def _build(name: str, assume: dict[str, float]) -> "Instance":
    from instances.norway.build import EDITIONS
    from instances.norway.build import build as build_norway
    from instances.synthetic.build import NAME
    from instances.tiny.build import BUILDERS
    from instances.tiny.build import build as build_tiny

    if name in BUILDERS:
        if assume:
            raise typer.BadParameter(f"{name} rests on no assumptions", param_hint="'--assume'")
        return build_tiny(name)
    if name not in EDITIONS:
        names = ", ".join([*EDITIONS, NAME, *BUILDERS])
        raise typer.BadParameter(f"nothing builds {name!r}; there are {names}", param_hint="'NAME'")
    try:
        return build_norway(name, assume)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="'--assume'") from error


def _build_synthetic(municipalities: int, seed: int, assume: dict[str, float]) -> "Instance":
    from instances.synthetic.build import build

    try:
        return build(municipalities, seed, assume)
    except ValueError as error:
        hint = "'--municipalities' / '--seed' / '--assume'"
        raise typer.BadParameter(str(error), param_hint=hint) from error


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

    own = load_assumptions("instances.synthetic")
    for assumption in (load_assumptions() | own).values():
        only = "; synthetic only" if assumption.name in own else ""
        typer.echo(
            f"{assumption.name} = {assumption.value:g}  "
            f"({assumption.low:g} to {assumption.high:g}; {assumption.unit}{only})"
        )
        typer.echo(f"    {assumption.reason}")
