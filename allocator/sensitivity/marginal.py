"""Marginal values: what a little more of everything is worth, screened by prices, then solved.

Prices of a linear program around the plan (`conditional`) rank every capacity and measure; the
best of each kind are tried: the country is solved again with an amount that matters. Only
what was solved is *confirmed*; how far that is proven is told by the bounds of both plans.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pandas as pd

from allocator.errors import InvalidPlan
from allocator.keys import fair_shares
from allocator.plans import nothing_found
from allocator.sensitivity.cases import Case
from allocator.sensitivity.conditional import Conditional, conditional
from allocator.sensitivity.executor import Executor
from allocator.sensitivity.screened import (
    best,
    capacities_of,
    capacities_table,
    measures_of,
    measures_table,
    where,
)
from allocator.sensitivity.shown import Charted
from allocator.sensitivity.tables import records
from allocator.sensitivity.trials import (
    LOTS,
    MONEY,
    STEPS,
    Trial,
    more_bought,
    more_money,
    more_of,
    more_persons,
)
from allocator.sensitivity.types import Outcome
from allocator.solve.engine import Flag
from models.instance import Instance
from models.options import SolveOptions
from models.plan import GoalResult, Plan
from models.program import collect
from models.program.data import Data
from models.views import Part

TOP = 5
"""Capacities and measures of each kind that are tried."""
SHARPER = 10.0
"""How many times smaller the gap of the re-solves is than that of the plan: what is looked for
is a difference of two plans, each of them only known within its gap."""
REACTS = 1e-6
"""Relative change of a goal that is rounding and none."""


@dataclass(frozen=True, repr=False)
class Marginal(Charted):
    """What a little more of everything is worth.

    Attributes
    ----------
    instance_id, currency
        Of the instance.
    goals
        Names of the goals, in order; worth is told in the first that reacts, by its number.
    base
        The plan that everything is compared with: the one given, solved to the gap of the
        re-solves.
    capacities
        One row a capacity and budget: kind, family, municipality_id, name, site_id, item, unit,
        goal, conditional (units of the goal that one more unit takes from it).
    measures
        One row a measure: measure_id, kind, municipality_id, name, site_id, item,
        units_per_step, cost_per_step, steps (bought), max_steps, goal, conditional (as
        above), conditional_per_million (of currency).
    confirmed
        One row a trial: what (`budget`, `target`, `capacity`, `measure`), trial (in words),
        measure_id, where as above, units, unit, cost, `change_1`, … (of every goal, below zero
        is better), goal (the first that reacts), worth (what it gains), at_least and at_most
        (what is proven of that), worth_per_unit, worth_per_million, conditional_goal and
        conditional (what prices said of a unit), state, status, error, seconds.
    outcomes
        What became of every trial, in the same order.
    """

    instance_id: str
    currency: str
    goals: tuple[str, ...]
    base: Outcome
    capacities: pd.DataFrame
    measures: pd.DataFrame
    confirmed: pd.DataFrame
    outcomes: tuple[Outcome, ...]

    @property
    def ranking(self) -> pd.DataFrame:
        """Where the next million helps most: measures that were tried, the best of a kind first.

        In the first goal that reacts, by what a million of currency gains in it.
        """
        tried = self.confirmed[(self.confirmed["what"] == "measure")]
        first = tried.assign(
            goal=tried["goal"].fillna(len(self.goals) + 1),
            gain=tried["worth_per_million"].fillna(float("-inf")),
        )
        order = first.sort_values(
            ["kind", "goal", "gain"], ascending=[True, True, False], kind="stable"
        )
        return tried.loc[order.index].reset_index(drop=True)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data for JSON, missing values as null."""
        return {
            "instance": self.instance_id,
            "currency": self.currency,
            "goals": list(self.goals),
            "base": self.base.model_dump(mode="json", exclude={"plan"}),
            "capacities": records(self.capacities),
            "measures": records(self.measures),
            "confirmed": records(self.confirmed),
            "ranking": records(self.ranking),
        }

    def _headline(self) -> str:
        return f"Marginal values of {self.instance_id}: {len(self.confirmed):,} solved again"

    def _parts(self) -> Iterator[Part]:
        from allocator.sensitivity.views import marginal_parts

        return marginal_parts(self)

    def _drawn(self) -> Any:
        from allocator.sensitivity.charts import marginal_chart

        return marginal_chart(self)


