"""Read a policy from a file and from settings given one by one.

A setting is ``path=value``: the path is dotted (``budget.total``, ``goals.0.tolerance``),
the value is written as in TOML (``10``, ``2e9``, ``"0301"``,
``[{county_id="03",at_most=900}]``). Two things are easier to type than TOML allows: a bare
word is text (``minors=anywhere``), and ``none`` switches a limit off.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from allocator.errors import InvalidPolicy
from models.policy import Budget, CountyBound, Credits, Decision, Goal, Key, MaxChange, Policy
from models.problems import Problem

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_SHORT = {"key": "name", "budget": "total"}
"""The field that is meant where a table may be written as a single value."""
_PARTS: Mapping[str, type[BaseModel]] = {
    "key": Key,
    "credits": Credits,
    "max_change": MaxChange,
    "county_bounds": CountyBound,
    "fixed": Decision,
    "budget": Budget,
    "goals": Goal,
}


def read_policy(source: str | Path | None = None, settings: Sequence[str] = ()) -> Policy:
    """Return the policy in a TOML or JSON file, with single settings changed.

    Parameters
    ----------
    source
        File ending in ``.toml`` or ``.json``; none: the default policy.
    settings
        Changes as ``path=value``, applied in order.

    Raises
    ------
    InvalidPolicy
        With every problem of the file and the settings at once.
    """
    problems: list[Problem] = []
    data: dict[str, Any] = {}
    if source is not None:
        try:
            data = _parsed(Path(source))
        except _Unreadable as unreadable:
            # Without the file nothing can be said about the policy as a whole.
            problems.append(unreadable.problem)
    for setting in settings:
        try:
            _apply(data, setting)
        except _Unreadable as unreadable:
            problems.append(unreadable.problem)
    found = _problems_of(data)
    if problems or isinstance(found, list):
        problems.extend(found if isinstance(found, list) else [])
        raise InvalidPolicy("the policy cannot be used", problems)
    return found


def policy_from(data: Mapping[str, Any]) -> Policy:
    """Return the policy in plain data, such as parsed TOML or JSON.

    Raises
    ------
    InvalidPolicy
        With every problem at once; `Problem.column` is the dotted path of the field.
    """
    found = _problems_of(data)
    if isinstance(found, list):
        raise InvalidPolicy("the policy cannot be used", found)
    return found


def with_settings(policy: Policy, settings: Sequence[str]) -> Policy:
    """Return `policy` with single settings changed, as ``path=value``, applied in order.

    Raises
    ------
    InvalidPolicy
        With every problem of the settings at once.
    """
    problems: list[Problem] = []
    data = policy.model_dump(mode="json")
    for setting in settings:
        try:
            _apply(data, setting)
        except _Unreadable as unreadable:
            problems.append(unreadable.problem)
    found = _problems_of(data)
    if problems or isinstance(found, list):
        raise InvalidPolicy(
            "the policy cannot be used", problems + (found if isinstance(found, list) else [])
        )
    return found


def with_changes(policy: Policy, changes: Mapping[str, Any]) -> Policy:
    """Return `policy` with fields changed as by a JSON merge patch (RFC 7396).

    A field that is null goes back to its default; objects are merged, lists are replaced.

    Raises
    ------
    InvalidPolicy
        With every problem at once.
    """
    return policy_from(_merged(policy.model_dump(mode="json"), changes))


def _merged(data: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(data)
    for name, value in changes.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, Mapping):
            below = found.get(name)
            found[name] = _merged(below if isinstance(below, Mapping) else {}, value)
        else:
            found[name] = value
    return found


class _Unreadable(Exception):  # noqa: N818  # never leaves this module
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def _unreadable(message: str, expected: str, column: str | None, value: str) -> _Unreadable:
    return _Unreadable(Problem(message, expected, "policy", None, column, value))


def _parsed(path: Path) -> dict[str, Any]:
    if path.suffix not in (".toml", ".json"):
        raise _unreadable("cannot tell the format", "end in .toml or .json", None, str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or "not readable").lower()
        raise _unreadable(f"cannot be read: {reason}", "name a file", None, str(path)) from error
    except UnicodeDecodeError as error:
        raise _unreadable(
            f"is not UTF-8 (byte {error.start + 1})", "save the file as UTF-8", None, str(path)
        ) from error
    try:
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except ValueError as error:
        kind = path.suffix[1:].upper()
        raise _unreadable(f"is not {kind}: {error}", f"write {kind}", None, str(path)) from error
    if not isinstance(data, dict):
        raise _unreadable("is not an object", 'write {"step": 5, …}', None, str(path))
    return data


def _apply(data: dict[str, Any], setting: str) -> None:
    """Change `data` by one setting."""
    path, separator, text = setting.partition("=")
    parts = [part.strip() for part in path.split(".")]
    if not separator or not all(parts):
        raise _unreadable(
            "a setting needs a path and a value", "write step=10", path.strip() or None, setting
        )
    value = _value(path.strip(), text.strip())
    place: Any = data
    for depth, part in enumerate(parts[:-1]):
        place = _inside(place, parts, depth, part, setting)
    _put(place, parts, value, setting)


def _value(path: str, text: str) -> Any:
    if text == "none":
        return None
    try:
        document = tomllib.loads(f"value = {text}\n")
    except tomllib.TOMLDecodeError as error:
        if _WORD.fullmatch(text):
            return text
        raise _unreadable(
            f"the value is not TOML: {error}",
            'write a number, "text", true, [list] or {name = value}',
            path,
            text,
        ) from error
    if set(document) != {"value"}:
        raise _unreadable("more than one value", "give one value", path, text)
    return document["value"]


def _inside(place: Any, parts: list[str], depth: int, part: str, setting: str) -> Any:
    """Step into one part of a path, making tables that are not there yet."""
    if isinstance(place, list):
        return place[_position(place, parts, part, setting)]
    if part not in place or place[part] is None:
        place[part] = {}
        if parts[depth + 1].isdecimal() and depth == 0 and part in Policy.model_fields:
            # A position counts in the default list: goals.2.tolerance.
            place[part] = Policy().model_dump(mode="json")[part]
    elif depth == 0 and part in _SHORT and not isinstance(place[part], dict):
        place[part] = {_SHORT[part]: place[part]}
    if not isinstance(place[part], dict | list):
        raise _unreadable(
            f"{part} is a single value", f"write {part}=…", ".".join(parts), str(place[part])
        )
    return place[part]


def _put(place: Any, parts: list[str], value: Any, setting: str) -> None:
    if isinstance(place, list):
        place[_position(place, parts, parts[-1], setting)] = value
    else:
        place[parts[-1]] = value


def _position(place: list[Any], parts: list[str], part: str, setting: str) -> int:
    if not part.isdecimal() or int(part) >= len(place):
        count = len(place)
        expected = f"give a position from 0 to {count - 1}" if count else "set the whole list"
        raise _unreadable(f"the list has no {part!r}", expected, ".".join(parts), setting)
    return int(part)


def _problems_of(data: Mapping[str, Any]) -> Policy | list[Problem]:
    """Return the policy, or what is wrong with it."""
    try:
        # Strictly, and as JSON: text is no number, but a list may stand for a tuple.
        return Policy.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        return [_problem(detail) for detail in error.errors(include_url=False)]


def _problem(detail: ErrorDetails) -> Problem:
    location = detail["loc"]
    column = ".".join(str(part) for part in location if part != "[key]") or None
    message, expected = _words(detail, [str(part) for part in location])
    whole = isinstance(detail["input"], dict) and detail["type"] in ("missing", "value_error")
    value = None if whole else _shown(detail["input"])
    return Problem(message, expected, "policy", None, column, value)


def _words(detail: ErrorDetails, location: list[str]) -> tuple[str, str]:
    """Return what is wrong and what would be right."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return f"there is no setting {location[-1]!r}", names_like(
            location[-1], list(_model_at(location).model_fields)
        )
    if kind == "missing":
        return "is missing", f"give it: {_described(location)}"
    if kind in ("value_error", "assertion_error"):
        said, _, advice = str(context.get("error", detail["msg"])).partition("; ")
        return said, advice or "change one of them"
    if kind in ("enum", "literal_error"):
        return "is not one of the choices", f"choose {context.get('expected')}"
    return sentence(detail["msg"]), f"here belongs: {_described(location)}"


