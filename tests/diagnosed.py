"""Small questions whose answers are found by trying every quota there is."""

import itertools
import math
from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocator.diagnose import Part
from allocator.keys import fair_shares
from models.instance import Instance
from models.policy import Goal, Policy, Relation, Term
from tests.small import measure, tiny

Name = tuple[str, str, str]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
UNITS, PRICE = 10, 100.0
"""Dwellings and cost of one step of every measure."""
TOP = 60
"""Largest quota that is tried."""


def drawn(seed: int) -> tuple[Instance, Policy, bool]:
    """Draw three municipalities of one group, decisions that often clash, and a promise or none.

    Limits are dwellings, places of the service gp, measures for dwellings and a budget.
    """
    random = np.random.default_rng(seed)
    target = int(random.integers(4, 9)) * 5
    ids = ("0001", "0002", "0003")
    many = random.integers(50, 200, 3).tolist()
    limits = [float(random.integers(10, 30)) if random.random() < 0.2 else None for _ in ids]
    instance = tiny(
        many,
        target,
        [float(n) for n in random.integers(0, 18, 3)],
        gp=[float(n) for n in random.integers(5, 30, 3)],
        measures=[
            measure(f"m{m}", "dwellings", site_id=m, beds=1, max_steps=int(random.integers(0, 3)))
            for m in ids
        ],
        towns={"max_quota": limits},
    )

    def often(chance: float, value: Any, otherwise: Any = None) -> Any:
        return value if random.random() < chance else otherwise

    relations = ("exact", "at_least", "at_most")
    fields = {
        "step": int(random.choice([1, 5, 5, 7])),
        "floor": int(random.choice([0, 10, 15])),
        "budget": {"total": often(0.7, float(random.integers(0, 4)) * PRICE / 2)},
        "min_ratio": often(0.4, 0.5),
        "max_ratio": often(0.3, 1.5),
        "county_bounds": [
            {"county_id": c, "at_least": low, "at_most": low + int(random.integers(0, 12))}
            for c in ("01", "02")
            if random.random() < 0.3
            for low in [int(random.integers(0, target // 2))]
        ],
        "fixed": [
            {"municipality_id": m, "persons": persons, "relation": str(random.choice(relations))}
            for m in ids
            if random.random() < 0.5
            for persons in [int(random.integers(0, target // 3))]
        ],
    }
    return instance, Policy.model_validate(fields), bool(random.random() < 0.3)


class Exhaustive:
    """Every way to ask three municipalities for up to `TOP` persons each, and what it keeps.

    Parts have the names that a diagnosis gives them. A municipality that is decided exactly
    may take any other number when the decision is left out, and the odd lot follows from it.
    """

    def __init__(self, instance: Instance, policy: Policy, *, promise: bool) -> None:
        self.policy, self.target = policy, policy.target_for(instance.target)
        self.budget = policy.budget.total
        self.ids = instance.municipalities["municipality_id"].tolist()
        grid = np.meshgrid(*[np.arange(TOP + 1)] * 3, indexing="ij")
        self.quota: Numbers = np.stack([axis.ravel() for axis in grid])
        self.total = self.quota.sum(axis=0)
        self.exact = [d.municipality_id for d in policy.fixed if d.relation is Relation.EXACT]
        self.demands = self._demands(instance)
        self._capacities(instance)
        self.parts: set[Name] = {*self.demands, ("housing", "", ""), ("health", "", "")}
        self.parts |= {("target", "", "")}
        self.parts |= {("no_shortfall", "", "")} if promise else set()
        self.parts |= {("budget", "total", "")} if self.budget is not None else set()
        self.parts |= {("floor", "", "")} if policy.floor > 1 else set()
        self.parts |= {("step", "", "")} if policy.step > 1 else set()

    def holds(self, kept: Collection[Name]) -> bool:
        """Tell whether some quotas keep all of it."""
        return bool(self._keeping(kept).any())

    def least(self, family: str) -> float | None:
        """Return by how little a family gives way for the rest to hold; none: not worked out."""
        own: dict[str, set[Name]] = {
            "demands": set(self.demands),
            "housing": {("housing", "", "")},
            "health": {("health", "", "")},
            "budget": {("budget", "total", "")},
            "floor": {("floor", "", "")},
            "shortfall": {("no_shortfall", "", "")},
        }
        if family not in own:
            return None
        rest = self._keeping(self.parts - own[family])
        gives = {
            "demands": sum(self._relief(name) for name in self.demands),
            "housing": self._lacking_dwellings(),
            "health": np.maximum(0, self.quota - self.places[:, None]).sum(axis=0),
            "budget": np.maximum(0.0, self._cost() - (self.budget or 0.0)),
            "floor": self._below_floor(),
            "shortfall": self.target - self.total,
        }[family]
        values = np.asarray(gives, dtype=float)[rest]
        return float(values.min()) if len(values) else math.inf

    def _demands(self, instance: Instance) -> dict[Name, tuple[list[int], float]]:
        """Return the rows of what is demanded: whose quotas, and how many persons."""
        policy, found = self.policy, {}
        towns = instance.municipalities
        fair = fair_shares(instance, policy)
        for i, m in enumerate(self.ids):
            if policy.min_ratio:
                found["min_ratio", m, "at least"] = [i], policy.min_ratio * float(fair[m])
            if policy.max_ratio is not None:
                found["max_ratio", m, "at most"] = [i], policy.max_ratio * float(fair[m])
            if not pd.isna(towns["max_quota"][i]):
                found["max_quota", m, "at most"] = [i], float(towns["max_quota"][i])
        sides = {"exact": "exactly", "at_least": "at least", "at_most": "at most"}
        for d in policy.fixed:
            where = [self.ids.index(d.municipality_id)]
            found["fixed", d.municipality_id, sides[d.relation]] = where, float(d.persons)
        for bound in policy.county_bounds:
            members = [i for i, c in enumerate(towns["county_id"]) if c == bound.county_id]
            for side, persons in (("at least", bound.at_least), ("at most", bound.at_most)):
                if persons is not None:
                    found["county_bounds", bound.county_id, side] = members, persons
        return found

    def _capacities(self, instance: Instance) -> None:
        homes = instance.dwellings.set_index("site_id")["dwellings"]
        places = instance.capacities.set_index("municipality_id")["capacity"]
        steps = instance.measures.set_index("site_id")["max_steps"]
        self.homes = np.array([homes[m] for m in self.ids])
        self.places = np.array([places[m] for m in self.ids])
        self.steps = np.array([int(steps[m]) for m in self.ids])

    def _relief(self, name: Name) -> npt.NDArray[np.float64]:
        """Return by how many persons each of the quotas breaks a demand."""
        members, persons = self.demands[name]
        got = self.quota[members].sum(axis=0)
        off = {"at least": persons - got, "at most": got - persons, "exactly": abs(got - persons)}
        return np.asarray(np.maximum(0.0, off[name[2]]))

    def _bought(self) -> Numbers:
        """Return the steps that everyone needs to be housed."""
        lack = np.maximum(0.0, self.quota - self.homes[:, None])
        return np.asarray(np.ceil(lack / UNITS - 1e-9), dtype=np.int64)

    def _cost(self) -> npt.NDArray[np.float64]:
        return np.asarray(PRICE * self._bought().sum(axis=0))

    def _lacking_dwellings(self) -> npt.NDArray[np.float64]:
        """Return the fewest dwellings that are lacking, whatever measures are bought."""
        best = np.full(len(self.total), np.inf)
        for steps in itertools.product(*(range(most + 1) for most in self.steps)):
            if self.budget is not None and PRICE * sum(steps) > self.budget:
                continue
            there = self.homes + UNITS * np.array(steps)
            lack = np.maximum(0.0, self.quota - there[:, None]).sum(axis=0)
            best = np.minimum(best, lack)
        return best

    def _free(self) -> Numbers:
        """Return the quotas of those who are not decided exactly."""
        return np.asarray(self.quota[[i for i, m in enumerate(self.ids) if m not in self.exact]])

    def _below_floor(self) -> Numbers:
        free = self._free()
        below = np.where(free > 0, np.maximum(0, self.policy.floor - free), 0)
        return np.asarray(below.max(axis=0, initial=0))

    def _in_lots(self) -> Mask:
        step = self.policy.step
        exact = [i for i, m in enumerate(self.ids) if m in self.exact]
        odd_lot = (self.target - self.quota[exact].sum(axis=0)) % step
        odd = self._free() % step
        carried = (odd > 0).sum(axis=0)
        return np.asarray((carried == 0) | ((carried == 1) & (odd.sum(axis=0) == odd_lot)))

    def _keeping(self, kept: Collection[Name]) -> Mask:
        names = set(kept)
        keeps = np.ones(len(self.total), dtype=bool)
        for name in names & set(self.demands):
            keeps &= self._relief(name) <= 1e-9
        if ("housing", "", "") in names:
            keeps &= (self._bought() <= self.steps[:, None]).all(axis=0)
            if ("budget", "total", "") in names and self.budget is not None:
                keeps &= self._cost() <= self.budget
        if ("health", "", "") in names:
            keeps &= (self.quota <= self.places[:, None]).all(axis=0)
        if ("target", "", "") in names:
            keeps &= self.total <= self.target
        if ("no_shortfall", "", "") in names:
            keeps &= self.total >= self.target
        if ("floor", "", "") in names:
            keeps &= self._below_floor() == 0
        if ("step", "", "") in names:
            keeps &= self._in_lots()
        return keeps


def kept_alone(
    instance: Instance, policy: Policy, parts: Collection[Part]
) -> tuple[Instance, Policy] | None:
    """Return the question in which only some parts are kept, all else being more than enough.

    None where a policy cannot ask it: a municipality decided exactly, and something else.
    """
    exact = [part.where for part in parts if part.side == "exactly"]
    single = [part.where for part in parts if part.kind == "demand" and part.where in exact]
    if len(single) > len(exact):
        return None
    kept = {(part.rule, part.where) for part in parts}
    rules = {rule for rule, _ in kept}
    plenty: dict[str, pd.DataFrame] = {}
    if "housing" not in rules:
        sites = instance.sites["site_id"]
        large = pd.DataFrame({"site_id": sites, "beds": 9, "dwellings": 99_999.0})
        plenty["dwellings"] = large
    if "transport" not in rules:
        plenty["sites"] = instance.sites.assign(transit_seats=None)
    family = instance.services.set_index("service_id")["family"]
    places = instance.capacities
    places = places[places["service_id"].map(family).isin(rules)]
    plenty["capacities"] = places
    if "pools" not in rules:
        plenty["shared_capacities"] = instance.shared_capacities.iloc[:0]
        plenty["pool_members"] = instance.pool_members.iloc[:0]
    plenty["municipalities"] = instance.municipalities.assign(max_quota=None)
    target, step = policy.target_for(instance.target), policy.step
    fields: dict[str, Any] = {
        **policy.model_dump(mode="json"),
        **dict.fromkeys(("min_ratio", "max_ratio", "max_change", "max_share_of_population")),
        "budget": {
            kind: money if ("budget", kind) in kept else None
            for kind, money in policy.budget.model_dump().items()
        },
        "target": target if "target" in rules else target + 100 * step * target,
        "floor": policy.floor if "floor" in rules else 0,
        "step": step if "step" in rules else 1,
        "minors": policy.minors if "minors" in rules else "anywhere",
        "fixed": _decisions(parts),
        "county_bounds": _bounds(parts),
        "goals": [Goal(terms={Term.SHORTFALL: 1.0}).model_dump(mode="json")],
    }
    return instance.replace(**plenty), Policy.model_validate(fields)


def _decisions(parts: Collection[Part]) -> list[dict[str, Any]]:
    tightest: dict[tuple[str, str], int] = {}
    for part in parts:
        if part.kind != "demand" or part.rule == "county_bounds":
            continue
        persons = part.amount or 0.0
        place = part.where, part.side
        if part.side == "at most":
            tightest[place] = min(tightest.get(place, 10**9), math.floor(persons + 1e-9))
        else:
            tightest[place] = max(tightest.get(place, 0), math.ceil(persons - 1e-9))
    names = {"exactly": "exact", "at least": "at_least", "at most": "at_most"}
    return [
        {"municipality_id": m, "relation": names[side], "persons": persons}
        for (m, side), persons in tightest.items()
    ]


def _bounds(parts: Collection[Part]) -> list[dict[str, Any]]:
    bounds: dict[str, dict[str, Any]] = {}
    for part in parts:
        if part.rule == "county_bounds":
            bound = bounds.setdefault(part.where, {"county_id": part.where})
            bound[part.side.replace(" ", "_")] = part.amount
    return [*bounds.values()]
