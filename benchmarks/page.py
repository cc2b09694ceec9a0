"""The page of the documentation, made of whatever results there are."""

import json
import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from allocator.solve.progress import relative_gap

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
PHASES = (
    "imports",
    "load",
    "check",
    "build",
    "compile",
    "goal 1",
    "goal 3",
    "extract",
    "verify",
    "command",
)
HEAD = """# Benchmarks

`make bench` and `make bench-scale` make this page from `benchmarks/results/`. Times are wall
seconds on a shared machine of two cores, from the start of the process to the written plan;
read ratios and medians. Every plan here passed the independent verification. How strong the
program itself is: [root bounds](root-bounds.md); how the peers are run: [peers](peers.md).
"""


def write_page(results: Path) -> None:
    """Write the page from the results that are there."""
    known = {path.stem: json.loads(path.read_text()) for path in sorted(results.glob("*.json"))}
    parts = [HEAD]
    for name, section in _SECTIONS.items():
        if name in known:
            parts.append(section(known[name]))
    PAGE.write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def _jobs(title: str, text: str, runs: list[dict[str, Any]]) -> str:
    goals = [
        (
            str(i + 1),
            goal["name"],
            f"{goal['value']:,.2f}",
            "–" if goal["bound"] is None else f"{goal['bound']:,.2f}",
            "–" if goal["gap"] is None else f"{goal['gap']:.3%}",
            goal["bound_from"] or "",
        )
        for i, run in enumerate(runs)
        for goal in run["goals"]
        if goal["value"] or goal["gap"]
    ]
    phases = [
        (name, *(f"{run.get(name, 0.0):.2f}" for run in runs))
        for name in PHASES
        if any(name in run for run in runs)
    ]
    memory = ("peak MiB, beside", *(_memory(run) for run in runs))
    numbers = [f"run {i + 1}" for i in range(len(runs))]
    return "\n".join(
        [
            f"## {title}\n\n{text}\n",
            _table(["run", "goal", "value", "bound", "gap", "bound from"], goals),
            _table(["seconds", *numbers], [*phases, memory]),
        ]
    )


def _memory(run: dict[str, Any]) -> str:
    return f"{run['peak_mib']:.0f}, {run['peak_mib_beside']:.0f}"


def _default(runs: list[dict[str, Any]]) -> str:
    middle = statistics.median(run["command"] for run in runs)
    text = f"Target: gap of 0.1 % within 20 s. Median {middle:.1f} s."
    return _jobs("`norway-2024`, default policy", text, runs)


def _scarce(runs: list[dict[str, Any]]) -> str:
    middle = statistics.median(run["command"] for run in runs)
    text = (
        "Housing turnover a quarter lower and half the budget. Target: gap of 0.5 % within 60 s. "
        f"Median {middle:.1f} s."
    )
    return _jobs("Scarce", text, runs)


def _large(runs: list[dict[str, Any]]) -> str:
    text = "`allocator build-instance synthetic`. Target: gap of 0.5 % within 5 minutes."
    return _jobs("3,570 municipalities", text, runs)


def _scale(runs: list[dict[str, Any]]) -> str:
    first, last = runs[0], runs[-1]
    factor = math.log(_count(last) / _count(first))
    time = math.log(last["command"] / first["command"]) / factor
    memory = math.log(last["peak_mib"] / first["peak_mib"]) / factor
    text = (
        "Target at 35,700: gap of 1 % within 45 minutes and 8 GB; exponent of time at most 1.15, "
        f"of memory at most 1.05. From {_count(first):,} to {_count(last):,} municipalities: time "
        f"{time:.2f}, memory {memory:.2f}."
    )
    return _jobs("Growth", text, runs)


def _count(run: dict[str, Any]) -> int:
    return int(run["case"].split(":")[1])


COLD_THEN = 7.6
"""Seconds of a cold solve of the same questions when the target for what-ifs was set."""


