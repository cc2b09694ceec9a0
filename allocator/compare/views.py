"""What is shown of a comparison: the tables, their measures of fairness, who moves most."""

import math
from collections.abc import Iterator
from typing import Any

from allocator.compare.comparison import Comparison
from allocator.fairness.views import fairness_grid
from models.views import Grid, Part


def comparison_parts(comparison: Comparison, movers: int) -> Iterator[Part]:
    """Yield what is compared, how fair it is, and who moves most.

    Parameters
    ----------
    movers
        Most municipalities that are shown.
    """
    letters = [chr(ord("A") + i) if i < 26 else str(i) for i in range(len(comparison.names))]
    yield f"{comparison.instance_id}: measured against {comparison.basis}"
    for letter, candidate in zip(letters, comparison.candidates, strict=True):
        yield f"  {letter}  {candidate.name}: {candidate.description}"
    measured = [comparison.fairness[name] for name in comparison.names]
    yield fairness_grid(list(zip(letters, measured, strict=True)))
    if comparison.differences and movers:
        yield _movers(comparison, letters, movers)


def _movers(comparison: Comparison, letters: list[str], number: int) -> Part:
    frame = comparison.movers(number)
    if frame.empty:
        return "no municipality differs"
    others = (f"{letter}−{letters[0]}" for letter in letters[1:])
    columns = ["fair_share", *comparison.names, *comparison.differences]
    rows = [
        (
            row["municipality_id"],
            row["name"],
            *(_figure(row[name], sign=name in comparison.differences) for name in columns),
        )
        for row in frame.to_dict("records")
    ]
    headings = ("id", "name", "fair share", *letters, *others)
    return Grid(headings, tuple(rows), texts=(0, 1), title="largest movers")


def _figure(value: Any, *, sign: bool) -> str:
    if math.isnan(value):
        return "–"
    form = "+,.1f" if sign else ",.1f"
    return format(value, form).removesuffix(".0")
