"""Project places on the earth to the plane, for a map of any country."""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def transverse_mercator(latitude: Numbers, longitude: Numbers) -> tuple[Numbers, Numbers]:
    """Return x (east) and y (north) on the plane, in radians of a unit sphere.

    ::

        B = cos φ sin(λ − λ₀)        x = artanh B
        y = arctan(tan φ ÷ cos(λ − λ₀))

    with φ latitude, λ longitude and λ₀ the mean longitude of the places. Shapes are kept,
    and sizes nearly so within some twenty degrees of the middle; this is the projection that
    Norway's official maps use (UTM).

    Parameters
    ----------
    latitude, longitude
        Degrees, WGS84; at least one place.

    References
    ----------
    Snyder, J. P. (1987), *Map Projections: A Working Manual*, USGS Professional Paper 1395,
    equations 8-1 to 8-3.
    """
    phi, lam = np.radians(latitude), np.radians(longitude)
    # The mean of directions, so that a country across the date line has its middle in it.
    middle = np.arctan2(np.sin(lam).mean(), np.cos(lam).mean())
    away = lam - middle
    b = np.clip(np.cos(phi) * np.sin(away), -0.999, 0.999)
    return np.arctanh(b), np.arctan2(np.sin(phi), np.cos(phi) * np.cos(away))
