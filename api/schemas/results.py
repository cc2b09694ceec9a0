"""Answers that are put together from what runs left."""

from pydantic import Field

from allocator.language import Language
from api.schemas import Answered, Query


class Spoken(Query):
    """How to say it."""

    language: Language = "en"
    """Norwegian (Bokmål) or English."""


class Explained(Answered):
    """Which numbers of a plan were explained."""

    municipality_ids: list[str]
    """Municipalities, in the order of their ids."""


class Moved(Answered):
    """A municipality that is asked for another number."""

    municipality_id: str
    """Which municipality."""
    name: str
    """Its name."""
    before: int | None
    """Persons asked by this run; none: it is not in its plan."""
    after: int | None
    """Persons asked by the other run."""
    change: int
    """The other less this one, in persons."""


class Figure(Answered):
    """A figure of two plans."""

    before: float | None
    """Of this run."""
    after: float | None
    """Of the other run."""


class Difference(Answered):
    """What differs between two plans."""

    run_id: str
    """This run."""
    other_id: str
    """The other run."""
    same_instance: bool
    """Whether both are about the same instance."""
    totals: dict[str, Figure] = Field(default={})
    """Totals by name that differ."""
    policy: list[str]
    """Settings of the policy that differ."""
    moved: int
    """Σ |change|, in persons."""
    municipalities: list[Moved]
    """Those asked for another number, furthest moved first."""
