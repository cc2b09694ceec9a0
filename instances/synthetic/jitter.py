"""Small random changes that keep means, zeros and blanks."""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

_KM_PER_DEGREE = 6371.0 * np.pi / 180
"""Of latitude, on a sphere of the Earth's mean radius."""


def factors(rng: np.random.Generator, spread: float, count: int) -> Numbers:
    """Return `count` factors with a lognormal distribution of mean 1.

    Parameters
    ----------
    rng
        Source of randomness.
    spread
        Standard deviation σ of the logarithm; the logarithm's mean is -σ²/2, which
        makes the mean of the factors 1.
    count
        How many.
    """
    return np.exp(spread * rng.standard_normal(count) - spread**2 / 2)


def whole(rng: np.random.Generator, values: Numbers) -> Numbers:
    """Round up with the probability of the fraction, so that small counts keep their mean."""
    rounded: Numbers = np.floor(values + rng.random(len(values)))
    return rounded


def shares(rng: np.random.Generator, spread: float, values: Numbers) -> Numbers:
    """Move shares by a normal step of their log-odds; 0 stays 0, 1 stays 1, none leaves [0, 1]."""
    odds = np.exp(spread * rng.standard_normal(len(values)))
    moved: Numbers = values * odds / (1 - values + values * odds)
    return moved


def moved(
    rng: np.random.Generator, spread_km: float, latitude: Numbers, longitude: Numbers
) -> tuple[Numbers, Numbers]:
    """Move points on the sphere by some km to the north and to the east.

    Returns
    -------
    latitude, longitude
        In degrees, four decimals (about 10 m), as the Norwegian centres have them.
    """
    north = spread_km * rng.standard_normal(len(latitude)) / _KM_PER_DEGREE
    east = spread_km * rng.standard_normal(len(latitude)) / _KM_PER_DEGREE
    east /= np.cos(np.radians(latitude))
    return np.round(latitude + north, 4), np.round(longitude + east, 4)
