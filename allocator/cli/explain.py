"""``allocator explain``: why a municipality is asked for its number."""

import contextlib
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from allocator.cli.compare import WhereInstanceIs
from allocator.cli.ending import Exit
from allocator.cli.options import JsonOption, PlanArgument
from allocator.cli.solve import options_like

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocator.explain import Explanation


def explain_command(
    plan: PlanArgument,
    municipality: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]…", help="Municipalities, such as 0301; none with --all."),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Explain every municipality.")] = False,
    instance: WhereInstanceIs = None,
    language: Annotated[
        str, typer.Option("--language", metavar="LANG", help="nb (Bokmål) or en (English).")
    ] = "en",
    confirm: Annotated[
        bool | None,
        typer.Option(
            "--confirm/--no-confirm",
            help="Solve the country for every number that another capacity would give "
            "(usual for single municipalities).",
        ),
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option("--time-limit", metavar="S", help="Seconds for one run.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write JSON lines here, one a municipality."),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Explain quotas: a chain of numbers that adds up, and what would change the last.

    \b
    Examples:
      allocator explain plan 0301
      allocator explain plan 5601 --language nb
      allocator explain plan 0301 --json
      allocator explain plan --all --out explanations.jsonl
    """  # noqa: D301  # \b keeps the examples on lines of their own
    asked = list(municipality or [])
    if all_ == bool(asked):
        raise typer.BadParameter("name municipalities, or give --all", param_hint="'ID'")
    from allocator.language import LANGUAGES

    if language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise typer.BadParameter(f"there are {known}, not {language!r}", param_hint="'--language'")
    sure = bool(asked) if confirm is None else confirm
    cancel = threading.Event()
    with contextlib.nullcontext() if out is None else out.open("w", encoding="utf-8") as file:

        def keep(one: "Explanation") -> None:
            """Write an explanation at once, so that an interrupted run loses none."""
            if file is not None:
                file.write(one.model_dump_json() + "\n")
                file.flush()

        found = _explain(plan, asked or None, instance, time_limit, cancel, keep, confirm=sure)
    if out is not None:
        typer.echo(f"{len(found)} explanations written to {out}")
    elif json_:
        told = [one.model_dump(mode="json") for one in found]
        single = told[0] if len(asked) == 1 and told else {"explanations": told}
        typer.echo(json.dumps(single, ensure_ascii=False, allow_nan=False))
    else:
        from allocator.explain import in_words

        typer.echo("\n\n".join(in_words(one, language) for one in found))
    if cancel.is_set():
        raise typer.Exit(Exit.INTERRUPTED)


def _explain(
    folder: Path,
    asked: list[str] | None,
    source: str | None,
    time_limit: float | None,
    cancel: threading.Event,
    keep: "Callable[[Explanation], None]",
    *,
    confirm: bool,
) -> "list[Explanation]":
    from allocator.cli.interrupting import run_interruptibly
    from allocator.cli.progress import ProgressLine
    from allocator.explain import explain_all
    from allocator.plans import instance_for, read_plan

    plan = read_plan(folder)
    options = options_like(plan.options, time_limit=time_limit)
    loaded = instance_for(plan, source)
    count = len(loaded.municipalities) if asked is None else len(asked)
    with ProgressLine(Console(stderr=True)) as line:

        def work() -> "list[Explanation]":
            explanations = explain_all(
                plan,
                loaded,
                municipalities=asked,
                options=options,
                confirm=confirm,
                progress=line.tell,
                cancel=cancel,
            )
            found = []
            for number, one in enumerate(explanations, start=1):
                found.append(one)
                keep(one)
                line.say(f"explained {number:,} of {count:,}: {one.name}")
                if cancel.is_set():
                    break
            return found

        return run_interruptibly(work, cancel, line)
