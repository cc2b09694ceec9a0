"""Measure how a table of quotas lies to the fair shares."""

from typing import Any

import numpy as np
import pandas as pd

from allocator.fairness.indices import Numbers, gini, jain, moved_share
from allocator.fairness.types import Fairness, GroupFairness, Quartiles
from models.instance import Instance
from models.plan import Plan

CENTRALITY = "centrality_class"
"""Indicator column that holds the class of centrality, 1 the most central."""

NEGLIGIBLE = 1e-9
"""Fair shares of fewer persons count as zero: no ratio to them means anything."""


def fairness(instance: Instance, plan: Plan) -> Fairness:
    """Return the measures of fairness of `plan`.

    Parameters
    ----------
    instance
        The instance the plan belongs to.
    plan
        Any plan; one without quotas has no municipality with a known quota.
    """
    return fairness_of_quotas(plan.quotas, instance.municipalities)


def fairness_of_quotas(quotas: pd.DataFrame, municipalities: pd.DataFrame) -> Fairness:
    """Return the measures of fairness of any table of quotas.

    Parameters
    ----------
    quotas
        Columns municipality_id, fair_share and quota (persons ≥ 0); a missing quota is not
        known, and its municipality is left out of every measure.
    municipalities
        Columns municipality_id, population, county_id and county, and `centrality_class`
        where it is known. Municipalities without a row in `quotas` count as not known.

    Raises
    ------
    ValueError
        If a quota names a municipality twice or one that is not there, or is negative; if a
        fair share is missing or negative.
    """
    rows = quotas[["municipality_id", "fair_share", "quota"]].astype(
        {"fair_share": "float64", "quota": "float64"}
    )
    _refuse_wrong(rows, municipalities)
    known = rows[rows["quota"].notna()].merge(
        municipalities, on="municipality_id", suffixes=("", "_of_instance"), validate="one_to_one"
    )
    known["fair_share"] = known["fair_share"].where(known["fair_share"] > NEGLIGIBLE, 0.0)
    quota, fair = _numbers(known["quota"]), _numbers(known["fair_share"])
    ratio = quota[fair > 0] / fair[fair > 0]
    people = _numbers(known["population"])
    moved = moved_share(quota, fair)
    return Fairness(
        municipalities=len(known),
        unknown=len(municipalities) - len(known),
        without_fair_share=int((fair <= 0).sum()),
        asked=int((quota > 0).sum()),
        quota=float(quota.sum()),
        fair_share=float(fair.sum()),
        ratio=_quartiles(ratio),
        per_1000=_quotient(1000 * quota.sum(), people.sum()),
        gini_per_inhabitant=gini(quota, people),
        gini_per_fair_share=gini(quota, fair),
        jain=jain(ratio),
        moved_share=moved,
        moved=None if moved is None else moved * float(quota.sum()),
        unfairness=unfairness(quota, fair),
        by_centrality=_by_centrality(known),
        by_county=_groups(known, "county_id", "county"),
    )


def unfairness(quota: Numbers, fair_share: Numbers) -> float:
    """Return U = Σ (q − f)² ÷ f in persons, as the goal `unfairness` counts it.

    Where the fair share is zero the smallest positive one divides, or one person when there
    is none: the rule of `models.program.fairness`.
    """
    positive = fair_share[fair_share > 0]
    smallest = float(positive.min()) if len(positive) else 1.0
    divisor = np.where(fair_share > 0, fair_share, smallest)
    return float(np.sum((quota - fair_share) ** 2 / divisor))


def _refuse_wrong(rows: pd.DataFrame, municipalities: pd.DataFrame) -> None:
    """Raise with everything that is wrong with a table of quotas."""
    ids = rows["municipality_id"]
    wrong = {
        "named twice": ids.duplicated(),
        "not in the instance": ~ids.isin(municipalities["municipality_id"]),
        "asked fewer than no persons": rows["quota"] < 0,
        "without a fair share of at least 0": ~(rows["fair_share"] >= 0),
    }
    said = [
        f"municipalities {problem}: {', '.join(ids[where].head(5))}"
        for problem, where in wrong.items()
        if where.any()
    ]
    if said:
        raise ValueError("\n".join(said))


def _numbers(column: "pd.Series[Any]") -> Numbers:
    return np.asarray(column.to_numpy(dtype=np.float64))


def _quotient(above: float, below: float) -> float | None:
    return float(above / below) if below > 0 else None


def _quartiles(ratio: Numbers) -> Quartiles | None:
    if not len(ratio):
        return None
    least, lower, median, upper, most = np.quantile(ratio, [0, 0.25, 0.5, 0.75, 1]).tolist()
    return Quartiles(minimum=least, lower=lower, median=median, upper=upper, maximum=most)


def _by_centrality(known: pd.DataFrame) -> tuple[GroupFairness, ...]:
    if CENTRALITY not in known.columns:
        return ()
    classed = known[known[CENTRALITY].notna()]
    label = classed[CENTRALITY].map(
        lambda value: f"{value:g}" if not isinstance(value, str) else value
    )
    return _groups(classed.assign(_class=label), "_class", "_class")


def _groups(known: pd.DataFrame, column: str, name: str) -> tuple[GroupFairness, ...]:
    groups = known.groupby(column, sort=True)
    return tuple(
        GroupFairness(
            group=str(group),
            name=str(rows[name].iloc[0]),
            municipalities=len(rows),
            population=int(rows["population"].sum()),
            quota=float(rows["quota"].sum()),
            fair_share=float(rows["fair_share"].sum()),
            per_1000=_quotient(1000 * rows["quota"].sum(), rows["population"].sum()),
            ratio=_quotient(rows["quota"].sum(), rows["fair_share"].sum()),
        )
        for group, rows in groups
    )
