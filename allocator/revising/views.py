"""What is shown of a revision: the plan after, the rule, and who takes over what."""

from collections.abc import Iterator

from allocator.revising.result import Revision
from models import plan_view
from models.views import Grid, Part

_RULES = {
    "nobody_loses": "nobody who has not answered is asked for fewer persons",
    "nobody_gains": "nobody who has not answered is asked for more persons",
}


def revision_parts(revision: Revision, currency: str, number: int | None) -> Iterator[Part]:
    """Yield what the plan is worth, by which rule it was made, and who is moved furthest.

    Parameters
    ----------
    currency
        Code of the currency, blank when it is not known.
    number
        Most municipalities that are shown; none: all of them.
    """
    yield from plan_view.parts(revision.plan, currency)
    yield f"rule: {_RULES[revision.rule.value]}"
    for exception in revision.exceptions:
        yield f"  exception: {exception.message}"
    if not revision.plan.found:
        return
    rows = []
    for name, (before, after) in revision.figures().items():
        label = f"cost {currency}".rstrip() if name == "cost" else name
        rows.append((label, f"{before:,.0f}", f"{after:,.0f}", f"{after - before:+,.0f}"))
    yield Grid(("", "before", "after", "change"), tuple(rows))
    count = len(revision.changes)
    yield f"{revision.moved:,} persons moved in {count:,} municipalities"
    movers = tuple(
        (
            row["municipality_id"],
            row["name"],
            *(f"{row['before']:,}", f"{row['after']:,}", f"{row['change']:+,}"),
            row["why"],
        )
        for row in revision.movers(number).to_dict("records")
    )
    if movers:
        headings = ("id", "name", "before", "after", "change", "why")
        yield Grid(headings, movers, texts=(0, 1), prose=(5,), title="who takes over what")
