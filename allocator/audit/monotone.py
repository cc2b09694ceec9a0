"""Monotonicity: does more of what should raise a share ever lower it."""

from collections.abc import Iterator

import pandas as pd

from allocator.audit.finding import TOLERANCE, Finding, Subject
from allocator.keys.rule import Factor, Indicator

STEPS = (0.01, 1.0)
"""By how much one value is raised: by a hundredth, and to the double."""


def own_change(subject: Subject) -> Iterator[Finding]:
    """Raise every indicator of every municipality in turn, and see where its share goes."""
    for indicator in subject.indicators:
        if indicator.more != 0:
            yield _raised(subject, indicator)


def _raised(subject: Subject, indicator: Indicator) -> Finding:
    column, target = indicator.column, subject.given.target
    before, worst, example, wrong = subject.result.shares, 0.0, None, set()
    values = subject.given.towns[column]
    typical = float(values.abs().mean())
    for m in values.index:
        for step in STEPS:
            value = float(values[m]) + step * (abs(float(values[m])) or typical)
            towns = subject.given.towns.copy()
            towns.loc[m, column] = value
            change = (subject.again(towns)[m] - before[m]) * indicator.more
            if change < -TOLERANCE * max(before[m], 1 / len(before)):
                wrong.add(m)
                if change < worst:
                    worst, example = change, (str(m), value)
    if example is None:
        said = f"raised by a hundredth and to the double in each of {len(values)} municipalities"
        return Finding("own", column, True, 0, len(values), None, None, 0.0, said)
    m, value = example
    way = "lowers" if indicator.more > 0 else "raises"
    persons = -worst * target
    said = (
        f"{column} of {subject.names[m]} from {values[m]:g} to {value:g} {way} its number by "
        f"{persons:.2f} of {target}"
    )
    name = str(subject.names[m])
    return Finding("own", column, False, len(wrong), len(values), m, name, persons, said)


def counting(subject: Subject) -> Iterator[Finding]:
    """Leave every factor out in turn: whom it should help must not lose by its being counted.

    Better or worse is told against the country: a rate against its mean over inhabitants,
    an amount per inhabitant against the country's. In `weighted` a column whose values do
    not exceed 1 is taken for a rate.
    """
    by_column = {one.column: one for one in subject.indicators}
    for name, factor in subject.result.factors.items():
        indicator = by_column.get(factor.column or "")
        if indicator is None or indicator.more == 0 or factor.column == "population":
            continue
        without = subject.without(name)
        if without is not None:
            yield _counted(subject, indicator, factor, without)


def _counted(
    subject: Subject, indicator: Indicator, factor: Factor, without: "pd.Series[float]"
) -> Finding:
    column, target = indicator.column, subject.given.target
    towns, shares = subject.given.towns, subject.result.shares
    values = towns[column]
    if "population" in towns.columns:
        people = towns["population"]
    else:  # nothing else tells how large they are
        people = pd.Series(1.0, index=towns.index)
    rate = indicator.rate or (subject.rule.weighs_columns and float(values.max()) <= 1)
    if rate:
        national = float((values * people).sum() / people.sum())
    else:
        values = values / people
        national = float((values * people).sum() / people.sum())
    side = values - national
    right = side * indicator.more
    change = shares - without
    sure = (side.abs() > TOLERANCE * abs(national)) & (change.abs() > TOLERANCE * without)
    wrong = sure & (right * change < 0)
    if not wrong.any():
        said = f"counted with a weight of {factor.weight:g} and left out"
        return Finding("counting", column, True, 0, len(values), None, None, 0.0, said)
    m = str(change[wrong].abs().idxmax())
    persons = abs(float(change[m])) * target
    kind = "" if rate else " per inhabitant"
    said = (
        f"{subject.names[m]}: {column}{kind} {values[m]:.4g} is "
        f"{'above' if side[m] > 0 else 'below'} the country's {national:.4g}, which should "
        f"{'raise' if right[m] > 0 else 'lower'} its number, yet counting it "
        f"{'raises' if change[m] > 0 else 'lowers'} it by {persons:.1f} of {target}"
    )
    count, name = int(wrong.sum()), str(subject.names[m])
    return Finding("counting", column, False, count, len(values), m, name, persons, said)
