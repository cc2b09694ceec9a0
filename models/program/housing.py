"""Housing: every household lives in a free dwelling that is large enough.

::

    Σ_{g: beds_g ≥ k} x_{s,g} / ppd_g
        ≤ Σ_{k'≥k} dwellings_{s,k'} + Σ_{l: beds_l ≥ k} units_l y_l + v_s     for every s, k

==============  ====================================================  =====================
x_{s,g}         persons of group g at site s                          persons
beds_g          smallest dwelling that fits a household of g          beds
ppd_g           persons of g living in one dwelling                   persons per dwelling
dwellings_{s,k} free dwellings of size k                              dwellings
units_l         dwellings that one step of measure l makes available  dwellings per step
y_l             steps of measure l, integer                           steps
v_s             dwellings missing, only if `housing` is soft          dwellings
==============  ====================================================  =====================

A household may live in a larger dwelling, so for every size k those who need at least
k beds must fit in the dwellings of at least k beds. By Hall's condition for nested
sets this is exact; no variables are needed for who lives where.

*When it binds* one more dwelling of at least k beds would let more people in. *Relaxed*
by measures of kind `dwellings`, or at a price per dwelling when `housing` is soft; a
missing dwelling is counted once, at the largest size, because a large dwelling serves
everyone.
"""

from typing import Any

import pyomo.environ as pyo

from models.columns import MeasureKind
from models.program import capacity
from models.program.bounds import Bounds
from models.program.capacity import Row
from models.program.data import Data
from models.program.participation import asked
from models.program.places import most
from models.program.tightening import Tightening


def constrain(model: Any, data: Data, bounds: Bounds, tighten: frozenset[Tightening]) -> None:
    """State the nested rows of housing."""
    soft = data.is_soft("housing")
    model.missing_dwellings = pyo.Var(bounds.at.sites if soft else [], domain=pyo.NonNegativeReals)
    persons, sizes = dict(model.persons.items()), _sizes_that_matter(data)
    implied = _implied(data, bounds, sizes) if Tightening.IDLE_ROWS in tighten else set()
    rows = {}
    site = -1
    for m in data.municipalities:
        groups = data.groups_at(m)
        for s in data.sites[m]:
            site += 1
            built = [
                (data.measures[name], model.steps[name])
                for name in data.measures_at(MeasureKind.DWELLINGS, s)
            ]
            for k in sizes:
                if (s, k) in implied:
                    continue
                size = data.sizes.index(k)
                rows[m, s, k] = Row(
                    used=[
                        (1 / data.groups[g].persons_per_dwelling, persons[s, g])
                        for g in groups
                        if data.groups[g].beds >= k
                    ],
                    added=[(one.units, steps) for one, steps in built if one.beds >= k],
                    capacity=data.stock[s, k],
                    use=float(bounds.use.housing[site, size]),
                    held=float(bounds.held.housing[site, size]),
                    asked=asked(model, data, m),
                    missing=[model.missing_dwellings[s]] if soft else [],
                )
    capacity.state(model, "housing", rows, tighten)
    if soft and Tightening.FINITE in tighten:
        lacking = (bounds.use.housing - bounds.at.stock).max(axis=1)
        for s, units in zip(bounds.at.sites, lacking, strict=True):
            model.missing_dwellings[s].setub(max(0.0, float(units)))


def _sizes_that_matter(data: Data) -> list[int]:
    """Keep the sizes that a group asks for.

    For any other size k the households of at least k beds are those of the next size
    that a group asks for, which has no more room: its row implies the one left out.
    """
    wanted = {group.beds for group in data.groups.values()}
    return [k for k in data.sizes if k in wanted]


def _implied(data: Data, bounds: Bounds, sizes: list[int]) -> set[tuple[str, int]]:
    """Return the rows, by site and size, that another row of the same site implies.

    Of two sizes k < k' the row of k' implies that of k where those who need at least k and
    less than k' beds could never fill the dwellings between: the rest is the row of k', with
    no more measures. The row of k implies that of k' where there are no dwellings between,
    in stock or to be built: more people then share the same room.
    """
    at = bounds.at
    owned = bounds.stated[at.owner]
    between = {}
    for a, b in ((a, b) for a in sizes for b in sizes if a < b):
        i, j = at.sizes.index(a), at.sizes.index(b)
        gain = (at.needs_size[i] - at.needs_size[j]) / at.per_dwelling
        filled = most(bounds.persons, gain, gain * 0 + 1, owned)
        between[a, b] = filled, at.stock[:, i] - at.stock[:, j]
    implied: set[tuple[str, int]] = set()
    for site, s in enumerate(at.sites):
        beds = [data.measures[name].beds for name in data.measures_at(MeasureKind.DWELLINGS, s)]
        kept = list(sizes)
        for k in sizes:
            by_larger = any(
                between[k, other][0][site] <= between[k, other][1][site]
                for other in kept
                if other > k
            )
            by_smaller = any(
                between[other, k][1][site] <= 0 and not any(other <= b < k for b in beds)
                for other in kept
                if other < k
            )
            if by_larger or by_smaller:
                kept.remove(k)
                implied.add((s, k))
    return implied
