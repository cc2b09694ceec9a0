"""Turn a solution of the arrays into the tables and totals of a plan."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from allocator.solve.arrays import Columns, Vector
from allocator.solve.leximin.lots import counted
from models.columns import MeasureKind
from models.instance import Instance
from models.plan import Level, PlanTables, Totals
from models.policy import Term
from models.program.data import Data
from models.program.fairness import unfairness

SMALLEST = 1e-9
"""Persons below which a placement is rounding and not a person."""
BINDING = 1e-6
"""Part of a capacity that may be left while it still counts as used up."""


class Extract:
    """A solution read back in the words of the instance.

    Parameters
    ----------
    instance, data
        What the program was made of.
    columns
        Position of every variable in the solution.
    solution
        Shape (columns,).
    """

    def __init__(self, instance: Instance, data: Data, columns: Columns, solution: Vector) -> None:
        self._instance, self._data = instance, data
        self._columns, self._solution = columns, solution
        self.steps = {
            name: round(float(solution[i])) for name, i in columns.get("steps", {}).items()
        }
        self.persons = self._persons()
        self.quota = {m: self._quota(m) for m in data.municipalities}

    def tables(self) -> PlanTables:
        """Return the tables of the plan."""
        return PlanTables(
            {
                "quotas": self._quotas(),
                "placements": pd.DataFrame(
                    [(s, g, x) for (s, g), x in sorted(self.persons.items())],
                    columns=["site_id", "group_id", "persons"],
                ),
                "measures": self._measures(),
                "capacity": self._capacity(),
            }
        )

    def totals(self) -> Totals:
        """Return the plan in a few numbers."""
        data, quota = self._data, self.quota
        ratios = [quota[m] / f for m, f in data.fair_share.items() if f > 0]
        placed = sum(quota.values())
        return Totals(
            target=data.target,
            placed=placed,
            shortfall=data.target - placed,
            cost=self._cost(),
            budget=data.budget,
            municipalities=len(quota),
            asked=sum(q > 0 for q in quota.values()),
            largest_ratio=max(ratios, default=None),
            smallest_ratio=min(ratios, default=None),
            unfairness=self._unfairness(),
            overload=self._overload(),
            change=self._change(),
            outcome=self._outcome() if data.probability else None,
        )

    def term(self, term: Term) -> float:
        """Return the value of one term at the plan, as goals count it."""
        ratios = [self.quota[m] / f for m, f in self._data.fair_share.items() if f > 0]
        values: dict[Term, Callable[[], float]] = {
            Term.SHORTFALL: lambda: float(self._data.target - sum(self.quota.values())),
            Term.OVERLOAD: self._overload,
            Term.UNFAIRNESS: self._unfairness,
            Term.MAX_RATIO: lambda: max(ratios, default=0.0),
            Term.COST: self._cost,
            Term.CHANGE: lambda: self._change() or 0.0,
            Term.OUTCOME: lambda: -self._outcome(),
        }
        return values[term]()

    def levels(self, proven: int) -> tuple[Level, ...]:
        """Return every ratio of the plan, the largest first; the first `proven` are."""
        ratios = np.array([self.quota[m] / f for m, f in self._data.fair_share.items() if f > 0])
        return tuple(
            Level(ratio=ratio, municipalities=count, proven=i < proven)
            for i, (ratio, count) in enumerate(counted(ratios))
        )

    def _persons(self) -> dict[tuple[str, str], float]:
        persons = {}
        for (s, g), i in self._columns.get("persons", {}).items():
            value = float(self._solution[i])
            nearest = round(value)
            value = float(nearest) if abs(value - nearest) < BINDING / 10 else value
            if value > SMALLEST:
                persons[s, g] = value
        return persons

    def _quota(self, municipality: str) -> int:
        if municipality in self._columns.get("whole_quota", {}):
            return round(float(self._value("whole_quota", municipality)))
        if municipality in self._data.exact:
            return self._data.exact[municipality]
        quota = self._data.step * round(float(self._value("lots", municipality)))
        return quota + self._data.odd_lot * round(float(self._value("odd", municipality)))

    def _value(self, component: str, index: Any) -> float:
        column = self._columns.get(component, {}).get(index)
        return 0.0 if column is None else float(self._solution[column])

    def _quotas(self) -> pd.DataFrame:
        data = self._data
        towns = self._instance.municipalities
        minors = {
            m: sum(
                self.persons.get((s, g), 0.0)
                for g, group in data.groups.items()
                if group.minors
                for s in data.sites[m]
            )
            for m in data.municipalities
        }
        fair, quota = data.fair_share, self.quota
        return pd.DataFrame(
            {
                "municipality_id": towns["municipality_id"],
                "name": towns["name"],
                "county_id": towns["county_id"],
                "fair_share": [fair[m] for m in data.municipalities],
                "quota": [quota[m] for m in data.municipalities],
                "minors": [minors[m] for m in data.municipalities],
                "ratio": [
                    quota[m] / fair[m] if fair[m] > 0 else np.nan for m in data.municipalities
                ],
                "asked": [quota[m] > 0 for m in data.municipalities],
            }
        )

    def _measures(self) -> pd.DataFrame:
        bought = [
            (name, steps, steps * self._data.measures[name].cost)
            for name, steps in sorted(self.steps.items())
            if steps > 0
        ]
        return pd.DataFrame(bought, columns=["measure_id", "steps", "cost"])

    def _cost(self) -> float:
        return sum(steps * self._data.measures[name].cost for name, steps in self.steps.items())

    def _unfairness(self) -> float:
        data = self._data
        return sum(
            unfairness(self.quota[m], data.fair_share[m], data.divisor(m))
            for m in data.municipalities
        )

    def _change(self) -> float | None:
        previous = self._data.previous
        if not previous:
            return None
        return float(sum(abs(self.quota[m] - before) for m, before in previous.items()))

    def _outcome(self) -> float:
        at = {s: m for m, sites in self._data.sites.items() for s in sites}
        return sum(
            self._data.probability.get((at[s], g), 0.0) * x for (s, g), x in self.persons.items()
        )

    def _built(self, kind: MeasureKind, place: str, wanted: Any) -> float:
        return sum(
            self._data.measures[name].units * self.steps.get(name, 0)
            for name in self._data.measures_at(kind, place)
            if wanted(self._data.measures[name])
        )

    def _capacity(self) -> pd.DataFrame:
        rows = [*self._housing(), *self._transport(), *self._services(), *self._pools()]
        frame = pd.DataFrame(
            rows, columns=["family", "municipality_id", "site_id", "item", "used", "capacity"]
        )
        frame["slack"] = frame["capacity"] - frame["used"]
        frame["binding"] = frame["slack"] <= BINDING * frame["capacity"].clip(lower=1.0)
        return frame

    def _housing(self) -> list[tuple[Any, ...]]:
        data, rows = self._data, []
        for m in data.municipalities:
            for s in data.sites[m]:
                for k in data.sizes:
                    used = sum(
                        self.persons.get((s, g), 0.0) / group.persons_per_dwelling
                        for g, group in data.groups.items()
                        if group.beds >= k
                    )
                    built = self._built(
                        MeasureKind.DWELLINGS, s, lambda measure, k=k: measure.beds >= k
                    )
                    rows.append(("housing", m, s, str(k), used, data.stock[s, k] + built))
        return rows

    def _transport(self) -> list[tuple[Any, ...]]:
        data, rows = self._data, []
        for m in data.municipalities:
            for s in data.sites[m]:
                if s in data.seats:
                    used = sum(
                        self.persons.get((s, g), 0.0) * group.transit_share
                        for g, group in data.groups.items()
                    )
                    added = self._built(MeasureKind.TRANSIT, s, lambda _: True)
                    rows.append(("transport", m, s, "seats", used, data.seats[s] + added))
        return rows

    def _used(self, municipality: str, service: str) -> float:
        return sum(
            self.persons.get((s, g), 0.0) * group.needs[service]
            for g, group in self._data.groups.items()
            if service in group.needs
            for s in self._data.sites[municipality]
        )

    def _added(self, municipality: str, service: str) -> float:
        return self._built(
            MeasureKind.SERVICE, municipality, lambda measure: measure.service == service
        )

    def _services(self) -> list[tuple[Any, ...]]:
        data = self._data
        return [
            (
                data.family[h],
                m,
                None,
                h,
                self._used(m, h),
                data.capacity[m, h] + self._added(m, h),
            )
            for m in data.municipalities
            for h in data.family
            if (m, h) in data.capacity
        ]

    def _pools(self) -> list[tuple[Any, ...]]:
        return [
            (
                self._data.family[pool.service],
                None,
                None,
                p,
                sum(self._used(m, pool.service) for m in pool.members),
                pool.capacity + sum(self._added(m, pool.service) for m in pool.members),
            )
            for p, pool in self._data.pools.items()
        ]

    def _overload(self) -> float:
        data, soft = self._data, self._data.policy.soft
        if not soft:
            return 0.0
        over: dict[tuple[str, str], float] = {}
        for family, m, s, item, used, capacity in [
            *self._housing(),
            *self._transport(),
            *self._services(),
            *self._pools(),
        ]:
            # A missing dwelling is counted once a site, at the size that lacks most.
            place = (family, s) if family == "housing" else (family, f"{m} {s} {item}")
            if data.is_soft(family):
                over[place] = max(over.get(place, 0.0), used - capacity)
        return sum(soft[family] * units for (family, _), units in over.items())
