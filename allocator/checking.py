"""Check an instance, and a policy against the instance it is for."""

from collections.abc import Iterator

from allocator.errors import InvalidInstance, InvalidPolicy
from allocator.keys import fair_shares
from models.checks import check_tables
from models.instance import Instance
from models.policy import Policy, Relation, Term
from models.problems import Problem, Severity, errors, warnings


def check(instance: Instance, policy: Policy | None = None) -> list[Problem]:
    """Return every error and warning about `instance`, in the order of its tables.

    Parameters
    ----------
    policy
        Whose target and budget stand in the place of the instance's, if it has any.
    """
    target, budget = instance.target, instance.budget
    if policy is not None:
        target = policy.target_for(target)
        budget = budget if policy.budget.total is None else policy.budget.total
    return check_tables(instance.tables, target, budget)


def check_policy(instance: Instance, policy: Policy) -> list[Problem]:
    """Return every error and warning about `policy` when used with `instance`."""
    return [
        *_places(instance, policy),
        *_families(instance, policy),
        *_key(instance, policy),
        *_decided(instance, policy),
        *_figures(instance, policy),
    ]


def usable(instance: Instance, policy: Policy) -> list[Problem]:
    """Return what should be known of an instance and a policy that can be used together.

    Raises
    ------
    InvalidInstance, InvalidPolicy
        With everything that is wrong with the instance or, if it is sound, with the policy.
    """
    found = check(instance, policy)
    if errors(found):
        raise InvalidInstance(f"instance {instance.id}", errors(found))
    wrong = check_policy(instance, policy)
    if errors(wrong):
        raise InvalidPolicy("policy", errors(wrong))
    return warnings([*found, *wrong])


def _wrong(field: str, value: object, message: str, expected: str) -> Problem:
    return Problem(message, expected, "policy", column=field, value=str(value))


def _places(instance: Instance, policy: Policy) -> Iterator[Problem]:
    towns = instance.municipalities
    counties, known = set(towns["county_id"]), set(towns["municipality_id"])
    for i, bound in enumerate(policy.county_bounds):
        if bound.county_id not in counties:
            expected = f"give one of {', '.join(sorted(counties))}"
            field = f"county_bounds.{i}.county_id"
            yield _wrong(field, bound.county_id, "the instance has no such county", expected)
    for i, decision in enumerate(policy.fixed):
        if decision.municipality_id not in known:
            yield _wrong(
                f"fixed.{i}.municipality_id",
                decision.municipality_id,
                "the instance has no such municipality",
                "give its official number as text, leading zeros included",
            )
    for m in sorted(set(policy.base or {}) - known):
        expected = "give its official number as text, leading zeros included"
        yield _wrong(f"base.{m}", m, "the instance has no such municipality", expected)


def _families(instance: Instance, policy: Policy) -> Iterator[Problem]:
    families = {"housing", "transport", *instance.services["family"]}
    for family in policy.soft:
        if family not in families:
            expected = f"give one of {', '.join(sorted(families))}"
            yield _wrong(f"soft.{family}", family, "no capacity has this family", expected)


def _key(instance: Instance, policy: Policy) -> Iterator[Problem]:
    try:
        fair_shares(instance, policy)
    except InvalidPolicy as error:
        yield from error.problems


def _decided(instance: Instance, policy: Policy) -> Iterator[Problem]:
    exact = sum(d.persons for d in policy.fixed if d.relation is Relation.EXACT)
    target = policy.target_for(instance.target)
    if exact > target:  # solving says that it cannot be, and diagnosing what clashes
        yield Problem(
            f"more persons are decided exactly than the target of {target}",
            "raise the target or lower the decisions",
            "policy",
            column="fixed",
            value=str(exact),
            severity=Severity.WARNING,
        )


def _figures(instance: Instance, policy: Policy) -> Iterator[Problem]:
    terms = {term for goal in policy.goals for term in goal.terms}
    if policy.base is None:
        known = instance.municipalities["previous_quota"].notna()
        column, place = "previous_quota", "the column in municipalities.csv"
    else:
        known = instance.municipalities["municipality_id"].isin(list(policy.base))
        column, place = "a quota in `base`", "`base` in the policy"
    fields = ["goals"] * (Term.CHANGE in terms) + ["max_change"] * (policy.max_change is not None)
    for field in fields:
        if not known.any():
            yield Problem(
                f"change is to be counted or limited, but no municipality has {column}",
                f"fill {place}, or drop it from the policy",
                "policy",
                column=field,
            )
        elif not known.all():
            yield Problem(
                f"{int((~known).sum())} municipalities lack {column} and may change freely",
                f"fill {place}",
                "policy",
                column=field,
                severity=Severity.WARNING,
            )
    if Term.OUTCOME in terms and instance.outcomes.empty:
        yield Problem(
            "outcomes are a goal, but the instance has no outcomes",
            "add outcomes.csv, or drop the goal",
            "policy",
            column="goals",
        )
    if policy.target_for(instance.target) == 0:
        yield Problem(
            "the target is 0",
            "give the persons to settle",
            "policy",
            column="target",
            value="0",
            severity=Severity.WARNING,
        )
