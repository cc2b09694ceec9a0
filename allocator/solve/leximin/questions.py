"""Ask whether there is a plan with no quota above its cap, but at tied levels."""

from functools import partial
from typing import NamedTuple

import numpy as np

from allocator.solve import engine
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.engine import Ending, Outcome, Settings
from allocator.solve.leximin.levels import Tie
from allocator.solve.leximin.lots import Lots
from allocator.solve.leximin.program import with_levels
from allocator.solve.secants import EXACT
from allocator.solve.stages import Objective, Stages
from allocator.solve.starts import rounded_up, with_measures

PART = 0.25
"""Part of the time left that one question may take; what it leaves open is then not proven."""
QUICK = 0.3
"""Part of that which may be spent with the measures fixed."""


class Question(NamedTuple):
    """Caps on quotas in persons, shape (municipalities,), and the levels exempt from them."""

    caps: Vector
    ties: tuple[Tie, ...]


class Answer(NamedTuple):
    """A plan as values of the columns, if one was found, and whether there is proven to be none."""

    solution: Vector | None
    refuted: bool


class Questions:
    """Asks questions of the program of `stages` while goal `i` (from 0) is refined.

    Parameters
    ----------
    deadline
        Second of the run by which all are answered.
    """

    def __init__(self, stages: Stages, i: int, lots: Lots, deadline: float) -> None:
        self._stages, self._lots, self._deadline = stages, lots, deadline
        self._counts = stages.counts_unfairness(i)

    def refuted(self, question: Question) -> bool:
        """Tell whether already the relaxation has no such plan."""
        return self._relax(self.program(question), self._left).ending is Ending.INFEASIBLE

    def plan(self, question: Question, part: float = PART) -> Answer:
        """Look for a plan, in part of the time left."""
        stages, until = self._stages, self._stages.clock.elapsed + part * self._left
        while True:
            outcome = self._solve(self.program(question), until)
            if outcome.solution is None:
                return Answer(None, outcome.ending is Ending.INFEASIBLE)
            found = outcome.solution[: stages.arrays.matrix.shape[1]]
            mended = stages.secants.exact(found)
            if not self._counts or float((mended - found).sum()) <= EXACT:
                return Answer(mended, refuted=False)
            stages.arrays, added = stages.secants.add(stages.arrays, mended, 1)
            if not added:  # what is missed is the solver's tolerance
                return Answer(mended, refuted=False)

    def program(self, question: Question) -> Arrays:
        """Return the program with the caps of a question in it."""
        return with_levels(self._stages.arrays, self._lots, question.caps, question.ties)

    @property
    def _left(self) -> float:
        return self._deadline - self._stages.clock.elapsed

    def _relax(self, program: Arrays, seconds: float) -> Outcome:
        return self._stages.relax(program, self._cost_of_measures(program), seconds)

    def _solve(self, program: Arrays, until: float) -> Outcome:
        """Look for any solution: with the measures of the relaxation rounded up, then at large."""
        relaxed = self._relax(program, until - self._stages.clock.elapsed)
        if relaxed.solution is None:
            return relaxed
        if "steps" in program.columns:
            # The cheapest relaxation leaves most room for rounding up what it buys.
            measures = rounded_up(
                program, relaxed.solution, partial(self._relax, seconds=self._left)
            )
            quick = self._search(with_measures(program, measures), until, QUICK)
            if quick.solution is not None:
                return quick
        outcome = self._search(program, until)
        if outcome.ending is Ending.INFEASIBLE:
            # Such verdicts have been wrong; what counts is one that stands without presolve.
            return self._search(program, until, presolve=False)
        return outcome

    def _search(
        self, program: Arrays, until: float, part: float = 1.0, *, presolve: bool = True
    ) -> Outcome:
        stages = self._stages
        settings = Settings(
            part * (until - stages.clock.elapsed),
            seed=stages.options.seed,
            presolve=presolve and stages.settings.presolve,
            rins=stages.settings.rins,
        )
        nothing = np.zeros(program.matrix.shape[1])
        return engine.run(program, nothing, 0.0, settings, cancel=stages.cancel)

    def _cost_of_measures(self, program: Arrays) -> Objective:
        cost = np.zeros(program.matrix.shape[1])
        for name, column in program.columns.get("steps", {}).items():
            cost[column] = self._stages.data.measures[name].cost
        return cost, 0.0
