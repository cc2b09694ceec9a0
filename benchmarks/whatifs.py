"""Fifty what-ifs from a solved plan, each against the same question solved cold.

Every what-if changes one thing: five capacities by up to 30 % each way, the target by up to
5 %, or the budget by up to 10 %. Warm and cold run in this process one after the other, so
the ratio holds when the machine's speed drifts. A third of the targets lie above what the
country can take; where that leaves later goals no room, warm and cold end at the time limit.
"""

import json
import statistics
import sys
import time
from typing import Any

import numpy as np

from allocator import Policy, SolveOptions, load, solve

COUNT = 50
COLD_EVERY = 5
"""Of how many what-ifs one is solved cold too, to compare values and time."""


def main() -> None:
    """Measure and print JSON."""
    instance, options = load("norway-2024"), SolveOptions(gap=0.001, time_limit=30)
    random = np.random.default_rng(2024)
    began = time.perf_counter()
    base = solve(instance, options=options)
    cold = time.perf_counter() - began
    rows: list[dict[str, Any]] = []
    for i in range(COUNT):
        kind = ("capacity", "target", "budget")[i % 3]
        policy, changed = Policy(), instance
        if kind == "target":
            policy = Policy(target=5 * round(instance.target * random.uniform(0.95, 1.05) / 5))
        elif kind == "budget":
            policy = Policy.model_validate({"budget": instance.budget * random.uniform(0.9, 1.1)})
        else:
            capacities = instance.capacities
            some = random.choice(len(capacities), 5, replace=False)
            factors = np.ones(len(capacities))
            factors[some] = random.uniform(0.7, 1.3, 5)
            capacities["capacity"] = capacities["capacity"] * factors
            changed = instance.replace(capacities=capacities)
        began = time.perf_counter()
        plan = solve(changed, policy, options, start=base)
        row = {"kind": kind, "seconds": time.perf_counter() - began, "gap": plan.gap}
        if i % COLD_EVERY == 0:
            began = time.perf_counter()
            other = solve(changed, policy, options)
            row |= {"cold_seconds": time.perf_counter() - began, "cold_gap": other.gap}
        rows.append(row | {"status": plan.status.value})
        print(f"{i + 1} of {COUNT}: {row}", file=sys.stderr)
    colds = [cold, *(row["cold_seconds"] for row in rows if "cold_seconds" in row)]
    usual = statistics.median(colds)
    ratios = [row["seconds"] / usual for row in rows]
    answer = {"cold": usual, "median_ratio": statistics.median(ratios), "rows": rows}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
