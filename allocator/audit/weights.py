"""Weights: what a key states, beside what its factors explain of its shares."""

from dataclasses import dataclass

from allocator.audit.finding import Subject

CLOSE = 0.05
"""Stated and effective weights that differ by no more than this are called equal."""


@dataclass(frozen=True)
class Weight:
    """One factor of a key.

    Attributes
    ----------
    factor
        Name of the factor.
    stated
        Weight the key states, as a part of the sum of its weights.
    effective
        Part of the variance of the shares that the factor explains.
    municipality_id, name
        Municipality that would gain or lose most if this factor alone decided.
    persons
        Persons it would gain (above 0) or lose, at the target.
    """

    factor: str
    stated: float
    effective: float
    municipality_id: str
    name: str
    persons: float

    @property
    def holds(self) -> bool:
        """Whether the factor counts as much as it is stated to."""
        return abs(self.effective - self.stated) <= CLOSE


def effective_weights(subject: Subject) -> tuple[tuple[Weight, ...], float]:
    """Return stated and effective weights, and the part of the variance left unexplained.

    ::

        effective_i = Cov(w_i e_i, s) / Var(s)

    over municipalities, with s the shares of the key, w the stated weights scaled so that
    they add up to 1 and e the factors after caps: the natural decomposition of a variance
    by its summands (A. F. Shorrocks, Inequality decomposition by factor components,
    Econometrica 50(1), 1982). For a key that only weighs, they add up to 1; what caps,
    floors and credits do is left unexplained.
    """
    factors, shares = subject.result.factors, subject.result.shares
    total = sum(factor.weight for factor in factors.values()) or 1.0
    variance = float(shares.var(ddof=0))
    found = []
    for name, factor in factors.items():
        weight = factor.weight / total
        common = float(((factor.effect - factor.effect.mean()) * (shares - shares.mean())).mean())
        alone = factor.values - shares
        m = str(alone.abs().idxmax())
        found.append(
            Weight(
                name,
                weight,
                weight * common / variance if variance > 0 else weight,
                m,
                str(subject.names[m]),
                float(alone[m]) * subject.given.target,
            )
        )
    return tuple(found), 1.0 - sum(weight.effective for weight in found)
