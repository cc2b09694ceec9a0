"""Find any solution of a program: measures of the relaxation rounded up, then branch and bound."""

import numpy as np

from allocator.solve import engine
from allocator.solve.arrays import Arrays
from allocator.solve.engine import Ending, Outcome, Settings
from allocator.solve.leximin.questions import REFUTED, UNKNOWN, Answer, cost_of_measures
from allocator.solve.stages import Stages
from allocator.solve.starts import rounded_up, with_measures

MOST_SEEDS = 2**31
QUICK = 0.3
"""Part of the time that may be spent with the measures fixed."""


class BySearch:
    """Looks for solutions of programs like that of `stages`."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    def __call__(self, program: Arrays, until: float) -> Answer:
        """Look for any solution of a program until a second of the run."""
        relaxed = self._relax(program, until)
        if relaxed.solution is None:
            return _answer(relaxed)
        if "steps" in program.columns:
            # The cheapest relaxation leaves most room for rounding up what it buys.
            chosen = rounded_up(program, relaxed.solution, lambda other: self._relax(other, until))
            quick = self._search(with_measures(program, chosen), until, QUICK)
            if quick.solution is not None:
                return _answer(quick)
        outcome = self._search(program, until)
        if outcome.ending is Ending.INFEASIBLE:
            # Such verdicts have been wrong; what counts is one that two searches agree on.
            outcome = self._search(program, until, seed=1)
        return _answer(outcome)

    def _relax(self, program: Arrays, until: float) -> Outcome:
        stages = self._stages
        seconds = until - stages.clock.elapsed
        return stages.relax(program, cost_of_measures(stages, program), seconds)

    def _search(self, program: Arrays, until: float, part: float = 1.0, seed: int = 0) -> Outcome:
        stages = self._stages
        settings = Settings(
            part * (until - stages.clock.elapsed),
            seed=(stages.options.seed + seed) % MOST_SEEDS,
            presolve=stages.settings.presolve,
            rins=stages.settings.rins,
        )
        nothing = np.zeros(program.matrix.shape[1])
        return engine.run(program, nothing, 0.0, settings, cancel=stages.cancel)


def _answer(outcome: Outcome) -> Answer:
    if outcome.solution is not None:
        return Answer(outcome.solution, refuted=False)
    return REFUTED if outcome.ending is Ending.INFEASIBLE else UNKNOWN
