"""Prices on the common rows: price, mix, and price again until the bound settles."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from allocator.solve.arrays import Arrays, Vector
from allocator.solve.decomposed import master
from allocator.solve.decomposed.blocks import Blocks
from allocator.solve.decomposed.crew import Crew
from allocator.solve.decomposed.master import Box, Mix
from allocator.solve.decomposed.pool import Pool, single
from allocator.solve.engine import Flag, NoSolution

ROUNDS = 60
"""Most rounds of pricing before the bound is taken as it is."""
FIRST_STEP, WIDEST, NARROWEST = 0.1, 1.0, 0.06
"""How far prices may move in a round, as a part of themselves: at first, at most, at least."""
BROKEN = 4.0
"""The most while every mix breaks common rows: prices are then far too low."""
GROWTH, GROWTH_BROKEN = 2.0, 4.0
"""Times as far after a round that proved more: else, and while every mix breaks common rows."""
NATURAL = 0.5
"""Part of what a common column costs that a price may move by as if it were the price."""
SMALL_PRICE = 0.02
"""Part of (objective ÷ right-hand side) that a price of zero may move as if it were."""
SETTLED = 0.2
"""Part of the gap asked for at which the bound counts as settled."""
MISSED = 0.05
"""Part of the gap asked for that unfairness may be misread by before secants are added."""
NEAR = 0.002
"""Part of the bound that a proposal may cost more than its municipality's best at the prices."""
SHIFTS, FAR = 8, 0.5
"""Rounds in which only placements move, and by which part of themselves prices differ in them."""
SPREAD = 0.15
"""Standard deviation, as a part of the prices, of the prices of rounds made for variety."""


