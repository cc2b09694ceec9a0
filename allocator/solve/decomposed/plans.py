"""Plans from proposals: of their mix, by steps around a plan, or of a choice among them all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from allocator.solve.arrays import Vector
from allocator.solve.decomposed.choice import Begin, Question, Terms, ask
from allocator.solve.decomposed.neighbourhood import Around, Some, around
from allocator.solve.decomposed.pool import Weights
from allocator.solve.decomposed.prices import NEAR, Prices
from allocator.solve.engine import Settings
from allocator.solve.warm import keeps_all

MIX_LOOKS, CHOICE_LOOKS, MEND_LOOKS, STEP_LOOKS = 20, 500, 40, 60
"""How long to search for a plan from a mix, for a choice, to mend it, and for a step around a
plan, in looks of the solver; they double with every attempt that finds nothing better."""
AROUND_MIX = ((6, 30), (12, 60))
"""Municipalities solved anew and shifted to make a plan of a mix, one attempt after the other."""
STEP_SECONDS = 30.0
"""Most seconds for one of these; looks end them long before on most machines."""
SETTLE = 400
"""Most municipalities whose placements move when a choice is settled."""
FREE, SHIFT = 20, 100
"""Municipalities solved anew and shifted to mend a choice."""
FREE_AGAIN, SHIFT_AGAIN = 12, 30
"""The same around a plan, where many small steps do more than a few large ones."""
STEPS, BESIDE = 4, 2
"""Steps around a plan each time around, and how many are tried side by side."""
WITHIN = 5.0
"""Times the gap asked for that a plan near what is proven is away from it."""


@dataclass
class Plans:
    """The best plan so far, and the search for better ones.

    Attributes
    ----------
    prices
        Prices and proposals.
    done
        Tells whether a value is proven good enough, or time is up.
    enough
        Returns from a bound the value that is good enough.
    left
        Seconds left.
    tell
        Told of every better value.
    solution
        Shape (columns,); none before there is one.
    """

    prices: Prices
    done: Callable[[float | None], bool]
    enough: Callable[[float], float]
    left: Callable[[], float]
    tell: Callable[[float | None, float | None], None]
    seed: int
    solution: Vector | None = None
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def __post_init__(self) -> None:
        self.value = None if self.solution is None else self._worth(self.solution)
        program, blocks = self.prices.arrays, self.prices.blocks
        whole = program.integer | (blocks.owner < 0)
        reached = abs(blocks.common[:, ~whole]).sum(axis=1)
        self._soft = np.asarray(reached).ravel() > 0
        self._begin: Begin | None = None

    def is_done(self) -> bool:
        """Tell whether the plan is proven good enough, or time is up."""
        return self.done(self.value)

    def from_mix(self, longer: int = 1) -> None:
        """Make a plan of the mix by solving anew where it is split, and a few more.

        Parameters
        ----------
        longer
            Times as long as usual to search.
        """
        mixed = self.prices.current_mix()
        if mixed is None:
            return
        split, looks = int(mixed.split.sum()), MIX_LOOKS * longer
        for least, shift in AROUND_MIX:
            self._anew(mixed.weights, max(least, split), shift, looks, presolve=False)
            if self.is_done():
                return

    def choose(self, longer: int = 1) -> None:
        """Choose among the proposals, and mend the choices."""
        before, unsettled = self.value, list[Weights]()
        for question in self._questions(longer):
            (outcome,) = self.prices.crew.solve([question.job], self.prices.stop)
            choice = question.read(outcome)
            if choice is not None and not self.is_done() and not self._settle(choice, longer):
                unsettled.append(choice)
            if self.is_done():
                return
        for choice in unsettled if self.value == before else ():
            self._mend(choice, longer)
            if self.is_done():
                return

    @property
    def near(self) -> bool:
        """Whether the best plan is near what is proven."""
        bound = self.prices.bound
        if self.value is None or bound is None:
            return False
        return self.value - bound <= WITHIN * self.prices.gap * abs(bound) + 1e-6

    def improve(self, longer: int = 1) -> None:
        """Take a few steps around the best plan, where it costs more than its prices would."""
        for _ in range(STEPS):
            if self.is_done():
                return
            self._improve(STEP_LOOKS * longer)

    def _questions(self, longer: int) -> Iterator[Question]:
        """Ask for choices with some common rows bent a little, and with all kept to the letter.

        The first is answered sooner, and mending its answer is mostly enough; the second can
        start from a plan.
        """
        bent = (self._soft, None) if self._soft.any() else None
        letter = (np.zeros_like(self._soft), self._beginning())
        for terms in (bent, letter) if self.solution is None else (letter, bent):
            if terms is not None:
                yield from self._question(*terms, longer)

    def _question(
        self, soft: npt.NDArray[np.bool_], begin: Begin | None, longer: int
    ) -> Iterator[Question]:
        prices, mixed = self.prices, self.prices.current_mix()
        if mixed is None or prices.bound is None:
            return
        room = NEAR * longer * max(abs(prices.bound), 1.0)
        if self.value is not None:
            room = min(room, self.value - prices.bound)
        terms = Terms(
            common=prices.common,
            cost=prices.common_cost,
            constant=prices.constant,
            prices=prices.best,
            bounds=prices.bounds,
            soft=soft,
        )
        yield ask(prices.pool, terms, mixed, room, self._settings(CHOICE_LOOKS * longer), begin)

    def _beginning(self) -> Begin | None:
        """Return the best plan as a choice among the proposals."""
        if self._begin is None and self.solution is not None:
            self._learn(self.solution)
        return self._begin

    def _learn(self, solution: Vector) -> None:
        """Take a plan among the proposals."""
        blocks = self.prices.blocks
        rounds = self.prices.pool.add(np.where(blocks.owner < 0, 0.0, solution))
        self._begin = Begin(rounds, solution[blocks.columns])

    def _settle(self, choice: Weights, longer: int) -> bool:
        """Make a plan of a choice by moving placements alone; tell whether that is possible."""
        chosen, order = self.prices.pool.combined(choice), self._eager(choice)
        nobody, looks = np.empty(0, dtype=np.int64), MEND_LOOKS * longer
        return self._offer_all([self._around(chosen, nobody, order[:SETTLE], looks, start=False)])

    def _mend(self, choice: Weights, longer: int) -> None:
        """Make a plan of a choice by solving a few municipalities anew."""
        self._anew(choice, FREE, SHIFT, MEND_LOOKS * longer)

    def _anew(
        self, weights: Weights, free: int, shift: int, looks: int, *, presolve: bool = True
    ) -> None:
        """Solve so many municipalities anew and shift so many more, those most eager first."""
        weights = np.pad(weights, ((0, len(self.prices.pool) - len(weights)), (0, 0)))
        chosen, order = self.prices.pool.combined(weights), self._eager(weights)
        freed, rest = np.split(order, [free])
        step = self._around(chosen, freed, rest[:shift], looks, start=False, presolve=presolve)
        self._offer_all([step])

    def _eager(self, choice: Weights) -> Some:
        """Order municipalities: split in the mix first, then by what their proposal costs."""
        prices, mixed = self.prices, self.prices.current_mix()
        reduced = np.where(choice > 0, prices.pool.reduced(prices.best), 0.0)
        excess = np.asarray((choice * reduced).sum(axis=0) - prices.bounds)
        if mixed is not None:
            excess[mixed.split] = np.inf
        return np.argsort(-excess, kind="stable")

    def _improve(self, looks: int) -> None:
        """Solve anew where the plan at hand costs more than its prices would."""
        if self.solution is None:
            return
        owner, solution = self.prices.blocks.owner, self.solution
        own = owner >= 0
        reduced = self.prices.reduced(self.prices.best)
        paid = np.bincount(owner[own], (reduced * solution)[own], minlength=len(self.prices.bounds))
        least = 1e-6 * max(1.0, abs(self.prices.bound or 0.0))
        excess = np.maximum(paid - self.prices.bounds, least)
        steps = []
        for _ in range(BESIDE):
            order = np.argsort(self.random.exponential(size=len(excess)) / excess, kind="stable")
            free, shift = order[:FREE_AGAIN], order[FREE_AGAIN:][:SHIFT_AGAIN]
            steps.append(self._around(solution, free, shift, looks, start=True))
        self._offer_all(steps)

    def _around(
        self,
        solution: Vector,
        free: Some,
        shift: Some,
        looks: int,
        *,
        start: bool,
        presolve: bool = True,
    ) -> Around | None:
        prices = self.prices
        objective = (prices.cost, prices.constant)
        settings = replace(self._settings(looks), presolve=presolve)
        return around(
            prices.arrays,
            prices.blocks,
            objective,
            solution,
            np.sort(free),
            np.sort(shift),
            settings,
            start=start,
        )

    def _offer_all(self, steps: list[Around | None]) -> bool:
        """Solve what there is to solve and keep the best; tell whether there was a plan."""
        there = [step for step in steps if step is not None]
        outcomes = self.prices.crew.solve([step.job for step in there], self.prices.stop)
        found = [step.read(outcome) for step, outcome in zip(there, outcomes, strict=True)]
        offers = [self.offer(solution) for solution in found if solution is not None]
        return any(offers)

    def offer(self, solution: Vector) -> bool:
        """Keep a solution if it is the best so far; tell whether it keeps every rule."""
        solution = self.prices.exact(solution)
        if not keeps_all(self.prices.arrays, solution):
            return False
        value = self._worth(solution)
        if self.value is None or value < self.value - 1e-9:
            self.solution, self.value = solution, value
            self._learn(solution)
            self.tell(value, self.prices.bound)
        return True

    def _settings(self, looks: int) -> Settings:
        bound = self.prices.bound
        target = None if bound is None else self.enough(bound)
        seconds = min(max(self.left(), 0.0), STEP_SECONDS)
        gap = max(1e-7, self.prices.gap / 4)
        return Settings(seconds, gap, self.seed, looks=looks, target=target)

    def _worth(self, solution: Vector) -> float:
        return float(self.prices.cost @ solution) + self.prices.constant
