"""Goals in order: each is optimised while the earlier ones are held.

What both methods share: the program as it grows, the best solution so far, and how a goal
is stated, held and reported. How a goal is optimised is in `whole` and `decomposed`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from allocator.solve import engine
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.engine import INTERIOR, Ending, Flag, Outcome, Settings
from allocator.solve.progress import Clock, Listener, Progress, relative_gap
from allocator.solve.secants import Secants
from models.options import SolveOptions
from models.plan import BoundFrom, GoalResult, Plan
from models.policy import Goal, Term
from models.program.data import Data

HOLD = 5e-7
"""Part of a goal's value (and absolute amount) by which rounding may break its hold: half of
the gap at which a goal counts as proven, or what later goals take would be read as a gap."""
ZERO = 1e-9
"""Value at which a goal counts as met in full, so that nothing it counts may be there."""
MANY_ROWS = 3_000
"""Rows from which a relaxation is solved by the interior point method."""
Objective = tuple[Vector, float]
"""Coefficients, shape (columns,), and a constant."""


class Infeasible(Exception):  # noqa: N818 - a finding, not an error
    """No plan keeps every demand."""


@dataclass(frozen=True)
class Proof:
    """A proven bound on a goal, where it comes from, and the prices behind it, if any."""

    bound: float | None
    source: BoundFrom | None
    prices: dict[str, float]

    @classmethod
    def of(cls, bound: float | None, source: BoundFrom) -> "Proof":
        """Return a proof without prices; none proves nothing."""
        return cls(bound, None if bound is None else source, {})


@dataclass
class Stages:
    """The run through the goals: the program as it grows, and the best solution so far.

    `start` is the plan to start from, `warm` the same as values of the columns; `solution` keeps
    every rule, which `warm` may not.
    """

    data: Data
    arrays: Arrays
    secants: Secants
    options: SolveOptions
    clock: Clock
    settings: Settings
    listener: Listener | None = None
    cancel: Flag | None = None
    start: Plan | None = None
    warm: Vector | None = None
    solution: Vector | None = None

    @property
    def goals(self) -> tuple[Goal, ...]:
        """The goals of the policy, in order."""
        return self.data.policy.goals

    def phase(self, i: int) -> str:
        """Return what is being done while goal `i` (from 0) is optimised."""
        return f"goal {i + 1} of {len(self.goals)}: {self.goals[i].name}"

    def counts_unfairness(self, i: int) -> bool:
        """Tell whether goal `i` (from 0) or an earlier one counts unfairness."""
        return any(Term.UNFAIRNESS in goal.terms for goal in self.goals[: i + 1])

    def objective(self, goal: Goal) -> Objective:
        """Return the coefficients, shape (columns,), and the constant of `goal`.

        A goal that is refined is no sum and has none; see `leximin`.
        """
        if goal.refined:
            return np.zeros(self.arrays.matrix.shape[1]), 0.0
        return weighed(self.arrays, goal.terms)

    def value(self, objective: Objective) -> float | None:
        """Return the value of an objective at the best solution so far."""
        if self.solution is None:
            return None
        return float(objective[0] @ self.solution) + objective[1]

    def good_enough(self, value: float | None, bound: float | None) -> bool:
        """Tell whether a value is proven to lie within the gap asked for."""
        gap = relative_gap(value, bound)
        return gap is not None and gap <= self.options.gap

    def enough(self, bound: float) -> float:
        """Return the largest value that `bound` proves to lie within the gap asked for."""
        gap = self.options.gap
        if bound < 0:
            return bound / (1 + gap)
        return bound / (1 - gap) if gap < 1 else np.inf

    def relax(self, arrays: Arrays, objective: Objective, seconds: float) -> Outcome:
        """Solve the linear relaxation of a program."""
        settings = Settings(
            seconds,
            seed=self.options.seed,
            presolve=self.settings.presolve,
            extra=INTERIOR if arrays.matrix.shape[0] >= MANY_ROWS else {},
        )
        return engine.run(arrays.relaxed(), *objective, settings, cancel=self.cancel)

    def relax_feasibly(self, arrays: Arrays, objective: Objective, seconds: float) -> Outcome:
        """Solve the linear relaxation of a program.

        Raises
        ------
        Infeasible
            If it has no solution.
        """
        outcome = self.relax(arrays, objective, seconds)
        if outcome.ending is Ending.INFEASIBLE:
            raise Infeasible
        return outcome

    def tell(self, phase: str, incumbent: float | None = None, bound: float | None = None) -> None:
        """Tell the listener where the run stands."""
        if self.listener is not None:
            gap = relative_gap(incumbent, bound)
            self.listener(Progress(phase, incumbent, bound, gap, self.clock.elapsed))

    def rounded(self, goal: Goal, bound: float | None) -> float | None:
        """Raise a bound on the shortfall to the next shortfall that whole lots can leave."""
        if bound is None or set(goal.terms) != {Term.SHORTFALL}:
            return bound
        weight, step, odd = goal.terms[Term.SHORTFALL], self.data.step, self.data.odd_lot
        persons = bound / weight - 1e-6
        whole = math.ceil(persons / step) * step
        with_odd = math.ceil((persons - odd) / step) * step + odd
        return weight * max(0, min(whole, with_odd))

    def settle(self, goal: Goal, proof: Proof) -> GoalResult | None:
        """Hold a goal at the value reached and report it; none when there is no solution."""
        objective = self.objective(goal)
        value = objective[1] if not objective[0].any() else self.value(objective)
        if value is None:
            return None
        allowed = value + max(goal.tolerance_absolute, goal.tolerance * abs(value))
        if objective[0].any():
            number = next(i for i, one in enumerate(self.goals, start=1) if one is goal)
            self.arrays = hold(self.arrays, objective, allowed, f"hold {number}")
        bound = None if proof.bound is None else min(proof.bound, value)
        return GoalResult(
            name=goal.name,
            terms=dict(goal.terms),
            value=value,
            bound=bound,
            gap=relative_gap(value, bound),
            bound_from=proof.source,
            prices=proof.prices,
        )


def weighed(arrays: Arrays, terms: Mapping[Term, float]) -> Objective:
    """Return the coefficients, shape (columns,), and the constant of weighted terms."""
    cost, constant = np.zeros(arrays.matrix.shape[1]), 0.0
    for term, weight in terms.items():
        vector, offset = arrays.objectives[term.value]
        cost += weight * vector
        constant += weight * offset
    return cost, constant


def hold(arrays: Arrays, objective: Objective, allowed: float, name: str = "hold") -> Arrays:
    """Let `objective` not exceed `allowed` any more, in a row of that name where it needs one."""
    cost, constant = objective
    used = np.flatnonzero(cost)
    zero = allowed - constant <= ZERO and (cost[used] > 0).all()
    if zero and (arrays.lower[used] >= 0).all():
        upper = arrays.upper.copy()
        upper[used] = arrays.lower[used]
        return arrays.with_bounds(arrays.lower, upper)
    row = sp.csr_array(cost.reshape(1, -1))
    top = np.array([allowed - constant + HOLD * max(1.0, abs(allowed))])
    return arrays.with_rows(row, np.array([-np.inf]), top, name)
