"""Frontier: two goals against each other, in evenly spaced proven points.

One of the two is minimised while the other may not exceed a limit, for evenly spaced limits
between its values at the two ends (ε-constraint method; Haimes, Lasdon and Wismer, *IEEE
Transactions on Systems, Man, and Cybernetics* 1, 1971). The ends are lexicographic optima, and
at every limit the second goal is minimised after the first, so that no point can be
improved in one goal alone (Mavrotas, *Applied Mathematics and Computation* 213, 2009, adds the
slack at a small price instead). What the policy wants before the two stays wanted first.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from allocator.checking import check_policy
from allocator.errors import InvalidInput
from allocator.sensitivity.cases import Case
from allocator.sensitivity.executor import Executor
from allocator.sensitivity.shown import Charted
from allocator.sensitivity.tables import records
from allocator.sensitivity.types import Outcome
from models.instance import Instance
from models.options import SolveOptions
from models.plan import GoalResult
from models.policy import Goal, Policy, Term
from models.problems import Problem, errors
from models.views import Part

POINTS = 9
"""Points of a frontier, its ends among them."""
SAME = 1e-6
"""Relative difference of two values that is rounding and none."""


@dataclass(frozen=True)
class FrontierPoint:
    """One point: what the second goal was limited to, and what became of it.

    Attributes
    ----------
    limit
        Limit on the second goal, in its unit; none at the end where the first goal is best.
    first, second
        Value, bound and gap of both goals; none without a plan. The bound of the second holds
        for plans as good in the first.
    outcome
        What became of the case.
    kind
        `efficient`, `dominated` (another point is as good in both and better in one), `same`
        (as an earlier point), or `none` without a plan.
    """

    limit: float | None
    first: GoalResult | None
    second: GoalResult | None
    outcome: Outcome
    kind: str


@dataclass(frozen=True, repr=False)
class Frontier(Charted):
    """Two goals against each other.

    Attributes
    ----------
    instance_id, currency
        Of the instance.
    first, second
        The terms.
    tried
        Every point, from the least of the second goal to the least of the first.
    """

    instance_id: str
    currency: str
    first: Term
    second: Term
    tried: tuple[FrontierPoint, ...]

    @property
    def points(self) -> tuple[FrontierPoint, ...]:
        """The efficient points: no other is as good in both goals and better in one."""
        return tuple(point for point in self.tried if point.kind == "efficient")

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a point tried: limit, kind, value, bound and gap of both goals, state.

        Values of `outcome` are expected successes (more is better), and so are its bounds.
        """
        rows = [
            {
                "limit": None if point.limit is None else plain(self.second, point.limit),
                "kind": point.kind,
                **_cells(self.first, point.first),
                **_cells(self.second, point.second),
                "placed": None if point.outcome.totals is None else point.outcome.totals.placed,
                "asked": None if point.outcome.totals is None else point.outcome.totals.asked,
                "state": point.outcome.state.value,
                "status": None if point.outcome.status is None else point.outcome.status.value,
                "error": point.outcome.error,
                "seconds": point.outcome.seconds,
            }
            for point in self.tried
        ]
        return pd.DataFrame(rows)

    def as_dict(self) -> dict[str, Any]:
        """Return the frontier as plain data for JSON, missing values as null."""
        rows = zip(records(self.table), self.tried, strict=True)
        return {
            "instance": self.instance_id,
            "currency": self.currency,
            "first": self.first.value,
            "second": self.second.value,
            "points": [{**row, "quotas": point.outcome.quotas} for row, point in rows],
        }

    def _headline(self) -> str:
        return (
            f"Frontier of {self.instance_id}, {self.first.value} against {self.second.value}: "
            f"{len(self.points):,} efficient points of {len(self.tried):,}"
        )

    def _parts(self) -> Iterator[Part]:
        from allocator.sensitivity.views import frontier_parts

        return frontier_parts(self)

    def _drawn(self) -> Any:
        from allocator.sensitivity.charts import frontier_chart

        return frontier_chart(self) if self.points else None


