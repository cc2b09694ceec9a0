"""What runs answered, in the database: written with the end of a run, read piece by piece."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from api.store.database import alone
from api.store.tables import EXPLANATIONS, NUMBERS, RESULTS


@dataclass(frozen=True)
class Result:
    """One thing that a run answered."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


def keep(connection: sa.Connection, run_id: str, answers: Sequence[Result]) -> None:
    """Keep what a run answered."""
    rows = [
        {
            "run_id": run_id,
            "name": one.name,
            "media_type": one.media_type,
            "content": one.content,
        }
        for one in answers
    ]
    if rows:
        connection.execute(RESULTS.insert(), rows)


def keep_numbers(connection: sa.Connection, run_id: str, numbers: Mapping[str, Any]) -> None:
    """Keep what the plan of a run asks of every municipality."""
    rows = [
        {"run_id": run_id, "municipality_id": m, "content": content}
        for m, content in numbers.items()
    ]
    if rows:
        connection.execute(NUMBERS.insert(), rows)


def keep_explanations(
    connection: sa.Connection, run_id: str, plan_run_id: str, explanations: Mapping[str, Any]
) -> None:
    """Keep explanations that a run computed of numbers of the plan of another."""
    rows = [
        {"plan_run_id": plan_run_id, "municipality_id": m, "run_id": run_id, "content": content}
        for m, content in explanations.items()
    ]
    if rows:
        connection.execute(EXPLANATIONS.insert(), rows)


def get(connection: sa.Connection, run_id: str, name: str) -> Result | None:
    """Return one thing that a run answered."""
    query = sa.select(RESULTS).where(RESULTS.c.run_id == run_id, RESULTS.c.name == name)
    row = connection.execute(query).first()
    return None if row is None else Result(row.name, row.media_type, row.content)


def names(connection: sa.Connection, run_id: str) -> list[str]:
    """Return the names of what a run answered."""
    query = sa.select(RESULTS.c.name).where(RESULTS.c.run_id == run_id).order_by(RESULTS.c.name)
    return list(connection.execute(query).scalars())


def keep_page(connection: sa.Connection, run_id: str, page: Result) -> None:
    """Keep a page that was made from a plan; one that is there stays."""
    alone(connection, f"page {run_id} {page.name}")
    if get(connection, run_id, page.name) is None:
        keep(connection, run_id, [page])


_NUMBER = sa.select(NUMBERS.c.content).where(
    NUMBERS.c.run_id == sa.bindparam("run_id"),
    NUMBERS.c.municipality_id == sa.bindparam("municipality"),
)
_EXPLANATION = (
    sa.select(EXPLANATIONS.c.run_id, EXPLANATIONS.c.content)
    .where(
        EXPLANATIONS.c.plan_run_id == sa.bindparam("run_id"),
        EXPLANATIONS.c.municipality_id == sa.bindparam("municipality"),
    )
    .order_by(EXPLANATIONS.c.run_id.desc())
    .limit(1)
)
"""Made once: for what is read most, stating a query anew takes as long as asking it."""


def number(connection: sa.Connection, run_id: str, municipality: str) -> Any:
    """Return what a plan asks of one municipality, or None."""
    asked = {"run_id": run_id, "municipality": municipality}
    return connection.execute(_NUMBER, asked).scalar_one_or_none()


@dataclass(frozen=True)
class Why:
    """Why a plan asks a municipality for its number.

    Attributes
    ----------
    run_id
        Run that explained it.
    municipality_id
        Whose number it is.
    content
        The explanation, as plain data.
    """

    run_id: str
    municipality_id: str
    content: dict[str, Any] = field(repr=False, compare=False)


def explanation(connection: sa.Connection, run_id: str, municipality: str) -> Why | None:
    """Return the newest explanation of a number of a plan, or None."""
    asked = {"run_id": run_id, "municipality": municipality}
    row = connection.execute(_EXPLANATION, asked).first()
    return None if row is None else Why(row.run_id, municipality, row.content)


def explained(connection: sa.Connection, run_id: str) -> list[str]:
    """Return the municipalities whose number in a plan has an explanation."""
    query = (
        sa.select(EXPLANATIONS.c.municipality_id)
        .where(EXPLANATIONS.c.plan_run_id == run_id)
        .distinct()
        .order_by(EXPLANATIONS.c.municipality_id)
    )
    return list(connection.execute(query).scalars())
