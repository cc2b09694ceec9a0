"""The key `weighted`: a weighted mean of shares by any indicators."""

import pandas as pd

from allocator.errors import InvalidPolicy
from allocator.keys.registry import normalised, register
from models.instance import Instance
from models.policy import Key
from models.problems import Problem


@register("weighted")
def weighted(instance: Instance, key: Key) -> "pd.Series[float]":
    """Share = Σ_i w_i · (column_i ÷ Σ column_i) ÷ Σ_i w_i.

    Needs every column named in ``key.weights``: numbers ≥ 0, none blank, not all zero.

    Raises
    ------
    InvalidPolicy
        With every column that cannot be used.
    """
    towns = instance.municipalities.set_index("municipality_id")
    problems = [_problem(towns, name) for name in key.weights]
    found = [problem for problem in problems if problem is not None]
    if not sum(key.weights.values()) > 0:
        found.append(_wrong("weights", None, "has no weight above 0", "give a column a weight"))
    if found:
        raise InvalidPolicy("policy", found)
    total = sum(
        weight * normalised(towns[name].astype("float64")) for name, weight in key.weights.items()
    )
    return normalised(pd.Series(total, index=towns.index))


def _problem(towns: pd.DataFrame, name: str) -> Problem | None:
    if name not in towns.columns:
        numeric = ", ".join(towns.select_dtypes("number").columns)
        return _wrong(name, name, "the instance has no such column", f"there are {numeric}")
    column = towns[name]
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return _wrong(name, name, "the column does not hold numbers", "name a column of numbers")
    if column.isna().any():
        blank = ", ".join(map(str, column.index[column.isna()][:5]))
        return _wrong(name, blank, "the column has blanks", "fill every municipality")
    if (column < 0).any() or not column.sum() > 0:
        return _wrong(name, name, "the column is negative or zero throughout", "give numbers ≥ 0")
    return None


def _wrong(name: str, value: str | None, message: str, expected: str) -> Problem:
    return Problem(message, expected, "policy", column=f"key.weights.{name}", value=value)
