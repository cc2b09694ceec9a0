"""Capacities as arrays over sites and municipalities, and how much of each could be used.

Bounds are the same few steps at every place, so they are worked out for all places at
once. Shapes: S sites, M municipalities, G groups, K dwelling sizes, H services.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.columns import MeasureKind
from models.program.data import Data

Array = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int_]


@dataclass(frozen=True)
class Places:
    """What there is at every place today; infinite where there is no limit.

    Attributes
    ----------
    sites
        In order of their municipalities.
    owner
        Position of the municipality of every site, shape (S,).
    allowed
        1 where a group may be placed in a municipality, else 0, shape (M, G).
    demand, per_dwelling, share
        D_g in persons, persons in a dwelling, part that needs transport, shape (G,).
    sizes
        Dwelling sizes, in beds.
    needs_size
        1 where a group needs at least so many beds, else 0, shape (K, G).
    need
        Units of a service that one person uses, shape (H, G).
    stock
        Dwellings of at least so many beds, shape (S, K).
    seats
        Persons who can travel daily, shape (S,).
    capacity
        Units of a service, shape (M, H).
    """

    sites: tuple[str, ...]
    owner: Positions
    allowed: Array
    demand: Array
    per_dwelling: Array
    share: Array
    sizes: tuple[int, ...]
    needs_size: Array
    need: Array
    stock: Array
    seats: Array
    capacity: Array


def places(data: Data) -> Places:
    """Return the capacities of `data` as arrays."""
    sites = [(i, s) for i, m in enumerate(data.municipalities) for s in data.sites[m]]
    groups = data.groups
    beds = np.array([group.beds for group in groups.values()])
    return Places(
        sites=tuple(s for _, s in sites),
        owner=np.array([i for i, _ in sites], dtype=int),
        allowed=np.array(
            [[g in data.groups_at(m) for g in groups] for m in data.municipalities], dtype=float
        ).reshape(len(data.municipalities), len(groups)),
        demand=np.array([group.demand for group in groups.values()]),
        per_dwelling=np.array([group.persons_per_dwelling for group in groups.values()]),
        share=np.array([group.transit_share for group in groups.values()]),
        sizes=data.sizes,
        needs_size=(beds >= np.array(data.sizes).reshape(-1, 1)).astype(float),
        need=np.array(
            [[group.needs.get(h, 0.0) for group in groups.values()] for h in data.family]
        ).reshape(len(data.family), len(groups)),
        stock=np.array([[data.stock[s, k] for k in data.sizes] for _, s in sites]).reshape(
            len(sites), len(data.sizes)
        ),
        seats=np.array([data.seats.get(s, np.inf) for _, s in sites]),
        capacity=np.array(
            [[data.capacity.get((m, h), np.inf) for h in data.family] for m in data.municipalities]
        ).reshape(len(data.municipalities), len(data.family)),
    )


@dataclass(frozen=True)
class Room:
    """What there would be with some steps of every measure; infinite where a family is soft.

    Shapes as in `Places`: housing (S, K), transport (S,), services (M, H), pools (pools,).
    """

    housing: Array
    transport: Array
    services: Array
    pools: Array


def room(data: Data, at: Places, steps: Mapping[str, int]) -> Room:
    """Return what there would be with `steps` of every measure."""
    site = {s: i for i, s in enumerate(at.sites)}
    town = {m: i for i, m in enumerate(data.municipalities)}
    service = {h: j for j, h in enumerate(data.family)}
    housing, transport, services = at.stock.copy(), at.seats.copy(), at.capacity.copy()
    added = np.zeros_like(services)
    for name, count in steps.items():
        measure = data.measures[name]
        if measure.kind is MeasureKind.DWELLINGS:
            smaller = np.array(at.sizes) <= measure.beds
            housing[site[measure.place], smaller] += measure.units * count
        elif measure.kind is MeasureKind.TRANSIT:
            transport[site[measure.place]] += measure.units * count
        else:
            added[town[measure.place], service[measure.service]] += measure.units * count
    pools = np.array(
        [
            np.inf
            if data.is_soft(data.family[pool.service])
            else pool.capacity
            + sum(float(added[town[m], service[pool.service]]) for m in pool.members)
            for pool in data.pools.values()
        ]
    )
    services += added
    services[:, [data.is_soft(family) for family in data.family.values()]] = np.inf
    if data.is_soft("housing"):
        housing[:] = np.inf
    if data.is_soft("transport"):
        transport[:] = np.inf
    return Room(housing, transport, services, pools)


def most(limits: Array, gain: Array, weight: Array, room: Array) -> Array:
    """Return the most gain under one row at every place (fractional knapsack).

    ``max Σ_g gain_g x_g``  with  ``Σ_g weight_g x_g ≤ room``  and  ``0 ≤ x_g ≤ limits_g``,
    reached by taking the groups with most gain a unit of weight first (Dantzig,
    *Operations Research* 5, 1957).

    Parameters
    ----------
    limits
        Persons, shape (places, groups).
    gain, weight
        By person, at least 0, shape (groups,).
    room
        Shape (places,); infinite where there is no limit.
    """
    total, left = np.zeros(len(limits)), np.maximum(room, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = np.where(weight > 0, gain / weight, np.inf)
    for g in np.argsort(-worth, kind="stable"):
        if gain[g] <= 0:
            continue
        if weight[g] <= 0:
            total += gain[g] * limits[:, g]
            continue
        taken = np.minimum(limits[:, g], left / weight[g])
        total += gain[g] * taken
        left = np.maximum(0.0, left - weight[g] * taken)
    return np.asarray(total)


def housed(at: Places, limits: Array, housing: Array, gain: Array) -> Array:
    """Return the most gain by persons in the dwellings of every site, shape (S,).

    Rows of housing are nested, so filling the groups with most gain a dwelling first is
    best (greedy on a laminar family; Edmonds, *Mathematical Programming* 1, 1971).

    Parameters
    ----------
    limits
        Persons, shape (S, G).
    housing
        Dwellings of at least so many beds, shape (S, K).
    gain
        By person, at least 0, shape (G,).
    """
    total, left = np.zeros(len(limits)), np.maximum(housing, 0.0)
    by_dwelling = gain * at.per_dwelling
    for g in np.argsort(-by_dwelling, kind="stable"):
        # Every row that counts the group: sizes it could not do with less than.
        rows = at.needs_size[:, g] > 0
        dwellings = limits[:, g] / at.per_dwelling[g]
        if rows.any():
            dwellings = np.minimum(dwellings, left[:, rows].min(axis=1))
        left[:, rows] = np.maximum(0.0, left[:, rows] - dwellings[:, None])
        total += dwellings * by_dwelling[g]
    return total
