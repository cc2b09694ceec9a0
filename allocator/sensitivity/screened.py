"""Capacities and measures with what prices say of them, and the best of each kind."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from allocator.sensitivity.conditional import Conditional, Worth
from allocator.sensitivity.trials import SEATS, UNIT, Capacity, created
from allocator.sensitivity.variation import HOUSING, TRANSPORT
from models.columns import MeasureKind
from models.instance import Instance
from models.plan import Plan
from models.program.data import Data

_DWELLINGS, _TRANSIT, _SERVICE = (kind.value for kind in MeasureKind)


@dataclass(frozen=True)
class Screened:
    """A capacity, or a measure that creates it, with what a unit is worth.

    Attributes
    ----------
    capacity
        What there may be more of.
    worth
        Of one unit; none where nothing reacts.
    measure_id
        The measure; none for a capacity as such.
    price
        Currency for one unit; none for a capacity as such.
    """

    capacity: Capacity
    worth: Worth | None
    measure_id: str | None = None
    price: float | None = None

    @property
    def per_million(self) -> float | None:
        """Worth of a million of currency; none without a worth or a price."""
        if self.worth is None or not self.price:
            return None
        return self.worth.amount / self.price * 1e6


def capacities_of(data: Data, prices: Conditional) -> Iterator[Screened]:
    """Yield every capacity that there is or may be."""
    for m in data.municipalities:
        for s in data.sites[m]:
            for k in data.sizes:
                one = Capacity(_DWELLINGS, HOUSING, m, s, str(k))
                yield Screened(one, prices.dwelling(m, s, k))
            if s in data.seats:
                yield Screened(Capacity(_TRANSIT, TRANSPORT, m, s, SEATS), prices.seat(m, s))
        for h, family in data.family.items():
            if (m, h) in data.capacity:
                yield Screened(Capacity(_SERVICE, family, m, None, h), prices.place(m, h))
    for p, pool in data.pools.items():
        one = Capacity(_SERVICE, data.family[pool.service], None, None, p)
        yield Screened(one, prices.pooled(p))


def measures_of(data: Data, prices: Conditional) -> Iterator[Screened]:
    """Yield every measure."""
    for name, one in data.measures.items():
        capacity, *_ = created(one, data)
        yield Screened(capacity, prices.bought(name), name, one.cost / one.units)


def best(screened: Iterable[Screened], kind: str, top: int) -> list[Screened]:
    """Return the best of one kind, at most one a place, in the first goal that reacts.

    Measures are ranked by what a million is worth, capacities by what a unit is; those that
    nothing reacts to are left out.
    """
    ranked: list[tuple[int, float, Screened]] = []
    for one in screened:
        if one.worth is not None and one.capacity.kind == kind:
            amount = one.worth.amount if one.per_million is None else one.per_million
            ranked.append((one.worth.goal, -amount, one))
    ranked.sort(key=lambda entry: entry[:2])
    places: dict[Hashable, Screened] = {}
    for _, _, one in ranked:
        capacity = one.capacity
        place = capacity.site_id or (capacity.municipality_id, capacity.item)
        places.setdefault(place, one)
    return list(places.values())[:top]


def capacities_table(instance: Instance, data: Data, prices: Conditional) -> pd.DataFrame:
    """Return one row a capacity and budget, in the order of the instance."""
    rows = [
        {**where(instance, one.capacity), "unit": UNIT[one.capacity.kind], **_worth(one.worth)}
        for one in capacities_of(data, prices)
    ]
    nowhere = dict.fromkeys(("family", "municipality_id", "name", "site_id"))
    for name in ("total", _DWELLINGS, _TRANSIT, _SERVICE):
        worth = prices.million(name)
        if worth is not None:
            unit = f"million {instance.currency}"
            rows.append({"kind": "budget", **nowhere, "item": name, "unit": unit, **_worth(worth)})
    return pd.DataFrame(rows)


def measures_table(instance: Instance, data: Data, prices: Conditional, plan: Plan) -> pd.DataFrame:
    """Return one row a measure, in the order of the instance."""
    bought = plan.measures.set_index("measure_id")["steps"].to_dict()
    rows = []
    for one in measures_of(data, prices):
        assert one.measure_id is not None  # noqa: S101 - every one is a measure
        about = data.measures[one.measure_id]
        rows.append(
            {
                "measure_id": one.measure_id,
                **where(instance, one.capacity),
                "units_per_step": about.units,
                "cost_per_step": about.cost,
                "steps": int(bought.get(one.measure_id, 0)),
                "max_steps": about.max_steps,
                **_worth(one.worth),
                "conditional_per_million": one.per_million,
            }
        )
    return pd.DataFrame(rows)


def where(instance: Instance, capacity: Capacity | None) -> dict[str, Any]:
    """Return the cells that say which capacity it is."""
    if capacity is None:
        return dict.fromkeys(("kind", "family", "municipality_id", "name", "site_id", "item"))
    towns = instance.municipalities
    names = dict(zip(towns["municipality_id"], towns["name"], strict=True))
    return {
        "kind": capacity.kind,
        "family": capacity.family,
        "municipality_id": capacity.municipality_id,
        "name": names.get(capacity.municipality_id),
        "site_id": capacity.site_id,
        "item": capacity.item,
    }


def _worth(worth: Worth | None) -> dict[str, Any]:
    if worth is None:
        return {"goal": None, "conditional": 0.0}
    return {"goal": worth.goal, "conditional": worth.amount}
