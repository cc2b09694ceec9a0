"""Where the rule of a revision could not hold, and what stood against it."""

from collections.abc import Iterator

from allocator.keys import fair_shares
from allocator.revising.question import Question
from allocator.solve.conflicts import SOMEBODY, in_words
from models.answers import Rule, RuleException
from models.instance import Instance
from models.plan import Plan, used_up
from models.program import Data, collect
from models.program.stability import demands

_SHOWN = 3
"""Most reasons told for one municipality."""


def exceptions_in(
    revised: Plan, base: Plan, instance: Instance, question: Question
) -> tuple[RuleException, ...]:
    """Return who loses or gains against the rule, by how many persons, and why.

    Parameters
    ----------
    revised, base
        The plan after and before.
    instance
        What is given now.
    question
        What the revision asked.
    """
    if not revised.found:
        return ()
    quota = revised.quota_of
    up = question.rule is Rule.NOBODY_GAINS
    off = {m: quota[m] - q for m, q in question.free.items() if (quota[m] > q) is up}
    off = {m: persons for m, persons in off.items() if persons}
    if not off:
        return ()
    data = collect(instance, question.own, fair_shares(instance, question.own))
    return tuple(
        RuleException(
            municipality_id=m,
            persons=persons,
            message=_message(m, persons, _reasons(m, revised, base, data, quota, up=up), data.step),
        )
        for m, persons in off.items()
    )


def _message(municipality: str, persons: int, reasons: list[str], step: int) -> str:
    verb = "gains" if persons > 0 else "loses"
    why = "; ".join(reasons[:_SHOWN])
    why = why or f"no limit of its own binds; whole lots of {step} or what others demand stand"
    return f"{municipality} {verb} {abs(persons)} persons against the rule: {why}"


def _reasons(
    municipality: str, revised: Plan, base: Plan, data: Data, quota: dict[str, int], *, up: bool
) -> list[str]:
    limits = list(_limits(municipality, data, quota, "more" if up else "less"))
    if up:
        return limits
    return [*_capacities(municipality, revised, base, data), *limits]


def _limits(municipality: str, data: Data, quota: dict[str, int], side: str) -> Iterator[str]:
    """Yield the demands on the municipality that the next lot would break."""
    for demand in demands(data):
        if demand.side == side and municipality in demand.municipalities:
            total = sum(quota[m] for m in demand.municipalities)
            slack = total - demand.persons if side == "more" else demand.persons - total
            if slack < data.step:
                yield in_words(demand)


def _capacities(municipality: str, revised: Plan, base: Plan, data: Data) -> list[str]:
    """Return the capacities that are used up there, those too small for the plan before first."""
    pools = {p for p, pool in data.pools.items() if municipality in pool.members}
    key = ["family", "municipality_id", "site_id", "item"]
    now, before = (
        plan.capacity.fillna({"municipality_id": "", "site_id": ""}) for plan in (revised, base)
    )
    figures = before[[*key, "used", "capacity"]]
    rows = now.merge(figures, on=key, how="left", suffixes=("", "_before"))
    shared = (rows["municipality_id"] == "") & rows["item"].isin(pools)
    here = rows[(rows["municipality_id"] == municipality) | shared]
    # What the plan before used and what is not there any more explains best.
    gone = here["used_before"] > here["capacity"] + SOMEBODY
    fell = [
        f"{_place(row)} has {row['capacity']:g}, the plan before uses {row['used_before']:g}"
        for row in here[gone].to_dict("records")
    ]
    full = [
        f"{_place(row)} is used up ({row['used']:g} of {row['capacity']:g})"
        for row in here[used_up(here) & ~gone].to_dict("records")
    ]
    return fell + full


def _place(row: dict[object, object]) -> str:
    item = f"dwellings of {row['item']} beds or more" if row["family"] == "housing" else row["item"]
    where = row["site_id"] or row["municipality_id"] or "shared"
    return f"{row['family']} ({item}, {where})"
