"""Fairness: how far quotas lie from fair shares.

::

    U = Σ_m (q_m − f_m)² / f_m                                    unfairness, persons
    U_m ≥ slope_j q_m + intercept_j a_m + U_m(0) (1 − a_m)        for neighbouring lots j, j+1
    R ≥ q_m / f_m                                                 largest ratio, unless refined
    C_m ≥ |q_m − previous_m|                                      change, persons

===========  ==================================================  =========
q_m          quota                                               persons
f_m          fair share after credits (the smallest positive     persons
             one where it is zero)
a_m          1 when m is asked (1 where there is no floor)       yes or no
===========  ==================================================  =========

Quotas are whole lots, so U is only ever read at lots: the secants through neighbouring
lots are exact there and make it linear. With the term in a_m they describe the convex
hull of "nothing, or at least the floor", which keeps the relaxation tight. Secants are
placed where the answer may be and added where it turns out to be, until U is exact.

Without capacities the smallest U is the Sainte-Laguë apportionment of the lots
(Balinski and Young, *Fair Representation*, 1982, on Webster's method), the unbiased
divisor method, which never takes a place from anyone when the target grows; with
capacities it is the closest plan to that one.

A goal that refines the largest ratio needs no R: quotas are capped level by level instead.
"""

import bisect
import math
from typing import Any, NamedTuple

import pyomo.environ as pyo

from models.policy import Term
from models.program.data import Data
from models.program.participation import lots_of
from models.program.rows import at_least
from models.program.tightening import Tightening

RATIOS = (0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Quota ÷ fair share at which the first secants touch; more are added where needed."""


class Secant(NamedTuple):
    """The line through U at two quotas: U ≥ slope·q + intercept (where asked)."""

    slope: float
    intercept: float


def unfairness(quota: float, fair: float, divisor: float) -> float:
    """Return (q − f)² / divisor, in persons."""
    return (quota - fair) ** 2 / divisor


def secant(low: float, high: float, fair: float, divisor: float) -> Secant:
    """Return the line through (q − f)²/divisor at q = `low` and q = `high`."""
    slope = (high + low - 2 * fair) / divisor
    return Secant(slope, unfairness(low, fair, divisor) - slope * low)


def lattice(data: Data, municipality: str, most: float) -> list[int]:
    """Return the quotas above zero that a municipality may have, in persons, in order."""
    if municipality in data.exact:
        return [data.exact[municipality]]
    step, odd, top = data.step, data.odd_lot, math.floor(most + 1e-9)
    points = set(range(step, top + 1, step))
    if odd:
        points.update(range(odd, top + 1, step))
    return sorted(q for q in points if q >= data.policy.floor)


def neighbours(points: list[int], quota: float) -> tuple[int, int] | None:
    """Return the two neighbouring quotas around `quota`, none when there is just one."""
    if len(points) < 2:
        return None
    i = min(max(bisect.bisect_right(points, quota + 1e-7), 1), len(points) - 1)
    return points[i - 1], points[i]


def terms_used(data: Data) -> set[Term]:
    """Return the terms that any goal counts as a sum; one that is refined is no sum."""
    return {term for goal in data.policy.goals for term in goal.terms if not goal.refined}


def constrain(
    model: Any, data: Data, most: dict[str, float], tighten: frozenset[Tightening]
) -> None:
    """Declare the measures of fairness that the goals count, and their rows."""
    used = terms_used(data)
    if Term.UNFAIRNESS in used:
        _constrain_unfairness(model, data, most)
    finite = Tightening.FINITE in tighten
    if Term.MAX_RATIO in used:
        _constrain_ratio(model, data, most, finite=finite)
    if Term.CHANGE in used:
        _constrain_change(model, data, most, finite=finite)


def _constrain_ratio(model: Any, data: Data, most: dict[str, float], *, finite: bool) -> None:
    """State R ≥ q_m / f_m; R is nowhere more than the largest Q_m / f_m need make it."""
    rated = [m for m in data.municipalities if data.fair_share[m] > 0]
    model.largest_ratio = pyo.Var(domain=pyo.NonNegativeReals)
    model.ratio = pyo.Constraint(
        rated,
        rule=lambda _, m: model.quota[m] - data.fair_share[m] * model.largest_ratio <= 0,
    )
    if finite:
        # A quota decided exactly is what it is, whatever could be housed.
        quotas = {m: max(most[m], data.exact.get(m, 0)) for m in rated}
        model.largest_ratio.setub(
            max((q / data.fair_share[m] for m, q in quotas.items()), default=0.0)
        )


def _constrain_change(model: Any, data: Data, most: dict[str, float], *, finite: bool) -> None:
    """State C_m ≥ |q_m − previous_m|; C_m is never more than from one end to the other."""
    known = list(data.previous)
    model.change = pyo.Var(known, domain=pyo.NonNegativeReals)
    model.change_up = pyo.Constraint(
        known, rule=lambda _, m: model.quota[m] - model.change[m] <= data.previous[m]
    )
    model.change_down = pyo.Constraint(
        known, rule=lambda _, m: model.quota[m] + model.change[m] >= data.previous[m]
    )
    if finite:
        for m in known:
            quota = max(most[m], data.exact.get(m, 0))
            model.change[m].setub(max(quota, data.previous[m]))


def _constrain_unfairness(model: Any, data: Data, most: dict[str, float]) -> None:
    model.unfairness = pyo.Var(data.municipalities, domain=pyo.NonNegativeReals)
    pairs: dict[tuple[str, int], tuple[int, int]] = {}
    all_points = {m: lattice(data, m, most[m]) for m in data.municipalities}
    for m, points in all_points.items():
        fair = data.fair_share[m]
        touched = {neighbours(points, ratio * fair) for ratio in RATIOS}
        for pair in sorted(p for p in touched if p is not None):
            pairs[m, pair[0]] = pair

    def row(_: Any, m: str, low: int) -> Any:
        return secant_row(model, data, m, pairs[m, low])

    model.secants = pyo.Constraint(list(pairs), rule=row)
    model.first_lot = pyo.Constraint(
        data.municipalities,
        rule=lambda _, m: first_row(model, data, m, all_points[m]),
    )


def secant_row(model: Any, data: Data, municipality: str, pair: tuple[int, int]) -> Any:
    """Return U_m ≥ the line through U at the two quotas of `pair`."""
    fair, divisor = data.fair_share[municipality], data.divisor(municipality)
    line = secant(*pair, fair, divisor)
    u, q = model.unfairness[municipality], lots_of(model, data, municipality)
    terms = [(1, u), *((-line.slope * size, lots) for size, lots in q)]
    if municipality not in model.asked:
        return at_least(terms, line.intercept)
    nothing = unfairness(0, fair, divisor)
    return at_least([*terms, (nothing - line.intercept, model.asked[municipality])], nothing)


def first_row(model: Any, data: Data, municipality: str, points: list[int]) -> Any:
    """Return U_m ≥ the line from nothing to the first quota; U_m fixed where nothing is free."""
    fair, divisor = data.fair_share[municipality], data.divisor(municipality)
    u = model.unfairness[municipality]
    nothing = unfairness(0, fair, divisor)
    if municipality in data.exact:
        return u == unfairness(data.exact[municipality], fair, divisor)
    if not points:
        return u >= nothing
    line = secant(0, points[0], fair, divisor)
    q = lots_of(model, data, municipality)
    return at_least([(1, u), *((-line.slope * size, lots) for size, lots in q)], line.intercept)