def _whatifs(answer: dict[str, Any]) -> str:
    rows = []
    for kind in ("capacity", "target", "budget"):
        mine = [row for row in answer["rows"] if row["kind"] == kind]
        seconds = [row["seconds"] for row in mine]
        rows.append(
            (
                kind,
                str(len(mine)),
                f"{statistics.median(seconds):.2f}",
                f"{statistics.median(seconds) / answer['cold']:.2f}",
                f"{max(seconds) / answer['cold']:.2f}",
                f"{max(row['gap'] for row in mine):.3%}",
            )
        )
    usual = statistics.median(row["seconds"] for row in answer["rows"])
    text = (
        "Each changes five capacities by up to 30 %, the target by up to 5 % or the budget by up "
        "to 10 %, and starts from the plan at hand. Target: median at most 0.25 of the cold time. "
        f"Median {answer['median_ratio']:.2f}; cold {answer['cold']:.1f} s (median). Cold solving "
        f"has become faster than what-ifs have: it took {COLD_THEN:g} s when the target was set, "
        f"and of that the median what-if is {usual / COLD_THEN:.2f}."
    )
    head = ["what changes", "runs", "median s", "median ÷ cold", "most ÷ cold", "largest gap"]
    return f"## What-ifs from a solved plan\n\n{text}\n\n{_table(head, rows)}"


def _peers(answer: dict[str, Any]) -> str:
    rows = [
        _peer(run["peer"], goal) for run in answer["peers"] for goal in run["goals"] or [_NOTHING]
    ]
    head = ["peer", "goal", "first plan, s", "1 %, s", "0.5 %, s", "value", "bound", "gap"]
    limit = answer["settings"]["time_limit"]
    text = (
        f"The scarce case, the same program, at most {limit:g} s a goal; beside the runs under "
        "“Scarce”, which end at a gap of 0.5 % or less. Target: ours at least 5 × ahead to 0.5 %."
    )
    return f"## Peers: {', '.join(run['peer'] for run in answer['peers'])}\n\n{text}\n\n" + _table(
        head, rows
    )


_NOTHING: dict[str, Any] = {"name": "no answer", "seconds_to": {}, "value": None, "points": []}


def _peer(name: str, goal: dict[str, Any]) -> tuple[str, ...]:
    value, bound = goal["value"], goal["points"][-1][2] if goal["points"] else None
    gap = relative_gap(value, bound)
    held = goal.get("held_short", 0.0)
    return (
        name,
        goal["name"] + (f" (an earlier goal held {held:.1%} off)" if held else ""),
        *(_seconds(seconds) for seconds in (*goal["seconds_to"].values(), None, None, None)[:3]),
        "–" if value is None else f"{value:,.1f}",
        "–" if bound is None else f"{bound:,.1f}",
        "–" if gap is None else f"{gap:.2%}",
    )


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _service(answer: dict[str, Any]) -> str:
    status, memory, overhead = (answer[name] for name in ("status", "memory_mib", "overhead"))
    asked = {
        "status, at a steady rate": status,
        "status, as fast as answered": status["as_fast_as_answered"],
        "submit a run": answer["submit"],
        "a municipality's number with explanation": answer["number"],
    }
    rows = [
        (
            name,
            f"{one['per_second']:,.0f}",
            *(f"{one[key]:.1f}" for key in ("p50_ms", "p99_ms", "most_ms")),
        )
        for name, one in asked.items()
    ]
    text = (
        "Load from a second process on loopback, on the same two cores. Statuses are read by 200 "
        f"clients while {status['running_meanwhile']} national solves run. Targets: 1,000 "
        "statuses a second and 50 ms (p99); submit 100 ms, a number with explanation 50 ms (p99); "
        "a run at most 1 s longer than `allocator solve`; memory flat over 10,000 requests.\n\n"
        f"A national run took {overhead['run_seconds']:.1f} s, `allocator solve` on one process "
        f"{overhead['command_seconds']:.1f} s (medians of three; the run "
        f"{overhead['overhead_seconds']:+.1f} s in pairs). Memory {memory['before']:.0f} MiB "
        f"before and {memory['after']:.0f} MiB after 10,000 requests."
    )
    head = ["request", "a second", "p50, ms", "p99, ms", "most, ms"]
    return f"## Service\n\n{text}\n\n{_table(head, rows)}"


