"""A synthetic country of seventy municipalities, and what is compared of its plans."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

import allocator
from instances.synthetic.build import build
from models.instance import Instance
from models.options import Method, SolveOptions
from models.plan import GoalResult, Plan
from models.policy import Policy

EASY = Policy(target=4_565)
"""Seven tenths of the target: prices and a few attempts reach the gap, long before any limit."""
LONG = Policy()
"""The whole target, which is more than there is room for: takes minutes."""
SHORTFALL = Policy.model_validate({"goals": [{"terms": {"shortfall": 1.0}}]})
"""The whole target, and only how many find no place."""


BESIDE = "allocator.solve.decomposed.beside"


@cache
def country() -> Instance:
    return build(70, 1)


def options(**changes: Any) -> SolveOptions:
    usual: dict[str, Any] = {"method": Method.DECOMPOSED, "gap": 0.02, "time_limit": 600.0}
    return SolveOptions(**{**usual, **changes})


def told(plan: Plan) -> tuple[dict[str, str], tuple[GoalResult, ...]]:
    """Return all that a plan says, except how long it took and who worked."""
    return {name: table.to_csv() for name, table in plan.tables.items()}, plan.goals


def pricing_processes() -> list[psutil.Process]:
    """Return the processes that price beside this one."""
    children = psutil.Process().children(recursive=True)
    return [process for process in children if BESIDE in _command(process)]


def _command(process: psutil.Process) -> list[str]:
    """Return the command line of a process, once it has one; nothing when it has ended."""
    try:
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if command := process.cmdline():
                return list(command)
    except psutil.NoSuchProcess:
        pass
    return []


def run_script(text: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a script in a process of its own, with more variables in its environment."""
    root = str(Path(allocator.__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-c", text],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": root, **variables},
    )
