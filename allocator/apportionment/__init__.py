"""Apportionment: shares turned into whole persons that add up to the target exactly.

Persons are handed out in lots of a step, by a divisor method or by largest remainders
(`allocator.apportionment.methods`); around it stand the step, the floor and the caps.

A target that is no multiple of the step leaves ρ = T mod δ persons over from whole lots:
one municipality carries them as an odd lot, on top of its lots or in place of part of the
floor, as in `models.program.participation`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from allocator.apportionment.methods import Lots, Method, hand_out, priority
from allocator.errors import InvalidInput
from models.problems import Problem

__all__ = ["InvalidApportionment", "Method", "apportion"]


class InvalidApportionment(InvalidInput):
    """Floor, caps and step leave no way to hand out the target, or make no sense."""


def apportion(
    shares: "pd.Series[float]",
    target: int,
    step: int = 1,
    floor: int = 0,
    caps: "pd.Series[float] | None" = None,
    method: Method = Method.SAINTE_LAGUE,
) -> "pd.Series[int]":
    """Return whole persons by the index of `shares`, adding up to `target` exactly.

    Every number is a whole number of lots, but for the odd lot, and zero or at least the
    floor. Who is asked when the floor exceeds one lot: the smallest shares drop out, one
    after another, while their part of the target is below half the floor (which is where
    Sainte-Laguë rounds), or while there are not enough lots for everyone left. Ties go to
    the lower index.

    Divisor methods never take from anyone when the target grows, as long as the floor is
    within one lot and, for targets that are no multiple of the step, within one person; a
    higher floor lets municipalities in whole, at the cost of others.

    Parameters
    ----------
    shares
        Shares ≥ 0 by an index of text, not all 0.
    target
        Persons, ≥ 0.
    step
        Persons in one lot, ≥ 1.
    floor
        Fewest persons of those who get any.
    caps
        Most persons, by the same index; missing: no cap.
    method
        Rule for the lots.

    Raises
    ------
    InvalidApportionment
        If an argument is out of range, or floor, caps and step leave no way to hand out
        the target.
    """
    problems = _out_of_range(shares, target, step, floor, caps)
    if problems:
        raise InvalidApportionment("cannot apportion", problems)
    votes = {str(m): Fraction(float(v)) for m, v in shares.sort_index().items() if v > 0}
    limits = {} if caps is None else caps.dropna().to_dict()
    # One lot beyond the target, so that who is next in line has room for a whole one.
    room = {m: int(min(limits.get(m, math.inf), target + step)) for m in votes}
    persons = _solve(_Task(votes, room, target, step, floor, method))
    return pd.Series(persons, dtype="int64").reindex(shares.index, fill_value=0)


def _out_of_range(
    shares: "pd.Series[float]",
    target: int,
    step: int,
    floor: int,
    caps: "pd.Series[float] | None",
) -> list[Problem]:
    def wrong(column: str, value: object, expected: str) -> Problem:
        return Problem("out of range", expected, "apportionment", column=column, value=str(value))

    values = shares.to_numpy(dtype="float64")
    usable = bool(np.isfinite(values).all() and (values >= 0).all())
    found = [
        wrong(name, value, f"give a whole number of at least {least}")
        for name, value, least in (("target", target, 0), ("step", step, 1), ("floor", floor, 0))
        if value < least
    ]
    if not shares.index.is_unique:
        found.append(wrong("shares", "", "name every municipality once"))
    if not usable or (target > 0 and not values.sum() > 0):
        found.append(wrong("shares", "", "give finite numbers ≥ 0, not all 0"))
    if caps is not None and (caps < 0).any():
        found.append(wrong("caps", caps.min(), "give persons ≥ 0"))
    return found


@dataclass(frozen=True)
class _Bounds:
    """Fewest (once asked) and most lots of everyone who can be asked."""

    least: Mapping[str, int]
    most: Mapping[str, int]


@dataclass(frozen=True)
class _Task:
    """The arguments, with votes as exact numbers and room in persons."""

    votes: Mapping[str, Fraction]
    room: Mapping[str, int]
    target: int
    step: int
    floor: int
    method: Method

    @property
    def lots(self) -> int:
        """Whole lots to hand out."""
        return self.target // self.step

    @property
    def odd(self) -> int:
        """Persons in the odd lot, 0: there is none."""
        return self.target % self.step

    @property
    def gated(self) -> bool:
        """Whether the floor exceeds one lot, so that somebody asked gets several."""
        return self.floor > self.step

    def bounds(self, carrier: str | None) -> _Bounds:
        """Return the bounds on lots, when `carrier` has the odd lot for certain."""
        least, most = {}, {}
        for m, room in self.room.items():
            carried = self.odd if m == carrier else 0
            low = max(0, -(-(self.floor - carried) // self.step)) if self.gated or carried else 0
            high = (room - carried) // self.step
            if m == carrier or high >= max(1, low):
                least[m], most[m] = low, high
        return _Bounds(least, most)


def _solve(task: _Task) -> Lots:
    if task.target == 0:
        return {}
    # The odd lot goes to whoever is next in line. Only where the bounds rule that out is
    # its place reserved first: at the largest share that leaves a way for the rest.
    lots = _whole_lots(task, None)
    carrier = _next_in_line(task, lots) if lots is not None and task.odd else None
    if lots is not None and (carrier is not None or not task.odd):
        return _persons(task, lots, carrier)
    if task.odd:
        for carrier in sorted(task.votes, key=lambda m: (-task.votes[m], m)):
            lots = _whole_lots(task, carrier)
            if lots is not None:
                return _persons(task, lots, carrier)
    problem = Problem(
        f"{task.target} persons cannot be handed out in lots of {task.step}, at least "
        f"{task.floor} to each of those asked; the {len(task.votes)} that have a share may "
        f"take {sum(task.room.values())} under their caps",
        "lower the floor or the step, or raise the caps",
        "apportionment",
    )
    raise InvalidApportionment("cannot apportion", [problem])


def _persons(task: _Task, lots: Lots, carrier: str | None) -> Lots:
    persons = {m: task.step * count for m, count in lots.items()}
    if carrier is not None:
        persons[carrier] = persons.get(carrier, 0) + task.odd
    return persons


def _whole_lots(task: _Task, carrier: str | None) -> Lots | None:
    """Return the whole lots of everyone, or None when the bounds leave no way."""
    bounds = task.bounds(carrier)
    if carrier is not None and bounds.most[carrier] < bounds.least[carrier]:
        return None
    asked = _asked(task, bounds, carrier)
    few = sum(bounds.least[m] for m in asked)
    if not few <= task.lots <= sum(bounds.most[m] for m in asked):
        return None
    if task.lots == 0:
        return dict.fromkeys(asked, 0)
    votes = {m: task.votes[m] for m in sorted(asked)}
    return hand_out(votes, task.lots, bounds.least, bounds.most, task.method)


def _asked(task: _Task, bounds: _Bounds, carrier: str | None) -> list[str]:
    """Return who is asked, the largest shares first."""
    order = sorted(bounds.least, key=lambda m: (m != carrier, -task.votes[m], m))
    if not task.gated:
        return order
    chosen, few = list(order), sum(bounds.least.values())
    total = sum((task.votes[m] for m in chosen), start=Fraction(0))
    while len(chosen) > 1:
        last = chosen[-1]
        small = 2 * task.votes[last] * task.target < task.floor * total
        if not small and few <= task.lots:
            break
        chosen.pop()
        total, few = total - task.votes[last], few - bounds.least[last]
    if sum(bounds.most[m] for m in chosen) >= task.lots:
        return chosen
    # Caps leave lots over: ask more, first the next largest, then whoever has most room.
    for more in (order, sorted(order, key=lambda m: (m != carrier, -bounds.most[m], m))):
        chosen, few, room = [], 0, 0
        for m in more:
            if room < task.lots and few + bounds.least[m] <= task.lots:
                chosen.append(m)
                few, room = few + bounds.least[m], room + bounds.most[m]
        if room >= task.lots:
            break
    return chosen


def _next_in_line(task: _Task, lots: Lots) -> str | None:
    """Return who has the strongest claim to a further lot and may carry the odd one."""
    total = sum((task.votes[m] for m in lots), start=Fraction(0))

    def rank(m: str) -> tuple[bool, Fraction, str]:
        # Room for a whole lot first, or the odd lot would be taken back as the target grows.
        full = task.step * (lots[m] + 1) <= task.room[m]
        claim = priority(task.votes[m], lots[m], total, task.lots + 1, task.method)
        return (not full, -claim, m)

    able = [
        m
        for m, count in lots.items()
        if task.floor <= task.step * count + task.odd <= task.room[m]
        and (count > 0 or not task.gated)
    ]
    return min(able, key=rank, default=None)
