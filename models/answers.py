"""What municipalities answer to a plan, and what a revision of the plan remembers of it."""

import datetime as dt
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from models.policy import Policy, PolicyPart

Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Said = Annotated[str, Field(min_length=1)]


def _day(value: Any) -> dt.date:
    """Take a day as it is written; a number is none, though it could be read as seconds."""
    if isinstance(value, str):
        return dt.date.fromisoformat(value)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    raise ValueError(f"{value!r} is no day")


class AnswerKind(StrEnum):
    """What a municipality can answer."""

    ACCEPTED = "accepted"
    """It takes the persons it was asked."""
    DECLINED = "declined"
    """It takes nobody."""
    COUNTER = "counter"
    """It takes another number, fewer or more; that number then holds as it was given."""


class Answer(PolicyPart):
    """The answer of one municipality: who decided what, when and why."""

    municipality_id: str
    """Official number, as text."""
    answer: AnswerKind
    """`accepted`, `declined` or `counter`."""
    persons: Count | None = None
    """Persons it takes; needed for a counter-offer, otherwise it may be left out."""
    author: Said
    """Who answered, or who entered the answer."""
    date: Annotated[dt.date, BeforeValidator(_day)]
    """Day of the decision."""
    reason: Said
    """Why, in words."""


class AuditEntry(Answer):
    """An answer as a revision took it up. Entries are never changed or removed."""

    persons: Count
    """Persons decided."""
    asked: Count
    """Persons that the plan at the time asked of the municipality."""


class Rule(StrEnum):
    """What a revision promises municipalities that have not answered."""

    NOBODY_LOSES = "nobody_loses"
    """There is as much to place as before, or more: nobody is asked for fewer persons."""
    NOBODY_GAINS = "nobody_gains"
    """There is less to place than before: nobody is asked for more persons."""


class RuleException(PolicyPart):
    """A municipality for which the rule of a revision could not hold."""

    municipality_id: str
    """Official number, as text."""
    persons: int
    """Persons gained (above 0) or lost (below 0) against the rule."""
    message: str
    """In words: what the rule asked, and what stood against it."""


class Revised(PolicyPart):
    """What a revised plan remembers of the plan before."""

    target: Count
    """Persons to settle before."""
    cost: Annotated[float, Field(ge=0)]
    """Cost of the measures before, in currency."""
    rule: Rule
    """What was promised to those who have not answered."""
    policy: Policy
    """The planner's policy with the answers, without the rule: the next revision starts here."""
    exceptions: tuple[RuleException, ...] = ()
    """Where the rule could not hold."""


class Correction(PolicyPart):
    """A capacity as a municipality knows it, in the place of the instance's figure."""

    municipality_id: str
    """Official number, as text."""
    family: Said
    """`housing`, `transport`, or the family of a service."""
    site_id: str | None = None
    """Site, for dwellings and seats."""
    item: str | None = None
    """Beds of the dwellings, or the service; none for seats."""
    capacity: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
    """Free dwellings, seats or places there are."""
