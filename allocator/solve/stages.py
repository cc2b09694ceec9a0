"""Goals in order: each is optimised while the earlier ones are held."""

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from allocator.solve import engine
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.engine import Ending, Flag, Outcome, Settings
from allocator.solve.progress import Clock, Listener, Progress, relative_gap
from allocator.solve.secants import EXACT, Secants
from models.options import SolveOptions
from models.plan import GoalResult
from models.policy import Goal, Term
from models.program.data import Data

AROUND = 6
"""Lots up and down from the relaxed answer at which secants are placed beforehand."""
HOLD = 1e-6
"""Part of a goal's value (and absolute amount) by which rounding may break its hold."""


class Infeasible(Exception):  # noqa: N818 - a finding, not an error
    """No plan keeps every demand."""


@dataclass
class Stages:
    """The run through the goals: the program as it grows, and the best solution so far."""

    data: Data
    arrays: Arrays
    secants: Secants
    options: SolveOptions
    clock: Clock
    settings: Settings
    listener: Listener | None = None
    cancel: Flag | None = None
    solution: Vector | None = None
    stopped: bool = False

    def run(self) -> list[GoalResult]:
        """Optimise every goal in order and return how well each is met.

        Raises
        ------
        Infeasible
            If no plan keeps every demand.
        """
        results = []
        goals = self.data.policy.goals
        for i, goal in enumerate(goals):
            phase = f"goal {i + 1} of {len(goals)}: {goal.name}"
            result = self._optimise(goal, phase, last=i + 1 == len(goals))
            if result is None:
                return []
            results.append(result)
            self.clock.lap(f"goal {i + 1}")
        return results

    def objective(self, goal: Goal) -> tuple[Vector, float]:
        """Return the coefficients, shape (columns,), and the constant of `goal`."""
        cost, constant = np.zeros(self.arrays.matrix.shape[1]), 0.0
        for term, weight in goal.terms.items():
            vector, offset = self.arrays.objectives[term.value]
            cost += weight * vector
            constant += weight * offset
        return cost, constant

    def _optimise(self, goal: Goal, phase: str, *, last: bool) -> GoalResult | None:
        cost, constant = self.objective(goal)
        if not cost.any():
            return self._result(goal, constant, constant)
        seconds = self.clock.left if last else self.clock.left / 2
        outcome = self._solve(cost, constant, phase, seconds)
        if outcome.solution is not None:
            self.solution = outcome.solution
        if self.solution is None:
            return None
        value = float(cost @ self.solution) + constant
        bound = None if outcome.bound is None else self._rounded(goal, min(outcome.bound, value))
        self._hold(goal, cost, constant, value)
        return self._result(goal, value, bound)

    def _solve(self, cost: Vector, constant: float, phase: str, seconds: float) -> Outcome:
        """Solve one goal, adding secants until unfairness is exact at the answer."""
        deadline = self.clock.elapsed + seconds
        fair = bool("unfairness" in self.arrays.columns) and bool(
            cost[list(self.arrays.columns["unfairness"].values())].any()
        )
        if fair:
            self._place_secants(cost, constant, deadline)
        best: Outcome | None = None
        while True:
            outcome = self._call(cost, constant, phase, deadline - self.clock.elapsed)
            if outcome.solution is not None:
                mended = self.secants.exact(outcome.solution)
                missed = float(cost @ (mended - outcome.solution)) if fair else 0.0
                self.solution = mended
                value = float(cost @ mended) + constant
                best = Outcome(outcome.ending, mended, value, outcome.bound, outcome.seconds)
            if best is None or outcome.solution is None or not fair or missed <= EXACT:
                return best or outcome
            self.arrays, _ = self.secants.add(self.arrays, mended, 1)
            if outcome.ending is Ending.LIMIT:
                return best

    def _place_secants(self, cost: Vector, constant: float, deadline: float) -> None:
        """Put secants where the relaxation has its answer, before integers are asked for."""
        for _ in range(5):
            relaxed = self.arrays.relaxed()
            left = deadline - self.clock.elapsed
            outcome = engine.run(
                relaxed, cost, constant, Settings(left, seed=self.options.seed), cancel=self.cancel
            )
            if outcome.solution is None:
                return
            self.arrays, added = self.secants.add(self.arrays, outcome.solution, AROUND)
            if not added:
                return

    def _call(self, cost: Vector, constant: float, phase: str, seconds: float) -> Outcome:
        def report(incumbent: float | None, bound: float | None) -> None:
            if self.listener is not None:
                gap = relative_gap(incumbent, bound)
                self.listener(Progress(phase, incumbent, bound, gap, self.clock.elapsed))

        report(None, None)
        settings = Settings(
            seconds,
            self.options.gap,
            self.options.seed,
            presolve=self.settings.presolve,
            rins=self.settings.rins,
        )
        outcome = engine.run(
            self.arrays,
            cost,
            constant,
            settings,
            start=self.solution,
            report=report,
            cancel=self.cancel,
        )
        if outcome.ending is Ending.INFEASIBLE:
            raise Infeasible
        if outcome.ending is Ending.LIMIT:
            self.stopped = True
        report(outcome.value, outcome.bound)
        return outcome

    def _rounded(self, goal: Goal, bound: float) -> float:
        """Raise a bound on the shortfall to the next shortfall that whole lots can leave."""
        if set(goal.terms) != {Term.SHORTFALL}:
            return bound
        weight, step, odd = goal.terms[Term.SHORTFALL], self.data.step, self.data.odd_lot
        persons = bound / weight - 1e-6
        whole = math.ceil(persons / step) * step
        with_odd = math.ceil((persons - odd) / step) * step + odd
        return weight * max(0, min(whole, with_odd))

    def _hold(self, goal: Goal, cost: Vector, constant: float, value: float) -> None:
        """Let no later goal give up more of this one than its tolerance."""
        slack = HOLD * max(1.0, abs(value))
        allowed = value + max(goal.tolerance_absolute, goal.tolerance * abs(value))
        used = np.flatnonzero(cost)
        at_zero = allowed - constant <= HOLD and (cost[used] > 0).all()
        if at_zero and (self.arrays.lower[used] >= 0).all():
            upper = self.arrays.upper.copy()
            upper[used] = self.arrays.lower[used]
            self.arrays = self.arrays.with_bounds(self.arrays.lower, upper)
            return
        row = sp.csr_array(cost.reshape(1, -1))
        top = np.array([allowed - constant + slack])
        self.arrays = self.arrays.with_rows(row, np.array([-np.inf]), top, "hold")

    @staticmethod
    def _result(goal: Goal, value: float, bound: float | None) -> GoalResult:
        if bound is not None:
            bound = min(bound, value)
        return GoalResult(
            name=goal.name,
            terms=dict(goal.terms),
            value=value,
            bound=bound,
            gap=relative_gap(value, bound),
        )
