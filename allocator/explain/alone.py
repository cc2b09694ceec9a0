"""One municipality by itself: the program of the country, reduced to it.

It is the same program, stated by `models.program`, for a country of one municipality. With
limits left out it tells what each of them costs; with the prices of a plan on everything
that municipalities share it tells what the country gains from a number here.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from allocator.solve import engine
from allocator.solve.arrays import Arrays, TriviallyInfeasible, Vector
from allocator.solve.compile import compile_program
from allocator.solve.engine import Ending, Settings
from allocator.solve.secants import Secants
from allocator.solve.stages import ZERO, hold, weighed
from models.plan import GoalResult
from models.policy import Decision, Goal, Relation, Term
from models.program import build
from models.program.data import Data
from models.program.stability import demands

SECONDS = 20.0
"""Most seconds for one program of one municipality; they take milliseconds."""
EVERYWHERE = 100_000
"""Lots up and down at which unfairness is exact: all there are."""


def nearest(data: Data, municipality: str, wanted: float, causes: Collection[str]) -> int:
    """Return the quota nearest to `wanted` that the municipality could take by itself.

    Parameters
    ----------
    data
        Coefficients of the country.
    municipality
        Its id.
    wanted
        Persons.
    causes
        What limits it: `policy`, `housing`, `transport` and families of services. Measures and
        other municipalities do not count. Where decisions ask for more than the others
        allow, what is possible goes before what was decided.
    """
    limited = _limited(data, municipality, wanted, causes)
    least = [d for d in limited.policy.fixed if d.relation is Relation.AT_LEAST]
    for tried in (limited, _without(limited, least)):
        quota = _nearest(tried, municipality)
        if quota is not None:
            return quota
    return 0


def _nearest(data: Data, municipality: str) -> int | None:
    try:
        model = build(data)
        arrays = compile_program(model)
    except TriviallyInfeasible:
        return None
    secants, wanted = Secants(data, model.most, arrays), np.zeros(arrays.matrix.shape[1])
    if municipality not in data.exact:
        # Exact beside what is wanted, the secants fall towards it from both sides everywhere.
        lots = arrays.columns["lots"][municipality]
        wanted[lots] = data.fair_share[municipality] // data.step
    arrays, _ = secants.add(arrays, wanted, 1)
    outcome = engine.run(arrays, *arrays.objectives[Term.UNFAIRNESS.value], Settings(SECONDS))
    if outcome.solution is None:
        return None
    return round(secants.quota(outcome.solution, municipality))


def _limited(data: Data, municipality: str, wanted: float, causes: Collection[str]) -> Data:
    """Return the coefficients of the municipality alone, under some of its limits."""
    town, plenty = only(data, municipality), float(data.target) + data.step
    free = {name for name, family in data.family.items() if family not in causes}
    groups = {
        g: replace(group, needs={h: n for h, n in group.needs.items() if h not in free})
        for g, group in town.groups.items()
    }
    policy = town.policy.model_copy(
        update={
            "goals": (Goal(terms={Term.UNFAIRNESS: 1.0}),),
            "fixed": _decided(data, municipality) if "policy" in causes else (),
            "county_bounds": (),
            **dict.fromkeys(("min_ratio", "max_ratio", "max_change"), None),
            "max_share_of_population": None,
        }
    )
    return replace(
        town,
        policy=policy,
        fair_share={municipality: wanted},
        exact=town.exact if "policy" in causes else {},
        max_quota={},
        groups=groups,
        stock=town.stock if "housing" in causes else dict.fromkeys(town.stock, plenty),
        seats=town.seats if "transport" in causes else {},
        measures={},
    )


def _decided(data: Data, municipality: str) -> tuple[Decision, ...]:
    """Return everything that is demanded of the municipality as decisions on its quota."""
    own = [d for d in demands(data) if d.municipalities == (municipality,)]
    own = [d for d in own if d.rule != "county_bounds"]
    low = max((d.persons for d in own if d.side == "more"), default=0.0)
    high = min((d.persons for d in own if d.side == "less"), default=math.inf)
    found = [(Relation.AT_LEAST, math.ceil(low - 1e-9))] if low > 0 else []
    if high < math.inf:
        found.append((Relation.AT_MOST, math.floor(high + 1e-9)))
    return tuple(
        Decision(municipality_id=municipality, relation=relation, persons=persons)
        for relation, persons in found
    )


def _without(data: Data, decisions: list[Decision]) -> Data:
    kept = tuple(d for d in data.policy.fixed if d not in decisions)
    return replace(data, policy=data.policy.model_copy(update={"fixed": kept}), exact={})


def only(data: Data, municipality: str) -> Data:
    """Return the coefficients of a country of one municipality; shares and target stay."""
    sites = data.sites[municipality]
    places = {*sites, municipality}
    return replace(
        data,
        municipalities=(municipality,),
        sites={municipality: sites},
        stock={key: count for key, count in data.stock.items() if key[0] in places},
        seats={s: seats for s, seats in data.seats.items() if s in places},
        capacity={key: units for key, units in data.capacity.items() if key[0] == municipality},
        pools={
            name: replace(pool, members=(municipality,))
            for name, pool in data.pools.items()
            if municipality in pool.members
        },
        measures={name: one for name, one in data.measures.items() if one.place in places},
        previous={m: q for m, q in data.previous.items() if m == municipality},
        max_quota={m: q for m, q in data.max_quota.items() if m == municipality},
        exact={m: q for m, q in data.exact.items() if m == municipality},
        probability={key: p for key, p in data.probability.items() if key[0] == municipality},
        policy=data.policy.model_copy(
            update={
                "fixed": tuple(d for d in data.policy.fixed if d.municipality_id == municipality),
                "county_bounds": tuple(
                    b for b in data.policy.county_bounds if b.county_id == data.county[municipality]
                ),
            }
        ),
    )


@dataclass(frozen=True)
class Priced:
    """The program of one municipality, with prices on everything that it shares.

    Attributes
    ----------
    municipality
        Its id.
    data, arrays, secants
        Its program, rows that it shares left out.
    costs
        What the country pays for each column at the prices of each goal, shape (columns,); zero
        where a goal has none.
    """

    municipality: str
    data: Data
    arrays: Arrays
    secants: Secants
    costs: tuple[Vector, ...]

    @classmethod
    def of(
        cls, country: Data, town: Data, municipality: str, goals: tuple[GoalResult, ...]
    ) -> "Priced":
        """State the program.

        Parameters
        ----------
        country
            Coefficients of the country, which tell what is shared.
        town
            Those of the municipality alone, perhaps with other capacities.
        goals
            Results of the plan; the last holds the prices.
        """
        model = build(town)
        arrays = compile_program(model)
        secants = Secants(town, model.most, arrays)
        arrays, _ = secants.add(arrays, np.zeros(arrays.matrix.shape[1]), EVERYWHERE)
        for goal in goals[:-1]:
            objective = weighed(arrays, goal.terms)
            if goal.value <= ZERO and (objective[0] >= 0).all():
                arrays = hold(arrays, objective, objective[1])
        common = np.array([_shared(country, *name) for name in arrays.row_names], dtype=bool)
        costs = tuple(
            _paid(arrays, common, goals[: i + 1]) if goal.prices else np.zeros(len(arrays.lower))
            for i, goal in enumerate(goals)
        )
        return cls(municipality, town, arrays.without_rows(common), secants, costs)

    @property
    def cost(self) -> Vector:
        """What the country pays for each column at the prices of the last goal."""
        return self.costs[-1]

    def in_order(self, goals: tuple[GoalResult, ...]) -> "Priced | None":
        """Return the program of those solutions that are best for the earlier goals too.

        In a plan that is best for a goal no municipality costs more than its best at the prices
        of the goal, or by as much at most as the goal leaves open: its value, and what is allowed
        above it, less what the prices prove. None where the solver finds no best.

        Parameters
        ----------
        goals
            Results of the plan.
        """
        arrays = self.arrays
        wanted = self.data.policy.goals
        for asked, goal, cost in zip(wanted[:-1], goals[:-1], self.costs[:-1], strict=True):
            if goal.bound is None or not cost.any():
                continue
            outcome = engine.run(arrays, cost, 0.0, Settings(SECONDS, presolve=False))
            if outcome.value is None:
                return None
            may = max(asked.tolerance_absolute, asked.tolerance * abs(goal.value))
            left = max(0.0, goal.value + may - goal.bound)
            arrays = hold(arrays, (cost, 0.0), outcome.value + left)
        return replace(self, arrays=arrays)

    def best(self, fewest: float = 0.0, most: float = math.inf) -> tuple[float, int] | None:
        """Return the least the country pays for it, and the quota, with the lots in a range.

        Parameters
        ----------
        fewest, most
            Whole lots.
        """
        lots = self.arrays.columns.get("lots", {}).get(self.municipality)
        lower, upper = self.arrays.lower.copy(), self.arrays.upper.copy()
        if lots is not None:
            lower[lots] = max(lower[lots], fewest)
            upper[lots] = min(upper[lots], most)
            if lower[lots] > upper[lots]:
                return None
        limited = self.arrays.with_bounds(lower, upper)
        outcome = engine.run(limited, self.cost, 0.0, Settings(SECONDS, presolve=False))
        if outcome.ending is Ending.INFEASIBLE or outcome.solution is None:
            return None
        assert outcome.bound is not None  # noqa: S101 - the solver has a bound where it has a plan
        return outcome.bound, round(self.secants.quota(outcome.solution, self.municipality))


def _paid(arrays: Arrays, common: npt.NDArray[np.bool_], goals: tuple[GoalResult, ...]) -> Vector:
    """Return what the country pays for each column at the prices of the last of some goals."""
    *earlier, last = goals
    cost, _ = weighed(arrays, last.terms)
    for number, goal in enumerate(earlier, start=1):
        held = last.prices.get(f"hold {number}[0]", 0.0)
        cost = cost - held * weighed(arrays, goal.terms)[0]
    named = [component if i is None else f"{component}[{i}]" for component, i in arrays.row_names]
    prices = np.array([last.prices.get(name, 0.0) for name in named])
    cost = np.asarray(cost - arrays.matrix.T @ np.where(common, prices, 0.0))
    cost[_common_columns(arrays)] = 0.0
    return cost


def _shared(country: Data, component: str, index: Any) -> bool:
    """Tell whether a row of one municipality is shared with others in the country."""
    if component == "supply":
        return len(country.municipalities) > 1
    if component == "one_odd_lot":
        return len(country.municipalities) - len(country.exact) > 1
    if component == "pools":
        return len(country.pools[index].members) > 1
    if component == "budget":
        kinds = [m for m in country.measures.values() if index in ("total", m.kind.value)]
        return len({m.place for m in kinds}) > 1
    if component == "stability" and index[0] == "county_bounds":
        return list(country.county.values()).count(index[1]) > 1
    return component.startswith("hold")


def _common_columns(arrays: Arrays) -> list[int]:
    """Return the columns that belong to no municipality."""
    return [
        column
        for component in ("unplaced", "largest_ratio", "missing_pool_places")
        for column in arrays.columns.get(component, {}).values()
    ]
