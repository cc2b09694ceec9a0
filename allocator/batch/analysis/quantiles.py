"""Quotas over a batch: what municipalities are asked, from the least to the most."""

import numpy as np
import pandas as pd

from allocator.batch.analysis.answered import Answered

QUANTILES = {"min": 0.0, "q10": 0.1, "q50": 0.5, "q90": 0.9, "max": 1.0}
COLUMNS = (
    "instance", "municipality_id", "name", "county", "population", "unvaried", *QUANTILES,
    "asked", "cases",
)  # fmt: skip


def quota_quantiles(known: Answered) -> pd.DataFrame:
    """Return one row a municipality, in the order of the instance.

    Returns
    -------
    Columns: instance, municipality_id, name, county, population, unvaried (persons where nothing
    is varied; none where no such plan is kept), min, q10, q50, q90, max (persons, over all cases
    with a plan, linearly interpolated; Hyndman and Fan 1996, type 7), asked (share of those
    cases in which it is asked at all), cases (with a plan).
    """
    if known.quotas.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    towns = known.instance.municipalities[["municipality_id", "name", "county", "population"]]
    quotas = known.quotas.to_numpy()
    numbers = np.quantile(quotas, list(QUANTILES.values()), axis=0)
    unvaried = known.unvaried or {}
    found = towns.reset_index(drop=True).assign(
        instance=known.name,
        unvaried=[unvaried.get(m) for m in towns["municipality_id"]],
        **dict(zip(QUANTILES, numbers, strict=True)),
        asked=(quotas > 0).mean(axis=0),
        cases=len(quotas),
    )
    return found[list(COLUMNS)]
