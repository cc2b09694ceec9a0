"""Lay out bubbles on a map so that each stays near its place and none hides another."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from allocator.report.projection import transverse_mercator

Numbers = npt.NDArray[np.float64]

LEAST_RADIUS = 3.0
"""Radius of the smallest bubble, in units of the picture, so that it can be seen and hit."""
LARGEST_RADIUS = 40.0
"""Radius that no bubble exceeds."""
COVER = 0.085
"""Part of the picture that all bubbles cover together, at most."""
BETWEEN = 0.8
"""Least distance between two bubbles."""
ROUNDS = 240
"""Rounds of moving apart."""
PULL = 0.03
"""Part of the way home that a bubble goes in one round."""


@dataclass(frozen=True)
class Layout:
    """Where the bubbles are, in units of the picture; y grows downwards.

    Attributes
    ----------
    x, y, radius
        One a place.
    width, height
        Size of the picture.
    """

    x: Numbers
    y: Numbers
    radius: Numbers
    width: float
    height: float


def lay_out(
    latitude: Numbers, longitude: Numbers, size: Numbers, *, width: float, height: float
) -> Layout:
    """Return bubbles whose area goes with `size`, moved apart just enough to be told apart.

    Parameters
    ----------
    latitude, longitude
        Degrees, WGS84.
    size
        What the area shows, ≥ 0 (persons). Small ones are drawn larger than they are.
    width, height
        Largest extent of the picture; the shape of the country decides which is reached.

    References
    ----------
    Dorling, D. (1996), *Area Cartograms: Their Use and Creation*, CATMOG 59.
    """
    east, north = transverse_mercator(latitude, longitude)
    across, along = np.ptp(east), np.ptp(north)
    edge = LARGEST_RADIUS * 0.8
    room = (width - 2 * edge, height - 2 * edge)
    scale = min(
        room[0] / across if across > 0 else math.inf, room[1] / along if along > 0 else math.inf
    )
    if math.isinf(scale):
        scale = 0.0
    # A country of a few places next to each other still gets a picture with a middle.
    wide, tall = (max(extent * scale + 2 * edge, 0.35 * width) for extent in (across, along))
    x = (east - (east.max() + east.min()) / 2) * scale + wide / 2
    y = ((north.max() + north.min()) / 2 - north) * scale + tall / 2
    radius = _radii(size, wide * tall)
    x, y = _apart(x, y, radius, wide, tall)
    return Layout(x, y, radius, wide, tall)


def _radii(size: Numbers, area: float) -> Numbers:
    if not size.sum() > 0:
        return np.full_like(size, LEAST_RADIUS)
    per_unit = COVER * area / (math.pi * size.sum())
    largest = math.sqrt(size.max() * per_unit)
    shrink = min(1.0, LARGEST_RADIUS / largest)
    return np.asarray(np.maximum(np.sqrt(size * per_unit) * shrink, LEAST_RADIUS))


def _apart(
    x: Numbers, y: Numbers, radius: Numbers, wide: float, tall: float
) -> tuple[Numbers, Numbers]:
    # Places at the very same spot get a direction to go, always the same one.
    turn = np.arange(len(x)) * math.pi * (3 - math.sqrt(5))
    home = np.column_stack([x + 0.01 * np.cos(turn), y + 0.01 * np.sin(turn)])
    low = (radius + 1)[:, None]
    high = np.array([wide, tall]) - low
    place = home.copy()
    for number in range(ROUNDS):
        if number < ROUNDS * 3 // 4:
            place += PULL * (home - place)
        pairs = _overlapping(place, radius)
        if not len(pairs) and number >= ROUNDS * 3 // 4:
            break
        place += _push(place, radius, pairs)
        place = np.clip(place, low, high)
    return place[:, 0], place[:, 1]


def _overlapping(place: Numbers, radius: Numbers) -> npt.NDArray[np.intp]:
    """Return the pairs of bubbles that overlap, each once and in one order."""
    usual = float(np.quantile(radius, 0.9))
    found = [cKDTree(place).query_pairs(2 * usual + BETWEEN, output_type="ndarray")]
    # The few large ones are looked at apart, or else everybody would have to look as far.
    for one in np.flatnonzero(radius > usual):
        away = np.hypot(*(place - place[one]).T)
        others = np.flatnonzero(away < radius + radius[one] + BETWEEN)
        found.append(np.column_stack([np.full_like(others, one), others]))
    pairs = np.sort(np.concatenate(found).astype(np.intp), axis=1)
    one, two = pairs.T
    away = np.hypot(*(place[two] - place[one]).T)
    pairs = pairs[(one != two) & (away < radius[one] + radius[two] + BETWEEN)]
    return np.unique(pairs, axis=0)


def _push(place: Numbers, radius: Numbers, pairs: npt.NDArray[np.intp]) -> Numbers:
    """Return how far every bubble moves away from those it overlaps; small ones move more."""
    one, two = pairs[:, 0], pairs[:, 1]
    between = place[two] - place[one]
    distance = np.maximum(np.hypot(between[:, 0], between[:, 1]), 1e-9)
    overlap = np.maximum(radius[one] + radius[two] + BETWEEN - distance, 0.0)
    step = between / distance[:, None] * (0.7 * overlap)[:, None]
    heavy = (radius[one] ** 2 / (radius[one] ** 2 + radius[two] ** 2))[:, None]
    moved = np.zeros_like(place)
    np.add.at(moved, one, -step * (1 - heavy))
    np.add.at(moved, two, step * heavy)
    return moved
