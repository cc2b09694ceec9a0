"""The coefficients of the program, taken from instance and policy once and indexed for it.

Symbols as in the formulation: municipalities m, sites s ∈ S(m), groups g, dwelling
sizes k (beds), services h, measures l; target T, step δ, floor φ, fair shares f.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from models.columns import MeasureKind
from models.instance import Instance
from models.policy import Decision, Policy, Relation


@dataclass(frozen=True)
class Group:
    """A group with what it needs.

    Attributes
    ----------
    beds
        Smallest dwelling that fits, in beds.
    persons_per_dwelling
        Persons living in one dwelling.
    demand
        Persons to place, D_g.
    transit_share
        Part of the group that needs daily transport.
    integral, minors
        Whether its municipal total is whole; whether they are unaccompanied minors.
    needs
        Units per person by service.
    """

    beds: int
    persons_per_dwelling: float
    demand: float
    transit_share: float
    integral: bool
    minors: bool
    needs: Mapping[str, float]


@dataclass(frozen=True)
class Measure:
    """A measure: `units` of capacity a step, at `cost` a step, at most `max_steps`."""

    kind: MeasureKind
    place: str
    beds: int
    service: str
    units: float
    cost: float
    max_steps: int


@dataclass(frozen=True)
class Pool:
    """A capacity that several municipalities share."""

    service: str
    capacity: float
    members: tuple[str, ...]


@dataclass(frozen=True)
class Data:
    """Everything the program's rows are made of; dictionaries keyed by ids, in a fixed order."""

    policy: Policy
    target: int
    budget: float | None
    municipalities: tuple[str, ...]
    county: Mapping[str, str]
    population: Mapping[str, int]
    fair_share: Mapping[str, float]
    previous: Mapping[str, float]
    max_quota: Mapping[str, float]
    minors_allowed: Mapping[str, bool]
    sites: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, Group]
    sizes: tuple[int, ...]
    stock: Mapping[tuple[str, int], float]
    seats: Mapping[str, float]
    family: Mapping[str, str]
    capacity: Mapping[tuple[str, str], float]
    pools: Mapping[str, Pool]
    measures: Mapping[str, Measure]
    probability: Mapping[tuple[str, str], float]
    exact: Mapping[str, int]

    @property
    def step(self) -> int:
        """Persons in a lot, δ."""
        return self.policy.step

    @property
    def floor(self) -> int:
        """Fewest persons asked, in whole lots: the first multiple of the step not below φ."""
        return math.ceil(self.policy.floor / self.step) * self.step

    @property
    def odd_lot(self) -> int:
        """Persons left over from whole lots, ρ = (T − persons decided exactly) mod δ."""
        return (self.target - sum(self.exact.values())) % self.step

    @property
    def budgets(self) -> dict[str, float]:
        """Money there is by `total` and by kind of measure, where there is a limit; currency."""
        kinds = {kind.value: self.policy.budget.for_kind(kind.value) for kind in MeasureKind}
        budgets = {"total": self.budget, **kinds}
        return {kind: money for kind, money in budgets.items() if money is not None}

    def is_soft(self, family: str) -> bool:
        """Tell whether `family` may be overloaded."""
        return family in self.policy.soft

    def groups_at(self, municipality: str) -> list[str]:
        """Return the groups that may be placed in `municipality`."""
        open_to_minors = self.policy.minors == "anywhere" or self.minors_allowed[municipality]
        return self._groups if open_to_minors else self._grown_up

    def divisor(self, municipality: str) -> float:
        """Return the fair share that unfairness is divided by, in persons.

        Where the fair share is zero it is the smallest positive one, so that placing
        someone there is possible, and dear.
        """
        fair = self.fair_share[municipality]
        return fair if fair > 0 else self._smallest_share

    def town_of(self, site: str) -> str:
        """Return the municipality that a site lies in."""
        return self._towns[site]

    def measures_at(self, kind: MeasureKind, place: str) -> list[str]:
        """Return the measures of one kind at a site (or municipality, for services)."""
        return self._by_place.get((kind, place), [])

    def measures_by_place(self) -> Iterable[list[str]]:
        """Return the measures of one kind at one place, for every kind and place."""
        return self._by_place.values()

    def __post_init__(self) -> None:
        by_place: dict[tuple[MeasureKind, str], list[str]] = {}
        for name, measure in self.measures.items():
            by_place.setdefault((measure.kind, measure.place), []).append(name)
        grown_up = [g for g, group in self.groups.items() if not group.minors]
        smallest = min((f for f in self.fair_share.values() if f > 0), default=1.0)
        towns = {s: m for m, sites in self.sites.items() for s in sites}
        # What is asked for again and again, worked out once.
        for name, value in (
            ("_towns", towns),
            ("_by_place", by_place),
            ("_groups", list(self.groups)),
            ("_grown_up", grown_up),
            ("_smallest_share", smallest),
        ):
            object.__setattr__(self, name, value)

    _towns: Mapping[str, str] = field(init=False, repr=False)
    _by_place: Mapping[tuple[MeasureKind, str], list[str]] = field(init=False, repr=False)
    _groups: list[str] = field(init=False, repr=False)
    _grown_up: list[str] = field(init=False, repr=False)
    _smallest_share: float = field(init=False, repr=False)


