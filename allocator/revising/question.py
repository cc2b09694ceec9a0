"""What a revision asks: the policy of the plan, the answers, and the rule for everybody else.

Municipalities that have answered get what was decided. For the others a rule holds. Let ``R``
be what is left for them, the target less what is decided, and ``R'`` the same before (the old
target less what the plan asked of those who have answered by now)::

    R ≥ R'   nobody among them loses:   q_m ≥ base_m
    R < R'   nobody among them gains:   q_m ≤ base_m

Without answers: nobody loses when the target rises, nobody gains when it falls. The rule is
house monotonicity, which Balinski and Young (Fair Representation, 1982) ask of apportionments,
made a constraint. Within it the goals are, in order: fewest persons without a place, least
overload, fewest persons moved (Σ |q_m − base_m|), then the plan's own goals.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from allocator.policies import policy_from, with_changes, with_settings
from allocator.revising.decisions import persons_decided
from models.answers import Answer, Rule
from models.instance import Instance
from models.plan import Plan
from models.policy import Decision, Policy, Relation, Term

FIRST = (Term.SHORTFALL, Term.OVERLOAD, Term.CHANGE)
"""What a revision looks at before the plan's own goals, in order."""


@dataclass(frozen=True)
class Question:
    """What a revision asks.

    Attributes
    ----------
    own
        The planner's policy with the answers, without the rule.
    base
        Quotas of the plan, in persons.
    free
        Those of them under the rule: nothing is decided about these municipalities.
    least, most
        What `own` demands of single municipalities among them, in persons.
    rule
        Which rule holds.
    """

    own: Policy
    base: Mapping[str, int]
    free: Mapping[str, int]
    least: Mapping[str, int]
    most: Mapping[str, int]
    rule: Rule

    @property
    def side(self) -> str:
        """Which way the rule pulls, as a demand says it: to `more` or to `less`."""
        return "more" if self.rule is Rule.NOBODY_LOSES else "less"

    @property
    def yielding(self) -> dict[tuple[str, str, str], float]:
        """Most persons by which each demand of the rule may give way: as far as `own` allows."""
        if self.rule is Rule.NOBODY_LOSES:
            room = {m: float(q - self.least.get(m, 0)) for m, q in self.free.items()}
        else:
            room = {m: self.most.get(m, math.inf) - q for m, q in self.free.items()}
        return {("fixed", m, self.side): max(0.0, persons) for m, persons in room.items()}

    def policy(self, reliefs: Mapping[str, int] | None = None) -> Policy:
        """Return the policy with the rule, relaxed where told.

        Parameters
        ----------
        reliefs
            Persons by which the rule gives way, by municipality.
        """
        given = reliefs or {}
        least, most = dict(self.least), dict(self.most)
        for m, quota in self.free.items():
            if self.rule is Rule.NOBODY_LOSES:
                least[m] = max(least.get(m, 0), quota - given.get(m, 0))
            else:
                eased = quota + given.get(m, 0)
                most[m] = min(most.get(m, eased), eased)
        own = self.own.model_dump(mode="json")
        first = [{"terms": {term.value: 1.0}} for term in FIRST]
        then = [goal for goal in own["goals"] if not set(goal["terms"]) <= set(FIRST)]
        return self._stated(least, most, [*first, *then])

    def fewest_lost(self) -> Policy:
        """Return the policy without the rule whose only goal is that the fewest persons are lost.

        With L persons lost and G gained, Σ |q − base| = L + G and the shortfall is T − Σ base
        + L − G, so that the sum of the two is 2 L and a constant.
        """
        goal = {"terms": {Term.CHANGE.value: 1.0, Term.SHORTFALL.value: 1.0}}
        return self._stated(self.least, self.most, [goal])

    def _stated(
        self, least: Mapping[str, int], most: Mapping[str, int], goals: list[dict[str, Any]]
    ) -> Policy:
        fixed = [d for d in self.own.fixed if d.relation is Relation.EXACT]
        fixed += _decisions(Relation.AT_LEAST, {m: n for m, n in least.items() if n > 0})
        fixed += _decisions(Relation.AT_MOST, most)
        changed: dict[str, Any] = {
            "fixed": [decision.model_dump(mode="json") for decision in fixed],
            "goals": goals,
            "base": dict(self.base),
            # Stated as least and most, because it is measured from last year and not from the plan.
            "max_change": None,
        }
        return policy_from(self.own.model_dump(mode="json") | changed)


def question(
    plan: Plan,
    instance: Instance,
    target: int | None,
    decisions: Sequence[Answer],
    settings: Sequence[str] | Mapping[str, Any],
) -> Question:
    """Return what a revision of `plan` asks; see `allocator.revise`.

    Raises
    ------
    InvalidPolicy
        With every problem of the settings at once.
    """
    start = plan.policy if plan.revised is None else plan.revised.policy
    aimed = {} if target is None else {"target": target}
    if isinstance(settings, Mapping):
        planned = with_changes(start, {**settings, **aimed})
    else:
        planned = with_settings(start, [*settings, *(f"{k}={v}" for k, v in aimed.items())])
    base = plan.quota_of
    answered = {a.municipality_id: persons_decided(a, base[a.municipality_id]) for a in decisions}
    kept = [d for d in planned.fixed if d.municipality_id not in answered]
    fixed = (*kept, *_decisions(Relation.EXACT, answered))
    own = planned.model_copy(update={"fixed": fixed})
    exact = {d.municipality_id: d.persons for d in fixed if d.relation is Relation.EXACT}
    free = {m: q for m, q in base.items() if m not in exact}
    least, most = _limits(own, instance, free)
    before = 0 if plan.totals is None else plan.totals.target
    left = own.target_for(instance.target) - sum(exact.values())
    left_before = before - sum(base.get(m, 0) for m in exact)
    rule = Rule.NOBODY_LOSES if left >= left_before else Rule.NOBODY_GAINS
    return Question(own, base, free, least, most, rule)


def _decisions(relation: Relation, persons: Mapping[str, int]) -> list[Decision]:
    return [Decision(municipality_id=m, relation=relation, persons=n) for m, n in persons.items()]


def _limits(
    own: Policy, instance: Instance, free: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, int]]:
    """Return the least and the most that decisions and `max_change` leave, in persons."""
    least: dict[str, int] = {}
    most: dict[str, int] = {}
    for decision in own.fixed:
        m = decision.municipality_id
        if decision.relation is Relation.AT_LEAST:
            least[m] = decision.persons
        elif decision.relation is Relation.AT_MOST:
            most[m] = decision.persons
    for m, low, high in _of_change(own, instance):
        if m in free:
            least[m] = max(least.get(m, 0), low)
            most[m] = min(most.get(m, high), high)
    return least, most


def _of_change(own: Policy, instance: Instance) -> Iterator[tuple[str, int, int]]:
    change = own.max_change
    if change is None:
        return
    towns = instance.municipalities.set_index("municipality_id")["previous_quota"].dropna()
    for m, previous in (towns.to_dict() if own.base is None else own.base).items():
        limit = max(change.persons, change.share * previous)
        yield str(m), max(0, math.ceil(previous - limit)), math.floor(previous + limit)
