"""Balances: what earlier years and reception centres are worth as credit."""

import pandas as pd

from allocator.errors import InvalidPolicy
from models.instance import Instance
from models.policy import Credits
from models.problems import Problem

RESIDENTS = "reception_residents"
"""Column of the persons living in reception centres of the state."""


def credits_of(
    instance: Instance, rules: Credits, share: "pd.Series[float] | None", target: int
) -> "pd.Series[float]":
    """Return what is credited to every municipality, in persons; negative is owed.

    ::

        b_m = w · Σ_a (1 − d)^a · credit_{m,a}
        c_m = min(max(b_m, −k·s_m·T), k·s_m·T) + r · residents_m

    with ``credit_{m,0}`` the column ``credit``, ``credit_{m,a}`` the column ``credit_a``
    (persons settled beyond the fair share, a years before; blank: 0), w the weight, d the
    decay, k the cap (none: no cap), s the share by the key, T the target, r the rate for
    reception centres and residents the column ``reception_residents`` (blank: 0).

    Raises
    ------
    InvalidPolicy
        If a decay or a rate is set and the instance has no column that it could apply to.
    """
    towns = instance.municipalities.set_index("municipality_id")
    aged = {name: int(age) for name in towns.columns if (age := _age(name))}
    problems = []
    if rules.decay > 0 and not aged:
        problems.append(
            _wrong(
                "decay",
                rules.decay,
                "credits are to lapse with age, but the instance has none with an age",
                "add columns credit_1, credit_2, … (persons, by years ago) to municipalities.csv",
            )
        )
    if rules.reception_rate > 0 and RESIDENTS not in towns.columns:
        problems.append(
            _wrong(
                "reception_rate",
                rules.reception_rate,
                "reception centres are to be credited, but the instance has no residents",
                f"add a column {RESIDENTS} (persons) to municipalities.csv",
            )
        )
    counted = [*aged, *([RESIDENTS] if rules.reception_rate > 0 and not problems else [])]
    problems += [
        _wrong(name, name, "the column does not hold numbers", "give persons in municipalities.csv")
        for name in counted
        if not pd.api.types.is_numeric_dtype(towns[name])
    ]
    if problems:
        raise InvalidPolicy("policy", problems)
    balance = towns["credit"]
    for name, age in aged.items():
        balance = balance + (1.0 - rules.decay) ** age * towns[name].fillna(0.0)
    credit = rules.weight * balance
    if rules.cap is not None and share is not None:
        most = rules.cap * target * share
        credit = credit.clip(lower=-most, upper=most)
    if rules.reception_rate > 0:
        credit = credit + rules.reception_rate * towns[RESIDENTS].fillna(0.0)
    return credit


def _age(column: str) -> int:
    """Return how many years ago a column of credits is, 0 for any other column."""
    number = column.removeprefix("credit_")
    return int(number) if number != column and number.isdecimal() else 0


def _wrong(field: str, value: object, message: str, expected: str) -> Problem:
    return Problem(message, expected, "policy", column=f"credits.{field}", value=str(value))
