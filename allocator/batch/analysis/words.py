"""An analysis in words, for a terminal and as captions of a page."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from allocator.batch.analysis.levels import EACH
from allocator.sensitivity.inputs import ASSUME
from allocator.sensitivity.tables import records
from models.views import counted

if TYPE_CHECKING:
    from allocator.batch.analysis.result import Analysis

SAID = 5
"""Rows of a table that are put into words; the tables have all."""


def headline(found: "Analysis") -> str:
    """Say how much of a batch has an answer."""
    head = f"{found.title}: " if found.title else ""
    return f"{head}{found.answered:,} of {found.cases:,} cases have an answer"


def lines(found: "Analysis") -> Iterator[str]:
    """Say what matters of every instance of a batch."""
    for about in records(found.instances):
        yield from ("", f"{about['instance']}: {counts_in_words(about)}")
        yield from (f"  {line}" for line in gaps_in_words(found, about))
        yield from (f"  {line}" for line in _strongest(found, about["instance"]))


def counts_in_words(about: dict[str, Any]) -> str:
    """Say how many cases of an instance there are, and what became of them."""
    said = f"{about['answered']:,} of {about['cases']:,} cases answered"
    if about["without_plan"]:
        said += f", {about['without_plan']:,} of them without a plan"
    return said


def gaps_in_words(found: "Analysis", about: dict[str, Any]) -> Iterator[str]:
    """Say what is missing of an instance, and what cannot be told for that: one line each."""
    name = about["instance"]
    reasons, refused = found.of("without_plan", name), found.of("refused", name)
    for row in records(reasons.head(SAID)):
        yield f"without a plan: {counted(row['cases'], 'case')}: {row['why']}"
    if len(reasons) > SAID:
        others = reasons["cases"].iloc[SAID:]
        yield f"without a plan: {counted(others.sum(), 'case')}: {len(others):,} other reasons"
    if not about["inputs"]:
        yield "no input has two values in the cases that are answered"
    for row in records(found.of("too_few", name)):
        yield (
            f"what hangs on {row['input']} cannot be told: it has {row['n']:,} draws, and "
            f"{row['needed']:,} are needed ({EACH} for each of {row['needed'] // EACH} levels)"
        )
    for row in records(refused.head(SAID)):
        what = "indices" if row["result"] is None else f"indices of {row['result']}"
        where = f" at {row['within']}" if row["within"] else ""
        yield f"no {what}{where}: of {row['of']:,} cases {row['why']}"
    if len(refused) > SAID:
        yield f"no indices in {len(refused) - SAID:,} further places"


def points_in_words(curve: pd.DataFrame) -> str:
    """Say how many cases with a plan stand behind the points along one input."""
    points = curve[curve["result"] == "shortfall"]  # which every plan has
    least, most = points["cases"].min(), points["cases"].max()
    lacking = points["without_plan"].sum()
    said = f"{least:,} cases a point" if least == most else f"{least:,} to {most:,} cases a point"
    return f"{said}, {lacking:,} more without a plan" if lacking else said


def _strongest(found: "Analysis", instance: str) -> Iterator[str]:
    table = found.of("dependence", instance)
    if table.empty:
        return
    clear = table[table["stands_out"].astype("bool")]
    towns = clear["municipality_id"].nunique()
    pairs = "" if towns == len(clear) else f", in {len(clear):,} pairs with an input"
    shown = f"; the strongest {SAID}:" if len(clear) > SAID else ""
    yield f"municipalities whose quota hangs on an input beyond chance: {towns:,}{pairs}{shown}"
    for row in records(clear.head(SAID)):
        yield f"  {dependence_in_words(row)}"


def dependence_in_words(row: dict[str, Any]) -> str:
    """Say how a quota hangs on an input."""
    return (
        f"{row['municipality_id']} {row['name']}: {row['input'].removeprefix(ASSUME)}, "
        f"±{row['persons']:,.1f} persons, ε² {row['epsilon_squared']:.2f} ("
        f"{row['lowest']:,.1f} at {value_in_words(row['lowest_at'])}, "
        f"{row['highest']:,.1f} at {value_in_words(row['highest_at'])}; n = {row['n']:,})"
    )


def value_in_words(value: Any) -> str:
    """Put a value of an input into words: none is as given."""
    if value is None or value != value:
        return "as given"
    return value if isinstance(value, str) else f"{value:,.6g}"
