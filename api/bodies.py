"""What a body may hold at every place, to say what would have been right there."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from allocator.validation import field_at, fields_at, models_in, names_like, sentence
from api.problems import ErrorItem, Trouble, invalid, parameter_item, pointer, shown

_NO_KIND = ("union_tag_invalid", "union_tag_not_found")


def refused(error: RequestValidationError, body: Any) -> Trouble:
    """Return the trouble with a request.

    Parameters
    ----------
    body
        Annotation of what the route reads: a model, or several that a field tells apart. A
        model with `more_problems` says what is wrong beyond its form.
    """
    found = [_item(detail, body) for detail in error.errors()]
    given = error.body
    if isinstance(given, Mapping):
        for model in models_in(body):
            more = getattr(model, "more_problems", None)
            if more is not None and given.get("kind") in (*_kinds(model), None):
                return invalid([*found, *more(given)])
    return invalid(found)


def _item(detail: Any, body: Any) -> ErrorItem:
    place, *location = detail["loc"]
    if place != "body":
        return parameter_item(detail)
    models = list(models_in(body))
    if detail["type"] in _NO_KIND:
        return _no_kind(detail, models)
    if len(models) > 1 and location:
        # The kind by which one of several was chosen stands in the location, not in the body.
        kind = location.pop(0)
        models = [one for one in models if kind in _kinds(one)]
    at = pointer("", *location)
    names = [part for part in location if isinstance(part, str)]
    if detail["type"] == "extra_forbidden":
        known = fields_at(models, names[:-1])
        expected = names_like(names[-1], known) if known else None
        said = "nobody knows this field"
    else:
        field = field_at(models, names)
        meant = None if field is None else field.description
        expected = None if meant is None else f"here belongs: {sentence(' '.join(meant.split()))}"
        said = "is missing" if detail["type"] == "missing" else sentence(detail["msg"])
    return ErrorItem(pointer=at, detail=said, value=_value(detail), expected=expected)


def _no_kind(detail: Any, models: Sequence[type[BaseModel]]) -> ErrorItem:
    context = detail["ctx"]
    kinds = [kind for one in models for kind in _kinds(one)]
    tag = context.get("tag")
    return ErrorItem(
        pointer=pointer("", context["discriminator"].strip("'")),
        detail="is missing" if tag is None else "is none of those there are",
        value=None if tag is None else shown(tag),
        expected=names_like(str(tag), kinds),
    )


def _value(detail: Any) -> str | None:
    return None if detail["type"] == "missing" else shown(detail.get("input"))


def _kinds(model: type[BaseModel]) -> tuple[Any, ...]:
    kind = model.model_fields.get("kind")
    return () if kind is None else get_args(kind.annotation)
