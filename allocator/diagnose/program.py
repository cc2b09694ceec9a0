"""The elastic program of one question: what holds without what, and by how little it gives way."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from allocator.diagnose.solving import Solving
from allocator.diagnose.switches import Switch, switches
from allocator.diagnose.types import Kind
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.compile import compile_program
from allocator.solve.engine import Outcome
from models.program import build_elastic
from models.program.data import Data

WHOLE = 1e-6
"""Units from which something gives way."""
USED = 1e-7
"""Weight from which a bound is part of the proof that there is no plan."""


@dataclass
class Elastic:
    """The elastic program, and everything that is kept in it.

    Attributes
    ----------
    data
        Coefficients before they were widened.
    arrays
        The program in which everything is kept.
    switches
        What is kept.
    solving
        How questions are put to the solver.
    """

    data: Data
    arrays: Arrays
    switches: list[Switch]
    solving: Solving
    _known: dict[tuple[frozenset[Switch], bool], bool | None] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Data, solving: Solving, *, promise: bool) -> "Elastic":
        """State the program.

        Parameters
        ----------
        promise
            Whether nobody is to be left without a place.
        """
        arrays = compile_program(build_elastic(data))
        kept = switches(data, arrays.columns, promise=promise)
        upper = arrays.upper.copy()
        for switch in kept:
            upper[list(switch.columns)] = 0.0
        upper[list(arrays.columns["lots_of_target"].values())] = 0.0
        return cls(data, arrays.with_bounds(arrays.lower, upper), kept, solving)

    def __post_init__(self) -> None:
        towns = {s: m for m, sites in self.data.sites.items() for s in sites}
        own: dict[str, list[int]] = {m: [] for m in self.data.municipalities}
        for (site, _), column in self.arrays.columns["persons"].items():
            own[towns[site]].append(column)
        for name, column in self.arrays.columns.get("steps", {}).items():
            measure = self.data.measures[name]
            if not measure.service:  # places may be bought for the others of a pool
                own[towns[measure.place]].append(column)
        self._own = own

    def without(self, out: Collection[Switch], priced: Collection[int] = ()) -> Arrays:
        """Return the program without some of what is kept.

        Municipalities of which nothing is asked take nobody in it: whatever plan there is
        keeps all the rest without them.

        Parameters
        ----------
        out
            What is left out.
        priced
            Columns that give way, without a bound; what they relieve is still asked.
        """
        upper, integer = self.arrays.upper.copy(), self.arrays.integer.copy()
        for switch in out:
            upper[list(switch.columns)] = np.inf
            integer[list(switch.whole)] = False
        upper[list(priced)] = np.inf
        left_out, giving = set(out), set(priced)
        asked = [
            s
            for s in self.switches
            if s.lifts and (s not in left_out or not giving.isdisjoint(s.columns))
        ]
        if not any(s.kind is Kind.PROMISE for s in asked):
            there = {m for s in asked for m in s.municipalities}
            if "odd_persons" in self.arrays.columns:
                there |= set(self.data.exact)  # the odd lot of the others depends on them
            idle = [self._own[m] for m in self.data.municipalities if m not in there]
            upper[[i for columns in idle for i in columns]] = 0.0
        return replace(self.arrays, upper=upper, integer=integer)

    def left_out(self, kept: Collection[Switch]) -> list[Switch]:
        """Return everything but `kept`."""
        known = set(kept)
        return [switch for switch in self.switches if switch not in known]

    def holds(self, kept: Collection[Switch], *, whole: bool = True) -> bool | None:
        """Tell whether a plan keeps all of `kept`; none: not found out in the time given.

        Parameters
        ----------
        whole
            Whether anything need be whole.

        Raises
        ------
        Stopped
            If the flag is set.
        """
        key = frozenset(kept), whole
        if key not in self._known:
            arrays = self.without(self.left_out(kept))
            self._known[key] = self.solving.possible(arrays, whole=whole)
        return self._known[key]

    def suppose(self, kept: Collection[Switch], holds: bool | None) -> None:
        """Take from elsewhere whether a plan keeps all of `kept`."""
        self._known[frozenset(kept), True] = holds

    def forget(self) -> None:
        """Answer everything anew, without presolve."""
        self.solving.presolve = False
        self._known.clear()

    def least(
        self, out: Iterable[Switch], priced: Collection[int], *, whole: bool = False
    ) -> Outcome:
        """Give way by as little as possible.

        Parameters
        ----------
        out
            What is left out; all else is kept, but for the columns priced.
        priced
            Columns whose sum is to be smallest.
        whole
            Whether they count in whole units.

        Raises
        ------
        Stopped
            If the flag is set.
        """
        arrays = self.without(list(out), priced)
        integer = arrays.integer.copy()
        integer[list(priced)] |= whole
        counted = replace(arrays, integer=integer)
        return self.solving.least(counted, price(arrays, priced), whole=whole)

    def suspects(self, kept: Collection[Switch]) -> list[Switch] | None:
        """Return those of `kept` that clash already when nothing need be whole, if any do.

        Everything asked gives way by as little as possible in the relaxation. Its prices then
        prove that it cannot be less, and the bounds that the proof rests on clash by
        themselves (Farkas' lemma; Chinneck, 2008, section 6.2.3).
        """
        priced = [i for switch in kept if switch.asks for i in switch.columns]
        arrays = self.without(self.left_out(kept), priced)
        outcome = self.solving.relaxed(arrays, price(arrays, priced))
        if outcome.value is None or outcome.value <= WHOLE or outcome.prices is None:
            return None
        used = -(arrays.matrix.T @ outcome.prices)
        return [s for s in kept if s.columns and float(used[list(s.columns)].min()) < -USED]


def price(arrays: Arrays, columns: Collection[int]) -> Vector:
    """Return a cost of one for every unit of some columns, shape (columns,)."""
    cost = np.zeros(len(arrays.lower))
    cost[list(columns)] = 1.0
    return cost
