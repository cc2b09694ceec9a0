"""Order among measures that do the same at the same place: the better one is bought first.

::

    y_l = 0                          where a better measure alone covers all that could be used
    max_l · y_b ≥ max_b · y_l        where b is better than l, otherwise

=========  ==========================================================  ==========
y_l, y_b   steps of two measures of one kind, place and service        steps
max        most steps of a measure                                     steps
=========  ==========================================================  ==========

Measure b is better than l when a step of it adds no less (dwellings: no smaller ones), and
costs no more; of two that are the same it is the first by name. A plan that buys l can
move its steps to b, one by one, until l has none or b its limit: every row keeps what it has,
no budget is charged more, and no goal counts measures but for their cost. In such a plan
y_l > 0 only where y_b = max_b, of which the row is all that can be said without a further
yes-or-no variable.
"""

import math
from collections.abc import Mapping
from typing import Any

import pyomo.environ as pyo

from models.program.data import Data, Measure
from models.program.rows import at_least
from models.program.tightening import Tightening

SLACK = 1e-9
"""Part of a step that is rounding and no further step."""


def better_ones(data: Data) -> list[tuple[str, str]]:
    """Return pairs (better, worse) of measures at one place, best first."""
    pairs = []
    for names in data.measures_by_place():
        for i, worse in enumerate(names):
            pairs += [
                (name, worse)
                for j, name in enumerate(names)
                if i != j and _better(data.measures[name], data.measures[worse], first=j < i)
            ]
    return pairs


def _better(one: Measure, other: Measure, *, first: bool) -> bool:
    """Tell whether `one` is better; the same counts where it comes first."""
    if one.service != other.service:
        return False
    pairs = ((one.units, other.units), (one.beds, other.beds), (other.cost, one.cost))
    return all(a >= b for a, b in pairs) and (first or any(a > b for a, b in pairs))


def needed(data: Data, steps: Mapping[str, int], useful: Mapping[str, float]) -> dict[str, int]:
    """Return the most steps of every measure, none where a better one covers all use.

    Parameters
    ----------
    steps
        Most steps so far.
    useful
        Units that could be used of a measure, alone on its rows.
    """
    left = dict(steps)
    for better, worse in better_ones(data):
        # A step of the worse one serves no row that the better one does not serve.
        units = data.measures[better].units
        covers = left[better] * units >= useful[better] - SLACK * units
        if covers and left[better] > 0:
            left[worse] = 0
    return left


def constrain(
    model: Any, data: Data, steps: Mapping[str, int], tighten: frozenset[Tightening]
) -> None:
    """State the order of measures that are both worth having."""
    pairs = better_ones(data) if Tightening.ORDER in tighten else []
    pairs = [pair for pair in pairs if all(steps[name] > 0 for name in pair)]

    def row(_: Any, better: str, worse: str) -> Any:
        shared = math.gcd(steps[better], steps[worse])
        return at_least(
            [
                (steps[worse] // shared, model.steps[better]),
                (-(steps[better] // shared), model.steps[worse]),
            ],
            0.0,
        )

    model.better_first = pyo.Constraint(pairs, rule=row)
