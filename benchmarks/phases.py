"""One run of the main job in this process; prints seconds by phase and peak memory as JSON."""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path


def measure(name: str, time_limit: float) -> dict[str, float | str | None]:
    """Run the main job on a packaged instance.

    Returns
    -------
    dict
        Seconds by phase, `peak_mib`, and status, gap and shortfall of the plan.
    """
    began = time.perf_counter()
    from allocator import SolveOptions, load, solve, write_plan

    figures: dict[str, float | str | None] = {"imports": time.perf_counter() - began}
    lap = time.perf_counter()
    instance = load(name)
    figures["load"] = time.perf_counter() - lap
    plan = solve(instance, options=SolveOptions(time_limit=time_limit))
    figures.update(plan.timings)
    lap = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        write_plan(plan, Path(folder) / "plan")
    figures["write"] = time.perf_counter() - lap
    figures["command"] = time.perf_counter() - began
    figures["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures["status"], figures["gap"] = plan.status.value, plan.gap
    figures["shortfall"] = float(plan.totals.shortfall) if plan.totals else None
    return figures


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], float(sys.argv[2]))))
