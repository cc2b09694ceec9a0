"""Participation: a municipality is asked for nothing, or for at least the floor.

::

    q_m = δ n_m + ρ o_m = Σ_{s∈S(m)} Σ_g x_{s,g}        for every m not decided exactly
    q_m = E_m           = Σ_{s∈S(m)} Σ_g x_{s,g}        for every m decided exactly
    φ a_m ≤ q_m ≤ Q_m a_m
    Σ_m o_m ≤ 1

=========  =======================================================  ==========
q_m        quota                                                    persons
n_m        whole lots, integer ≥ 0                                  lots
δ          step: persons in one lot                                 persons
o_m        1 when m carries the odd lot (only if ρ ≠ 0)             yes or no
ρ          (T − Σ E_m) mod δ: persons left over from whole lots     persons
a_m        1 when m is asked                                        yes or no
φ          floor, rounded up to whole lots (the odd lot comes on    persons
           top of them or replaces part of them, never below φ)
Q_m        most persons m could ever house, carry and serve, and    persons
           the largest quota the policy allows
E_m        persons decided exactly                                  persons
x_{s,g}    persons of group g at site s                             persons
=========  =======================================================  ==========

*When it binds* a municipality would take fewer than the floor if it could, and
takes the floor or nothing. *Relaxed* by a lower floor or a smaller step; decisions
taken exactly are relaxed only when conflicts are looked for.
"""

import math
from typing import Any

import pyomo.environ as pyo

from models.program.data import Data
from models.program.rows import Terms, equal, linear


def declare(model: Any, data: Data, most: dict[str, float]) -> None:
    """Declare lots, the odd lot and who is asked; define `model.quota`.

    Parameters
    ----------
    most
        Q_m in persons.
    """
    step, odd_lot = data.step, _odd_lot(model, data)
    free = [m for m in data.municipalities if m not in data.exact]
    # Where lots can be left out they no longer see to the floor.
    least = 1 if hasattr(model, "lower_floor") else min(step, odd_lot or step)
    gated = [m for m in free if data.policy.floor > least]
    model.lots = pyo.Var(
        free,
        domain=pyo.NonNegativeIntegers,
        bounds=lambda _, m: (0, math.floor(most[m] / step + 1e-9)),
    )
    model.odd = pyo.Var(free if odd_lot else [], domain=pyo.Binary)
    model.asked = pyo.Var(gated, domain=pyo.Binary)

    def quota(_: Any, m: str) -> Any:
        if m in data.exact:
            return data.exact[m] + _relief(model, m)
        return linear(lots_of(model, data, m))

    model.quota = pyo.Expression(data.municipalities, rule=quota)
    persons = dict(model.persons.items())

    def placed(_: Any, m: str) -> Any:
        here = [(-1, persons[s, g]) for s in data.sites[m] for g in data.groups_at(m)]
        if m in data.exact:
            return model.quota[m] + linear(here) == 0
        return equal([*lots_of(model, data, m), *here], 0)

    model.quota_is_placed = pyo.Constraint(data.municipalities, rule=placed)
    lower = getattr(model, "lower_floor", 0)
    model.at_least_floor = pyo.Constraint(
        gated, rule=lambda _, m: model.quota[m] + lower - data.policy.floor * model.asked[m] >= 0
    )
    model.only_if_asked = pyo.Constraint(
        gated, rule=lambda _, m: model.quota[m] - largest(data, most[m]) * model.asked[m] <= 0
    )
    if odd_lot and free:
        model.one_odd_lot = pyo.Constraint(expr=sum(model.odd.values()) <= 1)


def asked(model: Any, data: Data, municipality: str) -> Any:
    """Return a_m where the relaxation would ask for a part of the floor, else none.

    That is where the fair share lies below the floor. Elsewhere a_m is 1 in the relaxation
    anyway, and rows that hold it as well make every small program slower for nothing.
    """
    gated = municipality in model.asked and data.fair_share[municipality] < data.policy.floor
    return model.asked[municipality] if gated else None


def lots_of(model: Any, data: Data, municipality: str) -> Terms:
    """Return the terms of the quota of a municipality that is not decided exactly, in persons."""
    odd_lot = _odd_lot(model, data)
    odd = [(odd_lot, model.odd[municipality])] if odd_lot else []
    if hasattr(model, "odd_persons"):
        odd = [(1, model.odd_persons[municipality])]
    return [(data.step, model.lots[municipality]), *odd]


def largest(data: Data, most: float) -> float:
    """Return the largest quota on the lattice of lots that does not exceed `most`."""
    whole = math.floor(most / data.step + 1e-9) * data.step
    if data.odd_lot:
        odd = math.floor((most - data.odd_lot) / data.step + 1e-9) * data.step + data.odd_lot
        whole = max(whole, odd)
    return float(max(0, whole))


def _odd_lot(model: Any, data: Data) -> int:
    """Return ρ in persons; zero where it is stated as `odd_persons` (`elastic`)."""
    return 0 if hasattr(model, "odd_persons") else data.odd_lot


def _relief(model: Any, municipality: str) -> Any:
    if not hasattr(model, "relief"):
        return 0
    return model.relief["fixed", municipality, "more"] - model.relief["fixed", municipality, "less"]
