"""``allocator keys``: official keys side by side on the same data, and their audit."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.table import Table
from typer.core import TyperGroup

from allocator.cli.examine import SettingsOption
from allocator.cli.options import InstanceArgument, JsonOption, PolicyOption
from allocator.cli.printing import printer

if TYPE_CHECKING:
    import pandas as pd

    from allocator.apportionment import Method
    from allocator.audit import Audit
    from allocator.key_comparison import KeyComparison
    from models.policy import Key, Policy

_METHODS = "sainte_lague, d_hondt, danish or largest_remainder"


class ComparingByDefault(TyperGroup):
    """The commands, of which `compare` need not be named: ``allocator keys INSTANCE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `compare` first unless a command or help is asked for."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["compare", *args]
        return list(super().parse_args(ctx, args))


keys_app = typer.Typer(
    cls=ComparingByDefault, no_args_is_help=True, rich_markup_mode="rich", add_completion=False
)


@keys_app.callback()
def keys_command() -> None:
    """Compare the keys that official rules share by, on the same data, or audit one.

    \b
    Examples:
      allocator keys list
      allocator keys norway-2024 --all
      allocator keys norway-2024 --key nrw --key eu_2024 --sort nrw --limit 10
      allocator keys audit eu_2015 norway-2024

    allocator keys INSTANCE is short for allocator keys compare INSTANCE, whose --help
    tells all options.
    """  # noqa: D301  # \b keeps the examples on lines of their own


