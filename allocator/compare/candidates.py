"""Find what a name means: a plan folder, a key, or a figure that was observed."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

from allocator.errors import InstanceMismatch, InvalidInput
from allocator.keys import KEYS, fair_shares
from allocator.plans import ABOUT, instance_of, read_plan
from instances.norway.observations import OBSERVED, PUBLISHER, YEARS, observations
from models.instance import Instance
from models.plan import Plan
from models.policy import Key, Policy
from models.problems import Problem

KEY, OBSERVATION = "key:", "observed:"


@dataclass(frozen=True)
class Candidate:
    """One table of quotas to compare.

    Attributes
    ----------
    name
        As it was asked for.
    kind
        Where it comes from.
    quota
        Persons by municipality_id; missing where not known.
    description
        What the figures are, in words.
    """

    name: str
    kind: Literal["plan", "key", "observed"]
    quota: "pd.Series[float]" = field(compare=False)
    description: str


def candidates_from(
    names: Sequence[str], given: str | Path | None = None
) -> tuple[Instance, Policy, list[Candidate]]:
    """Return the tables of quotas that are meant by `names`.

    Parameters
    ----------
    names
        Folders of plans, ``key:NAME`` (the fair shares by that key) and
        ``observed:requested`` and the like (see `instances.norway.observations`).
    given
        Where the instance is; without it, where the first plan finds it.

    Returns
    -------
    instance
        The one instance that all plans belong to.
    policy
        That of the first plan, or the default one: it gives target and fair shares.
    candidates
        In the order of `names`.

    Raises
    ------
    InvalidInput
        With every name that means nothing, is there twice or has no quotas.
    InvalidPlan
        If a plan folder cannot be read.
    InstanceMismatch
        If the plans belong to different instances, or none can be found.
    """
    plans = {name: read_plan(name) for name in names if (Path(name) / ABOUT).is_file()}
    _refuse_different(plans)
    first = next(iter(plans.values()), None)
    if first is not None:
        instance = instance_of(first, given)
    elif given is not None:
        from allocator.loading import load

        instance = load(given)
    else:
        raise InstanceMismatch(f"none of {', '.join(names)} is a plan folder; give --instance")
    policy = Policy() if first is None else first.policy
    problems: list[Problem] = []
    found = []
    for position, name in enumerate(names):
        if name in names[:position]:
            problems.append(_wrong(name, "the same is there twice", "name it once"))
        elif name in plans:
            found.append(_of_plan(name, plans[name], problems))
        elif name.startswith((KEY, OBSERVATION)):
            found.append(_known(name, instance, policy, problems))
        else:
            problems.append(_unknown(name))
    if problems:
        raise InvalidInput("comparison", problems)
    return instance, policy, [candidate for candidate in found if candidate is not None]


def candidate(name: str, instance: Instance, policy: Policy) -> Candidate:
    """Return the table of quotas that a key or a figure that was observed gives.

    Raises
    ------
    InvalidInput
        If there is none of this name.
    """
    problems: list[Problem] = []
    found = _known(name, instance, policy, problems)
    if found is None:
        raise InvalidInput("comparison", problems)
    return found


def candidate_of_plan(name: str, plan: Plan) -> Candidate:
    """Return the table of quotas of a plan.

    Raises
    ------
    InvalidInput
        If it has none.
    """
    problems: list[Problem] = []
    found = _of_plan(name, plan, problems)
    if found is None:
        raise InvalidInput("comparison", problems)
    return found


def _known(
    name: str, instance: Instance, policy: Policy, problems: list[Problem]
) -> Candidate | None:
    if name.startswith(KEY):
        return _of_key(name, instance, policy, problems)
    return _observed(name, instance, problems)


def _refuse_different(plans: dict[str, Plan]) -> None:
    hashes = {name: plan.instance for name, plan in plans.items()}
    if len({about.sha256 for about in hashes.values()}) > 1:
        said = ", ".join(
            f"{name}: {about.id} ({about.sha256[:12]})" for name, about in hashes.items()
        )
        raise InstanceMismatch(
            f"the plans belong to different instances ({said}); compare plans of one instance"
        )


def _of_plan(name: str, plan: Plan, problems: list[Problem]) -> Candidate | None:
    if not plan.found:
        expected = "compare plans that were found"
        problems.append(_wrong(name, f"the plan has no quotas ({plan.status})", expected))
        return None
    quota = plan.quotas.set_index("municipality_id")["quota"].astype("float64")
    return Candidate(name, "plan", quota, f"plan, key {plan.policy.key.name}, {plan.status}")


def _of_key(
    name: str, instance: Instance, policy: Policy, problems: list[Problem]
) -> Candidate | None:
    key = name.removeprefix(KEY)
    if key not in KEYS:
        problems.append(_wrong(name, "no key has this name", _among(key, KEYS)))
        return None
    # The weights of the plan's own key are kept; any other key goes by its defaults.
    chosen = policy.key if policy.key.name == key else Key(name=key)
    shares = fair_shares(instance, policy.model_copy(update={"key": chosen}))
    return Candidate(name, "key", shares, f"fair shares by the key {key}, not rounded")


def _observed(name: str, instance: Instance, problems: list[Problem]) -> Candidate | None:
    figure, year = name.removeprefix(OBSERVATION), instance.year
    if figure not in OBSERVED:
        problems.append(_wrong(name, "nothing of this name was observed", _among(figure, OBSERVED)))
        return None
    known = observations(year) if year in YEARS else None
    if known is None or set(known.index) != set(instance.municipalities["municipality_id"]):
        message = f"there are no observations of {instance.id} ({year})"
        problems.append(_wrong(name, message, "there are some of norway-2022 to norway-2024"))
        return None
    about = OBSERVED[figure]
    if year not in about.years:
        there = [one.column for one in OBSERVED.values() if year in one.years]
        expected = f"for this year there is {', '.join(there)}"
        problems.append(_wrong(name, f"not published for {year}", expected))
        return None
    return Candidate(name, "observed", known[figure], f"{about.description}, {year}; {PUBLISHER}")


def _unknown(name: str) -> Problem:
    expected = f"give a plan folder, {KEY}NAME or {OBSERVATION}NAME"
    message = (
        f"there is no {ABOUT} in it" if Path(name).is_dir() else "there is no such plan folder"
    )
    return _wrong(name, message, expected)


def _among(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"give one of {', '.join(names)}" + (f"; maybe {near[0]}" if near else "")


def _wrong(name: str, message: str, expected: str) -> Problem:
    return Problem(message, expected, "comparison", value=name)
