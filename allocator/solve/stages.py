"""Goals in order: each is optimised while the earlier ones are held."""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.sparse as sp

from allocator.solve import engine
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.engine import Ending, Flag, Outcome, Settings
from allocator.solve.progress import Clock, Listener, Progress, relative_gap
from allocator.solve.secants import EXACT, Secants
from allocator.solve.starts import first_plan
from models.options import SolveOptions
from models.plan import GoalResult
from models.policy import Goal, Term
from models.program.data import Data

ROUNDS = 6
"""Rounds of placing secants on the relaxation before integers are asked for."""
QUICK = 30.0
"""Most seconds for one goal of the first plan."""
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
        self._start(list(goals))
        self.clock.lap("first plan")
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
        deadline = self.clock.elapsed + seconds
        relaxed = self._place_secants(cost, constant, deadline)
        floor = None if relaxed.bound is None else self._rounded(goal, relaxed.bound)
        bound = floor
        if not self._good_enough(cost, constant, floor):
            outcome = self._solve(cost, constant, phase, deadline)
            self.solution = self.solution if outcome.solution is None else outcome.solution
            bounds = [b for b in (floor, self._rounded(goal, outcome.bound)) if b is not None]
            bound = max(bounds, default=None)
        if self.solution is None:
            return None
        value = float(cost @ self.solution) + constant
        allowed = value + max(goal.tolerance_absolute, goal.tolerance * abs(value))
        self.arrays = self._hold(self.arrays, (cost, constant), allowed)
        return self._result(goal, value, bound)

    def _good_enough(self, cost: Vector, constant: float, bound: float | None) -> bool:
        """Tell whether the plan at hand is already proven within the gap."""
        if self.solution is None:
            return False
        gap = relative_gap(float(cost @ self.solution) + constant, bound)
        return gap is not None and gap <= self.options.gap

    def _start(self, goals: list[Goal]) -> None:
        """Find a first plan from the relaxation of all goals in order."""
        self._tell("first plan")
        relaxed, solution = self.arrays, None
        best: list[float] = []
        objectives = [o for o in map(self.objective, goals) if o[0].any()]
        for objective in objectives:
            outcome = self._relax(relaxed, *objective, self.clock.left)
            if outcome.ending is Ending.INFEASIBLE:
                raise Infeasible
            if outcome.solution is None or outcome.value is None:
                return
            solution = outcome.solution
            best.append(outcome.value)
            relaxed = self._hold(relaxed, objective, outcome.value)
        if solution is None:
            return
        self.arrays, _ = self.secants.add(self.arrays, solution, AROUND)
        found = first_plan(self.arrays, solution, objectives, self._hold, best, self._quick)
        self.solution = None if found is None else self.secants.exact(found)

    def _relax(self, arrays: Arrays, cost: Vector, constant: float, seconds: float) -> Outcome:
        settings = Settings(seconds, seed=self.options.seed, presolve=self.settings.presolve)
        return engine.run(arrays.relaxed(), cost, constant, settings, cancel=self.cancel)

    def _quick(self, arrays: Arrays, cost: Vector, constant: float) -> Outcome:
        seconds = min(QUICK, self.clock.left / 3)
        settings = Settings(seconds, self.options.gap, self.options.seed, rins=self.settings.rins)
        return engine.run(arrays, cost, constant, settings, cancel=self.cancel)

    def _solve(self, cost: Vector, constant: float, phase: str, deadline: float) -> Outcome:
        """Solve one goal, adding secants until unfairness is exact at the answer."""
        columns = list(self.arrays.columns.get("unfairness", {}).values())
        fair = bool(cost[columns].any())
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

    def _place_secants(self, cost: Vector, constant: float, deadline: float) -> Outcome:
        """Put secants where the relaxation has its answer, before integers are asked for."""
        for _ in range(ROUNDS):
            outcome = self._relax(self.arrays, cost, constant, deadline - self.clock.elapsed)
            if outcome.ending is Ending.INFEASIBLE:
                raise Infeasible
            if outcome.solution is None:
                return outcome
            self.arrays, added = self.secants.add(self.arrays, outcome.solution, AROUND)
            if not added:
                return outcome
        return outcome

    def _tell(self, phase: str, incumbent: float | None = None, bound: float | None = None) -> None:
        if self.listener is not None:
            gap = relative_gap(incumbent, bound)
            self.listener(Progress(phase, incumbent, bound, gap, self.clock.elapsed))

    def _call(self, cost: Vector, constant: float, phase: str, seconds: float) -> Outcome:
        report = partial(self._tell, phase)
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

    def _rounded(self, goal: Goal, bound: float | None) -> float | None:
        """Raise a bound on the shortfall to the next shortfall that whole lots can leave."""
        if bound is None or set(goal.terms) != {Term.SHORTFALL}:
            return bound
        weight, step, odd = goal.terms[Term.SHORTFALL], self.data.step, self.data.odd_lot
        persons = bound / weight - 1e-6
        whole = math.ceil(persons / step) * step
        with_odd = math.ceil((persons - odd) / step) * step + odd
        return weight * max(0, min(whole, with_odd))

    @staticmethod
    def _hold(arrays: Arrays, objective: tuple[Vector, float], allowed: float) -> Arrays:
        """Let `objective` not exceed `allowed` any more."""
        cost, constant = objective
        used = np.flatnonzero(cost)
        zero = allowed - constant <= HOLD and (cost[used] > 0).all()
        if zero and (arrays.lower[used] >= 0).all():
            upper = arrays.upper.copy()
            upper[used] = arrays.lower[used]
            return arrays.with_bounds(arrays.lower, upper)
        row = sp.csr_array(cost.reshape(1, -1))
        top = np.array([allowed - constant + HOLD * max(1.0, abs(allowed))])
        return arrays.with_rows(row, np.array([-np.inf]), top, "hold")

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
