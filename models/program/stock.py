"""What the dwellings of today let people use, and what a further dwelling adds to it.

::

    used_r ≤ H_r + Σ_l gain_{r,l} y_l         l over the measures `dwellings` of the places of r

==========  ==================================================================  ==========
used_r      use of a row r of transport or of a service                         units of r
H_r         most use by those who fit the dwellings of today                    units of r
gain_{r,l}  what one step of l alone adds to H_r                                units of r
y_l         steps of measure l                                                  steps
==========  ==================================================================  ==========

The most use is the worth of the best assignment of people to dwellings, and what a dwelling
adds to that is the less the more of them there are (Shapley, *Naval Research Logistics
Quarterly* 9, 1962): dwellings are substitutes. What each step adds alone therefore bounds
what several add together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.columns import MeasureKind
from models.program.bounds import Bounds
from models.program.data import Data
from models.program.places import Array, Places, housed
from models.program.rows import Terms


@dataclass(frozen=True)
class Stock:
    """Use by those who fit the dwellings of today.

    Attributes
    ----------
    use
        H at every site, shape (S,).
    gain
        What one step of every measure `dwellings` adds.
    """

    use: Array
    gain: Mapping[str, float]

    def terms(self, model: Any, data: Data, sites: tuple[str, ...]) -> Terms:
        """Return what further dwellings at some sites add."""
        return [
            (self.gain[name], model.steps[name])
            for site in sites
            for name in data.measures_at(MeasureKind.DWELLINGS, site)
        ]


def by_stock(data: Data, bounds: Bounds, used: Array) -> Stock:
    """Return the most use by those who fit the dwellings of today.

    Parameters
    ----------
    used
        What one person of every group uses, shape (G,).
    """
    at = bounds.at
    site = {s: i for i, s in enumerate(at.sites)}
    use = housed(at, bounds.persons, at.stock, used)
    built = {
        name: measure
        for name, measure in data.measures.items()
        if measure.kind is MeasureKind.DWELLINGS
    }
    more = {
        size: _with_more(at, bounds.persons, used, *size) - use
        for size in sorted({(measure.beds, measure.units) for measure in built.values()})
    }
    return Stock(
        use,
        {
            name: float(more[measure.beds, measure.units][site[measure.place]])
            for name, measure in built.items()
        },
    )


def _with_more(at: Places, persons: Array, used: Array, beds: int, units: float) -> Array:
    stock = at.stock + units * (np.array(at.sizes) <= beds)
    return housed(at, persons, stock, used)
