"""Scenarios: capacities and arrivals that somebody thought of, in the place of draws."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allocator.errors import InvalidInput
from allocator.loading import read_csv
from allocator.sensitivity.uncertainty import ARRIVALS, Draws, counties_of, families_of
from models.instance import Instance
from models.problems import Problem

COLUMNS = ("scenario", "place", "family", "factor")
TABLE = "scenarios"


def scenarios(instance: Instance, table: pd.DataFrame) -> Draws:
    """Return scenarios as draws, every one as likely as another.

    Parameters
    ----------
    instance
        What is given.
    table
        Columns scenario (name), place (municipality, pool or county by id; blank: everywhere),
        family (of capacity, or `arrivals`), factor (of what is given, 0 or more). What is not
        named is as given; factors that meet are multiplied. Scenarios keep the order in which
        they come first.

    Raises
    ------
    InvalidInput
        With everything that is wrong with the table.
    """
    county = counties_of(instance)
    families = families_of(instance)
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing or table.empty:
        message = f"{', '.join(missing)} is missing" if missing else "there are no scenarios"
        problem = Problem(message, f"give the columns {', '.join(COLUMNS)}, and rows", TABLE)
        raise InvalidInput("the scenarios cannot be used", [problem])
    rows = table.reset_index(drop=True).fillna({"scenario": "", "place": "", "family": ""})
    rows["factor"] = pd.to_numeric(rows["factor"], errors="coerce")
    problems = list(_problems(rows, table["factor"].tolist(), county, families))
    if problems:
        raise InvalidInput("the scenarios cannot be used", problems)
    names = list(dict.fromkeys(rows["scenario"]))
    factors = np.ones((len(names), len(county), len(families)))
    arrivals = np.ones(len(names))
    for row in _each(rows):
        number = names.index(row.scenario)
        if row.family == ARRIVALS:
            arrivals[number] *= row.factor
            continue
        here = [row.place in ("", place, its) for place, its in county.items()]
        factors[number, here, families.index(row.family)] *= row.factor
    return Draws(tuple(county), tuple(families), factors, arrivals)


def read_scenarios(instance: Instance, file: str | Path) -> Draws:
    """Return the scenarios of a CSV file with the columns of `scenarios`.

    Raises
    ------
    InvalidInput
        With everything that is wrong with the file.
    """
    problems: list[Problem] = []
    table = read_csv(Path(file), TABLE, problems)
    if table is None:
        raise InvalidInput("the scenarios cannot be used", problems)
    return scenarios(instance, table)


def _each(rows: pd.DataFrame) -> Any:
    return rows.itertuples(index=False)


def _problems(
    rows: pd.DataFrame, said: list[Any], county: dict[str, str], families: list[str]
) -> Iterator[Problem]:
    places = {"", *county, *county.values()}
    for number, (row, value) in enumerate(zip(_each(rows), said, strict=True), start=1):
        if row.place not in places:
            message, expected = "there is no such place", "give a municipality, pool or county"
            yield Problem(message, expected, TABLE, number, "place", row.place)
        if row.family not in (*families, ARRIVALS):
            expected = f"give one of {', '.join([*families, ARRIVALS])}"
            message = "no capacity has this family"
            yield Problem(message, expected, TABLE, number, "family", row.family)
        elif row.family == ARRIVALS and row.place:
            message, expected = "arrivals have no place", "leave the place blank"
            yield Problem(message, expected, TABLE, number, "place", row.place)
        if not 0 <= row.factor < float("inf"):
            expected = "give a number of 0 or more"
            yield Problem("this is no factor", expected, TABLE, number, "factor", str(value))
