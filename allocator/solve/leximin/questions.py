"""Ask whether there is a plan with no quota above its cap, but at tied levels."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from allocator.solve.arrays import Arrays, Vector
from allocator.solve.engine import Ending
from allocator.solve.leximin.levels import Tie
from allocator.solve.leximin.lots import Lots
from allocator.solve.leximin.program import with_levels
from allocator.solve.secants import EXACT
from allocator.solve.stages import Objective, Stages

PART = 0.25
"""Part of the time left that one question may take; what it leaves open is then not proven."""


class Question(NamedTuple):
    """Caps on quotas in persons, shape (municipalities,), and the levels exempt from them."""

    caps: Vector
    ties: tuple[Tie, ...]


class Answer(NamedTuple):
    """A solution, if one was found, and whether there is proven to be none."""

    solution: Vector | None
    refuted: bool


UNKNOWN = Answer(None, refuted=False)
REFUTED = Answer(None, refuted=True)

Finder = Callable[[Arrays, float], Answer]
"""Looks for any solution of a program until a second of the run."""


class Questions:
    """Asks questions of the program of `stages` while goal `i` (from 0) is refined.

    Parameters
    ----------
    find
        Finds out what the relaxation leaves open.
    deadline
        Second of the run by which all are answered.
    """

    def __init__(self, stages: Stages, i: int, lots: Lots, find: Finder, deadline: float) -> None:
        self._stages, self._lots, self._find, self._deadline = stages, lots, find, deadline
        self._counts = stages.counts_unfairness(i)

    @property
    def over(self) -> bool:
        """Whether the run was cancelled or the time is up."""
        cancel = self._stages.cancel
        return self._left <= 0 or (cancel is not None and cancel.is_set())

    def refuted(self, question: Question) -> bool:
        """Tell whether already the relaxation has no such plan."""
        program = self.program(question)
        outcome = self._stages.relax(program, cost_of_measures(self._stages, program), self._left)
        return outcome.ending is Ending.INFEASIBLE

    def plan(self, question: Question, part: float = PART) -> Answer:
        """Look for a plan, in part of the time left."""
        stages, until = self._stages, self._stages.clock.elapsed + part * self._left
        while True:
            answer = self._find(self.program(question), until)
            if answer.solution is None:
                return answer
            found = answer.solution[: stages.arrays.matrix.shape[1]]
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


def cost_of_measures(stages: Stages, program: Arrays) -> Objective:
    """Return what the measures of a program cost, as an objective."""
    cost = np.zeros(program.matrix.shape[1])
    for name, column in program.columns.get("steps", {}).items():
        cost[column] = stages.data.measures[name].cost
    return cost, 0.0
