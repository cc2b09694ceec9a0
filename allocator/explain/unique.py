"""How unique a number is: between which quotas every plan as good as this one lies.

The prices of the plan prove a bound on its last goal that is a sum over municipalities. A
plan with another quota for m costs at least the bound, plus what m's best part costs more when
its quota is held there::

    value of any plan with q_m ≥ q  ≥  bound + min {c̄·x : x a part of m, q_m ≥ q} − min {c̄·x}

with c̄ the cost less what common rows pay (Lagrangian bound; Geoffrion, *Mathematical
Programming Study* 2, 1974). Where that exceeds the value of the plan, no plan as good asks so
many. Since the least cost only grows with q, halving finds the last quota that is not ruled out.

Small countries need no prices: the fewest and the most are found with all goals held.
"""

import math
from collections.abc import Callable

import numpy as np

from allocator.explain.alone import EVERYWHERE, SECONDS, Priced
from allocator.explain.country import Country
from allocator.explain.types import Uniqueness
from allocator.solve import engine
from allocator.solve.compile import compile_program
from allocator.solve.engine import Settings
from allocator.solve.secants import Secants
from allocator.solve.stages import hold, weighed
from models.plan import BoundFrom
from models.program import build

ROUNDING = 1e-6
"""Relative amount by which a value may exceed what is allowed and still be a rounding."""


def uniqueness(country: Country, priced: Priced) -> Uniqueness | None:
    """Return how unique the quota is; none where no prices prove anything."""
    last = country.plan.goals[-1]
    quota = country.quotas[priced.municipality]
    if priced.municipality in country.data.exact:
        return Uniqueness(fewest=quota, most=quota)
    least = priced.best()
    if last.bound is None or last.bound_from is not BoundFrom.PRICES or least is None:
        return None
    slack = last.value - last.bound + ROUNDING * max(1.0, abs(last.value))
    step, odd = country.data.step, country.data.odd_lot
    lots = quota // step
    room = priced.arrays.upper[priced.arrays.columns["lots"][priced.municipality]]

    def possible(fewest: float, most: float) -> bool:
        best = priced.best(fewest, most)
        return best is not None and best[0] - least[0] <= slack

    up = _last(lots, int(room), lambda n: possible(n, math.inf))
    down = lots - _last(0, lots, lambda n: possible(0, lots - n))
    top = step * up + odd if odd else step * up
    return Uniqueness(fewest=step * down, most=max(quota, top))


def exactly(country: Country, municipality: str) -> Uniqueness | None:
    """Return how unique the quota is, every goal held at the plan's value; for small countries.

    None when the solver finds no solution, which only rounding can cause.
    """
    quota, data = country.quotas[municipality], country.data
    if municipality in data.exact:
        return Uniqueness(fewest=quota, most=quota)
    model = build(data)
    arrays = compile_program(model)
    secants = Secants(data, model.most, arrays)
    arrays, _ = secants.add(arrays, np.zeros(arrays.matrix.shape[1]), EVERYWHERE)
    for goal in country.plan.goals:
        objective = weighed(arrays, goal.terms)
        if objective[0].any():
            allowed = goal.value + ROUNDING * max(1.0, abs(goal.value))
            arrays = hold(arrays, objective, allowed)
    persons = np.zeros(arrays.matrix.shape[1])
    persons[arrays.columns["lots"][municipality]] = data.step
    if data.odd_lot:
        persons[arrays.columns["odd"][municipality]] = data.odd_lot
    ends = [engine.run(arrays, sign * persons, 0.0, Settings(SECONDS)) for sign in (1.0, -1.0)]
    if any(end.bound is None for end in ends):
        return None
    fewest, most = (abs(round(end.bound or 0.0)) for end in ends)
    return Uniqueness(fewest=min(fewest, quota), most=max(most, quota))


def _last(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the last number from `low` to `high` for which `holds`, which once false stays so."""
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low
