"""Sweep: how plans move when one or two inputs do."""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import pandas as pd

from allocator.sensitivity.cases import Case
from allocator.sensitivity.executor import Executor
from allocator.sensitivity.inputs import Over, Question, Value, grid
from allocator.sensitivity.shown import Charted
from allocator.sensitivity.tables import goal_columns, outcome_columns, records
from allocator.sensitivity.types import Outcome
from allocator.sensitivity.variation import Variation
from allocator.solve.solver import MANY
from models.instance import Instance
from models.options import SolveOptions
from models.plan import Plan
from models.policy import Policy
from models.views import Part

MOST = 2
"""Most inputs of one sweep: more cannot be shown, and are sampled rather than swept."""


@dataclass(frozen=True)
class Point:
    """One combination of values, and what became of it."""

    settings: dict[str, Value]
    outcome: Outcome


@dataclass(frozen=True, repr=False)
class Sweep(Charted):
    """Plans along one or two inputs.

    Attributes
    ----------
    instance_id, currency
        Of the instance.
    over
        The values of every input.
    points
        Every combination, the first input slowest.
    """

    instance_id: str
    currency: str
    over: dict[str, tuple[Value, ...]]
    points: tuple[Point, ...]

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a point: the inputs, what is known, totals, fairness, what binds, goals.

        `binds_FAMILY` are municipalities in which the family binds, `budgets_spent` the
        budgets that are spent; `goal_1`, `bound_1`, `gap_1`, … are the goals in order.
        """
        families = {name for point in self.points for name in point.outcome.bound}
        rows = [
            {
                **point.settings,
                **outcome_columns(point.outcome),
                **point.settings,  # also where an input is called as one of the totals
                **{f"binds_{name}": _bound(point.outcome, name) for name in sorted(families)},
                "budgets_spent": _budgets(point.outcome),
                **goal_columns(point.outcome),
            }
            for point in self.points
        ]
        return pd.DataFrame(rows)

    @cached_property
    def quotas(self) -> pd.DataFrame:
        """One row a point and municipality: the inputs, municipality_id, quota (persons)."""
        rows = [
            {**point.settings, "municipality_id": m, "quota": quota}
            for point in self.points
            for m, quota in point.outcome.quotas.items()
        ]
        return pd.DataFrame(rows, columns=[*self.over, "municipality_id", "quota"])

    @cached_property
    def changes(self) -> pd.DataFrame:
        """Between which neighbouring points another thing binds, or no plan is found any more.

        Columns: input (which one moves), the value of the other, from, to (values of the
        input), what (``plan``, ``budget NAME`` or ``municipalities FAMILY``), before, after.
        Points without an answer are passed over.
        """
        columns = ["input", "other", "from", "to", "what", "before", "after"]
        return pd.DataFrame(list(self._changes()), columns=columns)

    def _changes(self) -> Iterator[dict[str, Any]]:
        for path in self.over:
            lines: dict[str, list[Point]] = {}
            for point in self.points:
                rest = {name: value for name, value in point.settings.items() if name != path}
                lines.setdefault(_words(rest), []).append(point)
            for other, line in lines.items():
                known = [point for point in line if point.outcome.status is not None]
                for one, two in pairwise(known):
                    for what, before, after in _differences(one.outcome, two.outcome):
                        yield {
                            "input": path,
                            "other": other,
                            "from": one.settings[path],
                            "to": two.settings[path],
                            "what": what,
                            "before": before,
                            "after": after,
                        }

    def as_dict(self) -> dict[str, Any]:
        """Return the sweep as plain data for JSON, missing values as null."""
        return {
            "instance": self.instance_id,
            "currency": self.currency,
            "over": {path: list(values) for path, values in self.over.items()},
            "points": [
                {
                    "settings": point.settings,
                    **point.outcome.model_dump(mode="json", exclude={"plan"}),
                }
                for point in self.points
            ],
            "changes": records(self.changes),
        }

    def _headline(self) -> str:
        inputs = " and ".join(self.over)
        return f"Sweep of {self.instance_id} over {inputs}: {len(self.points):,} points"

    def _parts(self) -> Iterator[Part]:
        from allocator.sensitivity.views import sweep_parts

        return sweep_parts(self)

    def _drawn(self) -> Any:
        from allocator.sensitivity.charts import sweep_chart

        return sweep_chart(self) if any(point.outcome.found for point in self.points) else None


def _bound(outcome: Outcome, family: str) -> int | None:
    return outcome.bound.get(family, 0) if outcome.found else None


def _budgets(outcome: Outcome) -> str | None:
    if not outcome.found:
        return None
    return ", ".join(name for name, binds in outcome.budgets.items() if binds)


def _differences(one: Outcome, two: Outcome) -> Iterator[tuple[str, str, str]]:
    """Yield what is another thing at the second of two points, before and after."""
    if not (one.found and two.found):
        if one.status != two.status:
            yield "plan", str(one.status), str(two.status)
        return
    for name in {**one.budgets, **two.budgets}:
        before, after = one.budgets.get(name, False), two.budgets.get(name, False)
        if before != after:
            words = {True: "spent", False: "not spent"}
            yield f"budget {name}", words[before], words[after]
    for family in sorted({*one.bound, *two.bound}):
        few, many = one.bound.get(family, 0), two.bound.get(family, 0)
        if few != many:
            yield f"municipalities {family}", str(few), str(many)


def sweep(
    instance: Instance,
    policy: Policy | None = None,
    over: Over | None = None,
    *,
    options: SolveOptions | None = None,
    start: Plan | None = None,
    executor: Executor | None = None,
) -> Sweep:
    """Solve at every combination of values of one or two inputs.

    Parameters
    ----------
    instance
        What is given.
    policy
        What the planner decides; none: the default policy.
    over
        Values by input; see `allocator.sensitivity.inputs` for what can be varied.
    options
        How long to take for one point and how exact to be.
    start
        A plan to start every point from. Without it, large countries are solved once where
        nothing is varied, and every point starts from that.
    executor
        Who solves; none: processes of this machine.

    Raises
    ------
    InvalidOver
        With everything that is wrong with the inputs, before anything is solved.
    SolverError
        If no scheduler answers. What goes wrong at a point is an outcome.
    """
    policy, options, over = policy or Policy(), options or SolveOptions(), over or {}
    questions = grid(instance, Question(policy, Variation()), over, MOST)
    with Executor() if executor is None else nullcontext(executor) as work:
        known = start or base_plan(work, instance, policy, options)
        cases = [
            Case(
                name=_words(settings),
                instance=instance,
                policy=question.policy,
                variation=question.variation,
                options=options,
                start=known,
            )
            for settings, question in questions
        ]
        outcomes = work.run(cases, "sweep")
    return Sweep(
        instance_id=instance.id,
        currency=instance.currency,
        over={path: tuple(values) for path, values in over.items()},
        points=tuple(
            Point(settings, outcome)
            for (settings, _), outcome in zip(questions, outcomes, strict=True)
        ),
    )


def _words(settings: Mapping[str, Value]) -> str:
    """Return settings in words: ``budget=600000000 target=30000``."""
    return " ".join(f"{path}={value}" for path, value in settings.items())


def base_plan(
    executor: Executor, instance: Instance, policy: Policy, options: SolveOptions
) -> Plan | None:
    """Return a plan to start others from, where that saves time; none for small countries."""
    if len(instance.municipalities) < MANY:
        return None
    case = Case("where nothing is varied", instance, policy, options=options, keep=True)
    (outcome,) = executor.run([case], "base")
    return outcome.plan
