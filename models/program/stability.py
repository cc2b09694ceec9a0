"""Stability: what the planner or earlier decisions demand of single quotas and counties.

::

    min_ratio f_m ≤ q_m ≤ max_ratio f_m
    |q_m − previous_m| ≤ max(persons, share · previous_m)
    at_least_c ≤ Σ_{m∈c} q_m ≤ at_most_c            for every bounded county c
    q_m ≥ decided,  q_m ≤ decided                   for decisions `at_least`, `at_most`
    q_m ≤ max_quota_m,  q_m ≤ max_share · population_m

===========  =======================================  =========
q_m          quota                                    persons
f_m          fair share after credits                 persons
previous_m   previous quota, where there is one       persons
===========  =======================================  =========

*When it binds* the plan would be better without the demand. *Relaxed* only when conflicts
are looked for: every demand then gets a relief in persons, and the smallest sum of reliefs
says which demands clash.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pyomo.environ as pyo

from models.policy import Relation
from models.program.data import Data

OF_SHARES = frozenset({"min_ratio", "max_ratio"})
"""Rules whose persons are a part of the fair share, and so of the target."""


class Demand(NamedTuple):
    """One demand: Σ of the quotas of `municipalities` on the `side` of `persons`.

    `side` is `more` when relief must let the sum lie below a lower limit, `less` when
    it must let the sum lie above an upper limit, as seen from the municipality:
    a lower limit asks for *more*, an upper limit for *less*.
    """

    rule: str
    where: str
    side: str
    persons: float
    municipalities: tuple[str, ...]


def demands(data: Data) -> Iterator[Demand]:
    """Yield every demand of the policy on quotas, exact decisions left out."""
    yield from _of_ratios(data)
    yield from _of_change(data)
    for bound in data.policy.county_bounds:
        members = tuple(m for m in data.municipalities if data.county[m] == bound.county_id)
        if bound.at_least is not None:
            yield Demand("county_bounds", bound.county_id, "more", bound.at_least, members)
        if bound.at_most is not None:
            yield Demand("county_bounds", bound.county_id, "less", bound.at_most, members)
    for decision in data.policy.fixed:
        m = decision.municipality_id
        if decision.relation is Relation.AT_LEAST:
            yield Demand("fixed", m, "more", decision.persons, (m,))
        elif decision.relation is Relation.AT_MOST:
            yield Demand("fixed", m, "less", decision.persons, (m,))


def _of_ratios(data: Data) -> Iterator[Demand]:
    policy = data.policy
    for m in data.municipalities:
        fair = data.fair_share[m]
        if policy.min_ratio:
            yield Demand("min_ratio", m, "more", policy.min_ratio * fair, (m,))
        if policy.max_ratio is not None:
            yield Demand("max_ratio", m, "less", policy.max_ratio * fair, (m,))
        if policy.max_share_of_population is not None:
            share = policy.max_share_of_population * data.population[m]
            yield Demand("max_share_of_population", m, "less", share, (m,))
        if m in data.max_quota:
            yield Demand("max_quota", m, "less", data.max_quota[m], (m,))


def _of_change(data: Data) -> Iterator[Demand]:
    change = data.policy.max_change
    if change is None:
        return
    for m, previous in data.previous.items():
        limit = max(change.persons, change.share * previous)
        if previous > limit:
            yield Demand("max_change", m, "more", previous - limit, (m,))
        yield Demand("max_change", m, "less", previous + limit, (m,))


def declare_relief(model: Any, data: Data) -> None:
    """Let every demand give way at a price of one per person (to look for conflicts)."""
    keys = [(d.rule, d.where, d.side) for d in demands(data)]
    exact = [("fixed", m, side) for m in data.exact for side in ("more", "less")]
    model.relief = pyo.Var(keys + exact, domain=pyo.NonNegativeReals)
    for m, persons in data.exact.items():
        model.relief["fixed", m, "less"].setub(persons)


def constrain(model: Any, data: Data) -> None:
    """State every demand; with relief where `declare_relief` was called."""
    by_key = {(d.rule, d.where, d.side): d for d in demands(data)}

    def demand(_: Any, rule: str, where: str, side: str) -> Any:
        wanted = by_key[rule, where, side]
        total = sum(model.quota[m] for m in wanted.municipalities)
        relief = model.relief[rule, where, side] if hasattr(model, "relief") else 0
        scale = getattr(model, "scale", 1) if rule in OF_SHARES else 1
        if side == "more":
            return total + relief >= wanted.persons * scale
        return total - relief <= wanted.persons * scale

    model.stability = pyo.Constraint(list(by_key), rule=demand)


def largest_allowed(data: Data) -> dict[str, float]:
    """Return the largest quota that the demands on single municipalities allow, in persons."""
    allowed = {m: float(data.target) for m in data.municipalities}
    for demand in demands(data):
        if demand.side == "less":
            for m in demand.municipalities:
                allowed[m] = min(allowed[m], demand.persons)
    return allowed
