"""Proposals and answers in the database: steps are added, none is changed."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from api.store.identifiers import new_id
from api.store.tables import ANSWERS, PROPOSAL_STEPS, PROPOSALS, now

_ROW = sa.select(PROPOSALS).where(PROPOSALS.c.id == sa.bindparam("proposal_id"))
_STEPS = (
    sa.select(PROPOSAL_STEPS)
    .where(PROPOSAL_STEPS.c.proposal_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(PROPOSAL_STEPS.c.proposal_id, PROPOSAL_STEPS.c.number)
)
_NEWEST = (
    sa.select(sa.func.max(ANSWERS.c.id))
    .where(ANSWERS.c.proposal_id == sa.bindparam("proposal_id"))
    .group_by(ANSWERS.c.municipality_id)
)
_ANSWERS = (
    sa.select(ANSWERS, ANSWERS.c.id.in_(_NEWEST).label("latest"))
    .where(ANSWERS.c.proposal_id == sa.bindparam("proposal_id"))
    .order_by(ANSWERS.c.id)
)
_ANSWERS_OF = _ANSWERS.where(ANSWERS.c.municipality_id == sa.bindparam("municipality_id"))
"""Made once: for what is read most, stating a query anew takes as long as asking it."""


def add(
    connection: sa.Connection,
    *,
    run_id: str,
    title: str,
    message: str,
    answer_by: dt.date | None,
    author: str,
    created_by: str | None,
) -> str:
    """Publish a plan as a proposal and return its id."""
    proposal_id = new_id("prop")
    connection.execute(
        PROPOSALS.insert().values(
            id=proposal_id,
            run_id=run_id,
            title=title,
            message=message,
            answer_by=answer_by,
            author=author,
            created_by=created_by,
            created_at=now(),
        )
    )
    step(connection, proposal_id, "published", author, message, created_by)
    return proposal_id


def step(
    connection: sa.Connection,
    proposal_id: str,
    kind: str,
    author: str,
    reason: str,
    created_by: str | None,
) -> None:
    """Add a step to a proposal."""
    held = _ROW.with_for_update()  # steps are numbered one by one
    connection.execute(held, {"proposal_id": proposal_id})
    last = sa.select(sa.func.coalesce(sa.func.max(PROPOSAL_STEPS.c.number), 0)).where(
        PROPOSAL_STEPS.c.proposal_id == proposal_id
    )
    connection.execute(
        PROPOSAL_STEPS.insert().values(
            proposal_id=proposal_id,
            number=int(connection.execute(last).scalar_one()) + 1,
            kind=kind,
            author=author,
            reason=reason,
            created_by=created_by,
            created_at=now(),
        )
    )


def get(
    connection: sa.Connection, proposal_id: str, *, hold: bool = False
) -> dict[str, Any] | None:
    """Return a proposal with its steps.

    Parameters
    ----------
    hold
        Whether nobody else may add a step until this transaction ends.
    """
    query = _ROW.with_for_update() if hold else _ROW
    row = connection.execute(query, {"proposal_id": proposal_id}).mappings().first()
    return None if row is None else _with_steps(connection, [dict(row)])[0]


def listed(connection: sa.Connection, *, before: str | None, number: int) -> list[dict[str, Any]]:
    """Return at most `number` proposals, the newest first, older than one of them."""
    query = sa.select(PROPOSALS).order_by(PROPOSALS.c.id.desc()).limit(number)
    if before is not None:
        query = query.where(PROPOSALS.c.id < before)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    return _with_steps(connection, rows)


def _with_steps(connection: sa.Connection, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    asked = {"ids": [row["id"] for row in rows]}
    steps = [dict(row) for row in connection.execute(_STEPS, asked).mappings()]
    for row in rows:
        row["steps"] = [one for one in steps if one["proposal_id"] == row["id"]]
    return rows


def answer(
    connection: sa.Connection,
    *,
    proposal_id: str,
    municipality_id: str,
    answer: str,
    persons: int | None,
    author: str,
    date: dt.date,
    reason: str,
    capacities: list[dict[str, Any]],
    created_by: str | None,
) -> str:
    """Keep an answer and return its id."""
    answer_id = new_id("ans")
    connection.execute(
        ANSWERS.insert().values(
            id=answer_id,
            proposal_id=proposal_id,
            municipality_id=municipality_id,
            answer=answer,
            persons=persons,
            author=author,
            date=date,
            reason=reason,
            capacities=capacities,
            created_by=created_by,
            created_at=now(),
        )
    )
    return answer_id


def answers(
    connection: sa.Connection,
    proposal_id: str,
    *,
    municipality_id: str | None = None,
    after: str | None = None,
    number: int | None = None,
) -> list[dict[str, Any]]:
    """Return answers to a proposal, oldest first; `latest` tells which is the last of its place."""
    asked: dict[str, Any] = {"proposal_id": proposal_id}
    query = _ANSWERS
    if municipality_id is not None:
        query, asked["municipality_id"] = _ANSWERS_OF, municipality_id
    if after is not None:
        query = query.where(ANSWERS.c.id > after)
    if number is not None:
        query = query.limit(number)
    return [_answer(row) for row in connection.execute(query, asked).mappings()]


def answers_by_id(connection: sa.Connection, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Return answers by their ids; those that are not there are left out."""
    query = sa.select(ANSWERS).where(ANSWERS.c.id.in_(ids))
    return {row["id"]: dict(row) for row in connection.execute(query).mappings()}


def _answer(row: Any) -> dict[str, Any]:
    return {**row, "latest": bool(row["latest"])}
