"""Robustness: how a plan stands where capacities and arrivals are uncertain.

Four things are told, over draws of `uncertainty`:

as it stands
    How often what its own placements use is more than there is, and where; nobody is moved
    (`withstanding`). Every draw, without solving.
placements moved
    How many persons then find no place, where they may be moved within the country but nobody
    is asked for more than in the plan and no more is bought. Some draws, solved.
decided anew
    What every municipality would be asked if capacities and arrivals were known: quantiles of
    its quota. The same draws, solved.
robust
    Plans protected by a budget of uncertainty Γ (`protected`), with their price in shortfall
    and fairness, and how often they fail in the same draws.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from allocator.errors import InvalidPlan
from allocator.plans import nothing_found
from allocator.sensitivity.cases import Case
from allocator.sensitivity.executor import Executor
from allocator.sensitivity.protected import chance, protected
from allocator.sensitivity.shown import Charted
from allocator.sensitivity.tables import goal_columns, outcome_columns, records
from allocator.sensitivity.types import Outcome
from allocator.sensitivity.uncertainty import Draws, Uncertainty, draw
from allocator.sensitivity.withstanding import Withstood, withstood
from models.instance import Instance
from models.options import SolveOptions
from models.plan import Plan, Status
from models.policy import Budget, Credits, Decision, Goal, Policy, Relation, Term
from models.views import Part

DRAWS = 1000
"""Draws in which the plan is looked at as it stands."""
RESOLVE = 20
"""Draws, the first ones, in which the country is solved."""
GAMMAS = (0.5, 1.0)
"""Budgets of uncertainty of the robust plans, beside 0."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of a quota that are told."""
PRICED = ("shortfall", "unfairness", "cost", "jain", "gini_per_fair_share", "moved_share")
"""Of what the price of protection is told: by how much it is above its value at Γ = 0."""


@dataclass(frozen=True)
class Protected:
    """The plan at one budget of uncertainty.

    Attributes
    ----------
    gamma
        Γ.
    outcome
        What became of it, with the plan in full where there is one.
    withstood
        How it stands in the draws; none where there is no plan.
    """

    gamma: float
    outcome: Outcome
    withstood: Withstood | None


