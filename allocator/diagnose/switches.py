"""Everything that can be left out, as columns of the elastic program that are zero otherwise."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from allocator.diagnose.types import Kind
from allocator.solve.arrays import Columns
from models.program.data import Data
from models.program.stability import demands

Positions = npt.NDArray[np.int_]
SIDES = {"more": "at least", "less": "at most"}
"""How a demand asks, by the side on which it gives way."""


@dataclass(frozen=True, eq=False)
class Switch:
    """One thing that is asked, and the columns by which it is left out.

    Attributes
    ----------
    kind, rule, where, side, amount
        As in `Part`.
    columns
        Columns that are zero unless it is left out.
    whole
        Columns that need be whole only while it is kept.
    municipalities
        Whose quotas a demand adds up.
    """

    kind: Kind
    rule: str
    where: str = ""
    side: str = ""
    amount: float | None = None
    columns: tuple[int, ...] = ()
    whole: tuple[int, ...] = ()
    municipalities: tuple[str, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether it asks for something, rather than limits what can be had."""
        return self.kind in (Kind.DEMAND, Kind.PROMISE)

    @property
    def lifts(self) -> bool:
        """Whether it asks for persons somewhere, rather than for no more of them."""
        return self.kind is Kind.PROMISE or (self.kind is Kind.DEMAND and self.side != "at most")

    @property
    def measured(self) -> bool:
        """Whether it can give way by an amount, rather than wholly or not at all."""
        return self.kind not in (Kind.MINORS, Kind.LOTS)


def switches(data: Data, columns: Columns, *, promise: bool) -> list[Switch]:
    """Return everything that is kept, what is asked first and what is told best next.

    Parameters
    ----------
    data
        Coefficients before they were widened.
    columns
        Columns of the elastic program.
    promise
        Whether nobody is to be left without a place.
    """
    found = [*_demands(data, columns)]
    if promise:
        shortfall = tuple(columns["shortfall"].values())
        found.append(Switch(Kind.PROMISE, "no_shortfall", amount=0.0, columns=shortfall))
    found += [
        Switch(Kind.CAPACITY, family, columns=missing)
        for family, missing in capacities(data, columns).items()
    ]
    found += [*_rules(data, columns)]
    return [switch for switch in found if switch.columns or switch.whole]


def capacities(data: Data, columns: Columns) -> dict[str, tuple[int, ...]]:
    """Return the columns of what is missing, by family, and by `pools`; soft ones left out."""
    families = dict.fromkeys(["housing", "transport", *data.family.values()])
    missing: dict[str, list[int]] = {family: [] for family in families}
    missing["housing"] += columns.get("missing_dwellings", {}).values()
    missing["transport"] += columns.get("missing_seats", {}).values()
    for (_, service), column in columns.get("missing_places", {}).items():
        missing[data.family[service]].append(column)
    missing = {f: found for f, found in missing.items() if not data.is_soft(f)}
    missing["pools"] = [*pools(data, columns)]
    return {family: tuple(found) for family, found in missing.items() if found}


def pools(data: Data, columns: Columns, family: str | None = None) -> Iterator[int]:
    """Yield the columns of what is missing in pools, of one family or of all that are not soft."""
    for pool, column in columns.get("missing_pool_places", {}).items():
        own = data.family[data.pools[pool].service]
        if own == family or (family is None and not data.is_soft(own)):
            yield column


def _demands(data: Data, columns: Columns) -> Iterator[Switch]:
    relief = columns.get("relief", {})
    for d in demands(data):
        yield Switch(
            Kind.DEMAND,
            d.rule,
            d.where,
            SIDES[d.side],
            float(d.persons),
            (relief[d.rule, d.where, d.side],),
            municipalities=d.municipalities,
        )
    for m, persons in data.exact.items():
        both = tuple(relief["fixed", m, side] for side in SIDES)
        yield Switch(Kind.DEMAND, "fixed", m, "exactly", float(persons), both, municipalities=(m,))


def _rules(data: Data, columns: Columns) -> Iterator[Switch]:
    budgets = {"total": data.budget, **data.policy.budget.model_dump(exclude={"total"})}
    for kind, column in columns.get("further_budget", {}).items():
        yield Switch(Kind.BUDGET, "budget", kind, amount=budgets[kind], columns=(column,))
    yield Switch(Kind.MINORS, "minors", columns=_closed_to_minors(data, columns))
    target = tuple(columns["beyond"].values())
    yield Switch(Kind.TARGET, "target", amount=float(data.target), columns=target)
    if columns.get("asked"):
        lower = (columns["lower_floor"][None],)
        yield Switch(Kind.FLOOR, "floor", amount=float(data.policy.floor), columns=lower)
    if data.step > 1:
        lots = tuple(columns.get("lots", {}).values())
        yield Switch(Kind.LOTS, "step", amount=float(data.step), whole=lots)


def _closed_to_minors(data: Data, columns: Columns) -> tuple[int, ...]:
    closed = {m for m in data.municipalities if not set(data.groups) <= set(data.groups_at(m))}
    minors = {g for g, group in data.groups.items() if group.minors}
    sites = {s for m in closed for s in data.sites[m]}
    found = [i for (s, g), i in columns["persons"].items() if s in sites and g in minors]
    found += [i for (m, g), i in columns.get("whole", {}).items() if m in closed and g in minors]
    return tuple(found)
