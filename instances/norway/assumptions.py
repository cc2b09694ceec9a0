"""The assumptions behind instances, in a file beside what builds them, and variants of them."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Assumption:
    """One figure that no statistic gives.

    Attributes
    ----------
    name
        Name by which a variant changes it.
    value
        Default value.
    unit
        Unit of the value.
    reason
        Why this value.
    low, high
        Ends of the plausible range.
    """

    name: str
    value: float
    unit: str
    reason: str
    low: float
    high: float


def load_assumptions(package: str = "instances.norway") -> dict[str, Assumption]:
    """Return every assumption by name, in the order of ``assumptions.toml`` in `package`."""
    text = files(package).joinpath("assumptions.toml").read_text(encoding="utf-8")
    return {
        name: Assumption(
            name,
            float(entry["value"]),
            entry["unit"],
            entry["reason"],
            float(entry["low"]),
            float(entry["high"]),
        )
        for name, entry in tomllib.loads(text).items()
    }


def resolve(
    assume: Mapping[str, float] | None = None,
    assumptions: Mapping[str, Assumption] | None = None,
) -> dict[str, float]:
    """Return the value of every assumption, with those in `assume` changed.

    Parameters
    ----------
    assume
        New values by name of the assumption.
    assumptions
        The assumptions there are; without it, those of Norway.

    Raises
    ------
    ValueError
        If a name is unknown or a value lies outside the plausible range; the
        message lists all of them, one a line.
    """
    assumptions = load_assumptions() if assumptions is None else assumptions
    wrong = []
    for name, value in (assume or {}).items():
        if name not in assumptions:
            wrong.append(f"no assumption is called {name!r}; there are {', '.join(assumptions)}")
            continue
        known = assumptions[name]
        if not (math.isfinite(value) and known.low <= value <= known.high):
            wrong.append(
                f"{name} = {value:g} is not plausible; "
                f"give {known.low:g} to {known.high:g} ({known.unit})"
            )
    if wrong:
        raise ValueError("\n".join(wrong))
    return {name: known.value for name, known in assumptions.items()} | dict(assume or {})
