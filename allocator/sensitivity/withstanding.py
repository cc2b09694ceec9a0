"""What a plan withstands as it stands: which of its capacities are too small in which draws.

Here nobody is moved: a capacity fails when what the plan's own placements use of it is more than
what is drawn, measures included. Families that the policy lets be overloaded are left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocator.sensitivity.uncertainty import ARRIVALS, Draws
from allocator.sensitivity.variation import HOUSING, TRANSPORT
from models.instance import Instance
from models.plan import Plan

Flags = npt.NDArray[np.bool_]

ROUNDING = 1e-5
"""Part of a capacity by which it may be exceeded: solvers keep rows within such a tolerance."""


def given(instance: Instance, capacity: pd.DataFrame) -> list[float]:
    """Return what the instance gives of the capacities of a plan, without measures.

    Parameters
    ----------
    instance
        What is given.
    capacity
        Rows of the table `capacity` of a plan of it.
    """
    dwellings = instance.dwellings
    homes: dict[str, list[tuple[int, float]]] = {}
    for row in _rows(dwellings):
        homes.setdefault(row.site_id, []).append((int(row.beds), float(row.dwellings)))
    seats = instance.sites.set_index("site_id")["transit_seats"].to_dict()
    own = instance.capacities.set_index(["municipality_id", "service_id"])["capacity"].to_dict()
    pools = instance.shared_capacities.set_index("pool_id")["capacity"].to_dict()

    def units(row: Any) -> float:
        if row.family == HOUSING:
            return sum(n for beds, n in homes.get(row.site_id, []) if beds >= int(row.item))
        if row.family == TRANSPORT:
            return float(seats[row.site_id])
        if pd.isna(row.municipality_id):
            return float(pools[row.item])
        return float(own[row.municipality_id, row.item])

    return [units(row) for row in _rows(capacity)]


def _rows(frame: pd.DataFrame) -> Any:
    return frame.itertuples(index=False)


@dataclass(frozen=True)
class Withstood:
    """Which capacities of a plan are too small, in which draws.

    Attributes
    ----------
    rows
        The capacities that must hold: family, place (municipality or pool), used, given, bought.
    short
        Whether it is too small, by draw and row.
    more
        Whether more persons come than the target of the plan, by draw.
    """

    rows: pd.DataFrame
    short: Flags
    more: Flags

    @property
    def fails(self) -> float:
        """Share of the draws in which some capacity is too small."""
        return _share(_any(self.short))

    @property
    def fails_somehow(self) -> float:
        """Share of the draws in which some capacity is too small, or more persons come."""
        return _share(_any(self.short) | self.more)

    @cached_property
    def at(self) -> Flags:
        """Whether something is too small, by draw and place (in the order of `places`)."""
        columns = [self._any(self.rows["place"] == place) for place in self.places]
        return np.column_stack(columns) if columns else np.zeros((len(self.more), 0), dtype=bool)

    @cached_property
    def places(self) -> list[str]:
        """The places that the plan uses a capacity of."""
        return list(dict.fromkeys(self.rows["place"]))

    @property
    def largest_share(self) -> float:
        """The share of the draws in which a capacity is too small, where it is largest."""
        return float(self.short.mean(axis=0).max()) if self.short.size else 0.0

    @property
    def places_failing(self) -> float:
        """Places in which something is too small, mean over the draws."""
        return float(self.at.sum(axis=1).mean()) if len(self.more) else 0.0

    def families(self) -> pd.DataFrame:
        """Return how often each family is too small somewhere, and in how many places.

        Columns: family (the last is `arrivals`: more come than planned), fails (share of
        draws), places (mean over the draws), places_95 (in 95 % of the draws no more).
        """
        rows = [self._family(name) for name in dict.fromkeys(self.rows["family"])]
        rows.append(
            {"family": ARRIVALS, "fails": _share(self.more), "places": None, "places_95": None}
        )
        return pd.DataFrame(rows, columns=["family", "fails", "places", "places_95"])

    def _family(self, name: str) -> dict[str, Any]:
        own = self.rows["family"] == name
        each = [self._any(own & (self.rows["place"] == place)) for place in self._in(own)]
        count = np.sum(each, axis=0)
        return {
            "family": name,
            "fails": _share(count > 0),
            "places": float(count.mean()) if count.size else 0.0,
            "places_95": float(np.quantile(count, 0.95)) if count.size else 0.0,
        }

    def _in(self, meant: "pd.Series[bool]") -> list[str]:
        return list(dict.fromkeys(self.rows.loc[meant, "place"]))

    def by_place(self) -> Iterator[dict[str, Any]]:
        """Yield how often each place fails: place, fails, and by family (`fails_FAMILY`)."""
        families = list(dict.fromkeys(self.rows["family"]))
        for number, place in enumerate(self.places):
            here = self.rows["place"] == place
            yield {
                "place": place,
                "fails": _share(self.at[:, number]),
                **{
                    f"fails_{name}": _share(self._any(here & (self.rows["family"] == name)))
                    for name in families
                },
            }

    def _any(self, meant: "pd.Series[bool]") -> Flags:
        return _any(self.short[:, meant.to_numpy()])


def _any(short: Flags) -> Flags:
    """Tell in which draws something is too small."""
    found: Flags = np.asarray(short.any(axis=1))
    return found


def _share(flags: Flags) -> float:
    return float(flags.mean()) if flags.size else 0.0


def withstood(instance: Instance, solved: Instance, plan: Plan, draws: Draws) -> Withstood:
    """Return which capacities of a plan are too small in which draws, where nobody is moved.

    Parameters
    ----------
    instance
        What is given, and drawn around.
    solved
        The instance that the plan was made for: another one where it is a robust plan.
    plan
        A plan that was found.
    draws
        Draws for `instance`.
    """
    rows = plan.capacity.reset_index(drop=True)
    rows["place"] = rows["municipality_id"].fillna(rows["item"]).astype("str")
    rows["given"] = given(instance, rows)
    rows["bought"] = (rows["capacity"] - given(solved, rows)).clip(lower=0.0)
    must = (rows["used"] > 0) & ~rows["family"].isin(list(plan.policy.soft))
    rows = rows.loc[must, ["family", "place", "used", "given", "bought"]].reset_index(drop=True)
    place = {name: i for i, name in enumerate(draws.places)}
    family = {name: j for j, name in enumerate(draws.families)}
    factors = draws.factors[
        :, [place[name] for name in rows["place"]], [family[name] for name in rows["family"]]
    ]
    there = factors * rows["given"].to_numpy() + rows["bought"].to_numpy()
    short = rows["used"].to_numpy() > there + ROUNDING * np.maximum(1.0, there)
    target = plan.policy.target_for(instance.target)
    return Withstood(rows, short, np.round(draws.arrivals * target) > target)
