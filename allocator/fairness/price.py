"""The price of fairness: what the goal of fairness of a plan gave up.

With best the best value of a term (shortfall, cost, outcome) that the goals before the goal of
fairness leave, and fair its value in the plan::

    POF = (best − fair) ÷ best          of an outcome, of which more is better
    POF = (fair − best) ÷ best          of shortfall and cost, of which less is better

The definition is that of Bertsimas, D., Farias, V. F., Trichakis, N. (2011), "The price of
fairness", *Operations Research* 59(1), 17-31, read for costs the other way round.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from allocator.errors import InstanceMismatch, InvalidPlan
from allocator.fairness.types import PriceOfFairness, PriceStatus, TermPrice
from allocator.plans import nothing_found
from allocator.solve import solve
from allocator.solve.progress import relative_gap
from models.instance import Instance
from models.options import SolveOptions
from models.plan import GoalResult, Plan, Totals
from models.policy import Goal, Term

if TYPE_CHECKING:
    from allocator.solve.engine import Flag
    from allocator.solve.progress import Listener, Progress

FAIR = frozenset({Term.UNFAIRNESS, Term.MAX_RATIO, Term.CHANGE})
"""Terms that make a goal one of fairness: they hold quotas near the fair shares, near each other
or near what was there before."""
PRICED = (Term.SHORTFALL, Term.COST, Term.OUTCOME)
"""Terms whose price is told."""
SAME = 1e-6
"""Part of a goal's value (and absolute amount) by which two runs may differ by rounding."""


def price_of_fairness(
    instance: Instance,
    plan: Plan,
    options: SolveOptions | None = None,
    progress: "Listener | None" = None,
    cancel: "Flag | None" = None,
) -> PriceOfFairness:
    """Return what the goal of fairness of `plan` gave up of shortfall, cost and outcome.

    The goal of fairness is the first that counts `unfairness`, `max_ratio` or `change`. For each
    term the plan's policy is solved again from the plan at hand, with the goals before that goal
    and then the term alone. A term that one of those goals already optimises by itself, without
    a tolerance, is not solved again: fairness gave up nothing of it, and the bound is that goal's.

    Parameters
    ----------
    instance
        The instance the plan belongs to.
    plan
        A plan that was found.
    options
        How to solve each time; none: as the plan was.
    progress, cancel
        As for `solve`.

    Raises
    ------
    InvalidPlan
        If the plan has no quotas.
    InstanceMismatch
        If the plan belongs to another instance.
    SolverError, VerificationError
        As for `solve`.
    """
    if plan.totals is None:
        raise InvalidPlan("the price of fairness cannot be told", [nothing_found(plan)])
    if plan.instance.sha256 != instance.sha256:
        raise InstanceMismatch(
            f"the plan belongs to {plan.instance.id} ({plan.instance.sha256[:12]}), not to "
            f"{instance.id} ({instance.sha256[:12]}); give the instance it was made from"
        )
    goals = plan.policy.goals
    first = next((i for i, goal in enumerate(goals) if FAIR & set(goal.terms)), None)
    if first is None:
        return PriceOfFairness(goal=None, earlier=tuple(g.name for g in goals), terms=())
    work = _Prices(instance, plan, plan.totals, goals[:first], options or plan.options)
    return PriceOfFairness(
        goal=goals[first].name,
        earlier=tuple(goal.name for goal in goals[:first]),
        terms=tuple(work.prices(progress, cancel)),
    )


class _Prices:
    """The terms one after the other, with the goals before the goal of fairness."""

    def __init__(
        self,
        instance: Instance,
        plan: Plan,
        totals: Totals,
        earlier: tuple[Goal, ...],
        options: SolveOptions,
    ) -> None:
        self._instance, self._plan, self._earlier = instance, plan, earlier
        self._options = options
        self._values = {
            Term.SHORTFALL: float(totals.shortfall),
            Term.COST: totals.cost,
            Term.OUTCOME: totals.outcome,
        }

    def prices(self, progress: "Listener | None", cancel: "Flag | None") -> Iterator[TermPrice]:
        """Yield the price of every term that the plan has a value of."""
        began = 0.0
        for term in PRICED:
            value = self._values[term]
            if value is None:
                continue
            held = self._held(term)
            if held is not None:
                bound = None if held.bound is None else held.bound / held.terms[term]
                yield _price(term, value, value, bound, PriceStatus.HELD)
            elif cancel is not None and cancel.is_set():
                yield _price(term, value, None, None, PriceStatus.NONE)
            else:
                found = self._without_fairness(term, _from(progress, term, began), cancel)
                began += found.timings.get("total", 0.0)
                yield self._compared(term, value, found)

    def _held(self, term: Term) -> GoalResult | None:
        """Return how well an earlier goal that optimises `term` alone is met, if there is one."""
        for goal, result in zip(self._earlier, self._plan.goals, strict=False):
            if set(goal.terms) == {term} and not _tolerant(goal):
                return result
        return None

    def _without_fairness(
        self, term: Term, progress: "Listener | None", cancel: "Flag | None"
    ) -> Plan:
        goals = (*self._earlier, Goal(terms={term: 1.0}))
        policy = self._plan.policy.model_copy(update={"goals": goals})
        return solve(
            self._instance,
            policy,
            self._options,
            start=self._plan,
            progress=progress,
            cancel=cancel,
        )

    def _compared(self, term: Term, in_plan: float, found: Plan) -> TermPrice:
        if not found.goals:
            return _price(term, in_plan, None, None, PriceStatus.NONE)
        sign = -1.0 if term is Term.OUTCOME else 1.0
        last = found.goals[-1]
        bound = None if last.bound is None else sign * last.bound
        if not self._alike(found):
            return _price(term, in_plan, sign * last.value, bound, PriceStatus.APART)
        # The plan keeps all that is asked here, so what is known is never worse than it.
        value = min(last.value, sign * in_plan)
        gap = relative_gap(value, last.bound)
        status = PriceStatus.LIMIT
        if gap is not None and gap <= self._options.gap + SAME:
            status = PriceStatus.OPTIMAL if gap <= SAME else PriceStatus.WITHIN_GAP
        return _price(term, in_plan, sign * value, bound, status)

    def _alike(self, found: Plan) -> bool:
        """Tell whether the earlier goals are met as in the plan, up to what they may give up."""
        pairs = zip(self._earlier, self._plan.goals, found.goals, strict=False)
        return all(
            _tolerant(goal) or abs(now.value - then.value) <= SAME * max(1.0, abs(then.value))
            for goal, then, now in pairs
        )


def _price(
    term: Term, in_plan: float, best: float | None, bound: float | None, status: PriceStatus
) -> TermPrice:
    given_up = price = None
    if best is not None and status is not PriceStatus.APART:
        distance = abs(in_plan - best)
        given_up = distance if distance > SAME * max(1.0, abs(in_plan)) else 0.0
        price = 0.0 if not given_up else given_up / best if best > 0 else None
    return TermPrice(
        term=term,
        in_plan=in_plan,
        best=best,
        bound=bound,
        given_up=given_up,
        price=price,
        status=status,
    )


def _tolerant(goal: Goal) -> bool:
    return goal.tolerance > 0 or goal.tolerance_absolute > 0


def _from(progress: "Listener | None", term: Term, began: float) -> "Listener | None":
    """Return a listener that says which term is looked at, and counts seconds from `began`."""
    if progress is None:
        return None
    listener = progress

    def tell(now: "Progress") -> None:
        phase = f"{term.value} without fairness: {now.phase}"
        listener(replace(now, phase=phase, elapsed=began + now.elapsed))

    return tell
