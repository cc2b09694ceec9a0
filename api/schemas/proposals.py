"""Proposals of planners, answers of municipalities."""

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field

from api.schemas import Answered, Body
from api.schemas.runs import Id, MunicipalityId, Name, Persons
from models.answers import AnswerKind

Said = Annotated[str, Field(min_length=1, max_length=4000)]
Day = Annotated[dt.date, Field(strict=False)]


class NewProposal(Body):
    """A plan to put to the municipalities."""

    run_id: Id
    """Run whose plan it is."""
    title: Name
    """What it is called."""
    message: Said
    """What the municipalities should know."""
    author: Name
    """Who publishes it."""
    answer_by: Day | None = None
    """Day until which answers are asked for."""


class Withdrawal(Body):
    """A proposal is taken back."""

    author: Name
    """Who takes it back."""
    reason: Said
    """Why."""


class ProposalStep(Answered):
    """Something that became of a proposal."""

    number: int
    """Its place among the steps, from 1."""
    kind: Literal["published", "withdrawn"]
    """What happened."""
    author: str
    """Who did it."""
    reason: str
    """Why."""
    created_at: dt.datetime
    """When."""


class Proposal(Answered):
    """A plan that was put to the municipalities."""

    id: str
    """Id of the proposal."""
    run_id: str
    """Run whose plan it is."""
    title: str
    """What it is called."""
    message: str
    """What the municipalities should know."""
    answer_by: dt.date | None
    """Day until which answers are asked for."""
    author: str
    """Who published it."""
    created_at: dt.datetime
    """When."""
    withdrawn: bool
    """Whether it was taken back."""
    steps: list[ProposalStep]
    """What became of it, oldest first."""


class ProposalList(Answered):
    """Proposals, the newest first."""

    proposals: list[Proposal]
    """Proposals."""
    next: str | None
    """Cursor of the next page; none: there is no more."""


class CorrectedCapacity(Body):
    """A capacity as the municipality knows it."""

    family: Name
    """`housing`, `transport`, or the family of a service."""
    site_id: Name | None = None
    """Site, for dwellings and seats."""
    item: Name | None = None
    """Beds of the dwellings, or the service; none for seats."""
    capacity: Annotated[float, Field(ge=0, le=1e9)]
    """Free dwellings, seats or places there are."""


class NewAnswer(Body):
    """What a municipality answers."""

    municipality_id: MunicipalityId
    """Which municipality."""
    answer: Annotated[AnswerKind, Field(strict=False)]
    """`accepted`, `declined` or `counter`."""
    persons: Persons | None = None
    """Persons it takes; needed for a counter-offer."""
    author: Name
    """Who answers."""
    date: Day
    """Day of the decision."""
    reason: Said
    """Why, in words."""
    capacities: Annotated[list[CorrectedCapacity], Field(max_length=500)] = []
    """Capacities that are not as the instance has them."""


class MunicipalAnswer(Answered):
    """An answer as it is kept; a later one stands beside it and does not replace it."""

    id: str
    """Id of the answer."""
    proposal_id: str
    """Proposal it answers."""
    municipality_id: str
    """Which municipality."""
    answer: AnswerKind
    """`accepted`, `declined` or `counter`."""
    persons: int | None
    """Persons it takes."""
    author: str
    """Who answered."""
    date: dt.date
    """Day of the decision."""
    reason: str
    """Why."""
    capacities: list[CorrectedCapacity]
    """Capacities that it corrects."""
    created_at: dt.datetime
    """When it was entered."""
    created_by: str | None
    """Id of the key that entered it."""
    latest: bool
    """Whether it is the last one of its municipality."""


class AnswerList(Answered):
    """Answers to a proposal, oldest first."""

    answers: list[MunicipalAnswer]
    """Answers."""
    next: str | None
    """Cursor of the next page; none: there is no more."""


class MunicipalNumber(Answered):
    """What a plan asks of one municipality."""

    run_id: str
    """Run whose plan it is."""
    municipality_id: str
    """Which municipality."""
    name: str
    """Its name."""
    fair_share: float
    """Share of the target by the key, in persons."""
    quota: int
    """Persons asked."""
    minors: float
    """Unaccompanied minors among them."""
    ratio: float | None
    """Quota ÷ fair share."""
    asked: bool
    """Whether it is asked at all."""
    capacity: list[dict[str, Any]]
    """How far its capacities are used: family, site_id, item, used, capacity, slack, binding."""
    measures: list[dict[str, Any]]
    """What the state buys there: measure_id, kind, steps, cost."""


class ProposedNumber(Answered):
    """What a proposal asks of one municipality, why, and what it has answered."""

    proposal: Proposal
    """The proposal."""
    number: MunicipalNumber
    """What it asks."""
    explanation: dict[str, Any] | None
    """Why; none while nobody has had it computed. Its form is that of `Explanation`."""
    in_words: str | None
    """The same in words, one thing a line, in the language asked for."""
    answers: list[MunicipalAnswer]
    """What the municipality has answered, oldest first."""