def _batches(answer: dict[str, Any]) -> str:
    whole, one, two = (answer[name] for name in ("batch", "one_worker", "two_workers"))
    naive = [row["seconds"] for row in answer["naive"]]
    loop = statistics.fmean(naive)
    each = whole["seconds"] / whole["cases"]
    free = statistics.fmean([answer["control_before"], answer["control_after"]])
    gained = one["seconds"] / two["seconds"]
    memory = whole["memory_mib"]
    rows = [
        (
            name,
            str(run["cases"]),
            str(run["workers"]),
            f"{run['seconds']:.0f}",
            f"{run['seconds'] / run['cases']:.2f}",
            *(f"{run['seconds_a_case'][key]:.2f}" for key in ("middle", "mean", "most")),
            ", ".join(f"{n} {status}" for status, n in run["status"].items()),
        )
        for name, run in {
            "the batch": whole,
            "one worker": one,
            "two workers": two,
            "tiny": answer["small"],
        }.items()
    ]
    text = (
        f"{whole['cases']} cases of `norway-2024` (a Latin hypercube over target, budget, "
        "capacities of services and dwellings; gap 0.1 %). A naive loop (load, build, solve cold, "
        f"one process) takes {loop:.1f} s a case (mean of {len(naive)} of them), the batch "
        f"{each:.2f} s: {loop / each:.1f} × the throughput. Target: 8 ×. {_by_whole(answer)}\n\n"
        f"Two workers do {gained:.2f} × what one does, start and base plan included; two "
        f"processes that only compute do {free:.2f} × what one does here: {gained / free:.0%}. "
        f"Target: 85 %. What a tiny case takes beyond its solve, on a worker: "
        f"{1000 * answer['small']['overhead']:.0f} ms; target: 20 ms. The largest worker held "
        f"{memory['most']:.0f} MiB at most (target: 600), {memory['second_quarter']:.0f} MiB in "
        f"the second quarter of the batch and {memory['last_quarter']:.0f} MiB in the last."
    )
    head = ["", "cases", "workers", "s", "s a case", "solve: middle", "mean", "most", "ended"]
    return f"## Batches\n\n{text}\n\n{_table(head, rows)}"


def _by_whole(answer: dict[str, Any]) -> str:
    """Say how a loop fares without prices."""
    rows = answer["whole"]
    seconds = ", ".join(f"{row['seconds']:.0f}" for row in rows)
    gaps = ", ".join("none" if row["gap"] is None else f"{row['gap']:.2%}" for row in rows)
    return (
        f"The loop is this engine too; branch and bound on the whole program (`--method whole`, at "
        f"most 120 s) ends {len(rows)} of these cases after {seconds} s with gaps of {gaps}."
    )


def _long(answer: dict[str, Any]) -> str:
    memory, status = answer["memory_mib"], answer["status"]
    ended = ", ".join(f"{n} {name}" for name, n in status.items())
    text = (
        f"{answer['cases']:,} cases of the same kind to a gap of {answer['gap']:.0%}, so that each "
        f"is soon done ({answer['seconds'] / answer['cases']:.2f} s on two workers; {ended}). The "
        f"largest worker held {memory['most']:.0f} MiB at most (target: 600), "
        f"{memory['second_quarter']:.0f} MiB in the second quarter and "
        f"{memory['last_quarter']:.0f} MiB in the last (target: flat)."
    )
    return f"## Memory of a long batch\n\n{text}"


_SECTIONS = {
    "default": _default,
    "scarce": _scarce,
    "plain": _peers,
    "peers": _peers,
    "whatifs": _whatifs,
    "large": _large,
    "scale": _scale,
    "service": _service,
    "batches": _batches,
    "memory": _long,
}
