"""Goals in order, each by prices; those that can surely be met are met on the way."""

import math
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial

import numpy as np

from allocator.solve import whole
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.decomposed.blocks import Blocks, cut, owners
from allocator.solve.decomposed.chunk import Indices, Stopped
from allocator.solve.decomposed.crew import Crew, hire
from allocator.solve.decomposed.levels import ByPrices
from allocator.solve.decomposed.plans import Plans
from allocator.solve.decomposed.prices import Prices
from allocator.solve.decomposed.sample import LARGEST, First, first_prices
from allocator.solve.decomposed.search import Stop, search
from allocator.solve.engine import NoSolution
from allocator.solve.leximin import refine as leximin
from allocator.solve.leximin.questions import Answer, Finder
from allocator.solve.leximin.search import BySearch
from allocator.solve.progress import Clock
from allocator.solve.stages import Infeasible, Objective, Proof, Stages, hold
from allocator.solve.warm import NOBODY, keeps_all
from models.plan import BoundFrom, GoalResult

AROUND = 6
"""Lots up and down from a first answer at which secants are placed beforehand."""
WHOLE_COLUMNS = 5_000
"""Most columns for which branch and bound on the whole program is worth a last try."""
KEPT = 12
"""Rounds of proposals that the next goal starts with."""
MOST, LITTLE = 0.9, 0.02
"""Part of the municipalities that keep their own rules in a plan of nearly the same question, and
part of a common row by which it may break it."""
SHARE = 0.5
"""Part of the time left that a goal may take when others follow."""


def run(stages: Stages) -> list[GoalResult]:
    """Optimise every goal in order and return how well each is met.

    Raises
    ------
    Infeasible
        If no plan keeps every demand.
    """
    count = len(stages.data.municipalities)
    with closing(hire(count, stages.options.processes, stages.options.scheduler)) as crew:
        try:
            return _Run(stages, crew).goals()
        except NoSolution as error:
            raise Infeasible from error


class _Share:
    """The part of the time left that a goal may take."""

    def __init__(self, clock: Clock, share: float) -> None:
        self._clock, self._until = clock, clock.elapsed + share * clock.left

    def left(self) -> float:
        """Return the seconds left of it."""
        return min(self._clock.left, self._until - self._clock.elapsed)

    def is_all(self) -> None:
        """Let the goal take all the time there is."""
        self._until = math.inf


