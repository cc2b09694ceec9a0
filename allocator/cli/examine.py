"""``allocator check`` and ``allocator verify``: is the input sound, does a plan hold."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from allocator.cli.ending import Exit
from allocator.cli.options import InstanceArgument, JsonOption, PlanArgument, PolicyOption
from models.problems import Problem, Severity, errors, warnings
from models.views import counted

SettingsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="key=value",
        help="Change one setting of the policy (TOML value); may be repeated.",
    ),
]


def check_command(
    instance: InstanceArgument,
    policy: PolicyOption = None,
    settings: SettingsOption = None,
    json_: JsonOption = False,
) -> None:
    """Check an instance, and a policy for it; list everything that is wrong at once.

    \b
    Examples:
      allocator check norway-2024
      allocator check my-country --policy policy.toml --json
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator.checking import check, check_policy
    from allocator.errors import InvalidPolicy
    from allocator.loading import read
    from allocator.policies import read_policy

    loaded, problems = read(instance)
    try:
        chosen = read_policy(policy, settings or [])
    except InvalidPolicy as invalid:
        problems = [*problems, *invalid.problems]
    else:
        if loaded is not None:
            # The policy's target and budget stand in the place of the instance's.
            usual = check(loaded)
            problems = [problem for problem in problems if problem not in usual]
            problems += [*check(loaded, chosen), *check_policy(loaded, chosen)]
    if json_:
        answer = {
            "errors": len(errors(problems)),
            "warnings": len(warnings(problems)),
            "problems": [problem.as_dict() for problem in problems],
        }
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        _print_problems(instance, problems)
    raise typer.Exit(Exit.INVALID if errors(problems) else Exit.DONE)


def _print_problems(name: str, problems: Sequence[Problem]) -> None:
    tables: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        tables[problem.table or "instance"].append(problem)
    for table, found in tables.items():
        typer.echo(table)
        for problem in found:
            place = problem.where.removeprefix(table).strip()
            value = "" if problem.value is None else f" (found {problem.value!r})"
            mark = "warning: " if problem.severity is Severity.WARNING else ""
            typer.echo(f"  {place + ': ' if place else ''}{mark}{problem.message}{value}")
            typer.echo(f"      {problem.expected}")
    wrong, doubtful = len(errors(problems)), len(warnings(problems))
    typer.echo(f"{name}: {counted(wrong, 'error')}, {counted(doubtful, 'warning')}")


def verify_command(
    instance: InstanceArgument, plan: PlanArgument, json_: JsonOption = False
) -> None:
    """Recompute every rule, total and figure of a plan, and list what does not hold.

    \b
    Examples:
      allocator verify norway-2024 plan
      allocator verify my-country plan --json
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator.plans import instance_of, read_plan
    from allocator.verify import verify

    read = read_plan(plan)
    violations = verify(instance_of(read, instance), read.policy, read)
    if json_:
        answer = {"verified": not violations, "violations": [asdict(v) for v in violations]}
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        for violation in violations:
            typer.echo(f"{violation.rule} at {violation.where}: {violation.message}")
        found = counted(len(violations), "violation")
        typer.echo(f"{plan}: {found if violations else 'every rule and figure holds'}")
    raise typer.Exit(Exit.SOLVER if violations else Exit.DONE)
