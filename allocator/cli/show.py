"""``allocator show``: a plan, or what one municipality is asked and why there is room."""

import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from allocator.cli.options import JsonOption, PlanArgument
from allocator.cli.printing import print_parts, printer

if TYPE_CHECKING:
    import pandas as pd

    from models.instance import Instance
    from models.plan import Plan


def show_command(
    plan: PlanArgument,
    municipality: Annotated[
        str | None,
        typer.Option("--municipality", metavar="ID", help="Show one municipality, such as 0301."),
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option(
            "--instance",
            metavar="INSTANCE",
            help="Where the instance of the plan is, if it is no longer where it was read from.",
        ),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Show a plan, or one municipality of it.

    \b
    Examples:
      allocator show plan
      allocator show plan --municipality 0301
      allocator show plan --municipality 0301 --json
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator.plans import instance_for, read_plan

    read = read_plan(plan)
    if municipality is not None:
        _known(read, municipality)
        found = municipality_of(read, instance_for(read, instance), municipality)
        if json_:
            typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        else:
            _print_municipality(found, printer())
    elif json_:
        typer.echo(read.model_dump_json())
    else:
        _print_plan(read, instance, printer())
        hint = "allocator show {} --municipality ID shows one municipality"
        typer.echo(hint.format(Path(plan)))


def _print_plan(plan: "Plan", source: str | None, console: Console) -> None:
    from allocator.cli.summary import print_summary
    from allocator.errors import InstanceMismatch, InvalidInstance
    from allocator.fairness import fairness
    from allocator.fairness.views import fairness_grid
    from allocator.plans import instance_for

    try:
        instance, missing = instance_for(plan, source), ""
    except (InstanceMismatch, InvalidInstance) as error:
        if source is not None:
            raise
        # The plan alone says enough; the currency and the measures of fairness are left out.
        instance, missing = None, str(error).splitlines()[0]
    print_summary(plan, console, currency="" if instance is None else instance.currency)
    if instance is None:
        typer.echo(f"fairness is not shown: {missing}")
    elif plan.found:
        print_parts([fairness_grid([("", fairness(instance, plan))])], console)


def _known(plan: "Plan", municipality_id: str) -> None:
    """Refuse a municipality that the plan does not have, and say which may be meant."""
    ids, names = (plan.quotas[column].tolist() for column in ("municipality_id", "name"))
    if municipality_id in ids:
        return
    by_name = {name.casefold(): number for number, name in zip(ids, names, strict=True)}
    meant = by_name.get(municipality_id.casefold())
    near = [meant] if meant else difflib.get_close_matches(municipality_id, ids, n=3, cutoff=0.5)
    maybe = f"; maybe {', '.join(near)}" if near else ""
    raise typer.BadParameter(
        f"the plan has no municipality {municipality_id!r}{maybe}", param_hint="'--municipality'"
    )


def municipality_of(plan: "Plan", instance: "Instance", municipality_id: str) -> dict[str, Any]:
    """Return everything a plan says about one municipality, as plain data.

    Returns
    -------
    dict
        The row of `quotas`, and the lists `placements`, `measures` and `capacity`; the
        capacities hold the pools it is a member of.
    """
    sites = instance.sites[instance.sites["municipality_id"] == municipality_id]
    placed = plan.placements[plan.placements["site_id"].isin(sites["site_id"])]
    about = instance.measures.drop(columns=["cost_per_step", "max_steps"])
    here = about["site_id"].isin(sites["site_id"]) | (about["municipality_id"] == municipality_id)
    measures = plan.measures.merge(about[here], on="measure_id", validate="one_to_one")
    members = instance.pool_members
    pools = members.loc[members["municipality_id"] == municipality_id, "pool_id"]
    capacity = plan.capacity
    pooled = capacity["municipality_id"].isna() & capacity["item"].isin(pools)
    quota = plan.quotas[plan.quotas["municipality_id"] == municipality_id]
    return {
        **_records(quota)[0],
        "placements": _records(placed),
        "measures": _records(measures),
        "capacity": _records(capacity[(capacity["municipality_id"] == municipality_id) | pooled]),
    }


def _records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Return the rows as plain data, missing values as null."""
    return [dict(row) for row in json.loads(frame.to_json(orient="records", double_precision=12))]


def _print_municipality(found: dict[str, Any], console: Console) -> None:
    title = f"{found['name']} ({found['municipality_id']}, county {found['county_id']})"
    console.print(title, highlight=False, markup=False)
    grid = Table.grid(padding=(0, 2))
    ratio = "no fair share" if found["ratio"] is None else f"{found['ratio']:.3f}"
    grid.add_row("quota", f"{found['quota']:,} persons")
    grid.add_row("fair share", f"{found['fair_share']:,.2f} persons")
    grid.add_row("ratio", ratio)
    grid.add_row("minors", f"{found['minors']:,.2f}")
    console.print(grid)
    _print_rows(console, "placements", found["placements"], ("site_id", "group_id", "persons"))
    _print_rows(
        console,
        "measures",
        found["measures"],
        ("measure_id", "kind", "steps", "units_per_step", "cost"),
    )
    _print_rows(
        console,
        "capacity",
        [{**row, "binding": _binding(row)} for row in found["capacity"]],
        ("family", "site_id", "item", "used", "capacity", "slack", "binding"),
    )


def _binding(row: dict[str, Any]) -> str:
    """Say whether a capacity is used up; one of 0 that nobody uses tells that there is none."""
    from models.plan import NOTHING

    if not row["binding"]:
        return ""
    return "yes" if row["used"] > NOTHING else "there is none"


def _print_rows(
    console: Console, title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]
) -> None:
    if not rows:
        console.print(f"{title}: none", highlight=False)
        return
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        number = isinstance(rows[0][column], int | float)
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    console.print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
