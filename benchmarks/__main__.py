"""Run the benchmarks: ``python -m benchmarks`` writes results and the table of the docs."""

import json
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

RUNS = 3
LIMIT = 180.0
SOLVER = ("first plan", "goal 1", "goal 2", "goal 3", "polish")
RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def run(name: str) -> dict[str, Any]:
    """Measure the main job once, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.phases", name, str(LIMIT)]
    output = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(output.stdout))


def table(runs: list[dict[str, Any]]) -> str:
    """Return medians by phase as Markdown."""
    lines = ["| phase | median | least | most |", "|---|---|---|---|"]
    phases = [p for p, v in runs[0].items() if isinstance(v, float) and p not in ("gap", "total")]
    for phase in phases:
        values = [float(one[phase]) for one in runs]
        middle = statistics.median(values)
        lines.append(f"| {phase} | {middle:.2f} | {min(values):.2f} | {max(values):.2f} |")
    outside = [one["command"] - sum(one.get(p, 0.0) for p in SOLVER) for one in runs]
    lines.append(
        f"| **everything outside the solver** | {statistics.median(outside):.2f} "
        f"| {min(outside):.2f} | {max(outside):.2f} |"
    )
    return "\n".join(lines)


def main() -> None:
    """Measure, keep the figures, write the page."""
    RESULTS.mkdir(exist_ok=True)
    runs = []
    for i in range(RUNS):
        print(f"run {i + 1} of {RUNS}", file=sys.stderr)
        runs.append(run("norway-2024"))
    text = json.dumps({"python": platform.python_version(), "runs": runs}, indent=2)
    (RESULTS / "norway-2024.json").write_text(text + "\n")
    gaps = ", ".join(f"{one['status']} {100 * one['gap']:.2f} %" for one in runs)
    PAGE.write_text(
        "# Benchmarks\n\n"
        "`make bench` makes this page: `norway-2024` with the default policy, "
        f"{RUNS} runs in separate processes with a limit of {LIMIT:g} s, seconds by phase and peak "
        "memory in MiB. Times on a shared machine of two cores; read the medians.\n\n"
        f"{table(runs)}\n\nStatus and proven gap by run: {gaps}.\n"
        "\nBounds at the root before and after each tightening: [root-bounds.md](root-bounds.md).\n"
    )


if __name__ == "__main__":
    main()