def plain(term: Term, value: float) -> float:
    """Return a value of a goal as people count it: `outcome` is maximised."""
    return 0.0 - value if term is Term.OUTCOME else value


def _cells(term: Term, goal: GoalResult | None) -> dict[str, Any]:
    value = None if goal is None else plain(term, goal.value)
    bound = None if goal is None or goal.bound is None else plain(term, goal.bound)
    gap = None if goal is None else goal.gap
    return {term.value: value, f"{term.value}_bound": bound, f"{term.value}_gap": gap}


def frontier(
    instance: Instance,
    policy: Policy | None = None,
    between: tuple[str, str] = (Term.UNFAIRNESS, Term.COST),
    *,
    points: int = POINTS,
    options: SolveOptions | None = None,
    executor: Executor | None = None,
) -> Frontier:
    """Return two goals against each other.

    Parameters
    ----------
    instance
        What is given.
    policy
        What the planner decides; none: the default policy. Its goals before the first that
        counts one of the two stay first, the others are left out.
    between
        The two terms; the second is the one that is limited.
    points
        How many, the two ends among them.
    options
        How long to take for one point and how exact to be.
    executor
        Who solves; none: processes of this machine.

    Raises
    ------
    InvalidFrontier
        With everything that is wrong with the terms or the number of points.
    InvalidPolicy
        If the policy does not suit the instance.
    SolverError
        If no scheduler answers. What goes wrong at a point is an outcome.
    """
    policy, options = policy or Policy(), options or SolveOptions()
    first, second = _terms(instance, policy, between, points)
    question = _Question(instance, policy, options, first, second)
    with Executor() if executor is None else nullcontext(executor) as work:
        ends = [question.end(second, first), question.end(first, second)]
        least, most = work.run(ends, "ends")
        limits = _limits(question.second_of(least), question.second_of(most), points)
        cases = [question.limited(limit, least, most) for limit in limits]
        between_them = work.run(cases, "points") if cases else []
    outcomes = [least, *between_them, most]
    low = question.second_of(least)
    reached = [None if low is None else low.value, *limits, None]
    tried = [
        FrontierPoint(limit, question.first_of(one), question.second_of(one), one, "none")
        for limit, one in zip(reached, outcomes, strict=True)
    ]
    return Frontier(instance.id, instance.currency, first, second, tuple(_judged(tried)))


class InvalidFrontier(InvalidInput):
    """Two goals cannot be set against each other."""


def _terms(
    instance: Instance, policy: Policy, between: tuple[str, str], points: int
) -> tuple[Term, Term]:
    """Return the two terms.

    Raises
    ------
    InvalidFrontier
        With everything that is wrong.
    """
    problems = []
    known = [term.value for term in Term]
    for name in between:
        if name not in known:
            expected = f"give one of {', '.join(known)}"
            problems.append(_wrong("no goal counts this", expected, "between", name))
    if len(set(between)) != 2:
        named = ", ".join(between)
        problems.append(_wrong("it takes two different goals", "name two", "between", named))
    if points < 2:
        message = "a frontier has two ends"
        problems.append(_wrong(message, "give 2 points or more", "points", str(points)))
    if not problems:
        goals = tuple(Goal(terms={Term(name): 1.0}) for name in between)
        suited = policy.model_copy(update={"goals": goals})
        problems = errors(check_policy(instance, suited))
    if problems:
        raise InvalidFrontier("no frontier can be drawn", problems)
    first, second = map(Term, between)
    return first, second


def _wrong(message: str, expected: str, column: str, value: str) -> Problem:
    return Problem(message, expected, "frontier", None, column, value)


