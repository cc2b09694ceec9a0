"""Inputs with the range they are screened over; assumptions have one of their own."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocator.errors import InvalidPolicy
from allocator.keys import fair_shares
from allocator.sensitivity.inputs import (
    ADDED,
    ASSUME,
    DIGITS,
    FACTOR,
    InvalidOver,
    Question,
    Value,
)
from allocator.sensitivity.variation import Variation
from instances.norway.assumptions import load_assumptions
from instances.norway.build import EDITIONS
from models.instance import Instance
from models.policy import Policy
from models.problems import Problem
from models.program import collect
from models.program.data import Data

Ranges = Mapping[str, tuple[float, float] | None]
"""Ends of a range by path; none: the range of the assumption."""

NO_INPUT = "nothing can be screened"


@dataclass(frozen=True)
class Input:
    """What is varied, and over which range.

    Attributes
    ----------
    path
        See `allocator.sensitivity.inputs`.
    low, high
        Ends of the range.
    whole
        Whether only whole numbers are values of it.
    unit
        Of an assumption.
    """

    path: str
    low: float
    high: float
    whole: bool = False
    unit: str | None = None

    def rounded(self, drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values that were drawn as they are tried."""
        if self.whole:
            return np.rint(drawn)
        digits = [float(f"{value:.{DIGITS}g}") for value in drawn]
        return np.clip(digits, self.low, self.high)

    def value(self, number: float) -> Value:
        """Return a number of the design as a value of the input."""
        return int(number) if self.whole else float(number)


def read_ranges(texts: Iterable[str]) -> dict[str, tuple[float, float] | None]:
    """Return ranges by path, from texts such as ``budget=0.6e9:1.4e9`` or ``assume.minors_share``.

    Raises
    ------
    InvalidOver
        With every text that cannot be read.
    """
    found: dict[str, tuple[float, float] | None] = {}
    problems = []
    for text in texts:
        path, sign, values = (part.strip() for part in text.partition("="))
        ends = _ends(values) if sign else None
        if not path or (sign and ends is None):
            expected = "write budget=0.6e9:1.4e9, or assume.NAME for its own range"
            problems.append(_wrong("this is no input with a range", expected, path or None, text))
        elif path in found:
            problems.append(_wrong("it is named twice", "name it once", path, text))
        else:
            found[path] = ends
    if problems:
        raise InvalidOver(NO_INPUT, problems)
    return found


def _ends(text: str) -> tuple[float, float] | None:
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        return None
    return low, high


def inputs_of(
    instance: Instance, policy: Policy, ranges: Ranges | None, steps: int | None
) -> tuple[Input, ...]:
    """Return what is screened.

    Parameters
    ----------
    instance, policy
        What is given, what is decided.
    ranges
        Inputs by path; none: every assumption that the program of this policy rests on.
    steps
        Equal steps into which the range of whole numbers must fall; none: it need not.

    Raises
    ------
    InvalidOver
        With everything that is wrong with the inputs, at both ends of their ranges.
    """
    if ranges is None:
        ranges = dict.fromkeys(assumptions_in_use(instance, policy))
    problems = []
    if not ranges:
        expected = "name some, such as budget=0.6e9:1.4e9; packaged Norwegian ones need no names"
        problems = [_wrong(f"{instance.id} has no inputs of its own", expected, None, None)]
    base = Question(policy, Variation())
    found = []
    for path, ends in ranges.items():
        wrong, one = [], _ranged(path, ends)
        if isinstance(one, Problem):
            wrong.append(one)
        else:
            wrong += _wrong_ends(instance, base, one)
            if not wrong:
                one = Input(one.path, one.low, one.high, _is_whole(base, one), one.unit)
                wrong += _wrong_steps(one, steps)
                found.append(one)
        problems += wrong
    if problems:
        raise InvalidOver(NO_INPUT, list(dict.fromkeys(problems)))
    return tuple(found)


def assumptions_in_use(instance: Instance, policy: Policy) -> list[str]:
    """Return the paths of the assumptions that change the program, of a packaged instance.

    An assumption is in use if the program is another one at an end of its range. Others stand
    behind another year, or behind indicators that this key does not look at.
    """
    if instance.id not in EDITIONS:
        return []
    usual = _program(instance, policy)
    return [
        ASSUME + name
        for name, one in load_assumptions().items()
        if any(
            _program(Variation(assume={name: end}).applied(instance), policy) != usual
            for end in (one.low, one.high)
        )
    ]


def _program(instance: Instance, policy: Policy) -> Data:
    return collect(instance, policy, fair_shares(instance, policy))


def _ranged(path: str, ends: tuple[float, float] | None) -> Input | Problem:
    known = load_assumptions() if path.startswith(ASSUME) else {}
    assumption = known.get(path.removeprefix(ASSUME))
    if assumption is None and path.startswith(ASSUME):
        return _wrong("no assumption has this name", f"give one of {', '.join(known)}", path, None)
    if ends is None and assumption is None:
        return _wrong("it has no range", f"write {path}=LOW:HIGH", path, None)
    if ends is not None:
        low, high = map(float, ends)
    elif assumption is not None:
        low, high = assumption.low, assumption.high
    if not (np.isfinite([low, high]).all() and low < high):
        return _wrong("this is no range", "give LOW:HIGH, low first", path, f"{low:g}:{high:g}")
    return Input(path, low, high, unit=None if assumption is None else assumption.unit)


def _wrong_ends(instance: Instance, base: Question, one: Input) -> Iterator[Problem]:
    for end in (one.low, one.high):
        value = int(end) if end.is_integer() else end
        try:
            question = base.with_value(one.path, value)
        except (InvalidOver, InvalidPolicy) as error:
            yield from error.problems
        else:
            yield from question.problems(instance)


def _is_whole(base: Question, one: Input) -> bool:
    """Tell whether a setting of the policy takes whole numbers only."""
    if one.path.startswith((ASSUME, FACTOR, ADDED)):
        return False
    try:
        base.with_value(one.path, one.low + 0.5 * min(1.0, one.high - one.low))
    except InvalidPolicy:
        return True
    return False


def _wrong_steps(one: Input, steps: int | None) -> Iterator[Problem]:
    """Say where equal steps would leave the whole numbers: effects would be of another size."""
    if not one.whole or steps is None or (one.high - one.low) % steps == 0:
        return
    more = one.low + steps * np.ceil((one.high - one.low) / steps)
    yield _wrong(
        f"only whole numbers are values of it, and {steps} equal steps are not whole",
        f"give ends a multiple of {steps} apart, such as {one.low:g}:{more:g}",
        one.path,
        f"{one.low:g}:{one.high:g}",
    )


def _wrong(message: str, expected: str, column: str | None, value: str | None) -> Problem:
    return Problem(message, expected, "inputs", None, column, value)
