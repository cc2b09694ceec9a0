"""Instances: what is stored of them, and what is sent."""

import datetime as dt
from typing import Annotated, Any

from pydantic import Field

from api.problems import ErrorItem
from api.schemas import Answered, Query
from api.schemas.cursors import Cursor


class InstanceAbout(Answered):
    """An instance, without its tables."""

    id: str
    """Id here: its name and the beginning of its fingerprint."""
    name: str
    """Its own short name."""
    sha256: str
    """Fingerprint of its content."""
    title: str
    """Name for people."""
    year: int
    """Year the target is for."""
    target: int
    """Persons to settle."""
    currency: str
    """Currency of every amount of money."""
    municipalities: int
    """How many municipalities it has."""
    created_at: dt.datetime
    """When it was stored."""
    created_by: str | None
    """Id of the key that sent it; none: it came with the service."""
    warnings: list[ErrorItem]
    """What is worth knowing about it."""


class InstanceList(Answered):
    """Instances in the order of their ids."""

    instances: list[InstanceAbout]
    """Instances."""
    next: str | None
    """Cursor of the next page; none: there is no more."""


class InstanceChecked(Answered):
    """What is wrong with an instance, and what is worth knowing."""

    valid: bool
    """Whether it can be used."""
    errors: list[ErrorItem]
    """Everything that is wrong."""
    warnings: list[ErrorItem]
    """What is worth knowing."""


class InstanceContent(Answered):
    """An instance with its tables: the fields of datapackage.json, and rows by table."""

    about: dict[str, Any]
    """Fields of datapackage.json."""
    tables: dict[str, list[dict[str, Any]]]
    """Rows by table."""


class Page(Query):
    """Which page of a list."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    """Most of them."""
    cursor: Cursor | None = None
    """`next` of the page before."""
