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
from models.program.data import Data


def constrain(model: Any, data: Data) -> None:
    """State the nested rows of housing."""
    soft = data.is_soft("housing")
    sites = [(m, s) for m in data.municipalities for s in data.sites[m]]
    model.missing_dwellings = pyo.Var(
        [s for _, s in sites] if soft else [], domain=pyo.NonNegativeReals
    )

    def housing(_: Any, m: str, s: str, k: int) -> Any:
        dwelling = [
            (1 / data.groups[g].persons_per_dwelling) * model.persons[s, g]
            for g in data.groups_at(m)
            if data.groups[g].beds >= k
        ]
        if not dwelling:
            return pyo.Constraint.Skip
        built = sum(
            data.measures[name].units * model.steps[name]
            for name in data.measures_at(MeasureKind.DWELLINGS, s)
            if data.measures[name].beds >= k
        )
        missing = model.missing_dwellings[s] if soft else 0
        return sum(dwelling) - built - missing <= data.stock[s, k]

    model.housing = pyo.Constraint(
        [(m, s, k) for m, s in sites for k in _sizes_that_matter(data)], rule=housing
    )


def _sizes_that_matter(data: Data) -> list[int]:
    """Keep the sizes that a group asks for.

    For any other size k the households of at least k beds are those of the next size
    that a group asks for, which has no more room: its row implies the one left out.
    """
    wanted = {group.beds for group in data.groups.values()}
    return [k for k in data.sizes if k in wanted]
