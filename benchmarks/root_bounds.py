"""What each tightening is worth: ``python -m benchmarks.root_bounds`` writes the table of the docs.

The bound of the linear relaxation of every goal, secants placed until none is missing at its
answer, without any tightening, with each alone and with all; next to it the bound by prices,
which is what the decomposition proves. Later goals are optimised with the shortfall held at
what the plan by prices reached, so that all figures of a column speak of one problem.
"""

import json
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from allocator import SolveOptions, solve
from allocator.keys import fair_shares
from allocator.solve import engine
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.compile import compile_program
from allocator.solve.engine import Settings
from allocator.solve.secants import Secants
from allocator.solve.stages import hold
from benchmarks.peers.case import Spec
from models.options import Method
from models.plan import Plan
from models.policy import Goal, Policy
from models.program import ALL, NONE, Data, Tightening, build, collect

RESULTS = Path(__file__).parent / "results" / "root-bounds.json"
PAGE = Path(__file__).parent.parent / "docs" / "root-bounds.md"
LIMIT = 600.0
"""Seconds for the plan by prices."""
ROUNDS = 30
"""Most rounds of placing secants."""
AROUND = 6
"""Lots up and down from an answer at which secants are placed."""
CASES = {
    "default": Spec("norway-2024"),
    "scarce": Spec("norway-2024", turnover_factor=0.75, budget_factor=0.5),
}
VARIANTS = {
    "none": NONE,
    **{f"{tightening.value} alone": frozenset({tightening}) for tightening in Tightening},
    "all": ALL,
}


@dataclass(frozen=True)
class Root:
    """A program without its whole numbers.

    Attributes
    ----------
    rows, columns, nonzeros
        Size before secants are added.
    build
        Seconds to build and compile.
    bounds, seconds
        Of every goal: the bound, and seconds of the last linear program.
    """

    rows: int
    columns: int
    nonzeros: int
    build: float
    bounds: dict[str, float]
    seconds: dict[str, float]


def objective(arrays: Arrays, goal: Goal) -> tuple[Vector, float]:
    """Return the coefficients, shape (columns,), and the constant of `goal`."""
    cost, constant = np.zeros(arrays.matrix.shape[1]), 0.0
    for term, weight in goal.terms.items():
        vector, offset = arrays.objectives[term.value]
        cost, constant = cost + weight * vector, constant + weight * offset
    return cost, constant


def root(data: Data, tighten: frozenset[Tightening], shortfall: float) -> Root:
    """Return the bounds of the relaxation, the shortfall held at `shortfall` persons."""
    began = time.perf_counter()
    model = build(data, tighten=tighten)
    arrays = compile_program(model)
    built = time.perf_counter() - began
    (rows, columns), nonzeros = arrays.matrix.shape, arrays.matrix.nnz
    secants = Secants(data, model.most, arrays)
    first, *_, last = data.policy.goals
    bounds, seconds = {}, {}
    if shortfall > 0:
        bounds[first.name], seconds[first.name] = _relaxed(arrays, objective(arrays, first))[:2]
    arrays = hold(arrays, objective(arrays, first), shortfall)
    for _ in range(ROUNDS):
        bounds[last.name], seconds[last.name], answer = _relaxed(arrays, objective(arrays, last))
        arrays, added = secants.add(arrays, answer, AROUND)
        if not added:
            break
    return Root(rows, columns, nonzeros, built, bounds, seconds)


def _relaxed(arrays: Arrays, goal: tuple[Vector, float]) -> tuple[float, float, Vector]:
    outcome = engine.run(arrays.relaxed(), *goal, Settings(600.0))
    if outcome.solution is None or outcome.value is None:
        raise RuntimeError(f"the relaxation has no answer: {outcome.ending}")
    return outcome.value, outcome.seconds, outcome.solution


def measure(spec: Spec) -> dict[str, Any]:
    """Return the bound by prices and those of every variant of the program of a case."""
    instance, policy = spec.load(), Policy()
    options = SolveOptions(method=Method.DECOMPOSED, time_limit=LIMIT)
    plan = solve(instance, policy, options)
    data = collect(instance, policy, fair_shares(instance, policy))
    shortfall = plan.goals[0].value
    roots = {}
    for name, tighten in VARIANTS.items():
        roots[name] = vars(root(data, tighten, shortfall))
        print(name, roots[name], flush=True)
    return {"shortfall": shortfall, "prices": _goals(plan), "roots": roots}


def _goals(plan: Plan) -> dict[str, dict[str, Any]]:
    return {
        goal.name: {"value": goal.value, "bound": goal.bound, "from": goal.bound_from}
        for goal in plan.goals
    }


def table(case: dict[str, Any]) -> str:
    """Return one case as a Markdown table."""
    goals = list(case["roots"]["none"]["bounds"])
    head = ["tightening", *goals, "rows", "nonzeros", "build, s", "last LP, s"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, one in case["roots"].items():
        bounds = [f"{one['bounds'][goal]:,.2f}" for goal in goals]
        size = [f"{one['rows']:,}", f"{one['nonzeros']:,}", f"{one['build']:.2f}"]
        lines.append("| " + " | ".join([name, *bounds, *size, f"{one['seconds'][goals[-1]]:.2f}"]))
        lines[-1] += " |"
    for row, key in (("**bound by prices**", "bound"), ("**best plan**", "value")):
        figures = [f"{case['prices'][goal][key]:,.2f}" for goal in goals]
        lines.append("| " + " | ".join([row, *figures, "", "", "", ""]) + " |")
    return "\n".join(lines)


def page(cases: dict[str, dict[str, Any]]) -> str:
    """Return the page of the docs."""
    parts = [
        "# What tightening is worth\n",
        "`python -m benchmarks.root_bounds` makes this page. Bounds of the linear relaxation of "
        "each goal, all secants in place, without any tightening, with each alone and with all "
        "of them (what each does: "
        "[`tightening.py`](../models/program/tightening.py)). The higher the bound the less is "
        "left to search. The shortfall is held at what the plan by prices reached in "
        f"{LIMIT:g} s. Times on a shared machine of two cores.\n",
    ]
    for name, case in cases.items():
        spec = CASES[name]
        parts.append(
            f"## {name}: `{spec.instance}`, turnover × {spec.turnover_factor:g}, "
            f"budget × {spec.budget_factor:g}, shortfall held at {case['shortfall']:,.0f}\n"
        )
        parts.append(table(case) + "\n")
    return "\n".join(parts)


def main() -> None:
    """Measure, keep the figures, write the page."""
    cases = {name: measure(spec) for name, spec in CASES.items()}
    text = json.dumps({"python": platform.python_version(), "cases": cases}, indent=2)
    RESULTS.write_text(text + "\n")
    PAGE.write_text(page(cases))


if __name__ == "__main__":
    main()
