"""Response curves: how results move along every input, all others being as they come."""

import pandas as pd

from allocator.batch.analysis.answered import Answered

QUANTILES = {"q10": 0.1, "q50": 0.5, "q90": 0.9}
COLUMNS = (
    "instance", "input", "value", "low", "high", "result", *QUANTILES, "cases", "without_plan",
)  # fmt: skip


def response_curves(known: Answered) -> pd.DataFrame:
    """Return one row an input, level of it, and result.

    A grid has a level for each value; other inputs have `BINS` bins of about as many cases each
    where they have more values than that.

    Returns
    -------
    Columns: instance, input, value (none: as given; median of a bin), low and high (ends of a
    bin), result, q10, q50, q90 (quantiles over all cases at that level, linearly interpolated;
    Hyndman and Fan 1996, type 7), cases (behind the quantiles), without_plan (cases with an
    answer that is no plan).
    """
    frames = [_curve(known, path) for path in known.varied]
    if not frames or known.totals.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(frames, ignore_index=True).assign(instance=known.name)[list(COLUMNS)]


def _curve(known: Answered, path: str) -> pd.DataFrame:
    found = known.levels_of_cases(path)
    level = pd.Series(found.codes, index=known.cases.index)
    planned = level[known.totals.index]
    groups = known.totals.groupby(planned)
    cells = {name: groups.quantile(q) for name, q in QUANTILES.items()}
    cells["cases"] = groups.count()
    # Levels without a plan have rows too, with a count of none.
    tall = pd.concat({name: one.stack() for name, one in cells.items()}, axis=1)
    every = pd.MultiIndex.from_product([range(len(found)), known.totals.columns])
    tall = tall.reindex(every).rename_axis(["level", "result"]).reset_index()
    tall["cases"] = tall["cases"].fillna(0).astype("int64")
    without = level.value_counts().sub(planned.value_counts(), fill_value=0).astype("int64")
    tall["without_plan"] = tall["level"].map(without)
    return tall.join(found.table, on="level").assign(input=path)
