r"""Which municipality's number hangs on which input: the correlation ratio.

The correlation ratio of a quota `q` on an input (Pearson 1905) is the part of its variance that
lies between the levels of the input; it needs no order and no straight line:

    η² = Σ_k n_k (q̄_k − q̄)² / Σ (q − q̄)²

with `K` levels `k`, their `n_k` settings and their means. It estimates the first-order index of
Sobol' from any sample (Plischke, Borgonovo and Smith 2013), and chance alone makes it
`(K − 1) / (n − 1)`. Freed of that (Kelley 1935) it is

    ε² = 1 − (1 − η²) (n − 1) / (n − K)

Cases that differ in the seed alone repeat each other: `q` is their mean. `n` counts how often the
input was drawn apart from the others; that is every setting, but in Sobol' and Morris samples a
value is kept while others move, so that repeated rows would feign certainty. The ratio stands out
where an F-test on `K − 1` and `n − K` degrees of freedom says so at a false discovery rate of
`RATE` over all municipalities and inputs of an instance (Benjamini and Hochberg 1995). With fewer
than two levels of `EACH` draws nothing is said.

- Pearson, K. (1905). On the general theory of skew correlation and non-linear regression.
- Kelley, T. L. (1935). An unbiased correlation ratio measure. PNAS 21, 554–559.
- Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate. JRSS B 57, 289–300.
- Plischke, E., Borgonovo, E. and Smith, C. L. (2013). Global sensitivity measures from given
  data. EJOR 226, 536–550.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from allocator.batch.analysis.answered import Answered
from allocator.batch.analysis.levels import EACH, Levels

RATE = 0.05
"""Part of the ratios that stand out which may do so by chance."""
COLUMNS = (
    "instance", "municipality_id", "name", "input", "persons", "epsilon_squared", "eta_squared",
    "n", "values", "levels", "p_value", "stands_out", "lowest_at", "lowest", "highest_at",
    "highest",
)  # fmt: skip
TOO_FEW = ("instance", "input", "n", "values", "levels", "needed")


@dataclass(frozen=True, eq=False)
class Dependence:
    """What hangs on what.

    Attributes
    ----------
    table
        One row a municipality whose quota moves and input: persons (standard deviation that the
        input alone brings, √(ε² · variance)), epsilon_squared, eta_squared, n, values (different
        ones), levels (that they were put into), p_value (adjusted), stands_out, and at which
        values the mean quota is lowest and highest (none: as given), with those means.
    too_few
        One row an input of which nothing is said: how many draws, different values and levels it
        has, and how many draws it would need.
    """

    table: pd.DataFrame
    too_few: pd.DataFrame


def dependence(known: Answered) -> Dependence:
    """Return what the quotas of one instance hang on, most persons first."""
    frames, few = [], list[dict[str, Any]]()
    quotas = known.over_seeds(known.quotas)
    moving = quotas.loc[:, quotas.nunique() > 1]
    for path in known.varied if len(quotas) else []:
        n, found = known.draws(path), known.levels_of_settings(path)
        needed = EACH * max(2, len(found))
        counts = {"n": n, "values": known.settings[path].nunique(dropna=False)}
        if n < needed or len(found) < 2:
            few.append({"input": path, **counts, "levels": len(found), "needed": needed})
        else:
            frames.append(_ratios(moving, found, n).assign(input=path, **counts))
    return Dependence(
        _judged(known, frames),
        pd.DataFrame(few, columns=list(TOO_FEW)).assign(instance=known.name),
    )


def _ratios(quotas: pd.DataFrame, found: Levels, n: int) -> pd.DataFrame:
    """Return the ratios of all municipalities on one input."""
    values, k = quotas.to_numpy(), len(found)
    means = quotas.groupby(found.codes).mean().to_numpy()
    counts = np.bincount(found.codes, minlength=k)[:, None]
    between = (counts * (means - values.mean(axis=0)) ** 2).sum(axis=0)
    variance = values.var(axis=0)
    eta = np.minimum(between / (variance * len(values)), 1.0)
    epsilon = 1 - (1 - eta) * (n - 1) / (n - k)
    with np.errstate(divide="ignore"):
        p_value = stats.f.sf(eta / (k - 1) / ((1 - eta) / (n - k)), k - 1, n - k)
    at = found.table["value"].to_numpy()
    return pd.DataFrame(
        {
            "municipality_id": quotas.columns,
            "persons": np.sqrt(np.maximum(epsilon, 0.0) * variance),
            "epsilon_squared": epsilon,
            "eta_squared": eta,
            "n": n,
            "levels": k,
            "p_value": p_value,
            "lowest_at": at[means.argmin(axis=0)],
            "lowest": means.min(axis=0),
            "highest_at": at[means.argmax(axis=0)],
            "highest": means.max(axis=0),
        }
    )


def _judged(known: Answered, frames: list[pd.DataFrame]) -> pd.DataFrame:
    if not any(len(frame) for frame in frames):
        return pd.DataFrame(columns=list(COLUMNS))
    table = pd.concat(frames, ignore_index=True)
    table["p_value"] = stats.false_discovery_control(table["p_value"])
    towns = known.instance.municipalities.set_index("municipality_id")["name"]
    table = table.assign(
        instance=known.name,
        name=table["municipality_id"].map(towns),
        stands_out=table["p_value"] <= RATE,
    )
    ranked = table.sort_values(["stands_out", "persons"], ascending=False, kind="stable")
    return ranked[list(COLUMNS)].reset_index(drop=True)
