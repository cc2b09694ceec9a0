"""Robust plans: capacities protected by a budget of uncertainty Γ.

The robust counterpart of Bertsimas and Sim ("The price of robustness", Operations Research
52(1), 2004) for the rows of capacity. A row is ``use ≤ given · (1 − δ z) + bought`` with one
uncertain number, z in [−1, 1], and δ = `WIDTH` · σ of its family. Row i of theirs holds for every
z of which at most Γ of its uncertain numbers leave their nominal value; with one number a row, Γ
lies in [0, 1], and the counterpart is a capacity lowered by Γ · δ · given:

    use ≤ given · (1 − Γ δ) + bought.

So Γ = 0 is the nominal plan, and Γ = 1 is protected against every z. The program stays what it
is, with other figures, and is solved and verified like any other.

What it promises. Their bound on a row that fails is for bounded symmetric z. Here factors are
drawn from a normal distribution cut at 0, under which one row of one place fails with probability
at most Φ(−Γ · WIDTH), exactly that where its capacity is used up and Γ δ < 1: a half at Γ = 0, and
5 % at Γ = 1.

What it does not. Γ is the same for every row and says nothing about how many municipalities are
short *at once*: placements are decided before the capacities are known, so that every row has to
hold by itself, and a Γ counted over a county would protect each row as Γ = 1 does. The chance
that *some* row of a country fails is far above that of one row. Arrivals are not protected.
"""

from statistics import NormalDist

from allocator.sensitivity.uncertainty import Uncertainty, counties_of, families_of, with_factors
from models.instance import Instance

WIDTH = NormalDist().inv_cdf(0.95)
"""Standard deviations that a capacity may lie below what is given, at Γ = 1."""


def protected(instance: Instance, uncertainty: Uncertainty, gamma: float) -> Instance:
    """Return `instance` with every given capacity lowered by Γ · `WIDTH` · σ of itself.

    Parameters
    ----------
    instance
        What is given.
    uncertainty
        What is assumed.
    gamma
        Γ, 0 to 1.
    """
    kept = {
        family: max(0.0, 1 - gamma * WIDTH * uncertainty.deviation(family))
        for family in families_of(instance)
    }
    places = counties_of(instance)
    return with_factors(instance, {(place, name): kept[name] for place in places for name in kept})


def chance(gamma: float) -> float:
    """Return the most that the chance of one row to fail can be: Φ(−Γ · `WIDTH`)."""
    return NormalDist().cdf(-gamma * WIDTH)
