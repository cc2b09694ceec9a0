"""Keys by name, and how one is looked up, checked and computed."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from allocator.errors import InvalidPolicy
from allocator.keys.options import options_of
from allocator.keys.rule import Given, Indicator, O, Options, Result, Rule, normalised
from models.instance import Instance
from models.policy import Key
from models.problems import Problem

KEYS: dict[str, Rule] = {}
"""Every key by its name."""


def register(
    name: str,
    *,
    title: str,
    formula: str,
    source: str,
    limits: str,
    options: type[O],
    indicators: Callable[[O, Mapping[str, float]], tuple[Indicator, ...]],
    weighs_columns: bool = False,
) -> Callable[[Callable[[Given[O]], Result]], Callable[[Given[O]], Result]]:
    """Register a rule under `name`; the other arguments are those of `Rule`."""

    def add(compute: Callable[[Given[O]], Result]) -> Callable[[Given[O]], Result]:
        KEYS[name] = Rule(
            name, title, formula, source, limits, options, indicators, compute, weighs_columns
        )
        return compute

    return add


def always(*needed: Indicator) -> Callable[[Options, Mapping[str, float]], tuple[Indicator, ...]]:
    """Say that a key needs `needed` whatever its options are."""

    def indicators(options: Options, weights: Mapping[str, float]) -> tuple[Indicator, ...]:
        del options, weights
        return needed

    return indicators


def weighed(
    by_option: Mapping[str, Indicator], *needed: Indicator
) -> Callable[[Options, Mapping[str, float]], tuple[Indicator, ...]]:
    """Say that a key needs `needed`, and the indicator of every option that is above 0."""

    def indicators(options: Options, weights: Mapping[str, float]) -> tuple[Indicator, ...]:
        del weights
        chosen = [one for name, one in by_option.items() if getattr(options, name) > 0]
        return tuple(dict.fromkeys([*needed, *chosen]))

    return indicators


def shares(instance: Instance, key: Key, target: int | None = None) -> "pd.Series[float]":
    """Return the share of every municipality by `key`, by municipality_id, adding up to 1.

    Parameters
    ----------
    instance, key
        Data and rule.
    target
        Persons to settle, which some rules reckon with; None: the target of the instance.

    Raises
    ------
    InvalidPolicy
        If no key has that name, an option or weight is unknown or wrong, or the instance
        lacks what the key needs; everything at once.
    """
    return evaluate(instance, key, target).shares


def evaluate(instance: Instance, key: Key, target: int | None = None) -> Result:
    """Return the shares by `key` and the factors they are made of; see `shares`."""
    rule, options = rule_of(key)
    towns = instance.municipalities.set_index("municipality_id")
    needed = rule.indicators(options, key.weights)
    problems = unusable(towns, rule, needed)
    if problems:
        raise InvalidPolicy(f"the key {key.name} cannot be used", problems)
    columns = {"county_id": towns["county_id"]}
    columns |= {one.column: towns[one.column].astype("float64") for one in needed}
    persons = instance.target if target is None else target
    given = Given(pd.DataFrame(columns), options, key.weights, persons)
    return computed(rule, given)


def computed(rule: Rule, given: Given[Any]) -> Result:
    """Apply a rule to what is given, and scale its shares so that they add up to 1."""
    result = rule.compute(given)
    if not result.shares.sum() > 0:
        problem = Problem(
            "the key gives nobody a share",
            "give a municipality something that counts",
            "policy",
            column="key",
            value=rule.name,
        )
        raise InvalidPolicy(f"the key {rule.name} cannot be used", [problem])
    return Result(normalised(result.shares), result.factors)


def rule_of(key: Key) -> tuple[Rule, Options]:
    """Return the rule that `key` names, and its options.

    Raises
    ------
    InvalidPolicy
        If no key has that name, or an option or weight is unknown or wrong.
    """
    if key.name not in KEYS:
        problem = Problem(
            "no key has this name",
            f"give one of {', '.join(sorted(KEYS))}",
            "policy",
            column="key.name",
            value=key.name,
        )
        raise InvalidPolicy("policy", [problem])
    rule = KEYS[key.name]
    return rule, options_of(rule, key)


def unusable(towns: pd.DataFrame, rule: Rule, needed: Iterable[Indicator]) -> list[Problem]:
    """Return every column that the key needs and `towns` lacks or holds in no usable form."""
    found = (_problem(towns, rule, indicator) for indicator in needed)
    return [problem for problem in found if problem is not None]


def _problem(towns: pd.DataFrame, rule: Rule, indicator: Indicator) -> Problem | None:
    name = indicator.column
    table, place = ("policy", f"key.weights.{name}")
    if not rule.weighs_columns:
        table, place = "municipalities", name

    def wrong(message: str, expected: str, value: str | None = None) -> Problem:
        return Problem(message, expected, table, column=place, value=value)

    if name not in towns.columns:
        if rule.weighs_columns:
            numeric = ", ".join(towns.select_dtypes("number").columns)
            return wrong("the instance has no such column", f"there are {numeric}", name)
        about = f"{indicator.meaning}, in {indicator.unit}"
        return wrong(
            f"the key {rule.name} needs this column and the instance has none",
            f"add a column {name} ({about}) to municipalities.csv, filled for every municipality",
        )
    column = towns[name]
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return wrong("the column does not hold numbers", "name a column of numbers", name)
    if column.isna().any():
        blank = ", ".join(map(str, column.index[column.isna()][:5]))
        return wrong("the column has blanks", "fill every municipality", blank)
    lowest = indicator.lowest
    if lowest is not None:
        low = column <= lowest if indicator.positive else column < lowest
        if low.any():
            sign = "above" if indicator.positive else "≥"
            where = f"{column.index[low][0]}: {column[low].iloc[0]:g}"
            message = f"the column is negative or too small for the key {rule.name}"
            return wrong(message, f"give numbers {sign} {lowest:g}", where)
    if rule.weighs_columns and not column.sum() > 0:
        return wrong("the column is zero throughout", "give numbers ≥ 0, not all 0", name)
    return None