@keys_app.command("compare")
def compare_command(
    instance: InstanceArgument,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="NAME[:{…}]",
            help="Key to show, with settings as a TOML table if need be; may be repeated.",
        ),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Show every key; list those whose columns are missing.")
    ] = False,
    method: Annotated[
        str, typer.Option("--method", metavar="NAME", help=f"Apportionment: {_METHODS}.")
    ] = "sainte_lague",
    policy: PolicyOption = None,
    settings: SettingsOption = None,
    sort: Annotated[
        str,
        typer.Option("--sort", metavar="COLUMN", help="id, name, population, or a key shown."),
    ] = "population",
    show: Annotated[
        list[str] | None,
        typer.Option("--show", help="share, persons or per_1000; may be repeated."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help="Rows to print; 0: all of them.")
    ] = 20,
    out: Annotated[
        Path | None,
        typer.Option("--csv", "--out", metavar="FILE", help="Write all rows and figures as CSV."),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Show shares, whole persons and persons per 1,000 inhabitants by key, side by side.

    Target, credits, step and floor are those of the policy; without --key, so is the key.

    \b
    Examples:
      allocator keys norway-2024 --all
      allocator keys norway-2024 --key population --key nrw --show per_1000 --sort nrw
      allocator keys norway-2024 --key 'nrw:{options={area_cap=0.5}}' --csv nrw.csv
      allocator keys norway-2024 --key 'weighted:{weights={population=1,area_km2=0.2}}'
      allocator keys norway-2024 --all --set step=10 --set target=5000 --method d_hondt
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator.policies import read_policy

    chosen = read_policy(policy, settings or [])
    shown = _measures(show, several=all_ or len(key or []) > 2)
    rule = _method(method)
    keys = _keys(key or [], chosen, every=all_)
    if sort not in ("id", "name", "population", *keys):
        there = ", ".join(["id", "name", "population", *keys])
        raise typer.BadParameter(f"{sort!r} is not shown; give {there}", param_hint="'--sort'")
    from allocator.key_comparison import compare_keys
    from allocator.loading import load

    found = compare_keys(load(instance), keys, chosen, rule, skip_lacking=all_)
    if sort in found.lacking:
        raise typer.BadParameter(
            f"{sort} cannot be computed here, so nothing can be sorted by it", param_hint="'--sort'"
        )
    for warning in found.warnings:
        typer.echo(f"warning: {warning}", err=True)
    table = _sorted(found.table, sort)
    if out is not None:
        table.to_csv(out, index=False, lineterminator="\n")
    if json_:
        typer.echo(_as_json(found, table, rule, keys))
        return
    _print_comparison(found, table, shown, limit)
    if out is not None:
        typer.echo(f"written to {out}")


@keys_app.command("audit")
def audit_command(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Key, with settings if need be.")],
    instance: InstanceArgument,
    policy: PolicyOption = None,
    settings: SettingsOption = None,
    json_: JsonOption = False,
) -> None:
    """Audit a key: is it monotone, do weights weigh what they say, are equals treated equally.

    \b
    Examples:
      allocator keys audit eu_2015 norway-2024
      allocator keys audit 'nrw:{options={area_cap=0.5}}' norway-2024 --json
      allocator keys audit 'weighted:{weights={population=1,employment_rate=1}}' norway-2024
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator.policies import read_policy

    chosen = read_policy(policy, settings or [])
    one = _keys([key], chosen, every=False)
    from allocator.audit import audit_key
    from allocator.loading import load

    given = load(instance)
    audit = audit_key(given, next(iter(one.values())), chosen.target_for(given.target))
    if json_:
        answer = {**asdict(audit), "holds": all(finding.holds for finding in audit.findings)}
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        _print_audit(audit)


@keys_app.command("list")
def list_command(json_: JsonOption = False) -> None:
    """List the keys with formula, source, columns and options.

    \b
    Examples:
      allocator keys list
      allocator keys list --json
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator.key_docs import described

    found = described()
    if json_:
        typer.echo(json.dumps({"keys": found}, ensure_ascii=False, indent=2))
        return
    for about in found:
        typer.echo(f"{about['name']}: {about['title']}")
        for field in ("formula", "source", "limits"):
            typer.echo(f"    {field:8} {about[field]}")
        for column in about["columns"]:
            typer.echo(f"    column   {column['column']} ({column['unit']}): {column['meaning']}")
        for option in about["options"]:
            typer.echo(f"    option   {option['name']} = {option['default']}: {option['meaning']}")


def _measures(show: list[str] | None, *, several: bool) -> list[str]:
    known = ("share", "persons", "per_1000")
    for name in show or []:
        if name not in known:
            raise typer.BadParameter(
                f"{name!r} is no measure; give {', '.join(known)}", param_hint="'--show'"
            )
    return list(dict.fromkeys(show)) if show else (["persons"] if several else list(known))


def _method(name: str) -> "Method":
    from allocator.apportionment import Method

    if name not in list(Method):
        raise typer.BadParameter(f"{name!r} is no method; give {_METHODS}", param_hint="'--method'")
    return Method(name)


def _keys(given: list[str], policy: "Policy", *, every: bool) -> "dict[str, Key]":
    """Return the keys asked for by label, or the policy's own."""
    from allocator.keys import KEYS
    from models.policy import Key

    keys = {name: Key(name=name) for name in KEYS if name != "weighted"} if every else {}
    for text in given:
        name, _, table = text.partition(":")
        keys[text] = _one(name.strip(), table.strip())
    return keys or {policy.key.name: policy.key}


def _one(name: str, table: str) -> "Key":
    from allocator.policies import read_policy

    settings = [f'key={{name="{name}"}}'] if not table else [f"key={table}", f'key.name="{name}"']
    return read_policy(None, settings).key


def _sorted(table: "pd.DataFrame", sort: str) -> "pd.DataFrame":
    if sort in ("id", "name"):
        return table.sort_values("municipality_id" if sort == "id" else "name", kind="stable")
    column = sort if sort == "population" else f"{sort}_share"
    return table.sort_values(column, ascending=False, kind="stable")


def _as_json(
    found: "KeyComparison", table: "pd.DataFrame", method: "Method", keys: "Mapping[str, Key]"
) -> str:
    answer = {
        "target": found.target,
        "method": method.value,
        "keys": {label: keys[label].model_dump(mode="json") for label in found.keys},
        "lacking": {
            label: [problem.as_dict() for problem in problems]
            for label, problems in found.lacking.items()
        },
        "warnings": list(found.warnings),
        "municipalities": json.loads(table.to_json(orient="records", double_precision=12)),
    }
    return json.dumps(answer, ensure_ascii=False, indent=2)


def _print_comparison(
    found: "KeyComparison", table: "pd.DataFrame", shown: list[str], limit: int
) -> None:
    console = printer()
    rows = table if limit == 0 else table.head(limit)
    for measure in shown:
        title = {
            "share": "share of the target, %",
            "persons": f"persons of {found.target:,}",
            "per_1000": "persons per 1,000 inhabitants",
        }[measure]
        grid = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        grid.add_column("municipality", no_wrap=True)
        grid.add_column("population", justify="right")
        for label in found.keys:
            grid.add_column(label, justify="right")
        columns = [f"{label}_{measure}" for label in found.keys]
        for _, row in rows.iterrows():
            cells = [_figure(measure, row[column]) for column in columns]
            grid.add_row(
                f"{row['municipality_id']} {row['name']}", f"{row['population']:,}", *cells
            )
        asked = [(found.column(label, "persons") > 0).sum() for label in found.keys]
        grid.add_section()
        grid.add_row("municipalities asked", "", *(f"{count:,}" for count in asked))
        if found.keys:
            console.print(grid, highlight=False)
    if len(rows) < len(table):
        typer.echo(f"{len(rows)} of {len(table)} municipalities; --limit 0 shows all")
    for label, problems in found.lacking.items():
        typer.echo(f"{label}: cannot be computed with this instance")
        for problem in problems:
            typer.echo(f"    {problem.column}: {problem.message}; {problem.expected}")


def _figure(measure: str, value: float) -> str:
    return {"share": f"{value * 100:.3f}", "persons": f"{value:,.0f}"}.get(measure, f"{value:.1f}")


def _print_audit(audit: "Audit") -> None:
    titles = {
        "own": "Does raising an indicator ever move the number the wrong way?",
        "counting": "Does counting an indicator move the right municipalities the right way?",
        "equals": "Are equals treated equally across counties?",
    }
    for question, title in titles.items():
        answers = [finding for finding in audit.findings if finding.question == question]
        if not answers:
            continue
        typer.echo(title)
        for answer in answers:
            said = "holds" if answer.holds else f"FAILS in {answer.violations} of {answer.checked}"
            about = f"{answer.indicator}: " if answer.indicator else ""
            typer.echo(f"  {about}{said}")
            typer.echo(f"      {answer.example}")
    typer.echo("Do stated weights equal effective weights (part of the variance explained)?")
    for weight in audit.weights:
        said = "holds" if weight.holds else "DIFFERS"
        figures = f"stated {weight.stated:.3f}, effective {weight.effective:.3f}"
        typer.echo(f"  {weight.factor}: {figures}: {said}")
        way = "gain" if weight.persons > 0 else "lose"
        typer.echo(f"      alone, {weight.name} would {way} {abs(weight.persons):,.1f} persons")
    typer.echo(f"  left to caps, floors and credits: {audit.unexplained:.3f}")
