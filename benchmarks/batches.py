"""Two hundred what-ifs of the country as a batch: ``python -m benchmarks.batches`` prints JSON.

``python -m benchmarks.batches memory`` runs a thousand instead, to a gap so wide that each is
soon done, for what the workers hold.

Beside the two hundred: some of the same cases by a naive loop (load, build, solve cold, one
process), two of them by branch and bound on the whole program, one worker against two with a
control that does nothing but compute, and small cases, where what the cluster takes for each
shows. Everything runs one after the other on the same machine.
"""

import json
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import psutil

from allocator import SolveOptions, batch, load, solve
from allocator.batch.asked import Batch
from allocator.batch.checking import prepared

CASES, NAIVE, SCALING = 200, 10, 48
"""Cases of the batch; of them solved by the naive loop; and solved by one worker and by two."""
WHOLE = SolveOptions(method="whole", time_limit=120.0, processes=1)
"""How two of them are solved by branch and bound on the whole program."""
MANY, WIDE = 1_000, 0.05
"""Cases to see what workers hold, and the gap that they are solved to."""
SMALL = 400
"""Cases of a tiny country."""
RANGES = {
    "target": [34_000, 37_000],
    "budget": [1.1e9, 1.5e9],
    "capacities *=": [0.97, 1.10],
    "dwellings.dwellings *=": [0.98, 1.08],
}
CONTROL = 30_000_000
"""Steps of the control."""


def spec_of(samples: int, **more: Any) -> batch.Spec:
    """Return a Latin hypercube over target, budget and capacities."""
    design = {"latin": {"samples": samples, "seed": 2024, "ranges": RANGES}}
    options = {"gap": 0.001, "time_limit": 180.0}
    whole = {"instances": ["norway-2024"], "options": options, "design": design}
    return batch.spec_from({"check_fraction": 0.0, **whole, **more})


class Memory:
    """Watches how much the processes below this one hold, in MiB, once a second."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._end.wait(1.0):
            sizes = []
            for child in psutil.Process().children():
                try:
                    sizes.append(child.memory_info().rss / 2**20)
                except psutil.NoSuchProcess:
                    continue
            if sizes:
                self.seen.append(max(sizes))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


def run(spec: batch.Spec, workers: int) -> dict[str, Any]:
    """Run a batch; return how it went."""
    with tempfile.TemporaryDirectory() as folder, Memory() as memory:
        began = time.perf_counter()
        results = batch.run(spec, Path(folder) / "results", workers=workers, progress=True)
        seconds = time.perf_counter() - began
        cases = results.cases
    finished = pd.to_datetime(cases["finished"]).sort_values()
    steady = (finished.iloc[-1] - finished.iloc[0]).total_seconds()
    quarter = max(1, len(memory.seen) // 4)
    return {
        "cases": len(cases),
        "workers": workers,
        "seconds": seconds,
        "seconds_a_case": {
            "middle": float(cases["seconds"].median()),
            "mean": float(cases["seconds"].mean()),
            "most": float(cases["seconds"].max()),
        },
        "status": {str(k): int(n) for k, n in cases["status"].value_counts(dropna=False).items()},
        "overhead": (steady * workers - float(cases["seconds"].sum())) / len(cases),
        "memory_mib": {
            "most": max(memory.seen, default=0.0),
            "second_quarter": statistics.median(memory.seen[quarter : 2 * quarter] or [0.0]),
            "last_quarter": statistics.median(memory.seen[-quarter:] or [0.0]),
        },
    }


def naive(asked: Batch, count: int, options: SolveOptions) -> list[dict[str, Any]]:
    """Solve some cases as a loop would: load, change, solve cold, in this process."""
    rows = []
    for number in np.linspace(0, len(asked) - 1, count).round().astype(int):
        settings = asked.settings(asked[int(number)])
        began = time.perf_counter()
        plan = solve(changed(settings), options=options)
        seconds = time.perf_counter() - began
        status = plan.status.value
        rows.append({"case": int(number), "seconds": seconds, "status": status, "gap": plan.gap})
        print(rows[-1], file=sys.stderr)
    return rows


def changed(settings: Mapping[str, Any]) -> Any:
    """Return the country with the settings of a case, from its files."""
    instance = load("norway-2024")
    capacities, dwellings = instance.capacities, instance.dwellings
    capacities["capacity"] *= settings["capacities *="]
    dwellings["dwellings"] *= settings["dwellings.dwellings *="]
    return instance.replace(
        capacities=capacities,
        dwellings=dwellings,
        target=settings["target"],
        budget=settings["budget"],
    )


def compute(steps: int) -> int:
    """Do nothing but compute."""
    total = 0
    for i in range(steps):
        total += i & 7
    return total


def control() -> float:
    """Return how many times as much two processes compute as one in the same time."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(compute, [1, 1])
        began = time.perf_counter()
        pool.apply(compute, (CONTROL,))
        alone = time.perf_counter() - began
        began = time.perf_counter()
        pool.map(compute, [CONTROL, CONTROL], chunksize=1)
        return 2 * alone / (time.perf_counter() - began)


def main() -> None:
    """Measure and print JSON."""
    if sys.argv[1:] == ["memory"]:
        options = {"gap": WIDE, "time_limit": 180.0}
        print(json.dumps({"gap": WIDE, **run(spec_of(MANY, options=options), 2)}))
        return
    grid = {"budget": {"first": 0, "last": 400, "count": SMALL}}
    small = batch.spec_from(
        {"instances": ["tiny-measures"], "check_fraction": 0.0, "design": {"grid": grid}}
    )
    answer: dict[str, Any] = {"small": run(small, 2), "control_before": control()}
    answer["one_worker"] = run(spec_of(SCALING), 1)
    answer["two_workers"] = run(spec_of(SCALING), 2)
    answer["control_after"] = control()
    asked = prepared(spec_of(CASES), "batch")
    answer["naive"] = naive(asked, NAIVE, SolveOptions(processes=1))
    answer["whole"] = naive(asked, 2, WHOLE)
    answer["batch"] = run(spec_of(CASES), 2)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
