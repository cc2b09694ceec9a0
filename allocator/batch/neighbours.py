"""Which case every case starts from: the nearest of a few that are solved first.

A few settings far from each other (`hubs`) are solved first, from the plan where nothing is
varied; every other case starts from the nearest of them. Who starts from whom rests on the
settings alone, so that results are the same however many workers there are, and after an
interruption. Cases with different seeds never start from each other: repetitions would repeat
nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from allocator.batch.spec import Settings

MOST = 16
"""Most hubs."""
EACH = 8
"""Cases for which there is one more hub."""
BASE = -1
"""Stands for the plan where nothing is varied."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Who starts from whom.

    Attributes
    ----------
    points
        Settings of the cases of one instance and seed.
    """

    points: Sequence[Settings]

    @cached_property
    def hubs(self) -> tuple[int, ...]:
        """Positions of those that others start from, in the order in which they are found.

        The first is the one nearest to the middle of all, each of the others the one farthest
        from those before it (Gonzalez 1985); equal settings are one.
        """
        count = min(MOST, len(self.points) // EACH)
        if not count:
            return ()
        middle = np.abs(self._places - self._places.mean(axis=0)).sum(axis=1)
        found = [int(np.argmin(middle))]
        away = self._distance(found[0])
        while len(found) < count and away.max() > 0:
            found.append(int(np.argmax(away)))
            away = np.minimum(away, self._distance(found[-1]))
        return tuple(found)

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """The position that each starts from, or `BASE`."""
        if not self.hubs:
            return (BASE,) * len(self.points)
        away = np.array([self._distance(hub) for hub in self.hubs])
        nearest = np.array(self.hubs)[np.argmin(away, axis=0)]
        nearest[list(self.hubs)] = BASE
        return tuple(int(one) for one in nearest)

    @cached_property
    def _places(self) -> NDArray[np.float64]:
        """Settings as numbers: each input from 0 to 1, words as one column each, shape (n, d)."""
        columns = []
        for path in dict.fromkeys(path for settings in self.points for path in settings):
            cells = [settings.get(path) for settings in self.points]
            numbers = [c for c in cells if isinstance(c, int | float)]
            low, high = (min(numbers), max(numbers)) if numbers else (0.0, 0.0)
            width = (high - low) or 1.0
            columns.append(
                [(c - low) / width if isinstance(c, int | float) else 0.0 for c in cells]
            )
            others = dict.fromkeys(c for c in cells if not isinstance(c, int | float))
            if len(others) > 1 or (others and numbers):
                columns += [[0.5 * (c == word) for c in cells] for word in others]
        return np.array(columns, dtype=np.float64).reshape(len(columns), len(self.points)).T

    def _distance(self, position: int) -> NDArray[np.float64]:
        away: NDArray[np.float64] = np.abs(self._places - self._places[position]).sum(axis=1)
        return away