def collect(instance: Instance, policy: Policy, fair_shares: "pd.Series[float]") -> Data:
    """Take the coefficients of the program from `instance` and `policy`.

    Parameters
    ----------
    instance, policy
        Both already checked.
    fair_shares
        f_m in persons by municipality_id.
    """
    towns = instance.municipalities.set_index("municipality_id")
    sizes = sorted({*instance.groups["beds"].tolist(), *instance.dwellings["beds"].tolist()})
    target = policy.target_for(instance.target)
    sites: dict[str, list[str]] = {m: [] for m in towns.index}
    for site, municipality in zip(
        instance.sites["site_id"], instance.sites["municipality_id"], strict=True
    ):
        sites[municipality].append(site)
    return Data(
        policy=policy,
        target=target,
        budget=instance.budget if policy.budget.total is None else policy.budget.total,
        municipalities=tuple(towns.index),
        county=towns["county_id"].to_dict(),
        population=towns["population"].to_dict(),
        fair_share={m: float(fair_shares[m]) for m in towns.index},
        previous=_previous(towns, policy),
        max_quota=towns["max_quota"].dropna().to_dict(),
        minors_allowed=towns["minors_allowed"].to_dict(),
        sites={m: tuple(s) for m, s in sites.items()},
        groups=_groups(instance, target),
        sizes=tuple(sizes),
        stock=_stock(instance, sizes),
        seats=instance.sites.set_index("site_id")["transit_seats"].dropna().to_dict(),
        family=instance.services.set_index("service_id")["family"].to_dict(),
        capacity=_pairs(instance.capacities, "municipality_id", "service_id", "capacity"),
        pools=_pools(instance),
        measures=_measures(instance),
        probability=_pairs(instance.outcomes, "municipality_id", "group_id", "probability"),
        exact=_exact(policy.fixed),
    )


def expected_persons(groups: pd.DataFrame, target: int) -> dict[str, float]:
    """Scale the groups to the target: D_g with Σ D_g = T.

    Integral groups get whole numbers (rounded half up), the others share the rest in
    proportion. Where that cannot be (only integral groups, or more of them than the
    target), all groups get whole numbers by largest remainders.

    Parameters
    ----------
    groups
        The table of groups.
    target
        T, in persons.
    """
    persons = groups.set_index("group_id")["persons"].astype("float64")
    integral = groups.set_index("group_id")["integral"]
    if persons.sum() <= 0:
        return dict.fromkeys(persons.index, 0.0)
    exact = persons * target / persons.sum()
    whole = np.floor(exact[integral] + 0.5)
    rest = exact[~integral]
    left = target - float(whole.sum())
    if rest.sum() > 0 and left >= 0:
        rest = rest * (left / float(rest.sum()))
        scaled = pd.concat([whole, rest])
        return {g: float(scaled[g]) for g in persons.index}
    return _largest_remainders(exact, target)


def _largest_remainders(exact: "pd.Series[float]", target: int) -> dict[str, float]:
    whole = np.floor(exact)
    remainder = (exact - whole).sort_index().sort_values(ascending=False, kind="stable")
    for g in remainder.index[: round(target - float(whole.sum()))]:
        whole[g] += 1
    return {str(g): float(v) for g, v in whole.items()}


def _groups(instance: Instance, target: int) -> dict[str, Group]:
    demand = expected_persons(instance.groups, target)
    needs = _pairs(instance.needs, "group_id", "service_id", "units_per_person")
    return {
        row.group_id: Group(
            beds=int(row.beds),
            persons_per_dwelling=float(row.persons_per_dwelling),
            demand=demand[row.group_id],
            transit_share=float(row.transit_share),
            integral=bool(row.integral),
            minors=bool(row.minors),
            needs={h: need for (g, h), need in needs.items() if g == row.group_id and need > 0},
        )
        for row in _rows(instance.groups)
    }


def _rows(frame: pd.DataFrame) -> Any:
    return frame.itertuples(index=False)


def _stock(instance: Instance, sizes: list[int]) -> dict[tuple[str, int], float]:
    """Count the free dwellings of at least k beds, for every site and size k."""
    free = _pairs(instance.dwellings, "site_id", "beds", "dwellings")
    stock: dict[tuple[str, int], float] = {}
    for site in instance.sites["site_id"]:
        count = 0.0
        for size in reversed(sizes):
            count += free.get((site, size), 0.0)
            stock[site, size] = count
    return stock


def _pairs(
    frame: pd.DataFrame, first: str, second: str, value: str
) -> dict[tuple[Any, Any], float]:
    filled = frame[frame[value].notna()]
    keys = zip(filled[first].tolist(), filled[second].tolist(), strict=True)
    return dict(zip(keys, filled[value].tolist(), strict=True))


def _pools(instance: Instance) -> dict[str, Pool]:
    members = instance.pool_members.groupby("pool_id")["municipality_id"].apply(tuple)
    return {
        row.pool_id: Pool(row.service_id, float(row.capacity), members.get(row.pool_id, ()))
        for row in _rows(instance.shared_capacities)
    }


def _measures(instance: Instance) -> dict[str, Measure]:
    measures = {}
    for row in _rows(instance.measures):
        kind = MeasureKind(row.kind)
        service = kind is MeasureKind.SERVICE
        measures[row.measure_id] = Measure(
            kind=kind,
            place=row.municipality_id if service else row.site_id,
            beds=int(row.beds) if kind is MeasureKind.DWELLINGS else 0,
            service=row.service_id if service else "",
            units=float(row.units_per_step),
            cost=float(row.cost_per_step),
            max_steps=int(row.max_steps),
        )
    return measures


def _previous(towns: pd.DataFrame, policy: Policy) -> dict[str, float]:
    if policy.base is None:
        known = towns["previous_quota"].dropna()
        return {str(m): float(persons) for m, persons in known.items()}
    return {m: float(policy.base[m]) for m in towns.index if m in policy.base}


def _exact(fixed: tuple[Decision, ...]) -> dict[str, int]:
    return {d.municipality_id: d.persons for d in fixed if d.relation is Relation.EXACT}
