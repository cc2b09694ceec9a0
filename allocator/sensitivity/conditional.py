"""What one more unit of everything is worth around a plan: prices of a linear program.

The program of the plan, with whoever is asked and whoever carries the odd lot held as in the
plan, and lots and steps let go to be fractions. Goals are optimised in order, each with the
earlier ones held at their best, and the duals of the rows of capacity and budget are read:
what one more unit adds to the goal. They are *conditional*: on who is asked, on fractions, and
on a change small enough for the price to last (a dual of a mixed-integer program does not
exist). Were lots and steps held too, nothing could react: quotas and cost would be what they
are. The rows are the plain ones (`tighten=NONE`), and no column is held tighter by capacity
than its row says, so that the whole price is on the row.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from allocator.errors import SolverError
from allocator.solve import engine
from allocator.solve.arrays import Arrays
from allocator.solve.compile import compile_program
from allocator.solve.engine import Flag, Outcome, Settings
from allocator.solve.secants import Secants
from allocator.solve.stages import Objective, hold, weighed
from models.columns import MeasureKind
from models.plan import Plan
from models.program import NONE, build
from models.program.data import Data

AROUND = 6
"""Lots up and down from an answer at which secants are placed."""
ROUNDS = 50
"""Most rounds of placing secants; a few are enough."""
SECONDS = 600.0
"""Most seconds for one linear program."""

NOISE = 1e-7
"""Worth that is rounding of the solver and none."""

RowPrices = Mapping[tuple[str, Any], float]
"""What one more unit on the right-hand side of a row adds to a goal, by component and index."""


class Worth(NamedTuple):
    """What something is worth: the number of the goal, from 1, and the units it takes from it."""

    goal: int
    amount: float


@dataclass(frozen=True)
class Conditional:
    """What one more unit is worth, in the first goal that reacts; none where none does.

    Attributes
    ----------
    data
        Coefficients of the program.
    prices
        By goal, in order; rows without a price left out.
    """

    data: Data
    prices: tuple[RowPrices, ...]

    def dwelling(self, municipality: str, site: str, beds: int) -> Worth | None:
        """Return what one more dwelling is worth."""
        return self._worth(
            ("housing", (municipality, site, k)) for k in self.data.sizes if k <= beds
        )

    def seat(self, municipality: str, site: str) -> Worth | None:
        """Return what one more daily seat is worth."""
        return self._worth([("transport", (municipality, site))])

    def place(self, municipality: str, service: str) -> Worth | None:
        """Return what one more place of the municipality's own is worth."""
        return self._worth([("services", (municipality, service))])

    def pooled(self, pool: str) -> Worth | None:
        """Return what one more place of a pool is worth."""
        return self._worth([("pools", pool)])

    def million(self, budget: str) -> Worth | None:
        """Return what one more million of currency in a budget is worth."""
        return self._worth([("budget", budget)])

    def bought(self, measure: str) -> Worth | None:
        """Return what one more unit of what a measure creates is worth, wherever it counts."""
        one = self.data.measures[measure]
        if one.kind is MeasureKind.DWELLINGS:
            return self.dwelling(self.data.town_of(one.place), one.place, one.beds)
        if one.kind is MeasureKind.TRANSIT:
            return self.seat(self.data.town_of(one.place), one.place)
        pools = self.data.pools.items()
        drawn = [
            p for p, pool in pools if pool.service == one.service and one.place in pool.members
        ]
        own = ("services", (one.place, one.service))
        return self._worth([own, *(("pools", p) for p in drawn)])

    def _worth(self, rows: Iterable[tuple[str, Any]]) -> Worth | None:
        """Return what one more unit on all rows takes from the first goal that reacts."""
        rows = list(rows)
        for number, prices in enumerate(self.prices, start=1):
            amount = -sum(prices.get(row, 0.0) for row in rows)
            if amount > NOISE:
                return Worth(number, amount)
        return None


def conditional(data: Data, plan: Plan, cancel: Flag | None = None) -> Conditional:
    """Return what one more unit of every capacity and budget is worth around `plan`.

    Parameters
    ----------
    data
        Coefficients of the instance and policy of the plan.
    plan
        A plan that was found.
    cancel
        When set, the run is given up.

    Raises
    ------
    SolverError
        If a linear program has no answer, which a cancelled run has not either.
    """
    arrays = _opened(compile_program(build(data, tighten=NONE)), data, plan)
    secants = Secants(data, dict.fromkeys(data.municipalities, float(data.target)), arrays)
    return Conditional(data, tuple(_goal_by_goal(arrays, secants, data, cancel)))


def _goal_by_goal(
    arrays: Arrays, secants: Secants, data: Data, cancel: Flag | None
) -> Iterator[RowPrices]:
    for goal in data.policy.goals:
        objective = weighed(arrays, goal.terms)
        if not objective[0].any():
            yield {}
            continue
        arrays, outcome = _solved(arrays, objective, secants, cancel)
        if outcome.value is None or outcome.prices is None:
            raise SolverError(f"no prices were found for the goal {goal.name}")
        yield {
            name: float(price)
            for name, price in zip(arrays.row_names, outcome.prices, strict=True)
            if price != 0
        }
        given_up = max(goal.tolerance_absolute, goal.tolerance * abs(outcome.value))
        arrays = hold(arrays, objective, outcome.value + given_up)


def _solved(
    arrays: Arrays, objective: Objective, secants: Secants, cancel: Flag | None
) -> tuple[Arrays, Outcome]:
    """Solve the linear program with unfairness exact at the answer."""
    for _ in range(ROUNDS):
        outcome = engine.run(arrays.relaxed(), *objective, Settings(SECONDS), cancel=cancel)
        if outcome.solution is None:
            break
        more, added = secants.add(arrays, outcome.solution, AROUND)
        if not added:
            break
        arrays = more
    return arrays, outcome


def _opened(arrays: Arrays, data: Data, plan: Plan) -> Arrays:
    """Hold who is asked, and let no column be held by what its rows say of capacity."""
    lower, upper = arrays.lower.copy(), arrays.upper.copy()
    quota = plan.quota_of
    columns = arrays.columns
    for component in ("persons", "whole"):
        for (_, g), i in columns.get(component, {}).items():
            upper[i] = data.groups[g].demand
    for name, i in columns.get("steps", {}).items():
        upper[i] = data.measures[name].max_steps
    for i in columns.get("lots", {}).values():
        upper[i] = data.target / data.step
    for m, i in columns.get("odd", {}).items():
        lower[i] = upper[i] = float(quota[m] % data.step == data.odd_lot)
    for m, i in columns.get("asked", {}).items():
        lower[i] = upper[i] = float(quota[m] > 0)
        if not quota[m]:
            upper[columns["lots"][m]] = 0.0
    held = np.array([name == "only_if_asked" for name, _ in arrays.row_names], dtype=bool)
    return arrays.with_bounds(lower, upper).without_rows(held)
