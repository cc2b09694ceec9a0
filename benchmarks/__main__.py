"""Run benchmarks: ``python -m benchmarks [NAME …]`` keeps results and writes the page.

Names: `default`, `scarce`, `whatifs`, `large` (3,570 municipalities), `plain` (HiGHS alone on the
scarce case), `peers` and, only when asked for, `service` (load on the API), `batches` (200
what-ifs of the country), `memory` (1,000 of them) and `scale` (35,700 municipalities and the
growth from 357). `page` writes the page from the results that are there.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.page import write_page

RESULTS = Path(__file__).parent / "results"
RUNS = 3
PLAIN_SECONDS = 300
"""Seconds a goal for plain HiGHS on the scarce case: ten times the target in all."""
PEER_SECONDS = 210
"""Seconds a goal for the other peers: five times what the whole case takes here."""


def run(*command: str) -> Any:
    """Run a module of the benchmarks in a process of its own and read its JSON."""
    print("·", *command, file=sys.stderr)
    full = [sys.executable, "-m", *command]
    output = subprocess.run(full, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(output.stdout.splitlines()[-1])


def job(case: str, gap: float, seconds: float) -> Any:
    """Solve one case in a process of its own."""
    return run("benchmarks.job", case, "--gap", f"{gap:g}", "--time-limit", f"{seconds:g}")


def peers(seconds: int, *names: str) -> Any:
    """Give the scarce case to peers."""
    out = RESULTS / f"{'plain' if names == ('highs',) else 'peers'}.json"
    command = [sys.executable, "-m", "benchmarks.peers", "norway-2024", "--peer", *names]
    command += ["--time-limit", str(seconds), "--gap", "0.005", "--out", str(out)]
    command += ["--turnover-factor", "0.75", "--budget-factor", "0.5"]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return json.loads(out.read_text())


BENCHMARKS: dict[str, Callable[[], Any]] = {
    "default": lambda: [job("norway-2024", 0.001, 180) for _ in range(RUNS)],
    "scarce": lambda: [job("scarce", 0.005, 180) for _ in range(RUNS)],
    "whatifs": lambda: run("benchmarks.whatifs"),
    "large": lambda: [job("synthetic:3570", 0.005, 300)],
    "plain": lambda: peers(PLAIN_SECONDS, "highs"),
    "service": lambda: run("benchmarks.service"),
    "batches": lambda: run("benchmarks.batches"),
    "memory": lambda: run("benchmarks.batches", "memory"),
    "peers": lambda: peers(PEER_SECONDS, "linopy", "pyomo", "scip", "cp-sat"),
    "scale": lambda: [
        job("synthetic:357", 0.01, 600),
        job("synthetic:3570", 0.01, 900),
        job("synthetic:35700", 0.01, 2700),
    ],
}
USUAL = ("default", "scarce", "whatifs", "large", "plain", "peers")


def main() -> None:
    """Measure what is asked for, keep the figures, write the page."""
    RESULTS.mkdir(exist_ok=True)
    names = sys.argv[1:] or USUAL
    unknown = [name for name in names if name not in BENCHMARKS and name != "page"]
    if unknown:
        sys.exit(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    for name in names:
        if name != "page":
            answer = BENCHMARKS[name]()
            text = json.dumps(answer, indent=1, allow_nan=False)
            (RESULTS / f"{name}.json").write_text(text + "\n")
    write_page(RESULTS)


if __name__ == "__main__":
    main()