@dataclass(frozen=True)
class _Question:
    """What is asked at every point."""

    instance: Instance
    policy: Policy
    options: SolveOptions
    first: Term
    second: Term

    @property
    def before(self) -> tuple[Goal, ...]:
        """The goals of the policy before the first that counts one of the two."""
        goals = []
        for goal in self.policy.goals:
            if {self.first, self.second} & set(goal.terms):
                break
            goals.append(goal)
        return tuple(goals)

    def end(self, one: Term, other: Term) -> Case:
        """Return the case in which `one` is as good as can be, and `other` after it."""
        return self._case(f"least {one.value}", (_goal(one), _goal(other)), keep=True)

    def limited(self, limit: float, least: Outcome, most: Outcome) -> Case:
        """Return the case in which the second goal does not exceed `limit`.

        Parameters
        ----------
        least, most
            The ends; it starts from the nearer one.
        """
        low, high = self.second_of(least), self.second_of(most)
        assert low is not None and high is not None  # noqa: S101, PT018 - or there is no limit
        near = least if limit - low.value < high.value - limit else most
        name = f"{self.second.value} at most {plain(self.second, limit):g}"
        goals = (_goal(self.first), _goal(self.second))
        if self.second is Term.COST:  # a budget says the same, and needs no goal of its own
            budget = self.policy.budget.model_copy(update={"total": limit})
            policy = self.policy.model_copy(update={"budget": budget})
            return self._case(name, goals, policy=policy, start=near)
        held = Goal(terms={self.second: 1.0}, tolerance_absolute=max(0.0, limit - low.value))
        return self._case(name, (held, *goals), start=near)

    def _case(
        self,
        name: str,
        goals: tuple[Goal, ...],
        *,
        policy: Policy | None = None,
        start: Outcome | None = None,
        keep: bool = False,
    ) -> Case:
        asked = (policy or self.policy).model_copy(update={"goals": (*self.before, *goals)})
        known = None if start is None else start.plan
        return Case(name, self.instance, asked, options=self.options, start=known, keep=keep)

    def first_of(self, outcome: Outcome) -> GoalResult | None:
        """Return the first goal as it is met."""
        return _last(outcome, self.first)

    def second_of(self, outcome: Outcome) -> GoalResult | None:
        """Return the second goal as it is met."""
        return _last(outcome, self.second)


def _goal(term: Term) -> Goal:
    return Goal(terms={term: 1.0})


def _last(outcome: Outcome, term: Term) -> GoalResult | None:
    """Return the last goal that counts a term alone: an earlier one may only limit it."""
    alone = [goal for goal in outcome.goals if set(goal.terms) == {term}]
    return alone[-1] if alone else None


def _limits(least: GoalResult | None, most: GoalResult | None, points: int) -> list[float]:
    """Return evenly spaced limits between the ends; none where the ends are one point."""
    if least is None or most is None:
        return []
    low, high = least.value, most.value
    if high - low <= SAME * max(1.0, abs(low), abs(high)):
        return []
    return [low + k * (high - low) / (points - 1) for k in range(1, points - 1)]


def _judged(tried: list[FrontierPoint]) -> Iterator[FrontierPoint]:
    """Yield the points, each with whether it is efficient."""
    found = [(point.first, point.second) for point in tried]
    for i, (point, own) in enumerate(zip(tried, found, strict=True)):
        if own[0] is None or own[1] is None:
            kind = "none"
        elif any(_dominates(other, own) for other in found):
            kind = "dominated"
        elif any(_same(other, own) for other in found[:i]):
            kind = "same"
        else:
            kind = "efficient"
        yield FrontierPoint(point.limit, point.first, point.second, point.outcome, kind)


_Pair = tuple[GoalResult | None, GoalResult | None]


def _dominates(one: _Pair, other: _Pair) -> bool:
    """Tell whether one point is as good as the other in both goals, and better in one."""
    signs = _compared(one, other)
    return signs is not None and max(signs) <= 0 and min(signs) < 0


def _same(one: _Pair, other: _Pair) -> bool:
    return _compared(one, other) == (0, 0)


def _compared(one: _Pair, other: _Pair) -> tuple[int, int] | None:
    """Return −1, 0 or 1 by goal as one point is below, at or above another; none without both."""
    if None in one or None in other:
        return None
    first, second = (
        _sign(a.value, b.value)
        for a, b in zip(one, other, strict=True)
        if a is not None and b is not None
    )
    return first, second


def _sign(one: float, other: float) -> int:
    difference = one - other
    if abs(difference) <= SAME * max(1.0, abs(one), abs(other)):
        return 0
    return -1 if difference < 0 else 1
