"""An instance: everything that is given about a country and a year."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Self, overload

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from models.columns import TABLES
from models.tables import Tables, fingerprint, typed
from models.views import Part, Shown


class Source(BaseModel):
    """Where figures of an instance come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    """What was published."""
    publisher: str
    """Who published it."""
    path: str | None = None
    """Where it can be found, if anywhere."""
    note: str | None = None
    """Which columns rest on it, and how."""


class Licence(BaseModel):
    """A licence that the figures are published under."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Short name, e.g. CC-BY-4.0."""
    title: str | None = None
    """Full name."""
    path: str | None = None
    """Where its text can be found."""


class _TableView:
    """Access to one table of an instance by its name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.__doc__ = TABLES[name].description

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: "Instance", owner: type) -> pd.DataFrame: ...
    def __get__(self, instance: "Instance | None", owner: type) -> Self | pd.DataFrame:
        return self if instance is None else instance.tables[self.name]


class Instance(Shown, BaseModel):
    """Everything that is given: municipalities, capacities, groups, target.

    Immutable. Tables are data frames with the columns of `models.columns.TABLES`,
    rows in the order of their key; writing into one changes a copy.

    Raises
    ------
    pydantic.ValidationError
        If a field is unknown or a cell is not of its column's type. What holds
        between tables is checked by `allocator.check`, which `allocator.load` and
        `allocator.solve` call.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, ignored_types=(_TableView,)
    )

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100)
    """Short name, lower case."""
    title: str
    """Name for people."""
    year: int = Field(ge=1900, le=2200)
    """Year the target is for."""
    target: int = Field(ge=0, le=1_000_000_000)
    """Persons to settle this year."""
    budget: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Appropriation for measures this year, in `currency`; blank: no limit."""
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    """ISO 4217 code of every amount of money."""
    description: str = ""
    """What the instance holds, in prose."""
    sources: tuple[Source, ...] = ()
    """Publishers of the figures."""
    licenses: tuple[Licence, ...] = ()
    """Licences of the figures (spelt as Frictionless spells it)."""
    tables: Tables = Field(repr=False)
    """The tables by name."""

    municipalities = _TableView("municipalities")
    sites = _TableView("sites")
    dwellings = _TableView("dwellings")
    groups = _TableView("groups")
    services = _TableView("services")
    needs = _TableView("needs")
    capacities = _TableView("capacities")
    shared_capacities = _TableView("shared_capacities")
    pool_members = _TableView("pool_members")
    measures = _TableView("measures")
    outcomes = _TableView("outcomes")

    @field_validator("tables", mode="before")
    @classmethod
    def _typed_tables(cls, value: Any) -> Any:
        if isinstance(value, Tables) or not isinstance(value, Mapping):
            return value
        frames, problems = {}, []
        for name, frame in value.items():
            if name not in TABLES:
                raise ValueError(f"no table is called {name!r}; there are {', '.join(TABLES)}")
            frames[name], found = typed(TABLES[name], frame)
            problems.extend(found)
        if problems:
            raise ValueError("\n".join(map(str, problems)))
        return Tables(frames)

    @cached_property
    def sha256(self) -> str:
        """Fingerprint of the content; the order of rows does not matter."""
        about = self.model_dump(mode="json", exclude={"tables"})
        head = json.dumps(about, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(f"{head}\x1d{fingerprint(self.tables)}".encode()).hexdigest()

    def replace(self, **changes: Any) -> "Instance":
        """Return a copy with fields or whole tables changed.

        Parameters
        ----------
        **changes
            New values by field name (``target=500``) or table name
            (``dwellings=frame``).
        """
        frames = dict(self.tables)
        frames.update({name: changes.pop(name) for name in list(changes) if name in TABLES})
        about = {name: getattr(self, name) for name in type(self).model_fields}
        return Instance(**{**about, **changes, "tables": frames})

    def _headline(self) -> str:
        from models import instance_view

        return instance_view.headline(self)

    def _parts(self) -> Iterator[Part]:
        from models import instance_view

        return instance_view.parts(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Instance) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)
