"""The rules of quotas: lots, floor, what the table reports, limits and decisions."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from allocator.verify.facts import Facts
from allocator.verify.violation import PERSONS, Violation, above, differing
from models.policy import CountyBound, Decision, Relation


def quotas(facts: Facts) -> Iterator[Violation]:
    """Check lots, floor, odd lot, sums over sites, and what the table reports."""
    index = facts.towns.index
    placed = pd.Series(facts.persons_in_town.sum(axis=1), index=index)
    yield from differing("quota", facts.quota, placed, "the quota against the persons placed")
    yield from _lots(facts)
    yield from differing("fair_share", facts.table["fair_share"], facts.fair, "the fair share")
    yield from differing("ratio", facts.table["ratio"], facts.ratio, "the ratio")
    of_minors = facts.persons_in_town[:, facts.groups["minors"].to_numpy()].sum(axis=1)
    minors = pd.Series(of_minors, index=index)
    yield from differing("minors", facts.table["minors"], minors, "the number of minors")
    for m in index[facts.table["asked"].astype("bool") != (facts.quota > 0)]:
        yield Violation("asked", m, f"asked is wrong for quota {facts.quota[m]:g}", 1.0)
    if facts.quota.sum() > facts.target:
        over = float(facts.quota.sum() - facts.target)
        yield Violation("target", "plan", f"{over:g} persons more than the target", over)


def _lots(facts: Facts) -> Iterator[Violation]:
    step, floor = facts.policy.step, facts.policy.floor
    rho = (facts.target - sum(facts.exact.values())) % step
    free = facts.quota[~facts.quota.index.isin(list(facts.exact))]
    left = free % step
    wrong = (left != 0) & ((left != rho) | (rho == 0))
    for m in free.index[wrong]:
        text = f"{free[m]:g} is not whole lots of {step}"
        yield Violation("step", str(m), text, float(left[m]))
    odd = free.index[(left != 0) & ~wrong]
    if len(odd) > 1:
        text = f"{len(odd)} municipalities carry an odd lot of {rho}, one may"
        yield Violation("odd_lot", ", ".join(odd), text, float(len(odd) - 1))
    for m in free.index[(free != 0) & (free < floor)]:
        text = f"{free[m]:g} lies below the floor of {floor}"
        yield Violation("floor", str(m), text, float(floor - free[m]))
    for m in facts.quota.index[facts.quota < 0]:
        yield Violation("quota", str(m), "the quota is negative", -float(facts.quota[m]))


def limits(facts: Facts) -> Iterator[Violation]:
    """Check everything that the policy and earlier decisions demand of quotas."""
    q, f, policy, towns = facts.quota, facts.fair, facts.policy, facts.towns
    if policy.min_ratio is not None:
        yield from above("min_ratio", policy.min_ratio * f, q, "least persons, quota")
    if policy.max_ratio is not None:
        yield from above("max_ratio", q, policy.max_ratio * f, "quota, most persons")
    if policy.max_share_of_population is not None:
        most = policy.max_share_of_population * towns["population"]
        yield from above("max_share_of_population", q, most, "quota, most persons")
    yield from above("max_quota", q, towns["max_quota"], "quota, most persons")
    if policy.max_change is not None:
        before = facts.before
        limit = np.maximum(policy.max_change.persons, policy.max_change.share * before)
        yield from above("max_change", (q - before).abs(), limit, "change, largest allowed")
    for decision in policy.fixed:
        yield from _decision(facts, decision)
    by_county = q.groupby(towns["county_id"]).sum()
    for bound in policy.county_bounds:
        yield from _county(bound, float(by_county.get(bound.county_id, 0.0)))


def _decision(facts: Facts, decision: Decision) -> Iterator[Violation]:
    quota = float(facts.quota.get(decision.municipality_id, math.nan))
    off = {
        Relation.EXACT: abs(quota - decision.persons),
        Relation.AT_LEAST: decision.persons - quota,
        Relation.AT_MOST: quota - decision.persons,
    }[decision.relation]
    # Written so that a municipality nobody knows, whose quota is not a number, is found too.
    if not off <= PERSONS:
        text = f"{quota:g} against the decision {decision.relation.value} {decision.persons}"
        yield Violation("fixed", decision.municipality_id, text, off)


def _county(bound: CountyBound, total: float) -> Iterator[Violation]:
    low = -math.inf if bound.at_least is None else bound.at_least
    high = math.inf if bound.at_most is None else bound.at_most
    over = max(low - total, total - high)
    if over > PERSONS:
        text = f"{total:g} persons, allowed are {low:g} to {high:g}"
        yield Violation("county_bounds", bound.county_id, text, over)
