"""Find room on the map for the names of counties and for the legend."""

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from allocator.report.bubbles import Layout

Numbers = npt.NDArray[np.float64]

GRID = 12.0
"""Distance between the places that are tried, in units of the picture."""
FAR = 0.3
"""Cost of one unit of distance from the middle of the county, beside one unit² of overlap."""
NEAR = 110.0
"""Places farther from all bubbles of the county are not tried."""
ASTRAY = 6.0
"""Cost of one unit by which the bubbles of another county are nearer."""


def place_names(
    layout: Layout, county: "npt.NDArray[np.object_]", sizes: dict[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """Return the middle of every county's name: near its bubbles, over as few as can be.

    Parameters
    ----------
    layout
        The bubbles.
    county
        County of every bubble.
    sizes
        Width and height of every name, in units of the picture, in the order of placing.
    """
    placed: dict[str, tuple[float, float]] = {}
    boxes: list[tuple[float, float, float, float]] = []
    bubbles = np.column_stack([layout.x, layout.y])
    for name, (wide, tall) in sizes.items():
        own = county == name
        spots, near = _spots(layout, bubbles[own], wide, tall)
        cost = 0.002 * near**2 + _covered(layout, spots, wide, tall)
        cost += FAR * np.hypot(*(spots - bubbles[own].mean(axis=0)).T)
        if not own.all():
            others = cKDTree(bubbles[~own]).query(spots)[0]
            cost += ASTRAY * np.maximum(near - others, 0)
        x, y = spots.T
        for left, top, right, bottom in boxes:
            across = np.minimum(right, x + wide / 2) - np.maximum(left, x - wide / 2)
            along = np.minimum(bottom, y + tall / 2) - np.maximum(top, y - tall / 2)
            cost += 10 * np.maximum(across, 0) * np.maximum(along, 0)
        at_x, at_y = spots[int(np.argmin(cost))].tolist()
        placed[name] = (at_x, at_y)
        boxes.append((at_x - wide / 2, at_y - tall / 2, at_x + wide / 2, at_y + tall / 2))
    return placed


def free_corner(layout: Layout, wide: float, tall: float) -> tuple[float, float] | None:
    """Return the upper left point of a corner with room for a box, or None."""
    for left in (0.0, layout.width - wide):
        for top in (0.0, layout.height - tall):
            across = np.clip(layout.x, left, left + wide) - layout.x
            along = np.clip(layout.y, top, top + tall) - layout.y
            if (np.hypot(across, along) > layout.radius).all():
                return left, top
    return None


def _spots(layout: Layout, own: Numbers, wide: float, tall: float) -> tuple[Numbers, Numbers]:
    """Return the places to try for a name, and how far the nearest of its own bubbles is."""
    x = np.arange(wide / 2 + 2, max(layout.width - wide / 2, wide / 2 + 3), GRID)
    y = np.arange(tall / 2 + 2, max(layout.height - tall / 2, tall / 2 + 3), GRID)
    spots = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    near = cKDTree(own).query(spots)[0]
    kept = near <= max(NEAR, float(near.min()))
    return spots[kept], near[kept]


def _covered(layout: Layout, spots: Numbers, wide: float, tall: float) -> Numbers:
    """Return roughly how much of the bubbles a box around every spot covers."""
    reach = layout.radius + 1 + max(wide, tall)
    (left, top), (right, bottom) = spots.min(axis=0), spots.max(axis=0)
    seen = (layout.x > left - reach) & (layout.x < right + reach)
    seen &= (layout.y > top - reach) & (layout.y < bottom + reach)
    radius = layout.radius[seen]
    across = np.maximum(np.abs(spots[:, :1] - layout.x[seen]) - wide / 2, 0)
    along = np.maximum(np.abs(spots[:, 1:] - layout.y[seen]) - tall / 2, 0)
    deep = np.maximum(radius + 1 - np.hypot(across, along), 0)
    return np.asarray((deep * np.minimum(2 * radius, tall)).sum(axis=1))