def marginal(
    instance: Instance,
    plan: Plan,
    *,
    top: int = TOP,
    money: float = MONEY,
    options: SolveOptions | None = None,
    executor: Executor | None = None,
    cancel: Flag | None = None,
) -> Marginal:
    """Return what a little more of everything is worth around a plan.

    Parameters
    ----------
    instance
        The instance of the plan.
    plan
        A plan that was found.
    top
        Capacities and measures of each kind that are confirmed by solving again.
    money
        Currency that is tried, in budgets and for measures.
    options
        How the re-solves are done; none: as the plan was, to a gap ten times smaller.
    executor
        Who solves; none: processes of this machine.
    cancel
        Stops the screening; the executor has a flag of its own.

    Raises
    ------
    InvalidPlan
        If the plan has no quotas.
    ValueError
        If `top` is below 0 or `money` is not above 0.
    SolverError
        If the prices cannot be found, or no scheduler answers.
    """
    _refuse(plan, top, money)
    sharper = plan.options.model_copy(update={"gap": plan.options.gap / SHARPER})
    options, policy = options or sharper, plan.policy
    data = collect(instance, policy, fair_shares(instance, policy))
    with Executor() if executor is None else nullcontext(executor) as work:
        case = Case("the plan", instance, policy, options=options, start=plan, keep=True)
        (base,) = work.run([case], "the plan, sharper")
        start = base.plan or plan
        prices = conditional(data, start, cancel)
        trials = list(_trials(instance, data, prices, top, money))
        cases = [
            Case(one.words, instance, one.policy, one.variation, options, start) for one in trials
        ]
        outcomes = work.run(cases, "trials")
    rows = [
        _row(instance, one, outcome, start.goals)
        for one, outcome in zip(trials, outcomes, strict=True)
    ]
    return Marginal(
        instance_id=instance.id,
        currency=instance.currency,
        goals=tuple(goal.name for goal in policy.goals),
        base=base,
        capacities=capacities_table(instance, data, prices),
        measures=measures_table(instance, data, prices, start),
        confirmed=pd.DataFrame(rows),
        outcomes=tuple(outcomes),
    )


def _refuse(plan: Plan, top: int, money: float) -> None:
    wrong = []
    if top < 0:
        wrong.append(f"top is {top}; give 0 or more")
    if not 0 < money < float("inf"):
        wrong.append(f"money is {money:g}; give an amount above 0")
    if wrong:
        raise ValueError("\n".join(wrong))
    if not plan.found:
        raise InvalidPlan("nothing can be tried around the plan", [nothing_found(plan)])


def _trials(
    instance: Instance, data: Data, prices: Conditional, top: int, money: float
) -> Iterator[Trial]:
    """Yield what is tried: budgets, the target, the best capacities, the best measures."""
    policy = data.policy
    yield from more_money(money, prices, instance, policy)
    yield more_persons(LOTS, instance, policy)
    capacities, measures = list(capacities_of(data, prices)), list(measures_of(data, prices))
    for kind, amounts in STEPS.items():
        for one in best(capacities, kind, top):
            for units in amounts:
                yield more_of(one.capacity, units, one.worth, data, policy)
    for kind in STEPS:
        for one in best(measures, kind, top):
            if one.measure_id is not None:
                yield more_bought(one.measure_id, money, one.worth, data, policy)


def _row(
    instance: Instance, trial: Trial, outcome: Outcome, base: tuple[GoalResult, ...]
) -> dict[str, Any]:
    changes = _changes(base, outcome.goals)
    gain = _gain(base, outcome.goals)
    expected = trial.worth
    return {
        "what": trial.what,
        "trial": trial.words,
        "measure_id": trial.name if trial.what == "measure" else None,
        **where(instance, trial.capacity),
        "units": trial.units,
        "unit": trial.unit,
        "cost": trial.cost,
        **{f"change_{number}": change for number, change in enumerate(changes, start=1)},
        **gain,
        "worth_per_unit": _quotient(gain["worth"], trial.units),
        "worth_per_million": _quotient(gain["worth"], (trial.cost or 0.0) / 1e6),
        "conditional_goal": None if expected is None else expected.goal,
        "conditional": None if expected is None else expected.amount,
        "state": outcome.state.value,
        "status": None if outcome.status is None else outcome.status.value,
        "error": outcome.error,
        "seconds": outcome.seconds,
    }


def _changes(base: tuple[GoalResult, ...], after: tuple[GoalResult, ...]) -> list[float | None]:
    """Return by how much every goal changes; none where there is no plan after."""
    if len(after) < len(base):
        return [None] * len(base)
    return [new.value - old.value for old, new in zip(base, after, strict=True)]


def _gain(base: tuple[GoalResult, ...], after: tuple[GoalResult, ...]) -> dict[str, Any]:
    """Return what the first goal that reacts gains (or the last, where none does).

    Both plans lie within their gaps: the gain is proven to be at least the bound before less
    the value after, and at most the value before less the bound after.
    """
    if len(after) < len(base):
        return dict.fromkeys(("goal", "worth", "at_least", "at_most"))
    pairs = list(zip(base, after, strict=True))
    reacting = (
        number
        for number, (old, new) in enumerate(pairs, start=1)
        if abs(new.value - old.value) > REACTS * max(1.0, abs(old.value))
    )
    goal = next(reacting, len(pairs))
    old, new = pairs[goal - 1]
    return {
        "goal": goal,
        "worth": old.value - new.value,
        "at_least": None if old.bound is None else old.bound - new.value,
        "at_most": None if new.bound is None else old.value - new.bound,
    }


def _quotient(above: float | None, below: float) -> float | None:
    return None if above is None or not below else above / below
