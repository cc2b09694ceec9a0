"""Say a policy, a goal or a capacity in words."""

from collections.abc import Iterator

import pandas as pd

from allocator.language import Texts
from models.instance import Instance
from models.policy import Goal, MaxChange, Policy, Relation, Term

_SAID = frozenset(
    {
        "target", "key", "credits", "step", "floor", "max_share_of_population", "min_ratio",
        "max_ratio", "max_change", "county_bounds", "fixed", "budget", "soft", "minors", "goals",
        "base",
    }
)  # fmt: skip
"""Settings that are put into words here; any other is shown as it is, never left out."""

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def policy_in_words(policy: Policy, instance: Instance, texts: Texts) -> list[str]:
    """Return a sentence for everything the planner decided, the goals left out."""
    return [
        *_shares(policy, instance, texts),
        *_limits(policy, texts),
        *_places(policy, instance, texts),
        *_money(policy, instance, texts),
        *_others(policy, texts),
    ]


def goals_in_words(policy: Policy, texts: Texts) -> list[str]:
    """Return every goal in words, in order, with what later goals may give up."""
    return [_tolerant(goal, texts) for goal in policy.goals]


def terms_in_words(terms: dict[Term, float], texts: Texts) -> str:
    """Return the weighted terms of a goal in words."""
    words = []
    for term, weight in terms.items():
        word = texts.known("term", term.value)
        factor = weight_in_words(weight, texts)
        words.append(word if weight == 1 else texts("term.weighted", weight=factor, term=word))
    return texts.listed(words)


def weight_in_words(weight: float, texts: Texts) -> str:
    """Return a weight: 0.25, or 10⁻⁷ where it is that small."""
    text = f"{weight:g}"
    if "e" in text:
        factor, power = text.split("e")
        raised = str(int(power)).translate(_RAISED)
        text = f"10{raised}" if factor == "1" else f"{factor} · 10{raised}"
    return text.replace(".", ",") if texts.language == "nb" else text


def _tolerant(goal: Goal, texts: Texts) -> str:
    words = terms_in_words(dict(goal.terms), texts)
    if goal.refined:
        words = texts("policy.goal_refined", goal=words)
    if goal.tolerance > 0:
        words = texts("policy.goal_tolerance", goal=words, share=texts.percent(goal.tolerance))
    if goal.tolerance_absolute > 0:
        amount = weight_in_words(goal.tolerance_absolute, texts)
        words = texts("policy.goal_absolute", goal=words, amount=amount)
    return words


def _shares(policy: Policy, instance: Instance, texts: Texts) -> Iterator[str]:
    yield texts("policy.target", target=texts.number(policy.target_for(instance.target)))
    key = texts.known("key", policy.key.name)
    weights = [f"{name} {weight_in_words(w, texts)}" for name, w in policy.key.weights.items()]
    if weights:
        yield texts("policy.weights", key=key, weights=texts.listed(weights))
    else:
        yield texts("policy.key", key=key)
    for name, value in policy.key:
        if name not in ("name", "weights") and value != type(policy.key).model_fields[name].default:
            yield texts("policy.besides", setting=f"key.{name}", value=str(value))
    if (instance.municipalities["credit"] != 0).any() and policy.credits.weight > 0:
        yield texts("policy.credits", weight=weight_in_words(policy.credits.weight, texts))


def _limits(policy: Policy, texts: Texts) -> Iterator[str]:
    if policy.step > 1:
        yield texts("policy.step", step=texts.number(policy.step))
    if policy.floor > 0:
        yield texts("policy.floor", floor=texts.number(policy.floor))
    if policy.max_share_of_population is not None:
        share = texts.percent(policy.max_share_of_population)
        yield texts("policy.max_share_of_population", share=share)
    if policy.min_ratio is not None:
        yield texts("policy.min_ratio", ratio=texts.number(policy.min_ratio, 2))
    if policy.max_ratio is not None:
        yield texts("policy.max_ratio", ratio=texts.number(policy.max_ratio, 2))
    if policy.max_change is not None:
        yield _change(policy.max_change, texts)


def _change(change: MaxChange, texts: Texts) -> str:
    persons, share = texts.number(change.persons), texts.percent(change.share)
    return texts("policy.max_change", persons=persons, share=share)


def _places(policy: Policy, instance: Instance, texts: Texts) -> Iterator[str]:
    towns = instance.municipalities
    counties = dict(zip(towns["county_id"], towns["county"], strict=True))
    names = dict(zip(towns["municipality_id"], towns["name"], strict=True))
    for bound in policy.county_bounds:
        county = counties[bound.county_id]
        if bound.at_least is not None:
            persons = texts.number(bound.at_least)
            yield texts("policy.county_at_least", county=county, persons=persons)
        if bound.at_most is not None:
            persons = texts.number(bound.at_most)
            yield texts("policy.county_at_most", county=county, persons=persons)
    keys = {
        Relation.EXACT: "policy.fixed_exact",
        Relation.AT_LEAST: "policy.fixed_at_least",
        Relation.AT_MOST: "policy.fixed_at_most",
    }
    for decision in policy.fixed:
        name, persons = names[decision.municipality_id], texts.number(decision.persons)
        yield texts(keys[decision.relation], name=name, persons=persons)
    if policy.base:
        yield texts("policy.base", count=texts.number(len(policy.base)))
    if (~towns["minors_allowed"]).any():
        yield texts(f"policy.minors_{policy.minors}")


def _money(policy: Policy, instance: Instance, texts: Texts) -> Iterator[str]:
    total = instance.budget if policy.budget.total is None else policy.budget.total
    if total is None:
        yield texts("policy.no_budget")
    else:
        yield texts("policy.budget", amount=texts.money(total, instance.currency))
    for kind in ("dwellings", "transit", "service"):
        most = policy.budget.for_kind(kind)
        if most is not None:
            words = texts.known("kind", kind)
            amount = texts.money(most, instance.currency)
            yield texts("policy.budget_kind", kind=words, amount=amount)


def _others(policy: Policy, texts: Texts) -> Iterator[str]:
    for family, price in policy.soft.items():
        words = texts.known("family", family)
        yield texts("policy.soft", family=words, price=weight_in_words(price, texts))
    for name, value in policy:
        default = type(policy).model_fields[name].get_default(call_default_factory=True)
        if name not in _SAID and value != default:
            yield texts("policy.besides", setting=name, value=str(value))


def item_in_words(family: str, item: str, name: str, texts: Texts) -> str:
    """Return a row of capacity in words: dwellings of at least two beds, places on GP lists.

    Parameters
    ----------
    family, item
        As in the plan's table of capacities.
    name
        The instance's own name for it, shown where this report has no better one.
    """
    if family == "housing":
        return texts("item.dwellings", beds=item)
    return texts.known("item", item, name)


def measure_in_words(row: "pd.Series[object]", services: dict[str, str], texts: Texts) -> str:
    """Return a row of measures in words.

    Parameters
    ----------
    row
        With kind, beds and service_id.
    services
        The instance's own names of services, by service_id.
    """
    if row["kind"] == "dwellings":
        return texts("kind.dwellings_of", beds=str(row["beds"]))
    if row["kind"] == "transit":
        return texts("kind.transit_of")
    service = str(row["service_id"])
    return texts.known("item", service, services.get(service, service))
