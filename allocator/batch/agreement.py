"""Whether two answers to the same question agree, as far as what is proven of them says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Self

from allocator.sensitivity.types import Outcome, State
from models.plan import Status

TOLERANCE = 1e-6
"""Relative difference that is rounding."""


@dataclass(frozen=True)
class Known:
    """What is known of a case.

    Attributes
    ----------
    status
        As of a plan; none: it failed.
    goals, bounds
        Value and bound of every goal, in order; empty without a plan.
    quotas
        Persons by municipality.
    """

    status: str | None
    goals: Sequence[float]
    bounds: Sequence[float | None]
    quotas: Mapping[str, int]

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """Return what an outcome says."""
        solved = outcome.state is State.SOLVED and outcome.status is not None
        return cls(
            outcome.status.value if solved and outcome.status is not None else None,
            [goal.value for goal in outcome.goals] if outcome.found else [],
            [goal.bound for goal in outcome.goals] if outcome.found else [],
            outcome.quotas,
        )


@dataclass(frozen=True)
class Agreement:
    """Whether two answers agree.

    Attributes
    ----------
    agrees
        None where one of them says too little.
    same_quotas
        Whether every municipality is asked the same.
    why
        What stands against it; none where they agree.
    """

    agrees: bool | None
    same_quotas: bool
    why: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as cells of a row."""
        return {"agrees": self.agrees, "same_quotas": self.same_quotas, "why": self.why}


def agreement(one: Known, two: Known) -> Agreement:
    """Tell whether two answers agree.

    Goals are compared in order: neither value may lie below what the other answer proves to be
    the least. Where values of a goal differ within that, later goals are held to different levels
    and say nothing.
    """
    same = bool(one.goals) and dict(one.quotas) == dict(two.quotas)
    if one.status is None or two.status is None:
        return Agreement(None, same, "one of them failed")
    if not (one.goals and two.goals):
        if Status.INFEASIBLE in (one.status, two.status):
            agrees = one.status == two.status
            why = None if agrees else f"one is {one.status}, the other {two.status}"
            return Agreement(agrees, same, why)
        return Agreement(None, same, "one of them found no plan in its time")
    rows = zip_longest(one.goals, one.bounds, two.goals, two.bounds)
    for number, (value, bound, other, proven) in enumerate(rows, start=1):
        if value is None or other is None:
            return Agreement(None, same, f"goal {number} was not reached by one of them")
        slack = TOLERANCE * max(1.0, abs(value), abs(other))
        for least, found in ((proven, value), (bound, other)):
            if least is not None and found < least - slack:
                why = (
                    f"goal {number}: {found:g} is below {least:g}, which is proven to be the least"
                )
                return Agreement(False, same, why)
        if abs(value - other) > slack:
            break
    return Agreement(True, same)
