"""What a body may hold at every place, to say what would have been right there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from allocator.policies import names_like, sentence
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
        for model in _models(body):
            more = getattr(model, "more_problems", None)
            if more is not None and given.get("kind") in (*_kinds(model), None):
                return invalid([*found, *more(given)])
    return invalid(found)


def _item(detail: Any, body: Any) -> ErrorItem:
    place, *location = detail["loc"]
    if place != "body":
        return parameter_item(detail)
    models = list(_models(body))
    if detail["type"] in _NO_KIND:
        return _no_kind(detail, models)
    if len(models) > 1 and location:
        # The kind by which one of several was chosen stands in the location, not in the body.
        kind = location.pop(0)
        models = [one for one in models if kind in _kinds(one)]
    at = pointer("", *location)
    names = [part for part in location if isinstance(part, str)]
    if detail["type"] == "extra_forbidden":
        known = _fields(models, names[:-1])
        expected = names_like(names[-1], known) if known else None
        said = "nobody knows this field"
    else:
        field = _field(models, names)
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


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that an annotation is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _field(models: Sequence[type[BaseModel]], names: Sequence[str]) -> FieldInfo | None:
    """Return the last field on the way that `names` lead."""
    found = None
    for name in names:
        fields = [one.model_fields[name] for one in models if name in one.model_fields]
        if not fields:
            return found
        found = fields[0]
        models = list(_models(found.annotation))
    return found


def _fields(models: Sequence[type[BaseModel]], names: Sequence[str]) -> list[str]:
    """Return the names of the fields at the end of the way that `names` lead."""
    field = _field(models, names) if names else None
    inside = models if field is None else list(_models(field.annotation))
    return [name for one in inside for name in one.model_fields]
