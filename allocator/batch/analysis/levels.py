"""Values of an input as levels: each value by itself, or bins of about as many cases each."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BINS = 10
"""Most bins."""
EACH = 5
"""Fewest draws of an input behind one level: fewer would be those draws and not the level."""


@dataclass(frozen=True, eq=False)
class Levels:
    """Levels of an input.

    Attributes
    ----------
    codes
        Level of every value, numbered from 0.
    table
        One row a level: value (a number, text, or none where the input is as given; of a bin the
        median), low and high (ends of a bin).
    """

    codes: NDArray[np.intp]
    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)


def levels(values: "pd.Series[Any]", most: int) -> Levels:
    """Return the levels of an input.

    Parameters
    ----------
    values
        Numbers or text; missing where the input is as given, which is a level of its own.
    most
        Most levels of numbers, missing ones included; more are put into bins, equal in count but
        that equal numbers stay together. Text is never put into bins.
    """
    if not pd.api.types.is_numeric_dtype(values):
        codes, known = pd.factorize(values.astype("object"))
        rows = [{"value": one, "low": np.nan, "high": np.nan} for one in known]
        return _with_blanks(codes, rows)
    numbers = values.astype("float64").to_numpy(na_value=np.nan)
    known = numbers[~np.isnan(numbers)]
    most = max(1, most - (len(known) < len(numbers)))
    if len(np.unique(known)) > most:
        bins = pd.qcut(numbers, most, labels=False, duplicates="drop")
        codes, _ = pd.factorize(bins, sort=True)
    else:
        codes, _ = pd.factorize(numbers, sort=True)
    inside = [numbers[codes == code] for code in range(codes.max() + 1)]
    rows = [{"value": np.median(some), "low": some.min(), "high": some.max()} for some in inside]
    return _with_blanks(codes, rows)


def _with_blanks(codes: NDArray[np.intp], rows: list[dict[str, Any]]) -> Levels:
    """Let missing values be the first level."""
    if (codes < 0).any():
        codes, rows = codes + 1, [{"value": None, "low": np.nan, "high": np.nan}, *rows]
    return Levels(codes, pd.DataFrame(rows, columns=["value", "low", "high"], dtype="object"))
