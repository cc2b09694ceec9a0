"""Revise a plan: solve it anew under the rule, and relax the rule only where it cannot hold."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from allocator.errors import InstanceMismatch, InvalidDecisions, InvalidPlan
from allocator.keys import fair_shares
from allocator.plans import nothing_found
from allocator.revising.decisions import check_answers, persons_decided
from allocator.revising.exceptions import exceptions_in
from allocator.revising.question import Question, question
from allocator.revising.result import Revision
from allocator.solve import solve
from allocator.solve.arrays import TriviallyInfeasible
from allocator.solve.conflicts import smallest_reliefs
from allocator.solve.engine import Settings
from models.answers import Answer, AuditEntry, Revised, Rule
from models.instance import Instance
from models.options import SolveOptions
from models.plan import Plan, Status
from models.policy import Policy
from models.program import collect

if TYPE_CHECKING:
    from allocator.solve.engine import Flag
    from allocator.solve.progress import Listener

RELIEF_GAP = 1e-6
"""Relative gap at which the smallest relief counts as found."""

NOT_PROVEN = "that the rule could not hold for more municipalities is not proven: time ran out"


def revise(
    plan: Plan,
    instance: Instance,
    *,
    target: int | None = None,
    decisions: Sequence[Answer] = (),
    settings: Sequence[str] | Mapping[str, Any] = (),
    options: SolveOptions | None = None,
    strict: bool = False,
    progress: "Listener | None" = None,
    cancel: "Flag | None" = None,
) -> Revision:
    """Revise `plan`, moving as few persons as possible.

    Solving starts from the plan, which takes nothing from what is proven.

    Parameters
    ----------
    plan
        The plan in force; an earlier revision is one too.
    instance
        What is given now: the instance of the plan, or one with other figures for the same
        municipalities.
    target
        Persons to settle from now on; none: as the policy or the instance says.
    decisions
        Answers of municipalities to the plan, at most one each. An answer replaces earlier
        ones and what the policy had fixed for the municipality.
    settings
        Changes of the plan's policy, as ``path=value`` or as a JSON merge patch.
    options
        How to solve; none: as the plan was.
    strict
        Give no plan where the rule cannot hold, instead of relaxing it there.
    progress, cancel
        As for `solve`.

    Returns
    -------
    Revision
        With the revised plan, which remembers the answers (`audit`) and where the rule could
        not hold (`revised.exceptions`). Its status is `infeasible` when decisions and limits
        of the policy clash, or, with `strict`, when the rule does.

    Raises
    ------
    InvalidPlan
        If the plan has no quotas.
    InstanceMismatch
        If the instance has other municipalities than the plan.
    InvalidDecisions, InvalidPolicy, InvalidInstance
        With every problem at once.
    SolverError, VerificationError
        As for `solve`.
    """
    if plan.totals is None:
        raise InvalidPlan("the plan cannot be revised", [nothing_found(plan, "to revise")])
    _same_municipalities(plan, instance)
    problems = check_answers(decisions, plan)
    if problems:
        raise InvalidDecisions("decisions", problems)
    asks = question(plan, instance, target, decisions, settings)
    options = options or plan.options

    def solved(policy: Policy, start: Plan) -> Plan:
        return solve(instance, policy, options, start=start, progress=progress, cancel=cancel)

    revised = solved(asks.policy(), plan)
    if revised.status is Status.INFEASIBLE and not strict:
        reliefs, proven, near = _reliefs(instance, asks, options, plan, cancel)
        if reliefs:
            revised = solved(asks.policy(reliefs), near)
            notes = revised.warnings if proven else (*revised.warnings, NOT_PROVEN)
            revised = revised.model_copy(update={"warnings": notes})
    entries = _entries(decisions, asks)
    about = Revised(
        target=plan.totals.target,
        cost=plan.totals.cost,
        rule=asks.rule,
        policy=asks.own,
        exceptions=exceptions_in(revised, plan, instance, asks),
    )
    kept = {"audit": (*plan.audit, *entries), "revised": about}
    return Revision(base=plan, plan=revised.model_copy(update=kept), entries=entries)


def _same_municipalities(plan: Plan, instance: Instance) -> None:
    asked = set(plan.quotas["municipality_id"])
    there = set(instance.municipalities["municipality_id"])
    one_sided = {"only the plan has": asked - there, "only the instance has": there - asked}
    said = [f"{what} {', '.join(sorted(ids))}" for what, ids in one_sided.items() if ids]
    if said:
        raise InstanceMismatch(
            f"a plan is revised for the same municipalities, but {' and '.join(said)}; "
            "solve anew for other municipalities"
        )


def _entries(decisions: Sequence[Answer], asks: Question) -> tuple[AuditEntry, ...]:
    entries = []
    for answer in decisions:
        asked = asks.base[answer.municipality_id]
        known = answer.model_dump() | {"persons": persons_decided(answer, asked), "asked": asked}
        entries.append(AuditEntry.model_validate(known))
    return tuple(entries)


def _reliefs(
    instance: Instance,
    asks: Question,
    options: SolveOptions,
    plan: Plan,
    cancel: "Flag | None",
) -> tuple[dict[str, int], bool, Plan]:
    """Return how far the rule must give way, in persons, and whether that is proven least.

    Empty when giving way does not help. The plan returned third is the one to start from.
    """
    if asks.rule is Rule.NOBODY_LOSES:
        # As a goal, because the engine is at its best there; the search below is for few demands.
        eased = solve(instance, asks.fewest_lost(), options, start=plan, cancel=cancel)
        quota = eased.quota_of
        lost = {m: q - quota[m] for m, q in asks.free.items() if quota.get(m, q) < q}
        proven = eased.status in (Status.OPTIMAL, Status.WITHIN_GAP)
        return lost, proven, eased if eased.found else plan
    policy = asks.policy()
    data = collect(instance, policy, fair_shares(instance, policy))
    settings = Settings(options.time_limit, RELIEF_GAP, options.seed)
    try:
        found = smallest_reliefs(data, asks.yielding, settings, cancel)
    except TriviallyInfeasible:
        found = None
    if found is None:
        return {}, True, plan
    reliefs, proven = found
    persons = {where: math.ceil(n - RELIEF_GAP) for (_, where, _), n in reliefs.items()}
    return persons, proven, plan
