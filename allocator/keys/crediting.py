"""Crediting: what was delivered already comes off the share, and is borne by everybody."""

import pandas as pd


def credited(
    share: "pd.Series[float]", target: float, credit: "pd.Series[float]"
) -> "pd.Series[float]":
    """Return the persons that remain to be taken after credits, adding up to `target`.

    ::

        f_m = share_m · (T + Σ c) − c_m

    with c what is credited in persons (negative: owed). Negative numbers become 0 and the
    others are scaled down in proportion so that Σ f = T. Where that leaves nothing,
    credits are disregarded.
    """
    fair = (share * (target + credit.sum()) - credit).clip(lower=0.0)
    if fair.sum() <= 0:
        return share * target
    return fair * (target / fair.sum())
