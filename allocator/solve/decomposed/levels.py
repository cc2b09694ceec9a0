"""Find any solution of a program by prices: give way where goals are held, and take that back.

Whether there is a plan that keeps what earlier goals reached is hard to see where little else does.
The last of them that is held at more than nothing is let go and minimised instead (where all are
held at nothing, those): a plan worth no more than what is held answers yes, and prices that
prove more answer no.
"""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from allocator.solve.arrays import Arrays, Vector
from allocator.solve.decomposed.blocks import cut, owners
from allocator.solve.decomposed.chunk import Indices, Stopped
from allocator.solve.decomposed.crew import Crew
from allocator.solve.decomposed.plans import Plans
from allocator.solve.decomposed.prices import Prices
from allocator.solve.decomposed.search import Stop, search
from allocator.solve.engine import Ending, NoSolution
from allocator.solve.leximin.questions import REFUTED, UNKNOWN, Answer
from allocator.solve.stages import Stages
from allocator.solve.warm import NOBODY

SURE = 1e-3
"""Units of the goal by which a bound must lie above what is held to be no rounding."""


@dataclass(frozen=True)
class Eased:
    """A program with what is held let go.

    Attributes
    ----------
    arrays
        The program.
    cost
        What is minimised instead, shape (columns,).
    most
        What it may be worth at most.
    """

    arrays: Arrays
    cost: Vector
    most: float


class ByPrices:
    """Looks for solutions of programs like that of `stages`.

    Parameters
    ----------
    crew
        Who prices; takes the small programs of every program anew.
    upper
        Upper limits of the columns before any goal was held, shape (columns,).
    """

    def __init__(self, stages: Stages, crew: Crew, upper: Vector) -> None:
        self._stages, self._crew, self._upper = stages, crew, upper
        arrays = stages.arrays
        held = (arrays.upper <= arrays.lower) & (upper > arrays.lower)
        self._nothing = np.flatnonzero(held)

    def __call__(self, program: Arrays, until: float) -> Answer:
        """Look for any solution of a program until a second of the run."""
        eased = self._eased(program)
        if not eased.cost.any():
            return UNKNOWN
        stop = Stop(self._stages.cancel, lambda: until - self._stages.clock.elapsed)
        relaxed = self._stages.relax(eased.arrays, (eased.cost, 0.0), stop.left())
        if relaxed.ending is Ending.INFEASIBLE:
            return REFUTED
        if relaxed.prices is None:
            return UNKNOWN
        blocks = cut(self._owner(program), eased.arrays, len(self._stages.data.municipalities))
        self._crew.take(blocks.chunks(self._crew.size))
        prices = Prices(
            arrays=eased.arrays,
            blocks=blocks,
            cost=eased.cost,
            constant=0.0,
            crew=self._crew,
            exact=self._stages.secants.exact,
            refine=None,
            stop=stop,
            tell=lambda _bound: None,
            gap=self._stages.options.gap,
        )
        plans = Plans(
            prices=prices,
            done=lambda value: (
                stop.is_set()
                or (value is not None and value <= eased.most)
                or (prices.bound is not None and prices.bound > eased.most + SURE)
            ),
            enough=lambda _: eased.most,
            left=stop.left,
            tell=lambda _value, _bound: None,
            seed=self._stages.options.seed,
        )
        try:
            with suppress(Stopped):
                search(prices, plans, relaxed.prices[blocks.rows], [])
        except NoSolution:
            return REFUTED
        if plans.value is not None and plans.value <= eased.most and plans.solution is not None:
            return Answer(np.clip(plans.solution, program.lower, program.upper), refuted=False)
        bound = prices.bound
        return REFUTED if bound is not None and bound > eased.most + SURE else UNKNOWN

    def _eased(self, program: Arrays) -> Eased:
        """Let the last hold go, or what is held at nothing where there is no other."""
        holds = [i for i, (name, _) in enumerate(program.row_names) if name.startswith("hold")]
        if holds:
            row = np.array(holds[-1:])
            cost = program.matrix[row].toarray().ravel()
            most = float(program.row_upper[row[0]])
            return Eased(program.with_row_upper(row, np.array([np.inf])), cost, most)
        cost, upper = np.zeros(len(program.lower)), program.upper.copy()
        cost[self._nothing] = 1.0
        upper[self._nothing] = self._upper[self._nothing]
        return Eased(program.with_bounds(program.lower, upper), cost, NOBODY)

    def _owner(self, program: Arrays) -> Indices:
        return owners(self._stages.data, program.columns, program.matrix.shape[1])
