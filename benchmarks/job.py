"""One solve in a process of its own; prints seconds, gaps and peak memory as JSON.

``python -m benchmarks.job norway-2024``, ``… scarce``, ``… synthetic:3570``.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def load_case(name: str) -> Any:
    """Return the instance of a case: a packaged one, `scarce`, or ``synthetic:N``."""
    from allocator import load
    from benchmarks.peers.case import Spec
    from instances.synthetic.build import build

    if name == "scarce":
        return Spec("norway-2024", turnover_factor=0.75, budget_factor=0.5).load()
    if name.startswith("synthetic:"):
        return build(int(name.removeprefix("synthetic:")), seed=1)
    return load(name)


def measure(name: str, gap: float, time_limit: float) -> dict[str, Any]:
    """Load, solve and write once.

    Returns
    -------
    dict
        Seconds by phase, `command` (seconds from the start of the process to the written
        plan), `peak_mib` of this process and of the largest beside it, status, every goal with
        value, bound and gap, and the `path`: seconds, goal, value and bound as they came.
    """
    began = time.perf_counter()
    from allocator import Progress, SolveOptions, solve, write_plan

    figures: dict[str, Any] = {"case": name, "imports": time.perf_counter() - began}
    lap = time.perf_counter()
    instance = load_case(name)
    figures["load"] = time.perf_counter() - lap
    path: list[tuple[float, str, float | None, float | None]] = []

    def tell(progress: Progress) -> None:
        at = time.perf_counter() - began
        path.append((round(at, 2), progress.phase, progress.incumbent, progress.bound))

    options = SolveOptions(gap=gap, time_limit=time_limit)
    plan = solve(instance, options=options, progress=tell)
    figures |= plan.timings
    with tempfile.TemporaryDirectory() as folder:
        write_plan(plan, Path(folder) / "plan")
    figures["command"] = time.perf_counter() - began
    own, beside = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    figures["peak_mib"] = resource.getrusage(own).ru_maxrss / 1024
    figures["peak_mib_beside"] = resource.getrusage(beside).ru_maxrss / 1024
    figures["status"], figures["gap"] = plan.status.value, plan.gap
    figures["goals"] = [goal.model_dump(mode="json") for goal in plan.goals]
    return figures | {"path": path}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case")
    parser.add_argument("--gap", type=float, default=0.001)
    parser.add_argument("--time-limit", type=float, default=180.0)
    given = parser.parse_args()
    sys.stdout.write(json.dumps(measure(given.case, given.gap, given.time_limit)) + "\n")
