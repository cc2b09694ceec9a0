"""What is audited, and how an answer is told."""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from allocator.keys.registry import computed, evaluate, rule_of
from allocator.keys.rule import Given, Indicator, Options, Result, Rule
from models.instance import Instance
from models.policy import Key

TOLERANCE = 1e-9
"""Differences of a share below this part of it are rounding of the computer."""


@dataclass(frozen=True)
class Finding:
    """One answer of the audit.

    Attributes
    ----------
    question
        `own`, `counting` or `equals`.
    indicator
        Column it is about; None for all of them together.
    holds
        Whether nothing was found against the key.
    violations, checked
        Cases found against it, of the cases tried.
    municipality_id, name
        The worst case; None when there is none.
    persons
        Persons by which the worst case is wrong, at the target.
    example
        The worst case in words, or what was tried.
    """

    question: str
    indicator: str | None
    holds: bool
    violations: int
    checked: int
    municipality_id: str | None
    name: str | None
    persons: float
    example: str


@dataclass(frozen=True)
class Subject:
    """A key with the data it is audited on."""

    rule: Rule
    given: Given[Any]
    result: Result
    names: "pd.Series[str]"

    @classmethod
    def of(cls, instance: Instance, key: Key, target: int | None) -> "Subject":
        """Check the key, and compute it once."""
        result = evaluate(instance, key, target)
        rule, options = rule_of(key)
        towns = instance.municipalities.set_index("municipality_id")
        needed = [one.column for one in rule.indicators(options, key.weights)]
        columns = towns[needed].astype("float64").assign(county_id=towns["county_id"])
        persons = instance.target if target is None else target
        given = Given(columns, options, key.weights, persons)
        return cls(rule, given, result, towns["name"])

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        """Columns the key needs."""
        return self.rule.indicators(self.given.options, self.given.weights)

    def again(self, towns: pd.DataFrame) -> "pd.Series[float]":
        """Return the shares on changed data."""
        return computed(self.rule, replace(self.given, towns=towns)).shares

    def without(self, factor: str) -> "pd.Series[float] | None":
        """Return the shares without one factor; None where it cannot be left out."""
        given = self.given
        if self.rule.weighs_columns:
            weights = {name: w for name, w in given.weights.items() if name != factor}
            options: Options = given.options.model_copy(
                update={"caps": {n: c for n, c in given.options.caps.items() if n in weights}}
            )
            free = any(w > 0 for n, w in weights.items() if n not in given.options.caps)
            changed = replace(given, weights=weights, options=options)
        else:
            if factor not in type(given.options).model_fields:
                return None
            options = given.options.model_copy(update={factor: 0.0})
            others = [f.weight for name, f in self.result.factors.items() if name != factor]
            free = any(weight > 0 for weight in others)
            changed = replace(given, options=options)
        return computed(self.rule, changed).shares if free else None