@dataclass(frozen=True, repr=False)
class Robustness(Charted):
    """How a plan stands where capacities and arrivals are uncertain, and what protection costs.

    Attributes
    ----------
    instance_id, currency
        Of the instance.
    uncertainty
        What was assumed.
    arrivals
        Persons who come, by draw.
    plan
        The plan that was looked at.
    nominal
        How it stands.
    moved
        What became of it by draw, where placements may be moved.
    anew
        What became of the country by draw, decided anew.
    protected
        The plans by budget of uncertainty; the first has none.
    names
        Name of every municipality, by id.
    """

    instance_id: str
    currency: str
    uncertainty: Uncertainty
    arrivals: tuple[int, ...]
    plan: Plan
    nominal: Withstood
    moved: tuple[Outcome, ...]
    anew: tuple[Outcome, ...]
    protected: tuple[Protected, ...]
    names: dict[str, str]

    @property
    def outcomes(self) -> list[Outcome]:
        """Everything that was solved."""
        return [*self.moved, *self.anew, *(one.outcome for one in self.protected)]

    @property
    def unproven(self) -> int:
        """How many of the plans that were found ended at a limit before they were proven."""
        return sum(one.status is Status.LIMIT for one in self.outcomes)

    @cached_property
    def families(self) -> pd.DataFrame:
        """One row a family, and arrivals: how often it fails; see `Withstood.families`."""
        return self.nominal.families()

    @cached_property
    def places(self) -> pd.DataFrame:
        """One row a municipality or pool that the plan uses, those that fail most first.

        Columns: place, name (blank for pools), quota (of the plan), fails (share of the draws in
        which something is too small, nobody being moved), lost (persons of its quota without a
        place, placements moved, mean over the draws that were answered; where municipalities
        share a pool or compete for persons, others may lose as many instead), `fails_FAMILY`.
        """
        quotas = self.plan.quota_of
        lost = self._lost()
        rows = [
            {
                "place": row["place"],
                "name": self.names.get(row["place"], ""),
                "quota": quotas.get(row["place"]),
                "fails": row["fails"],
                "lost": lost.get(row["place"]),
                **row,
            }
            for row in self.nominal.by_place()
        ]
        columns = ["place", "name", "quota", "fails", "lost"]
        frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
        return frame.sort_values("fails", ascending=False, kind="stable").reset_index(drop=True)

    def _lost(self) -> dict[str, float]:
        known = [one for one in self.moved if one.found]
        if not known:
            return {}
        return {
            name: sum(quota - one.quotas.get(name, 0) for one in known) / len(known)
            for name, quota in self.plan.quota_of.items()
        }

    @cached_property
    def draws(self) -> pd.DataFrame:
        """One row a draw that was solved.

        Columns: draw (from 0), arrivals (persons), failing (places in which something is too
        small, nobody being moved), without_place (persons of the plan who find no place,
        placements moved), at_least (what is proven of that), moved_state, moved_status,
        moved_error, and what became of the country decided anew: state, error, status, gap, totals,
        measures of fairness.
        """
        failing = self.nominal.at.sum(axis=1)
        placed = sum(self.plan.quota_of.values())
        rows = [
            {
                "draw": number,
                "arrivals": self.arrivals[number],
                "failing": int(failing[number]),
                **_without_place(placed, moved),
                "moved_state": moved.state.value,
                "moved_status": None if moved.status is None else moved.status.value,
                "moved_error": moved.error,
                **outcome_columns(anew),
            }
            for number, (moved, anew) in enumerate(zip(self.moved, self.anew, strict=True))
        ]
        return pd.DataFrame(rows)

    @cached_property
    def quotas(self) -> pd.DataFrame:
        """One row a municipality: what it is asked in the plan, decided anew, and protected.

        Columns: municipality_id, name, quota (of the plan), `q05`, `q25`, `q50`, `q75`, `q95`
        (persons; quantiles over the draws that were answered, interpolated between them) and
        `gamma_Γ` (quota of the robust plan), missing where there is no answer.
        """
        known = pd.DataFrame([one.quotas for one in self.anew if one.found])
        rows = []
        for name, quota in self.plan.quota_of.items():
            row: dict[str, Any] = {
                "municipality_id": name,
                "name": self.names.get(name, ""),
                "quota": quota,
            }
            for part in QUANTILES:
                value = float(known[name].quantile(part)) if name in known else None
                row[f"q{round(100 * part):02d}"] = value
            for one in self.protected:
                row[f"gamma_{one.gamma:g}"] = one.outcome.quotas.get(name)
            rows.append(row)
        return pd.DataFrame(rows)

    @cached_property
    def robust(self) -> pd.DataFrame:
        """One row a Γ: what the plan is worth, what protection costs, how often it fails.

        Columns: gamma, what became of it (state, error, status, gap, seconds, totals, measures of
        fairness), `price_NAME` for shortfall, unfairness, cost and measures of fairness
        (value less that at Γ = 0), fails (share of draws in which some capacity is too small,
        nobody being moved), places_failing (mean over the draws), largest_share (share of
        draws in which one capacity is too small, where it is largest), chance (the most that
        this can be under the distribution), and `goal_1`, `bound_1`, `gap_1`, … of the goals in
        order: what is proven of the values that prices are differences of.
        """
        worth = [outcome_columns(one.outcome) for one in self.protected]
        rows = [
            {
                "gamma": one.gamma,
                **own,
                **{f"price_{name}": _difference(own[name], worth[0][name]) for name in PRICED},
                "fails": None if one.withstood is None else one.withstood.fails,
                "places_failing": None if one.withstood is None else one.withstood.places_failing,
                "largest_share": None if one.withstood is None else one.withstood.largest_share,
                "chance": chance(one.gamma),
                **goal_columns(one.outcome),
            }
            for one, own in zip(self.protected, worth, strict=True)
        ]
        return pd.DataFrame(rows)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data for JSON, missing values as null."""
        return {
            "instance": self.instance_id,
            "currency": self.currency,
            "uncertainty": self.uncertainty.model_dump(mode="json"),
            "draws_checked": len(self.arrivals),
            "fails": self.nominal.fails,
            "fails_or_more_arrive": self.nominal.fails_somehow,
            "places_failing": self.nominal.places_failing,
            "unproven": self.unproven,
            "families": records(self.families),
            "places": records(self.places),
            "draws": records(self.draws),
            "quotas": records(self.quotas),
            "robust": records(self.robust),
        }

    def _headline(self) -> str:
        return (
            f"Robustness of a plan of {self.instance_id}: some capacity is too small in "
            f"{self.nominal.fails:.1%} of {len(self.arrivals):,} draws"
        )

    def _parts(self) -> Iterator[Part]:
        from allocator.sensitivity.views import robustness_parts

        return robustness_parts(self)

    def _drawn(self) -> Any:
        from allocator.sensitivity.robustness_chart import robustness_chart

        return robustness_chart(self)


def _without_place(placed: int, moved: Outcome) -> dict[str, float | None]:
    """Return how many of the persons placed find no place any more, and what is proven of it."""
    if moved.totals is None:
        return {"without_place": None, "at_least": None}
    bound = moved.goals[0].bound
    known = None if bound is None else max(0.0, bound - (moved.totals.target - placed))
    return {"without_place": placed - moved.totals.placed, "at_least": known}


def _difference(value: float | None, nominal: float | None) -> float | None:
    return None if value is None or nominal is None else value - nominal


def robustness(
    instance: Instance,
    plan: Plan,
    uncertainty: Uncertainty | None = None,
    *,
    scenarios: Draws | None = None,
    draws: int = DRAWS,
    resolve: int = RESOLVE,
    gammas: Sequence[float] = GAMMAS,
    options: SolveOptions | None = None,
    executor: Executor | None = None,
) -> Robustness:
    """Return how a plan stands where capacities and arrivals are uncertain.

    Parameters
    ----------
    instance
        The instance of the plan.
    plan
        A plan that was found.
    uncertainty
        What is assumed; none: the defaults.
    scenarios
        Draws made otherwise, as by `scenarios` or `read_scenarios`; none: they are drawn as
        assumed. Robust plans are protected as assumed in any case.
    draws
        Draws in which the plan is looked at as it stands, where they are drawn.
    resolve
        Draws, the first ones, in which the country is solved twice: the persons of the plan
        moved, and decided anew.
    gammas
        Budgets of uncertainty of the robust plans, from 0 to 1; 0 is added, because prices
        are differences from it.
    options
        How the solves are done; none: as the plan was.
    executor
        Who solves; none: processes of this machine.

    Raises
    ------
    InvalidPlan
        If the plan has no quotas.
    InvalidInput
        If the uncertainty names families that the instance does not have.
    ValueError
        With everything that is wrong with the numbers.
    SolverError
        If no scheduler answers. What goes wrong with a case is an outcome.
    """
    _refuse(plan, draws if scenarios is None else len(scenarios), resolve, gammas)
    uncertainty, options = uncertainty or Uncertainty(), options or plan.options
    uncertainty.check(instance)
    drawn = draw(instance, uncertainty, draws) if scenarios is None else scenarios
    target = plan.policy.target_for(instance.target)
    arrivals = tuple(round(target * float(factor)) for factor in drawn.arrivals)
    given = {g: protected(instance, uncertainty, g) for g in sorted({0.0, *gammas})}
    with Executor() if executor is None else nullcontext(executor) as work:
        robust = work.run(
            [
                Case(f"gamma {g:g}", one, plan.policy, options=options, start=plan, keep=True)
                for g, one in given.items()
            ],
            "robust plans",
        )
        countries = [drawn.drawn(instance, number) for number in range(resolve)]
        moved = work.run(list(_moving(countries, plan, options)), "placements moved")
        anew = work.run(list(_deciding(countries, arrivals, plan, options)), "decided anew")
    towns = instance.municipalities
    return Robustness(
        instance_id=instance.id,
        currency=instance.currency,
        uncertainty=uncertainty,
        arrivals=arrivals,
        plan=plan,
        nominal=withstood(instance, instance, plan, drawn),
        moved=tuple(moved),
        anew=tuple(anew),
        protected=tuple(
            Protected(g, outcome, _standing(instance, solved, outcome.plan, drawn))
            for (g, solved), outcome in zip(given.items(), robust, strict=True)
        ),
        names=dict(zip(towns["municipality_id"], towns["name"], strict=True)),
    )


def _standing(
    instance: Instance, solved: Instance, plan: Plan | None, draws: Draws
) -> Withstood | None:
    return None if plan is None else withstood(instance, solved, plan, draws)


def _refuse(plan: Plan, draws: int, resolve: int, gammas: Sequence[float]) -> None:
    wrong = []
    if draws < 1:
        wrong.append(f"draws is {draws}; give 1 or more")
    if not 0 <= resolve <= max(draws, 0):
        wrong.append(f"resolve is {resolve}; give 0 to {max(draws, 0)}, the number of draws")
    wrong += [f"gamma is {g:g}; give 0 to 1" for g in gammas if not 0 <= g <= 1]
    if wrong:
        raise ValueError("\n".join(wrong))
    if not plan.found:
        raise InvalidPlan("nothing can be drawn around the plan", [nothing_found(plan)])


def _moving(countries: Sequence[Instance], plan: Plan, options: SolveOptions) -> Iterator[Case]:
    """Yield, by draw: how many of the persons of the plan find a place, quotas being limits.

    Nothing else of the policy is demanded, no measure that was not bought is for sale, and those
    that were bought are paid for.
    """
    bought = plan.measures.set_index("measure_id")["steps"]
    policy = plan.policy.model_copy(
        update={
            "target": plan.policy.target_for(countries[0].target) if countries else None,
            "step": 1,
            "floor": 0,
            "credits": Credits(),
            "max_share_of_population": None,
            "min_ratio": None,
            "max_ratio": None,
            "max_change": None,
            "county_bounds": (),
            "budget": Budget(),
            "fixed": tuple(
                Decision(municipality_id=name, relation=Relation.AT_MOST, persons=quota)
                for name, quota in plan.quota_of.items()
            ),
            "goals": (Goal(terms={Term.SHORTFALL: 1.0}),),
        }
    )
    for number, country in enumerate(countries):
        offers = country.measures[country.measures["measure_id"].isin(bought.index)]
        owned = offers.assign(
            max_steps=offers["measure_id"].map(bought).astype("int64"), cost_per_step=0.0
        )
        yield Case(
            f"draw {number}, placements moved",
            country.replace(measures=owned),
            policy,
            options=options,
            start=plan,
        )


def _deciding(
    countries: Sequence[Instance], arrivals: Sequence[int], plan: Plan, options: SolveOptions
) -> Iterator[Case]:
    """Yield, by draw: the plan that would be made if capacities and arrivals were known."""
    for number, country in enumerate(countries):
        policy: Policy = plan.policy.model_copy(update={"target": arrivals[number]})
        yield Case(f"draw {number}, decided anew", country, policy, options=options, start=plan)
