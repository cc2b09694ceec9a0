"""Read a policy from a file and from settings given one by one.

A setting is ``path=value``: the path is dotted (``budget.total``, ``goals.0.tolerance``),
the value is written as in TOML (``10``, ``2e9``, ``"0301"``,
``[{county_id="03",at_most=900}]``). Two things are easier to type than TOML allows: a bare
word is text (``minors=anywhere``), and ``none`` switches a limit off.
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from allocator.errors import InvalidPolicy
from allocator.validation import problems_of
from models.policy import Policy
from models.problems import Problem

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
UNUSABLE = "the policy cannot be used"
_SHORT = {"key": "name", "budget": "total"}
"""The field that is meant where a table may be written as a single value."""


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
            data = parsed(Path(source))
        except InvalidPolicy as error:
            # Without the file nothing can be said about the policy as a whole.
            problems += error.problems
    for setting in settings:
        try:
            _apply(data, setting)
        except InvalidPolicy as error:
            problems += error.problems
    found = _problems_of(data)
    if problems or isinstance(found, list):
        problems.extend(found if isinstance(found, list) else [])
        raise InvalidPolicy(UNUSABLE, problems)
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
        raise InvalidPolicy(UNUSABLE, found)
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
        except InvalidPolicy as error:
            problems += error.problems
    found = _problems_of(data)
    if problems or isinstance(found, list):
        raise InvalidPolicy(UNUSABLE, problems + (found if isinstance(found, list) else []))
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


def _unreadable(message: str, expected: str, column: str | None, value: str) -> InvalidPolicy:
    return InvalidPolicy(UNUSABLE, [Problem(message, expected, "policy", None, column, value)])


def parsed(path: Path) -> dict[str, Any]:
    """Return what a file of settings holds, not yet checked.

    Raises
    ------
    InvalidPolicy
        If it cannot be read.
    """
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
        return [problem for _, problem in problems_of(error, Policy, data, "policy")]