@dataclass
class _Run:
    stages: Stages
    crew: Crew

    def __post_init__(self) -> None:
        stages = self.stages
        self._owner: Indices = owners(
            stages.data, stages.arrays.columns, stages.arrays.matrix.shape[1]
        )
        self._upper = stages.arrays.upper
        self._known: list[Vector] = [] if stages.warm is None else [stages.warm]
        self._prices: dict[str, dict[str, float]] = {}
        if stages.start is not None:
            self._prices = {goal.name: goal.prices for goal in stages.start.goals if goal.prices}

    def goals(self) -> list[GoalResult]:
        stages, goals = self.stages, self.stages.goals
        results: list[GoalResult] = []
        for i, goal in enumerate(goals):
            rest = self._all_at_once(i)
            if rest:
                return results + rest
            result = self._level_by_level(i) if goal.refined else self._settle(i)
            if result is None:
                return []
            results.append(result)
            stages.clock.lap(f"goal {i + 1}")
        return results

    def _settle(self, i: int) -> GoalResult | None:
        stages = self.stages
        objective = stages.objective(stages.goals[i])
        proof = Proof.of(objective[1], BoundFrom.TRIVIAL)
        if objective[0].any():
            proof = self._optimise(i, last=i + 1 == len(stages.goals))
        return stages.settle(stages.goals[i], proof)

    def _level_by_level(self, i: int) -> GoalResult | None:
        """Refine goal `i` (from 0) on the whole program, which may get columns for tied levels."""
        stages = self.stages
        result = leximin.settle(stages, i, self._find())
        self._owner = owners(stages.data, stages.arrays.columns, stages.arrays.matrix.shape[1])
        self._known = [] if stages.solution is None else [stages.solution]
        return result

    def _find(self) -> Finder:
        """Return how solutions are looked for: on the whole, by prices first where it is large."""
        by_search = BySearch(self.stages)
        if self.stages.arrays.matrix.shape[1] <= WHOLE_COLUMNS:
            return by_search
        by_prices = ByPrices(self.stages, self.crew, self._upper)

        def find(program: Arrays, until: float) -> Answer:
            half = (until + self.stages.clock.elapsed) / 2
            answer = by_prices(program, half)
            if answer.solution is None and not answer.refuted:
                answer = by_search(program, until)
            return answer

        return find

    def _all_at_once(self, i: int) -> list[GoalResult]:
        """Optimise the last goal with goals `i` and later held at zero, the least they can be.

        Returns nothing when that is not possible, or no plan is found that way.
        """
        stages, goals = self.stages, self.stages.goals
        before, secants = stages.arrays, stages.secants.copy()
        between = [stages.objective(goal) for goal in goals[i:-1]]
        if not any(cost.any() for cost, _ in between):
            return []
        if any(goal.tolerance_absolute > 0 for goal in goals[i:-1]):
            return []  # the last goal may then be worth giving up a part of these
        if any(goal.refined for goal in goals[i:]):
            return []
        if not all(_never_negative(before, objective) for objective in between):
            return []
        kept = stages.solution
        for objective in between:
            stages.arrays = hold(stages.arrays, objective, 0.0)
        if kept is not None and not keeps_all(stages.arrays, kept):
            stages.solution = None  # a plan at hand that gives up what is held here
        try:
            proof = self._optimise(len(goals) - 1, last=False, together=True)
            met = stages.solution is not None and all(
                (stages.value(objective) or 0.0) <= NOBODY for objective in between
            )
        except (Infeasible, NoSolution):
            met = False
        if not met:
            stages.arrays, stages.secants, stages.solution = before, secants, kept
            return []
        results = [stages.settle(goal, Proof.of(0.0, BoundFrom.TRIVIAL)) for goal in goals[i:-1]]
        results.append(stages.settle(goals[-1], proof))
        stages.clock.lap(f"goal {len(goals)}")
        return [result for result in results if result is not None]

    def _optimise(self, i: int, *, last: bool, together: bool = False) -> Proof:
        """Optimise goal `i` (from 0), the earlier ones being held.

        Goals that follow, unless it is the `last`, are left a part of the time; where they are
        met `together` with it, only until there is a plan.
        """
        stages, goal = self.stages, self.stages.goals[i]
        objective, phase = stages.objective(goal), stages.phase(i)
        stages.tell(phase)
        share = _Share(stages.clock, 1.0 if last else SHARE)
        stop = Stop(stages.cancel, share.left)

        def tell(value: float | None, bound: float | None) -> None:
            if together:
                share.is_all()
            stages.tell(phase, value, bound)

        if together and stages.solution is not None:
            share.is_all()
        try:
            first = self._first(i, objective, stop)
        except Stopped:
            return Proof.of(None, BoundFrom.RELAXATION)
        proof = Proof.of(stages.rounded(goal, first.bound), BoundFrom.RELAXATION)
        if stages.good_enough(stages.value(objective), proof.bound):
            return proof
        blocks = self._with_secants(i, first)
        prices = Prices(
            arrays=stages.arrays,
            blocks=blocks,
            cost=objective[0],
            constant=objective[1],
            crew=self.crew,
            exact=stages.secants.exact,
            refine=self._refine if stages.counts_unfairness(i) else None,
            stop=stop,
            tell=lambda bound: stages.tell(phase, stages.value(objective), bound),
            gap=stages.options.gap,
            ceiling=_ceiling(stages, objective),
        )
        plans = Plans(
            prices=prices,
            done=lambda value: (
                stop.is_set() or stages.good_enough(value, stages.rounded(goal, prices.bound))
            ),
            enough=lambda bound: stages.enough(stages.rounded(goal, bound) or bound),
            left=share.left,
            tell=tell,
            seed=stages.options.seed,
            solution=stages.solution,
            random=np.random.default_rng(stages.options.seed),
        )
        with suppress(Stopped):  # what was found and proven until then stands
            start = self._start_prices(goal.name, blocks, first.prices)
            relaxed = partial(self._relaxed, objective, stop) if first.of_plan else None
            search(prices, plans, start, self._known, relaxed)
        stages.arrays, stages.solution = prices.arrays, plans.solution
        self._known = prices.pool.values[-KEPT:]
        return self._proof(i, blocks, prices, proof)

    def _proof(self, i: int, blocks: Blocks, prices: Prices, proof: Proof) -> Proof:
        """Return the best proof of goal `i`, with a last try on the whole where that can help."""
        stages, goal = self.stages, self.stages.goals[i]
        bound = stages.rounded(goal, prices.bound)
        if bound is not None and (proof.bound is None or bound > proof.bound):
            named = self._named(blocks, prices.best)
            proof = Proof(bound, BoundFrom.PRICES, named)
        value = stages.value(stages.objective(goal))
        small = len(prices.cost) <= WHOLE_COLUMNS
        if small and not stages.good_enough(value, proof.bound) and stages.clock.left > 0:
            return whole.optimise(stages, i, proof)
        return proof

    def _first(self, i: int, objective: Objective, stop: Stop) -> First:
        """Solve the linear relaxation: at once, or by prices where it is large."""
        stages = self.stages
        at_hand = stages.warm if stages.solution is None else stages.solution
        known = self._prices.get(stages.goals[i].name)
        # Where a plan breaks a rule or two it still says where to look.
        if known and at_hand is not None and self._nearly_keeps(at_hand):
            return First(solution=at_hand, of_plan=True)
        first = first_prices(stages, self._owner, objective, stop.left())
        if first.solution is not None or len(stages.data.municipalities) <= LARGEST:
            return first
        blocks = self._cut()
        prices = Prices(
            arrays=stages.arrays,
            blocks=blocks,
            cost=objective[0],
            constant=objective[1],
            crew=self.crew,
            exact=lambda values: values,
            refine=None,
            stop=stop,
            tell=lambda bound: stages.tell(stages.phase(i), None, bound),
            gap=stages.options.gap,
            relaxed=True,
        )
        name = stages.goals[i].name
        prices.price(self._start_prices(name, blocks, None if known else first.prices))
        if not known:
            prices.find(stop.is_set)
        found = np.zeros(stages.arrays.matrix.shape[0])
        found[blocks.rows] = prices.best
        return First(prices.pool.values[-1], prices.bound, found)

    def _nearly_keeps(self, values: Vector) -> bool:
        """Tell whether a plan breaks so little that its prices are those of nearly the same."""
        if self.stages.solution is not None:
            return True
        arrays = self.stages.arrays
        blocks = cut(self._owner, arrays, len(self.stages.data.municipalities))
        used = blocks.common @ values
        over = np.maximum(blocks.row_lower - used, used - blocks.row_upper)
        sizes = np.maximum(1.0, np.abs(used))
        return bool(blocks.keeps(values).mean() >= MOST and (over <= LITTLE * sizes).all())

    def _relaxed(
        self, objective: Objective, stop: Stop, blocks: Blocks
    ) -> tuple[float | None, Vector | None]:
        """Return what the linear relaxation proves, and its prices; see `search.Relaxed`."""
        first = first_prices(self.stages, self._owner, objective, stop.left())
        return first.bound, None if first.prices is None else first.prices[blocks.rows]

    def _with_secants(self, i: int, first: First) -> Blocks:
        """Cut the program, with secants where the first answer lies."""
        stages = self.stages
        if not stages.counts_unfairness(i) or first.solution is None:
            return self._cut()
        stages.arrays, _ = stages.secants.add(stages.arrays, first.solution, AROUND)
        return self._cut()

    def _start_prices(self, goal: str, blocks: Blocks, first: Vector | None) -> Vector:
        """Return prices of the common rows: those of the relaxation, or of the plan at hand."""
        if first is not None:
            return first[blocks.rows]
        known = self._prices.get(goal, {})
        return np.array([known.get(_name(self.stages.arrays, row), 0.0) for row in blocks.rows])

    def _named(self, blocks: Blocks, prices: Vector) -> dict[str, float]:
        return {
            _name(self.stages.arrays, row): float(price)
            for row, price in zip(blocks.rows, prices, strict=True)
            if price != 0
        }

    def _cut(self) -> Blocks:
        blocks = cut(self._owner, self.stages.arrays, len(self.stages.data.municipalities))
        self.crew.take(blocks.chunks(self.crew.size))
        return blocks

    def _refine(self, values: Vector) -> tuple[Arrays, Blocks]:
        """Place secants where proposals lie."""
        stages = self.stages
        stages.arrays, _ = stages.secants.add(stages.arrays, values, AROUND)
        return stages.arrays, self._cut()


def _never_negative(arrays: Arrays, objective: Objective) -> bool:
    cost, constant = objective
    used = np.flatnonzero(cost)
    return constant >= 0 and bool((cost[used] > 0).all() and (arrays.lower[used] >= 0).all())


def _ceiling(stages: Stages, objective: Objective) -> float:
    """Return a value that no solution exceeds, infinite where a column has no limit."""
    cost, constant = objective
    used = np.flatnonzero(cost)
    ends = np.where(cost > 0, stages.secants.capped(stages.arrays.upper), stages.arrays.lower)
    return constant + float(cost[used] @ ends[used])


def _name(arrays: Arrays, row: int) -> str:
    component, index = arrays.row_names[row]
    return component if index is None else f"{component}[{index}]"
