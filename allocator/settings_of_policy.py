"""Print the default policy as TOML, every setting with what it means.

Settings that are off by default appear as lines that begin with ``#`` and no space;
taking the ``#`` away switches them on.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import tomlkit
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from models.policy import MaxChange, Policy

_HEAD = """\
# The default policy. Lines that begin with # and no space are settings that are off;
# take the # away to switch them on.
"""
_EXAMPLES: Mapping[str, Any] = {
    "target": 1000,
    "max_share_of_population": 0.03,
    "min_ratio": 0.5,
    "max_ratio": 2.0,
    "max_change": {"persons": 10.0, "share": 0.25},
    "county_bounds": [{"county_id": "03", "at_least": 100.0, "at_most": 900.0}],
    "fixed": [{"municipality_id": "0301", "relation": "at_most", "persons": 800}],
    "base": {"0301": 800},
    "soft": {"health": 100.0},
    "key.weights": {"population": 1.0},
    "key.options": {"area_cap": 0.25},
    "credits.cap": 0.5,
    "budget.total": 2e9,
    "budget.dwellings": 1.5e9,
    "budget.transit": 2e8,
    "budget.service": 3e8,
}
"""What to show where the default is nothing."""


def policy_with_comments() -> str:
    """Return the default policy as TOML with the description of every setting.

    Reading it back gives ``Policy()``.
    """
    policy = Policy()
    plain: list[tuple[str, FieldInfo]] = []
    tables: list[tuple[str, FieldInfo]] = []
    for name, field in Policy.model_fields.items():
        target = tables if _is_table(name, getattr(policy, name)) else plain
        target.append((name, field))
    lines = [_HEAD]
    for name, field in plain:
        lines += [*_setting(name, name, field, getattr(policy, name)), ""]
    for name, field in tables:
        lines += [*_table(name, field, getattr(policy, name)), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _is_table(name: str, value: object) -> bool:
    # TOML wants plain settings before tables; the goals are a list of tables.
    return isinstance(value, BaseModel | dict) or name in ("goals", "max_change")


def _setting(path: str, name: str, field: FieldInfo, value: object) -> Iterator[str]:
    """Yield description and value of one setting."""
    yield from _comment(field)
    if value is None:
        yield f"#{name} = {_toml(_EXAMPLES[path])}"
    elif value in ((), {}):
        yield f"# For example {_toml(_EXAMPLES[path])}"
        yield f"{name} = {_toml(value)}"
    else:
        yield f"{name} = {_toml(value)}"


def _table(name: str, field: FieldInfo, value: object) -> Iterator[str]:
    yield from _comment(field)
    if name == "goals":
        yield from _goals(value)
    elif name == "max_change":
        yield "#[max_change]"
        for inner, about in MaxChange.model_fields.items():
            yield from _comment(about)
            yield f"#{inner} = {_toml(_EXAMPLES[name][inner])}"
    elif isinstance(value, BaseModel):
        yield f"[{name}]"
        for inner, about in type(value).model_fields.items():
            yield from _setting(f"{name}.{inner}", inner, about, getattr(value, inner))
    else:
        yield f"[{name}]"
        yield from (f"#{inner} = {_toml(price)}" for inner, price in _EXAMPLES[name].items())


def _goals(goals: Any) -> Iterator[str]:
    for position, goal in enumerate(goals):
        if position:
            yield ""
        yield "[[goals]]"
        for name, field in type(goal).model_fields.items():
            if not position:
                yield from _comment(field)
            yield f"{name} = {_toml(getattr(goal, name))}"


def _comment(field: FieldInfo) -> Iterator[str]:
    if field.description is None:
        raise ValueError(f"a setting has no description: {field!r}")
    for line in field.description.splitlines():
        yield f"# {line}".rstrip()


def _toml(value: Any) -> str:
    """Write a value on one line."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key} = {_toml(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return str(tomlkit.item(value).as_string())
