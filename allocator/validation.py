"""What pydantic finds wrong, in words: where, which value, and what would be right there."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from models.problems import Problem

Place = tuple[int | str, ...]
"""Names and positions that lead to a value."""

MISSING = "is missing"
_PLAINER = (
    (r"valid dictionary or object to extract fields from", "object with named fields"),
    (r" after validation, not (more|\d+)|, unable to parse string as an? \w+$", ""),
    (
        r"valid date or datetime, .*|valid date in the format YYYY-MM-DD, .*",
        "date such as 2026-12-31",
    ),
)
"""What pydantic says of its own workings, and what a reader makes more of."""


def problems_of(
    error: ValidationError, model: type[BaseModel], data: Any, table: str
) -> list[tuple[Place, Problem]]:
    """Return everything that is wrong with data, each with its place in them.

    Parameters
    ----------
    error
        What pydantic says.
    model
        What the data should be.
    data
        What was read, as plain data.
    table
        File or other name of the data; `Problem.column` is the place, dotted.
    """
    at: dict[Place, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        at.setdefault(place_of(detail, data), []).append(detail)
    found = []
    for place, details in at.items():
        if len({detail["loc"] for detail in details}) > 1:
            details = [_either(details)]  # each says what one branch of a union takes
        for detail in details:
            message, expected = _words(detail, place, model)
            missing = detail["type"] == "missing"
            whole = isinstance(detail["input"], dict) and detail["type"] == "value_error"
            value = None if missing or whole else shown(detail["input"])
            column = ".".join(map(str, place)) or None
            found.append((place, Problem(message, expected, table, None, column, value)))
    return found


def place_of(detail: ErrorDetails, data: Any) -> Place:
    """Return where something is wrong, without the names of branches of unions."""
    place: list[int | str] = []
    for i, part in enumerate(detail["loc"]):
        if isinstance(data, Mapping) and part in data:
            data = data[part]
        elif isinstance(data, list | tuple) and part in range(len(data)):
            data = data[int(part)]
        elif detail["type"] != "missing" or i < len(detail["loc"]) - 1:
            continue
        place.append(part)
    return tuple(place)


def _either(details: Sequence[ErrorDetails]) -> ErrorDetails:
    said = dict.fromkeys(sentence(detail["msg"]).removeprefix("should be ") for detail in details)
    return {**details[0], "type": "union", "msg": f"should be {' or '.join(said)}"}


def _words(detail: ErrorDetails, place: Place, model: type[BaseModel]) -> tuple[str, str]:
    """Return what is wrong and what would be right."""
    kind, context = detail["type"], detail.get("ctx", {})
    names = [part for part in detail["loc"] if isinstance(part, str)]
    if kind == "extra_forbidden":
        name = str(place[-1])
        return f"there is no setting {name!r}", names_like(name, fields_at([model], names[:-1]))
    if kind in ("value_error", "assertion_error"):
        said, _, advice = str(context.get("error", detail["msg"])).partition("; ")
        return said, advice or "change one of them"
    if kind in ("enum", "literal_error"):
        return "is not one of the choices", f"choose {context.get('expected')}"
    field = field_at([model], names)
    meant = "" if field is None else sentence(" ".join(str(field.description).split()))
    if kind == "missing":
        return MISSING, f"give it: {meant}" if meant else "give it"
    return sentence(detail["msg"]), f"here belongs: {meant}" if meant else "change it"


def sentence(text: str) -> str:
    """Return what pydantic or a description says as part of a sentence."""
    text = text.removeprefix("Input ").removesuffix(".")
    for technical, plain in _PLAINER:
        text = re.sub(technical, plain, text)
    return text[:1].lower() + text[1:]


def names_like(name: str, known: Sequence[str]) -> str:
    """Say which names there are, and which of them may have been meant."""
    meant = near(name, known)
    maybe = "" if meant is None else f"maybe {meant}; "
    return f"{maybe}there are {', '.join(known)}"


def near(name: str, known: Sequence[str]) -> str | None:
    """Return the name that may have been meant; none where nothing is like it.

    Numbers of municipalities are the same without their leading zeros.
    """
    bare = [one for one in known if name and one.lstrip("0") == name.lstrip("0")]
    return next(iter(bare or difflib.get_close_matches(name, known, n=1)), None)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that an annotation is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def field_at(models: Sequence[type[BaseModel]], names: Sequence[str]) -> FieldInfo | None:
    """Return the last field on the way that `names` lead; none where there is none.

    Names that are no fields, such as keys of tables, are passed over.
    """
    found = None
    for name in names:
        fields = [one.model_fields[name] for one in models if name in one.model_fields]
        if fields:
            found = fields[0]
            models = list(models_in(found.annotation))
    return found


def fields_at(models: Sequence[type[BaseModel]], names: Sequence[str]) -> list[str]:
    """Return the names of the fields at the end of the way that `names` lead."""
    field = field_at(models, names) if names else None
    inside = models if field is None else list(models_in(field.annotation))
    return [name for one in inside for name in one.model_fields]


def shown(value: Any) -> str:
    """Return a value as it is told, cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:79]}…"
