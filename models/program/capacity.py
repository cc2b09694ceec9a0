"""A row of capacity: what is used, what there is, what measures add, what may be missing.

::

    used_r ≤ C_r + Σ_l units_l y_l + v_r                                    every row r
    used_r ≤ C_r a_m + Σ_l units_l y_l + v_r                                where m may be left out
    used_r ≤ C_r + L_r − rest_r · (N_r − Σ_l y_l) + Σ_d gain_{r,d} y_d      the last step
    N_r = ⌈L_r / units⌉,   rest_r = L_r − units · (N_r − 1)

=========  =====================================================================  =============
used_r     Σ of persons, each with what one person uses                           units of r
C_r        what there is today                                                    units of r
units_l    what one step of measure l adds                                        units
y_l        steps of measure l, integer                                            steps
v_r        units missing, only where the family is soft                           units of r
a_m        1 when m is asked, else nobody is there to use anything; only where     yes or no
           the fair share lies below the floor (1 elsewhere)
L_r        most that could be used beyond today                                   units of r
gain_{r,d} what a step of dwellings d at most adds to that (`stock`)              units of r
N_r        steps that cover L_r                                                   steps
rest_r     what the last of them adds                                             units of r
=========  =====================================================================  =============

*The last step* counts for what it can still add and not for its full size, so that the
relaxation cannot buy a part of it at the price of a part. Stated where all measures on the
row add as much and nothing may be missing: it is the mixed-integer rounding of the row with
`used_r − C_r ≤ L_r` (Wolsey, *Integer Programming*, 2nd ed., 2020, section 8.7). With one
step it takes the place of the row (coefficient tightening, section 2.4 there). Stated
twice: for all that could be used (without y_d), and for what the dwellings of today let
people use, with what further dwellings add.

*A row that can never bind*, even with no measure bought, is left out.
"""

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyomo.environ as pyo

from models.program.rows import Terms, at_most
from models.program.tightening import Tightening

SLACK = 1e-9
"""Part of a step that is rounding and no further step."""
LEAST_REST = 1e-3
"""Least part of a step that is told apart from none, and from a whole one."""


class Last(NamedTuple):
    """The last step that could be used: N_r, and what it adds, in the units of the row."""

    steps: int
    rest: float


def last_step(lacking: float, units: float) -> Last | None:
    """Return the last useful step, none where it adds as much as any other.

    Parameters
    ----------
    lacking
        L_r in the units of the row.
    units
        What a full step adds.
    """
    if lacking <= 0 or units <= 0:
        return None
    steps = math.ceil(lacking / units - SLACK)
    rest = lacking - units * (steps - 1)
    if not LEAST_REST * units <= rest <= (1 - LEAST_REST) * units:
        return None
    return Last(steps, rest)


@dataclass
class Row:
    """One row of capacity before it is stated.

    Attributes
    ----------
    used
        Coefficients of persons.
    added
        Units of every measure on the row, with its steps.
    capacity
        C_r in units of the row.
    missing
        v_r, where the family is soft.
    use, held
        Most that could be used: by all rows together, and by bounds on columns alone.
    asked
        a_m, where the municipality may be left out.
    stock, further
        Most that could be used in the dwellings of today, and what further ones add.
    """

    used: Terms
    added: Terms
    capacity: float
    use: float
    held: float
    missing: list[Any] = field(default_factory=list)
    asked: Any = None
    stock: float = math.inf
    further: Terms = field(default_factory=list)

    @property
    def idle(self) -> bool:
        """Tell whether the row holds whatever the plan, with no measure bought."""
        return self.held <= self.capacity * (1 + SLACK)

    def stated(self, tighten: frozenset[Tightening]) -> Any:
        """Return the row, or the one that takes its place."""
        if not self.used or (Tightening.IDLE_ROWS in tighten and self.idle):
            return pyo.Constraint.Skip
        last = self._last(self.use, Tightening.LAST_STEP in tighten)
        if last is not None and last.steps == 1:
            return self._rounded(last, self.use, [], tighten)
        added = [*self.added, *((1, missing) for missing in self.missing)]
        return self._row(added, self.capacity, tighten)

    def stated_last_step(self, tighten: frozenset[Tightening]) -> Any:
        """Return the row of the last step where it says more than the row itself."""
        last = self._last(self.use, Tightening.LAST_STEP in tighten)
        if last is None or last.steps == 1:
            return pyo.Constraint.Skip
        return self._rounded(last, self.use, [], tighten)

    def stated_by_stock(self, tighten: frozenset[Tightening]) -> Any:
        """Return the row of the last step in the dwellings of today, where it says more."""
        use = min(self.use, self.stock)
        last = self._last(use, Tightening.STOCK in tighten and bool(self.further))
        if last is None or use >= self.use:
            return pyo.Constraint.Skip
        return self._rounded(last, use, self.further, tighten)

    def _last(self, use: float, wanted: bool) -> Last | None:
        units = {units for units, _ in self.added}
        if not wanted or not self.used or self.missing or len(units) != 1:
            return None
        return last_step(use - self.capacity, units.pop())

    def _rounded(
        self, last: Last, use: float, further: Terms, tighten: frozenset[Tightening]
    ) -> Any:
        added = [*((last.rest, steps) for _, steps in self.added), *further]
        return self._row(added, use - last.rest * last.steps, tighten)

    def _row(self, added: Terms, capacity: float, tighten: frozenset[Tightening]) -> Any:
        """Return used ≤ capacity + added, the capacity only where somebody is asked."""
        terms = [*self.used, *((-units, variable) for units, variable in added)]
        if self.asked is None or Tightening.ASKED not in tighten:
            return at_most(terms, capacity)
        return at_most([*terms, (-capacity, self.asked)], 0.0)


def state(model: Any, name: str, rows: dict[Any, Row], tighten: frozenset[Tightening]) -> None:
    """State `rows` as the constraint `name`, and what the last steps say beside it."""
    for suffix, stated in (
        ("", Row.stated),
        ("_last_step", Row.stated_last_step),
        ("_by_stock", Row.stated_by_stock),
    ):
        setattr(model, name + suffix, pyo.Constraint(list(rows)))
        component = getattr(model, name + suffix)
        for index, row in rows.items():
            expression = stated(row, tighten)
            if expression is not pyo.Constraint.Skip:
                component.add(index, expression)
