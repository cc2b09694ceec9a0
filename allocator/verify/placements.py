"""The rules of placements and measures: supply, whole persons, minors, steps, budgets."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from allocator.verify.facts import Facts
from allocator.verify.violation import PERSONS, RELATIVE, Violation, margin
from models.columns import MeasureKind


def placements(facts: Facts) -> Iterator[Violation]:
    """Check supply by group, whole totals, and where minors are placed."""
    rows = facts.plan.placements
    for row in rows[rows["persons"] <= 0].itertuples():
        text = f"{row.persons:g} persons of {row.group_id}; only rows above zero are written"
        yield Violation("placements", str(row.site_id), text, abs(float(row.persons)))
    placed = pd.Series(facts.persons.sum(axis=0), index=facts.groups.index)
    over = placed - facts.demand
    for g in over.index[over > margin(facts.demand)]:
        text = f"{placed[g]:g} placed, {facts.demand[g]:g} expected"
        yield Violation("supply", str(g), text, float(over[g]))
    off = np.abs(facts.persons_in_town - np.round(facts.persons_in_town))
    for m, g in np.argwhere((off > PERSONS) & facts.groups["integral"].to_numpy()):
        text = f"{facts.persons_in_town[m, g]:g} persons of {facts.groups.index[g]} are not whole"
        yield Violation("integral", str(facts.towns.index[m]), text, float(off[m, g]))
    if facts.policy.minors == "listed":
        closed = ~facts.towns["minors_allowed"].to_numpy(dtype=bool)
        minors = facts.persons_in_town * facts.groups["minors"].to_numpy()
        for m, g in np.argwhere((minors > PERSONS) & closed[:, None]):
            text = f"{minors[m, g]:g} of {facts.groups.index[g]} where no minors are allowed"
            yield Violation("minors_allowed", str(facts.towns.index[m]), text, float(minors[m, g]))


def measures(facts: Facts) -> Iterator[Violation]:
    """Check steps, costs and budgets."""
    bought, paid = facts.bought, facts.paid
    for row in bought[
        (bought["steps"] <= 0) | (bought["steps"] > bought["max_steps"])
    ].itertuples():
        text = f"{row.steps} steps, allowed are 1 to {row.max_steps}"
        yield Violation("max_steps", str(row.measure_id), text, abs(row.steps - row.max_steps))
    wrong = ~((bought["cost"] - paid).abs() <= RELATIVE * paid.abs().clip(lower=1.0))
    for i in bought.index[wrong]:
        text = f"the cost is {bought['cost'][i]:g}, should be {paid[i]:g}"
        off = abs(float(bought["cost"][i] - paid[i]))
        yield Violation("cost", str(bought["measure_id"][i]), text, off)
    budgets = {"total": facts.budget}
    budgets |= {kind.value: facts.policy.budget.for_kind(kind.value) for kind in MeasureKind}
    for name, money in budgets.items():
        spent = float(paid.sum() if name == "total" else paid[bought["kind"] == name].sum())
        if money is not None and spent > money + RELATIVE * max(1.0, money):
            yield Violation("budget", name, f"{spent:g} of {money:g} spent", spent - money)