_PLAINER = (
    (r"valid dictionary or object to extract fields from", "object with named fields"),
    (r" after validation, not (more|\d+)", ""),
    (
        r"valid date or datetime, .*|valid date in the format YYYY-MM-DD, .*",
        "date such as 2026-12-31",
    ),
)
"""What pydantic says of its own workings, and what a reader makes more of."""


def sentence(text: str) -> str:
    """Return what pydantic or a description says as part of a sentence."""
    text = text.removeprefix("Input ").removesuffix(".")
    for technical, plain in _PLAINER:
        text = re.sub(technical, plain, text)
    return text[:1].lower() + text[1:]


def names_like(name: str, known: Sequence[str]) -> str:
    """Say which names there are, and which of them may have been meant."""
    near = difflib.get_close_matches(name, known, n=1)
    maybe = f"maybe {near[0]}; " if near else ""
    return f"{maybe}there are {', '.join(known)}"


def _described(location: list[str]) -> str:
    """Say what belongs in a field, from its description."""
    names = [part for part in location if not part.isdecimal() and part != "[key]"]
    for model in (_model_at(location), Policy):
        for name in reversed(names):
            if name in model.model_fields and model.model_fields[name].description:
                return sentence(str(model.model_fields[name].description).replace("\n", " "))
    return "see `allocator policy`"


def _model_at(location: Iterable[str]) -> type[BaseModel]:
    """Return the type whose field the location ends in."""
    first, *rest = location
    return _PARTS[first] if rest and first in _PARTS else Policy


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:79]}…"
