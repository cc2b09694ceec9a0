"""The case that all peers solve: an instance, a policy and their program as arrays.

Unfairness is approximated from below by secants. The engine adds secants where its
answers turn out to be; the peers solve one program each and must be given them beforehand,
so every secant within `AROUND` lots of the fair share (and of nothing asked) is added to the
first ones of the program. The objective is then exact wherever a quota lies within that
window or at a ratio of `models.program.fairness.RATIOS`. How far it is below the truth at a
peer's answer is reported as `missed`.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allocator.keys import fair_shares
from allocator.loading import load
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.compile import compile_program
from allocator.solve.secants import Secants
from instances.norway.assumptions import load_assumptions
from instances.norway.build import EDITIONS
from instances.norway.build import build as build_norway
from models.instance import Instance
from models.policy import Goal, Policy
from models.program import Data, build, collect

AROUND = 1_000
"""Lots up and down from the fair share within which every secant is there: in effect all."""


@dataclass(frozen=True)
class Spec:
    """What identifies a case; small, so that a process can be told it.

    Attributes
    ----------
    instance
        Name of a packaged instance.
    turnover_factor, budget_factor
        Factors on the assumed housing turnover and on the budget (Norwegian instances).
    policy
        The policy.
    around
        Lots up and down from the fair share within which every secant is there.
    """

    instance: str
    turnover_factor: float = 1.0
    budget_factor: float = 1.0
    policy: Policy = field(default_factory=Policy)
    around: int = AROUND

    @property
    def name(self) -> str:
        """Name of the case, also of its file of results."""
        name = self.instance
        if self.turnover_factor != 1:
            name += f"-turnover-{self.turnover_factor:g}"
        if self.budget_factor != 1:
            name += f"-budget-{self.budget_factor:g}"
        return name

    def load(self) -> Instance:
        """Return the instance, the assumptions changed by the factors.

        Raises
        ------
        ValueError
            If a factor is given for an instance that rests on no assumptions.
        """
        if self.turnover_factor == 1 and self.budget_factor == 1:
            return load(self.instance)
        if self.instance not in EDITIONS:
            raise ValueError(
                f"turnover and budget of {self.instance!r} cannot be changed; "
                f"those of {', '.join(EDITIONS)} can"
            )
        assumed, budget = load_assumptions(), EDITIONS[self.instance].budget
        changes = {
            "housing_turnover": assumed["housing_turnover"].value * self.turnover_factor,
            budget: assumed[budget].value * self.budget_factor,
        }
        return build_norway(self.instance, changes)


@dataclass(frozen=True)
class Case:
    """The program of a case.

    Attributes
    ----------
    data, model
        Coefficients, and the Pyomo model.
    base_rows
        Rows of `arrays` that `model` holds; the rest are further secants.
    seconds
        Wall time of loading, building, compiling and adding secants, the same for all.
    """

    data: Data
    model: Any
    arrays: Arrays
    base_rows: int
    secants: Secants
    seconds: float

    def objective(self, goal: Goal) -> tuple[Vector, float]:
        """Return the coefficients, shape (columns,), and the constant of `goal`."""
        cost, constant = np.zeros(self.arrays.matrix.shape[1]), 0.0
        for term, weight in goal.terms.items():
            vector, offset = self.arrays.objectives[term.value]
            cost += weight * vector
            constant += weight * offset
        return cost, constant


def prepare(spec: Spec) -> Case:
    """Load, build and compile the case of `spec`."""
    began = time.perf_counter()
    instance = spec.load()
    data = collect(instance, spec.policy, fair_shares(instance, spec.policy))
    model = build(data)
    compiled = compile_program(model)
    secants = Secants(data, model.most, compiled)
    arrays = compiled
    for quotas in (data.fair_share, dict.fromkeys(data.municipalities, 0.0)):
        around = _lots(data, compiled, quotas)
        arrays, _ = secants.add(arrays, around, spec.around)
    seconds = time.perf_counter() - began
    return Case(data, model, arrays, compiled.matrix.shape[0], secants, seconds)


def _lots(data: Data, arrays: Arrays, quotas: Any) -> Vector:
    """Return a vector of columns in which only the lots are set, from quotas in persons."""
    vector = np.zeros(arrays.matrix.shape[1])
    for m, column in arrays.columns.get("lots", {}).items():
        vector[column] = quotas[m] / data.step
    return vector
