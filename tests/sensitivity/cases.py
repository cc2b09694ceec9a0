"""Small countries for the tests of many solves, and their best plans found by trying them all."""

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import psutil  # type: ignore[import-untyped]

from allocator.sensitivity.types import Outcome
from models.instance import Instance
from models.options import SolveOptions
from models.policy import Policy
from tests.small import measure, tiny

EXACT = SolveOptions(gap=0.0)
STEP_COST, STEP_UNITS = 100.0, 3.0
"""Cost of a step of dwellings, and how many it makes available."""


@dataclass(frozen=True)
class Country:
    """A country of one group and one site a municipality, and what is decided about it."""

    populations: tuple[int, ...]
    target: int
    dwellings: tuple[float, ...]
    gp: tuple[float, ...]
    steps: tuple[int, ...]
    probability: tuple[float, ...]
    budget: float
    step: int = 1
    floor: int = 0

    def with_more(self, name: str, i: int, units: float) -> "Country":
        values = list(getattr(self, name))
        values[i] += units
        changed: dict[str, Any] = {name: tuple(values)}
        return replace(self, **changed)

    @property
    def instance(self) -> Instance:
        measures = [
            measure(
                f"m{i}",
                "dwellings",
                site_id=f"{i + 1:04d}",
                beds=1,
                units_per_step=STEP_UNITS,
                cost_per_step=STEP_COST,
                max_steps=most,
            )
            for i, most in enumerate(self.steps)
        ]
        country = tiny(
            list(self.populations),
            self.target,
            list(self.dwellings),
            gp=list(self.gp),
            measures=measures,
        )
        ids = country.municipalities["municipality_id"]
        outcomes = pd.DataFrame(
            {"municipality_id": ids, "group_id": "singles", "probability": self.probability}
        )
        return country.replace(outcomes=outcomes, budget=self.budget)

    @property
    def policy(self) -> Policy:
        return Policy(step=self.step, floor=self.floor)

    def plans(self) -> list[dict[str, float]]:
        """Return what every plan is worth: shortfall, unfairness, cost, outcome (negative)."""
        total = sum(self.populations)
        fair = [self.target * people / total for people in self.populations]
        choices = []
        for home, gp, most in zip(self.dwellings, self.gp, self.steps, strict=True):
            top = int(min(gp, home + STEP_UNITS * most))
            whole = range(0, min(top, self.target) + 1, self.step)
            choices.append([q for q in whole if q == 0 or q >= self.floor])
        found = []
        for quotas in itertools.product(*choices):
            bought = sum(
                max(0, math.ceil((q - home) / STEP_UNITS))
                for q, home in zip(quotas, self.dwellings, strict=True)
            )
            cost = STEP_COST * bought
            if sum(quotas) > self.target or cost > self.budget:
                continue
            unfair = sum((q - f) ** 2 / f for q, f in zip(quotas, fair, strict=True))
            outcome = sum(q * p for q, p in zip(quotas, self.probability, strict=True))
            shortfall = float(self.target - sum(quotas))
            found.append(
                {"shortfall": shortfall, "unfairness": unfair, "cost": cost, "outcome": -outcome}
            )
        return found

    def best(self) -> tuple[float, float]:
        """Return the least shortfall, and the least unfairness + 1e-7·cost beside it."""
        return min((p["shortfall"], p["unfairness"] + 1e-7 * p["cost"]) for p in self.plans())


def draw(seed: int) -> Country:
    """Draw a country of three municipalities in which dwellings are scarce."""
    random = np.random.default_rng(seed)
    target = int(random.integers(12, 22))
    return Country(
        populations=tuple(int(n) for n in random.integers(100, 900, 3)),
        target=target,
        dwellings=tuple(float(n) for n in random.integers(1, target // 2, 3)),
        gp=tuple(float(n) for n in random.integers(3, target, 3)),
        steps=tuple(int(n) for n in random.integers(0, 4, 3)),
        probability=tuple(float(n) for n in random.uniform(0.1, 0.9, 3).round(2)),
        budget=STEP_COST * int(random.integers(1, 6)),
    )


def told(outcome: Outcome) -> dict[str, Any]:
    """Return all that an outcome says, except how long it took and the plan in full."""
    return outcome.model_copy(update={"seconds": None, "plan": None}).model_dump(mode="json")


def workers() -> list[psutil.Process]:
    """Return the processes that solve cases beside this one."""
    children = psutil.Process().children(recursive=True)
    return [process for process in children if is_worker(process)]


def is_worker(process: psutil.Process) -> bool:
    try:
        return "allocator.sensitivity.beside" in process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False
