"""What can be varied, by path, and over which values.

=============================  ==============================================================
`target`, `budget`             persons; currency for measures in all
any setting of the policy      by its dotted path: `floor`, `max_ratio`, `key.weights.population`
`assume.NAME`                  an assumption behind the packaged Norwegian instances
`factor.FAMILY.PLACE.ITEM`     capacities are multiplied; place and item may be left out
`added.FAMILY.PLACE.ITEM`      units are added to one capacity
`TABLE.COLUMN[ID,…] *=`        cells are multiplied (`+=`: added to, `=`: replaced)
=============================  ==============================================================

Families are `housing`, `transport` and those of the services; a place is a site or a
municipality (a pool, for services), an item the beds of dwellings or a service. How cells are
named: `allocator.sensitivity.cells`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from allocator.errors import InvalidInput, InvalidPolicy
from allocator.policies import with_settings
from allocator.sensitivity.cells import CellChange, cell_change, is_cell
from allocator.sensitivity.variation import CapacityChange, Variation
from models.instance import Instance
from models.policy import Policy
from models.problems import Problem

Value = int | float | str
"""A value of an input; text for what is no number (`anywhere`, `none`)."""
Over = Mapping[str, Sequence[Value]]
"""Values by path."""

ASSUME, FACTOR, ADDED = "assume.", "factor.", "added."
_SHORT = {"budget": "budget.total"}
DIGITS = 12
"""Digits to which the values of a range are rounded."""


class InvalidOver(InvalidInput):
    """What is to be varied cannot be."""


@dataclass(frozen=True)
class Question:
    """What is asked about an instance: a policy, and what is changed about the instance."""

    policy: Policy
    variation: Variation

    def with_value(self, path: str, value: Value) -> "Question":
        """Return the question with one input at another value.

        Raises
        ------
        InvalidInput
            If there is no such input, or the value is none for it.
        """
        try:
            if path.startswith(ASSUME):
                return self._assuming(path.removeprefix(ASSUME), _number(path, value))
            if path.startswith(FACTOR):
                where = path.removeprefix(FACTOR)
                return self._changing(where, "factor", _number(path, value))
            if path.startswith(ADDED):
                return self._changing(path.removeprefix(ADDED), "amount", _number(path, value))
            if is_cell(path):
                return self._at_cells(cell_change(path, _number(path, value)))
        except InvalidOver:
            raise
        except InvalidInput as error:
            raise InvalidOver(error.what, error.problems) from error
        except ValidationError as error:
            problems = [
                _wrong(detail["msg"], "give another value", path, str(value))
                for detail in error.errors(include_url=False)
            ]
            raise InvalidOver("cannot be varied", problems) from error
        given = value if isinstance(value, str) else whole(value)  # 1e6 persons are a number
        setting = f"{_SHORT.get(path, path)}={given}"
        return replace(self, policy=with_settings(self.policy, [setting]))

    def _assuming(self, name: str, value: float) -> "Question":
        assume = {**self.variation.assume, name: value}
        return replace(self, variation=self.variation.model_copy(update={"assume": assume}))

    def _changing(self, where: str, how: str, value: float) -> "Question":
        family, _, rest = where.partition(".")
        # Ids may hold dots, services and beds seldom do: the last one ends the place.
        place, _, item = rest.rpartition(".") if "." in rest else (rest, "", "")
        change = CapacityChange.model_validate(
            {"family": family, "place": place or None, "item": item or None, how: value}
        )
        capacities = (*self.variation.capacities, change)
        update = {"capacities": capacities}
        return replace(self, variation=self.variation.model_copy(update=update))

    def _at_cells(self, change: CellChange) -> "Question":
        cells = (*self.variation.cells, change)
        return replace(self, variation=self.variation.model_copy(update={"cells": cells}))

    def problems(self, instance: Instance) -> list[Problem]:
        """Return everything that is wrong with the question for `instance`."""
        from allocator.checking import check_policy
        from models.problems import errors

        return [
            *self.variation.problems(instance),
            *errors(check_policy(instance, self.policy)),
        ]


def read_over(texts: Iterable[str]) -> dict[str, list[Value]]:
    """Return values by path, from texts such as ``budget=0.6e9:1.4e9:9``.

    Parameters
    ----------
    texts
        ``path=FIRST:LAST:COUNT`` (that many numbers, evenly spaced) or ``path=A,B,C``.

    Raises
    ------
    InvalidOver
        With every text that cannot be read.
    """
    found: dict[str, list[Value]] = {}
    problems = []
    for text in texts:
        path, sign, values = (part.strip() for part in text.partition("="))
        if not (path and sign and values):
            expected = "write budget=0.6e9:1.4e9:9 or step=1,5,10"
            problems.append(_wrong("what is varied needs values", expected, path or None, text))
        elif path in found:
            problems.append(_wrong("it is varied twice", "name it once", path, text))
        else:
            found[path] = _values(path, values, problems)
    if problems:
        raise InvalidOver("cannot be varied", problems)
    return found


def _values(path: str, text: str, problems: list[Problem]) -> list[Value]:
    if ":" not in text:
        return [value_of(part.strip()) for part in text.split(",")]
    parts = text.split(":")
    numbers = [value_of(part.strip()) for part in parts]
    first, last, count = (*numbers, "", "", "")[:3]
    right = (
        len(parts) == 3
        and not isinstance(first, str)
        and not isinstance(last, str)
        and isinstance(count, int)
        and count >= 2
    )
    if not right:
        expected = "give FIRST:LAST:COUNT with two numbers and a count of at least 2"
        problems.append(_wrong("this is no range", expected, path, text))
        return []
    return evenly(float(first), float(last), int(count))


def evenly(first: float, last: float, count: int) -> list[Value]:
    """Return `count` numbers from `first` to `last`, whole ones as integers."""
    step = (last - first) / (count - 1)
    return [whole(float(f"{first + i * step:.{DIGITS}g}")) for i in range(count)]


def value_of(text: str) -> Value:
    """Return a number where the text is one, whole ones as integers; else the text."""
    try:
        number = float(text)
    except ValueError:
        return text
    return whole(number) if math.isfinite(number) else text


def whole(number: float) -> int | float:
    """Return a whole number as an integer, others as they are."""
    return int(number) if float(number).is_integer() and abs(number) < 1e15 else number


def _number(path: str, value: Value) -> float:
    if isinstance(value, str):
        problem = _wrong("the value is no number", "give a number", path, value)
        raise InvalidOver("cannot be varied", [problem])
    return float(value)


def _wrong(message: str, expected: str, column: str | None, value: str) -> Problem:
    return Problem(message, expected, "over", None, column, value)


def grid(
    instance: Instance, base: Question, over: Over, most: int
) -> list[tuple[dict[str, Value], Question]]:
    """Return the question at every combination of values, the first input slowest.

    Parameters
    ----------
    instance
        What the questions are asked about.
    base
        The question where nothing is varied.
    over
        Values by path.
    most
        Most inputs.

    Raises
    ------
    InvalidOver
        With everything that is wrong with the inputs, at all of their values.
    """
    problems = list(_wrong_shape(over, most))
    points: list[tuple[dict[str, Value], Question]] = [({}, base)]
    for path, values in over.items():
        varied = []
        for settings, question in points:
            for value in values:
                try:
                    after = question.with_value(path, value)
                except (InvalidOver, InvalidPolicy) as error:
                    problems += error.problems
                else:
                    varied.append(({**settings, path: value}, after))
        points = varied or points
    for _, question in points:
        problems += question.problems(instance)
    if problems:
        # What is wrong with an input whatever its value is told once.
        once = {(problem.message, problem.column): problem for problem in reversed(problems)}
        raise InvalidOver("cannot be varied", list(reversed(once.values())))
    return points


def _wrong_shape(over: Over, most: int) -> Iterable[Problem]:
    if not 1 <= len(over) <= most:
        expected = f"name one to {most}, such as budget=0.6e9:1.4e9:9"
        yield _wrong(f"{len(over)} inputs are varied", expected, None, ", ".join(over))
    for path, values in over.items():
        if not values:
            yield _wrong("it has no values", "give at least one", path, "")
        elif len(set(values)) < len(values):
            shown = ", ".join(map(str, values))
            yield _wrong("a value is there twice", "give each once", path, shown)
