"""Indices of inequality of quotas, as pure functions of arrays."""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def gini(quota: Numbers, size: Numbers) -> float | None:
    """Return the Gini coefficient of quota per unit of size, weighted by size.

    ::

        G = 1 − Σ_i (X_i − X_{i−1}) (Y_i + Y_{i−1})

    with municipalities in ascending order of quota ÷ size, X the cumulated share of size
    and Y the cumulated share of the quotas (the Lorenz curve).

    Parameters
    ----------
    quota
        Persons asked, ≥ 0, one a municipality.
    size
        What a municipality is measured by (inhabitants, fair share in persons), ≥ 0.

    Returns
    -------
    float or None
        0 when quotas are in proportion to size, at most 1; None when the quotas or the
        sizes add up to zero.

    References
    ----------
    Gini, C. (1912), *Variabilità e mutabilità*; the trapezium form with weights: Brown, M. C.
    (1994), "Using Gini-style indices to evaluate the spatial patterns of health
    practitioners", *Social Science & Medicine* 38(9), 1243-1256.
    """
    if not quota.sum() > 0 or not size.sum() > 0:
        return None
    # Nothing to divide by comes last, as the most a unit can get; both at zero count nowhere.
    ratio = np.divide(quota, size, out=np.full_like(quota, np.inf), where=size > 0)
    order = np.argsort(ratio, kind="stable")
    x = np.concatenate([[0.0], np.cumsum(size[order]) / size.sum()])
    y = np.concatenate([[0.0], np.cumsum(quota[order]) / quota.sum()])
    area = float(np.sum(np.diff(x) * (y[1:] + y[:-1])))
    return min(1.0, max(0.0, 1.0 - area))


def jain(ratio: Numbers) -> float | None:
    """Return Jain's index of fairness.

    ::

        J = (Σ r)² ÷ (n Σ r²)

    Parameters
    ----------
    ratio
        Quota ÷ fair share, ≥ 0, one for each of n municipalities.

    Returns
    -------
    float or None
        1 when all ratios are equal, 1/n when one municipality takes all; None when there
        is no ratio above zero.

    References
    ----------
    Jain, R., Chiu, D., Hawe, W. (1984), *A quantitative measure of fairness and
    discrimination for resource allocation in shared computer systems*, DEC-TR-301.
    """
    squares = float(np.sum(ratio**2))
    return float(np.sum(ratio)) ** 2 / (len(ratio) * squares) if squares > 0 else None


def moved_share(quota: Numbers, fair_share: Numbers) -> float | None:
    """Return the part of the persons that is asked elsewhere than by the fair shares.

    ::

        M = ½ Σ_m | q_m ÷ Σq − f_m ÷ Σf |

    Where quotas and fair shares have the same total this is ½ Σ |q − f| ÷ Σq. Shares are
    compared, so that a smaller total alone moves nobody.

    Parameters
    ----------
    quota, fair_share
        Persons, ≥ 0, one a municipality.

    Returns
    -------
    float or None
        0 (as the fair shares) to 1; None when either adds up to zero.

    References
    ----------
    Loosemore, J., Hanby, V. J. (1971), "The theoretical limits of maximum distortion",
    *British Journal of Political Science* 1(4), 467-477; as index of dissimilarity: Duncan,
    O. D., Duncan, B. (1955), *American Sociological Review* 20(2), 210-217.
    """
    if not quota.sum() > 0 or not fair_share.sum() > 0:
        return None
    return float(np.abs(quota / quota.sum() - fair_share / fair_share.sum()).sum() / 2)
