"""Find room on the map for the names of counties and for the legend."""

import numpy as np
import numpy.typing as npt

from allocator.report.bubbles import Layout

Numbers = npt.NDArray[np.float64]

GRID = 12.0
"""Distance between the places that are tried, in units of the picture."""
FAR = 0.3
"""Cost of one unit of distance from the middle of the county, beside one unit² of overlap."""
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
    for name, (wide, tall) in sizes.items():
        own = county == name
        x, y = _grid(layout, wide, tall)
        away = np.hypot(x[:, None] - layout.x, y[:, None] - layout.y) - layout.radius
        near = away[:, own].min(axis=1)
        others = away[:, ~own].min(axis=1) if (~own).any() else near
        middle = np.hypot(x - layout.x[own].mean(), y - layout.y[own].mean())
        cost = _covered(layout, x, y, wide, tall) + FAR * middle + 0.002 * near**2
        cost = cost + ASTRAY * np.maximum(near - others, 0)
        for left, top, right, bottom in boxes:
            across = np.minimum(right, x + wide / 2) - np.maximum(left, x - wide / 2)
            along = np.minimum(bottom, y + tall / 2) - np.maximum(top, y - tall / 2)
            cost = cost + 10 * np.maximum(across, 0) * np.maximum(along, 0)
        best = int(np.argmin(cost))
        placed[name] = (float(x[best]), float(y[best]))
        boxes.append(
            (x[best] - wide / 2, y[best] - tall / 2, x[best] + wide / 2, y[best] + tall / 2)
        )
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


def _grid(layout: Layout, wide: float, tall: float) -> tuple[Numbers, Numbers]:
    x = np.arange(wide / 2 + 2, max(layout.width - wide / 2, wide / 2 + 3), GRID)
    y = np.arange(tall / 2 + 2, max(layout.height - tall / 2, tall / 2 + 3), GRID)
    across, along = np.meshgrid(x, y)
    return across.ravel(), along.ravel()


def _covered(layout: Layout, x: Numbers, y: Numbers, wide: float, tall: float) -> Numbers:
    """Return roughly how much of the bubbles a box around every (x, y) covers."""
    across = np.maximum(np.abs(x[:, None] - layout.x) - wide / 2, 0)
    along = np.maximum(np.abs(y[:, None] - layout.y) - tall / 2, 0)
    deep = np.maximum(layout.radius + 1 - np.hypot(across, along), 0)
    return np.asarray((deep * np.minimum(2 * layout.radius, tall)).sum(axis=1))
