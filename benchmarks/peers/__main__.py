"""Run the peers on a case: ``python -m benchmarks.peers norway-2024`` (see ``--help``)."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.case import AROUND, Spec
from benchmarks.peers.peer import Settings
from benchmarks.peers.process import run_peer
from benchmarks.peers.registry import PEERS
from benchmarks.peers.report import document, table

RESULTS = Path(__file__).parent.parent / "results"


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    usual = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="Run other solvers on the program of a packaged instance, one after another.",
    )
    parser.add_argument("instance", help="name of a packaged instance")
    parser.add_argument(
        "--peer", nargs="+", choices=list(PEERS), default=list(PEERS), help="peers to run"
    )
    parser.add_argument("--time-limit", type=float, default=usual.time_limit, help="seconds a goal")
    parser.add_argument(
        "--gap", type=float, default=usual.gap, help="relative gap at which a goal is reached"
    )
    parser.add_argument(
        "--threads", type=int, default=usual.threads, help="threads for peers that can use them"
    )
    parser.add_argument("--turnover-factor", type=float, default=1.0)
    parser.add_argument("--budget-factor", type=float, default=1.0)
    parser.add_argument(
        "--around", type=int, default=AROUND, help="lots from the fair share with every secant"
    )
    parser.add_argument("--out", type=Path, help="file of results; by default one a case")
    return parser


def main(given: Sequence[str] | None = None) -> None:
    """Run the peers, print the table and keep the figures."""
    asked = arguments().parse_args(given)
    spec = Spec(asked.instance, asked.turnover_factor, asked.budget_factor, around=asked.around)
    settings = Settings(asked.time_limit, asked.gap, asked.threads)
    runs = []
    for name in asked.peer:
        print(f"{name} …", file=sys.stderr)
        runs.append(run_peer(name, spec, settings))
        print(table(runs[-1:]), file=sys.stderr)
    out = asked.out or RESULTS / f"peers-{spec.name}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document(spec, settings, runs), indent=1, allow_nan=False)
    out.write_text(text + "\n", encoding="utf-8")
    print(table(runs))


if __name__ == "__main__":
    main()
