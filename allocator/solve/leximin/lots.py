"""The quotas there can be, and the largest of them below a ratio."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from allocator.solve.arrays import Vector
from models.program.data import Data
from models.program.stability import demands

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Points = Mapping[str, list[int]]
"""Quotas above zero that there can be, in persons, ascending, by municipality."""

SAME = 1e-9
"""Part by which two ratios may differ and be the same: equal shares differ by rounding."""
ROUNDING = 1e-6
"""Persons that are rounding."""


def up_to(ratio: float) -> float:
    """Return a ratio with all that are the same."""
    return ratio * (1 + SAME)


def below(ratio: float) -> float:
    """Return a ratio without those that are the same."""
    return ratio * (1 - SAME)


@dataclass(frozen=True)
class Lots:
    """What the quotas of municipalities with a ratio can be, decisions taken exactly left out.

    Attributes
    ----------
    municipalities
        Their ids.
    fair
        f in persons, above zero, shape (municipalities,).
    most, most_odd
        Largest quota in whole lots, and with the odd lot (−∞ where it cannot be), in persons,
        shape (municipalities,).
    least
        Smallest quota that the policy allows, in persons, shape (municipalities,).
    step, odd, floor
        δ, ρ and φ in persons.
    ratios, owner
        Every ratio above zero that there can be, ascending, and the position of the
        municipality whose it is.
    needed
        Persons that these municipalities take together at least.
    carried
        Whether one of them must carry the odd lot.
    """

    municipalities: tuple[str, ...]
    fair: Vector
    most: Vector
    most_odd: Vector
    least: Vector
    step: int
    odd: int
    floor: int
    ratios: Vector
    owner: Indices
    needed: float = 0.0
    carried: bool = False

    @classmethod
    def of(cls, data: Data, points: Points) -> "Lots":
        """Return the lots of a program."""
        rated = [m for m in data.municipalities if data.fair_share[m] > 0 and m not in data.exact]
        step = data.step
        fair = np.array([data.fair_share[m] for m in rated])
        least = dict.fromkeys(rated, 0.0)
        for demand in demands(data):
            if demand.side == "more" and len(demand.municipalities) == 1:
                (m,) = demand.municipalities
                least[m] = max(least.get(m, 0.0), demand.persons)
        owner = np.repeat(np.arange(len(rated)), [len(points[m]) for m in rated])
        quotas = np.fromiter((q for m in rated for q in points[m]), np.float64, len(owner))
        ratios = quotas / fair[owner]
        order = np.argsort(ratios, kind="stable")
        return cls(
            municipalities=tuple(rated),
            fair=fair,
            most=_largest(points, rated, lambda quota: quota % step == 0, 0.0),
            most_odd=_largest(points, rated, lambda quota: quota % step != 0, -np.inf),
            least=np.array([least[m] for m in rated]),
            step=step,
            odd=data.odd_lot,
            floor=data.policy.floor,
            ratios=ratios[order],
            owner=owner[order],
        )

    def whole(self, limit: Vector) -> Vector:
        """Return the largest quotas in whole lots up to `limit`, in persons."""
        quotas = np.minimum(np.floor(limit / self.step) * self.step, self.most)
        return np.where(quotas >= self.floor, quotas, 0.0)

    def with_odd(self, limit: Vector) -> Vector:
        """Return the largest quotas with the odd lot up to `limit`, −∞ where there is none."""
        if not self.odd:
            return np.full_like(limit, -np.inf)
        lots = np.floor((limit - self.odd) / self.step)
        quotas = np.minimum(lots * self.step + self.odd, self.most_odd)
        return np.where(quotas >= max(self.floor, self.odd), quotas, -np.inf)

    def largest(self, limit: Vector) -> Vector:
        """Return the largest quotas up to `limit`, in persons."""
        return np.maximum(self.whole(limit), self.with_odd(limit))

    def at(self, ratio: float) -> Vector:
        """Return the largest quotas with a ratio up to `ratio`, in persons."""
        return self.largest(self.fair * up_to(ratio))


def counted(ratios: Vector) -> list[tuple[float, int]]:
    """Return every ratio, the largest first, with how many there are of it."""
    ordered = np.sort(ratios)[::-1]
    starts = np.flatnonzero(ordered < np.concatenate([[np.inf], ordered[:-1]]) * (1 - SAME))
    counts = np.diff(np.append(starts, len(ordered)))
    return [(float(ordered[i]), int(n)) for i, n in zip(starts, counts, strict=True)]


def _largest(points: Points, rated: list[str], kind: Callable[[int], bool], none: float) -> Vector:
    """Return the largest quota of a kind, `none` where there is none, by municipality."""
    return np.array([max(filter(kind, points[m]), default=none) for m in rated])
