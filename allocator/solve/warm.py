"""Start from a plan: read it back as a solution of the program, as far as it still holds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from allocator.solve.arrays import Arrays, Vector
from models.plan import Plan
from models.program.data import Data

KEEPS = 1e-5
"""Amount by which a solution may break a row and still be one to go on from: the solver's own
tolerance, some lots over. Plans are polished and verified before anyone sees them."""

TOLERANCE = 2e-7
"""The solver's own tolerance of a row, with room: what is allowed of it where every coefficient of
a row is small, as in the budget of a small country, which is counted in millions."""

ROUNDING = 1e-8
"""The same, relative to what is added up in the row: rows over a whole country are long."""

NOBODY = 1e-4
"""Persons below which somebody without a place is rounding."""


def solution_of(plan: Plan, data: Data, arrays: Arrays) -> Vector:
    """Return a plan as values of the columns; unfairness is left to be read exactly.

    Municipalities, sites, groups and measures that the program does not know are left out, and
    so are steps beyond those that could be used;
    lots are rounded down where the step is another one.
    """
    values = np.zeros(arrays.matrix.shape[1])
    quotas = plan.quota_of
    persons = {
        (row.site_id, row.group_id): row.persons for row in plan.placements.itertuples(index=False)
    }
    steps = plan.measures.set_index("measure_id")["steps"].to_dict()

    def fill(component: str, known: Mapping[Any, float]) -> None:
        for index, column in arrays.columns.get(component, {}).items():
            values[column] = known.get(index, 0.0)

    fill("persons", persons)
    upper = {name: arrays.upper[i] for name, i in arrays.columns.get("steps", {}).items()}
    fill("steps", {name: min(steps.get(name, 0.0), most) for name, most in upper.items()})
    odd = data.odd_lot
    carries = {m: float(bool(odd) and q % data.step == odd) for m, q in quotas.items()}
    fill("odd", carries)
    fill("lots", {m: (q - odd * carries[m]) // data.step for m, q in quotas.items()})
    fill("asked", {m: float(q > 0) for m, q in quotas.items()})
    fill("change", {m: abs(quotas.get(m, 0) - before) for m, before in data.previous.items()})
    placed: dict[object, float] = {}
    whole: dict[object, float] = {}
    for m in data.municipalities:
        for g in data.groups_at(m):
            here = sum(persons.get((s, g), 0.0) for s in data.sites[m])
            placed[g] = placed.get(g, 0.0) + here
            whole[m, g] = round(here)
    fill("whole", whole)
    unplaced = {g: group.demand - placed.get(g, 0.0) for g, group in data.groups.items()}
    # What is left of many roundings is nobody.
    fill("unplaced", {g: n if abs(n) > NOBODY else 0.0 for g, n in unplaced.items()})
    for component, missing in _missing(plan).items():
        fill(component, missing)
    ratios = [quotas.get(m, 0) / fair for m, fair in data.fair_share.items() if fair > 0]
    fill("largest_ratio", {None: max(ratios, default=0.0)})
    return values


def _missing(plan: Plan) -> dict[str, dict[Any, float]]:
    """Return what is missing where capacities are overloaded, by component and index."""
    missing: dict[str, dict[Any, float]] = {}
    for row in plan.capacity[plan.capacity["slack"] < 0].itertuples(index=False):
        if row.family == "housing":  # nested sizes share what is missing
            component, index = "missing_dwellings", row.site_id
        elif row.family == "transport":
            component, index = "missing_seats", row.site_id
        elif pd.isna(row.municipality_id):
            component, index = "missing_pool_places", row.item
        else:
            component, index = "missing_places", (row.municipality_id, row.item)
        known = missing.setdefault(component, {})
        known[index] = max(known.get(index, 0.0), -row.slack)
    return missing


def keeps_all(arrays: Arrays, values: Vector) -> bool:
    """Tell whether a solution keeps every row and bound."""
    used, sizes = arrays.matrix @ values, abs(arrays.matrix)
    largest = sizes.max(axis=1).toarray().ravel()
    slack = np.maximum(TOLERANCE, KEEPS * np.minimum(largest, 1.0))
    slack += ROUNDING * (sizes @ abs(values))
    rows = (used >= arrays.row_lower - slack) & (used <= arrays.row_upper + slack)
    columns = (values >= arrays.lower - KEEPS) & (values <= arrays.upper + KEEPS)
    return bool(rows.all() and columns.all())