@dataclass
class Prices:
    """The best prices so far, the bound they prove, and the proposals made on the way.

    Attributes
    ----------
    arrays, blocks
        The program, and the same cut along its municipalities.
    cost, constant
        The objective.
    crew
        Who prices; has taken the chunks of `blocks`.
    exact
        Returns a solution with its unfairness read exactly.
    refine
        Places secants where a solution lies, and returns the program and its parts anew; none
        where unfairness does not count.
    stop
        When set, pricing is given up.
    tell
        Told of every better bound.
    gap
        Gap asked for, relative.
    relaxed
        Let nothing be whole: the bound is then that of the linear relaxation.
    ceiling
        No solution is worth more; infinite where that is not known.
    bound
        Proven bound on the objective; none before the first round.
    best
        The prices that prove it, shape (common rows,).
    bounds
        Of every municipality at these prices, shape (municipalities,).
    mix
        The best mix of proposals; none before there is one.
    """

    arrays: Arrays
    blocks: Blocks
    cost: Vector
    constant: float
    crew: Crew
    exact: Callable[[Vector], Vector]
    refine: Callable[[Vector], tuple[Arrays, Blocks]] | None
    stop: Flag
    tell: Callable[[float], None]
    gap: float
    relaxed: bool = False
    ceiling: float = np.inf
    bound: float | None = None
    best: Vector = field(default_factory=lambda: np.empty(0))
    bounds: Vector = field(default_factory=lambda: np.empty(0))
    mix: Mix | None = None

    def __post_init__(self) -> None:
        self.pool = Pool(self.blocks, self.cost, self.arrays.integer)
        columns = self.blocks.columns
        self.common = Arrays(
            matrix=self.blocks.common[:, columns].tocsr(),
            row_lower=self.blocks.row_lower,
            row_upper=self.blocks.row_upper,
            lower=self.arrays.lower[columns],
            upper=self.arrays.upper[columns],
            integer=self.arrays.integer[columns],
            objectives={},
            columns={},
            row_names=(),
        )
        # What one unit of a common row costs when a common column makes up for it.
        matrix = self.common.matrix.tocsc()
        scale = np.repeat(np.abs(self.common_cost), np.diff(matrix.indptr))
        self._natural = np.zeros(len(self.blocks.rows))
        np.maximum.at(self._natural, matrix.indices, scale / np.abs(matrix.data))

    @property
    def common_cost(self) -> Vector:
        """Objective of the common columns."""
        return self.cost[self.blocks.columns]

    def price(self, prices: Vector) -> bool:
        """Price all municipalities; tell whether the bound is better than before.

        Raises
        ------
        Stopped
            If the flag was set meanwhile.
        NoSolution
            If a municipality has no solution, or the bound lies above all there can be.
        """
        sides = self._sides(prices)
        # A price on a side that has no limit would prove nothing.
        prices, sides = np.where(np.isfinite(sides), (prices, sides), 0.0)
        reduced = self.reduced(prices)
        order, columns = self.blocks.order, self.blocks.columns
        values = np.zeros(len(self.cost))
        values[order], bounds = self.crew.price(
            reduced[order], relaxed=self.relaxed, stop=self.stop
        )
        ends = np.where(reduced[columns] > 0, self.common.lower, self.common.upper)
        ends = np.where(reduced[columns] == 0, 0.0, ends)
        bound = self.constant + float(prices @ sides + reduced[columns] @ ends + bounds.sum())
        if bound > self.ceiling + 1e-6 * max(1.0, abs(self.ceiling)):
            # Without this prices double for ever where whole numbers cannot keep a common row.
            raise NoSolution(f"a value of {bound:g} or more is proven, above {self.ceiling:g}")
        if not self.relaxed:
            values = np.where(self.arrays.integer, np.round(values), values)
        mended = self.exact(values)
        self.pool.add(mended)
        better = self._keep(bound, prices, bounds)
        missed = float(self.cost @ (mended - values))
        if self.refine is not None and missed > MISSED * self.gap * abs(bound) + 1e-7:
            self.arrays, self.blocks = self.refine(values)
        return better

    def _keep(self, bound: float, prices: Vector, bounds: Vector) -> bool:
        first = self.bound is None
        if not first and not bound > (self.bound if self.bound is not None else -np.inf):
            return False
        self.bound = bound if np.isfinite(bound) else None
        self.best, self.bounds = prices, bounds
        self.tell(bound)
        return not first

    def reduced(self, prices: Vector) -> Vector:
        """Return cost less what the common rows pay, shape (columns,)."""
        reduced = self.cost - self.blocks.common.T @ prices
        # What is left of a cost after rounding must not count as a direction.
        reduced[np.abs(reduced) <= 1e-11 * np.maximum(1.0, np.abs(self.cost))] = 0.0
        return np.asarray(reduced)

    def _sides(self, prices: Vector) -> Vector:
        """Return the limit of each common row that its price speaks of."""
        sides = np.where(prices > 0, self.blocks.row_lower, self.blocks.row_upper)
        return np.where(prices == 0, 0.0, sides)

    def find(
        self,
        done: Callable[[], bool],
        near: Callable[[], None] | None = None,
        rounds: int = ROUNDS,
    ) -> None:
        """Price and mix in turn until the bound settles or `done` says so.

        Parameters
        ----------
        near
            Called when the mix is worth what the bound says and only breaks common rows.
        rounds
            Most rounds of pricing.
        """
        step = FIRST_STEP
        for _ in range(rounds):
            if done():
                return
            mixed = self._mixed(step)
            if mixed is None or self.bound is None:
                return
            self.mix, broken = mixed, mixed.broken > 1e-6
            if self._is_near():
                self._mix_apart(step)
                if not broken:
                    return
                if near is not None:
                    near()
                if done():
                    return
            better = self.price(mixed.prices)
            widest, wider = (BROKEN, GROWTH_BROKEN) if broken else (WIDEST, GROWTH)
            step = min(widest, wider * step) if better else max(NARROWEST, min(step, WIDEST) / 2)

    @property
    def settled(self) -> bool:
        """Whether a mix that keeps all rows is worth what the bound says."""
        return self.mix is not None and self.mix.broken <= 1e-6 and self._is_near()

    def _is_near(self) -> bool:
        if self.mix is None or self.bound is None:
            return False
        return self.mix.value - self.bound <= SETTLED * self.gap * abs(self.bound) + 1e-6

    def mix_once(self) -> None:
        """Mix what has been proposed so far, every municipality by itself."""
        self.mix = self._mixed(FIRST_STEP) or self.current_mix()
        self._mix_apart(FIRST_STEP)

    def _mixed(self, step: float, keep: npt.NDArray[np.bool_] | None = None) -> Mix | None:
        sizes = np.maximum(1.0, np.abs(self._sides(self.best)))
        least = SMALL_PRICE * max(abs(self.bound or 0.0), 1.0) / sizes
        least = np.maximum(least, NATURAL * self._natural)
        box = Box(self.best, step * np.maximum(np.abs(self.best), least))
        return master.mix(self.pool, self.common, self.common_cost, self.constant, box, keep)

    def _mix_apart(self, step: float) -> None:
        """Mix every municipality by itself where several shared a row, with what is near the best.

        All but about as many municipalities as there are common rows then follow one proposal.
        """
        if len(self.blocks) <= master.MOST_ROWS or self.bound is None or self.relaxed:
            return
        excess = self.pool.reduced(self.best) - self.bounds
        room = NEAR * max(abs(self.bound), 1.0) * master.MOST_ROWS / len(self.blocks)
        keep = (excess <= room) | (excess == excess.min(axis=0))
        mixed = self._mixed(step, keep)
        if mixed is not None:
            self.mix = mixed

    def current_mix(self) -> Mix | None:
        """Return the mix, with weights of zero for the rounds made since."""
        if self.mix is None:
            return None
        more = len(self.pool) - len(self.mix.weights)
        return replace(self.mix, weights=np.pad(self.mix.weights, ((0, more), (0, 0))))

    def vary(self, random: np.random.Generator, rounds: int) -> None:
        """Make proposals at prices around the best ones."""
        for _ in range(rounds):
            noise = 1 + SPREAD * random.standard_normal(len(self.best))
            self.price(self.best * np.maximum(noise, 0.1))

    def shift(self, random: np.random.Generator) -> None:
        """Move placements at other prices while the whole numbers that the mix prefers stay.

        What can be exchanged between municipalities without changing a whole number lets a
        choice add up. Nothing is proven by these proposals.
        """
        mixed = self.current_mix()
        if mixed is None:
            return
        values = self.pool.combined(single(mixed.weights.argmax(axis=0), len(self.pool)))
        order = self.blocks.order
        for _ in range(SHIFTS):
            signs = random.choice([-1.0, 1.0], size=len(self.best))
            reduced = self.reduced(self.best * (1 + FAR * signs))
            moved = np.zeros(len(self.cost))
            moved[order], bounds = self.crew.price(
                reduced[order], relaxed=False, held=values[order], stop=self.stop
            )
            moved = np.where(self.arrays.integer, values, moved)
            self.pool.add(self.exact(np.nan_to_num(moved)), np.isfinite(bounds))

    def learn(self, values: Vector) -> None:
        """Take a known solution as proposals, where municipalities keep their own rules in it."""
        self.pool.add(values, self.blocks.keeps(values))
