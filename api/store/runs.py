"""Runs in the database: accepted once, ended once.

Whatever ends a run does so in one transaction, whose first statement changes its row only if it
has not ended already, so that the first end stands, whoever else still computes. Everything that
happens to a run holds its row while it is written, so that its events are numbered one by one.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from api.store import results
from api.store.identifiers import new_id
from api.store.results import Result
from api.store.tables import EVENTS, RUN_TAGS, RUNS, now

MOST_CRASHES = 5
"""Times that the process of a run dies before it fails: what always dies is at fault itself."""
MOST_ATTEMPTS = 50
"""Times that a run is begun at all: also what takes its worker along every time ends."""


CRASH = "crash"
"""Kind of the event that a process died."""


class State(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing happens to it any more."""
        return self in TERMINAL


TERMINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})
_OPEN = (State.QUEUED.value, State.RUNNING.value)


@dataclass(frozen=True)
class Ending:
    """How a run ends, and everything that is kept of it.

    Attributes
    ----------
    state
        Terminal.
    plan_status
        Status of its plan, if it made one.
    headline
        Its answer in a few numbers.
    error
        Why it failed: `type`, `title`, `detail` and, for bad input, `errors`.
    results, numbers, explanations
        What it answered; numbers and explanations by municipality.
    """

    state: State
    plan_status: str | None = None
    headline: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    results: tuple[Result, ...] = ()
    numbers: dict[str, Any] = field(default_factory=dict)
    explanations: dict[str, Any] = field(default_factory=dict)


def add(
    connection: sa.Connection,
    *,
    kind: str,
    instance_id: str,
    base_run_id: str | None,
    name: str | None,
    tags: Sequence[str],
    request: dict[str, Any],
    created_by: str | None,
) -> str:
    """Accept a run and return its id."""
    run_id, moment = new_id("run"), now()
    connection.execute(
        RUNS.insert().values(
            id=run_id,
            kind=kind,
            instance_id=instance_id,
            base_run_id=base_run_id,
            name=name,
            tags=list(tags),
            request=request,
            created_by=created_by,
            state=State.QUEUED.value,
            created_at=moment,
            updated_at=moment,
            attempts=0,
        )
    )
    if tags:
        connection.execute(RUN_TAGS.insert(), [{"run_id": run_id, "tag": tag} for tag in tags])
    _tell(connection, run_id, "state", {"state": State.QUEUED.value})
    return run_id


_LIGHT = [column for column in RUNS.c if column.name not in ("request", "token")]
_BY_ID = sa.select(*_LIGHT).where(RUNS.c.id == sa.bindparam("run_id"))
_AHEAD = (
    sa.select(sa.func.count())
    .select_from(RUNS)
    .where(RUNS.c.state == State.QUEUED.value, RUNS.c.id < sa.bindparam("run_id"))
)


def get(connection: sa.Connection, run_id: str) -> dict[str, Any] | None:
    """Return a run without its request, and with its `position` while it is queued."""
    row = connection.execute(_BY_ID, {"run_id": run_id}).mappings().first()
    if row is None:
        return None
    run = dict(row)
    run["position"] = None
    if run["state"] == State.QUEUED.value:
        run["position"] = connection.execute(_AHEAD, {"run_id": run_id}).scalar_one() + 1
    return run


def request_of(connection: sa.Connection, run_id: str) -> dict[str, Any] | None:
    """Return what was asked, whole."""
    query = sa.select(RUNS.c.request).where(RUNS.c.id == run_id)
    found: dict[str, Any] | None = connection.execute(query).scalar_one_or_none()
    return found


def listed(
    connection: sa.Connection,
    *,
    filters: dict[str, Any],
    before: str | None,
    number: int,
) -> list[dict[str, Any]]:
    """Return runs, the newest first.

    Parameters
    ----------
    filters
        Values by column; `tag` looks into the tags.
    before
        Only runs older than this id.
    number
        Most of them.
    """
    query = sa.select(*_LIGHT).order_by(RUNS.c.id.desc()).limit(number)
    for column, value in filters.items():
        if value is None:
            continue
        if column == "tag":
            tagged = sa.select(RUN_TAGS.c.run_id).where(RUN_TAGS.c.tag == value)
            query = query.where(RUNS.c.id.in_(tagged))
        else:
            query = query.where(RUNS.c[column] == value)
    if before is not None:
        query = query.where(RUNS.c.id < before)
    return [dict(row) | {"position": None} for row in connection.execute(query).mappings()]


def count_open(connection: sa.Connection, created_by: str | None) -> int:
    """Return how many runs of a key have not ended."""
    query = sa.select(sa.func.count()).select_from(RUNS).where(RUNS.c.state.in_(_OPEN))
    if created_by is not None:
        query = query.where(RUNS.c.created_by == created_by)
    return int(connection.execute(query).scalar_one())


def counts(connection: sa.Connection) -> dict[str, int]:
    """Return how many runs there are in every state."""
    query = sa.select(RUNS.c.state, sa.func.count()).group_by(RUNS.c.state)
    found = {state: int(number) for state, number in connection.execute(query)}
    return {state.value: found.get(state.value, 0) for state in State}


LATELY = 1000
"""Runs that figures are about."""


def figures(connection: sa.Connection) -> list[dict[str, Any]]:
    """Return seconds and gap of the runs that ended last."""
    query = (
        sa.select(RUNS.c.started_at, RUNS.c.finished_at, RUNS.c.headline)
        .where(RUNS.c.finished_at.is_not(None), RUNS.c.started_at.is_not(None))
        .order_by(RUNS.c.id.desc())
        .limit(LATELY)
    )
    return [
        {
            "seconds": (row.finished_at - row.started_at).total_seconds(),
            "gap": None if row.headline is None else row.headline["gap"],
        }
        for row in connection.execute(query)
    ]


def open_runs(connection: sa.Connection) -> list[dict[str, Any]]:
    """Return what has not ended, oldest first."""
    columns = ("id", "kind", "state", "created_by", "submitted_at", "cancel_requested_at")
    query = (
        sa.select(*(RUNS.c[name] for name in columns))
        .where(RUNS.c.state.in_(_OPEN))
        .order_by(RUNS.c.id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def ended(connection: sa.Connection, run_ids: Collection[str]) -> list[str]:
    """Return which of some runs have ended."""
    if not run_ids:
        return []
    query = sa.select(RUNS.c.id).where(RUNS.c.id.in_(run_ids), RUNS.c.state.not_in(_OPEN))
    return list(connection.execute(query).scalars())


def mark_submitted(connection: sa.Connection, run_ids: Sequence[str]) -> None:
    """Note that runs were handed to the scheduler; the first time stands."""
    connection.execute(
        RUNS.update()
        .where(RUNS.c.id.in_(run_ids), RUNS.c.submitted_at.is_(None))
        .values(submitted_at=now())
    )


def claim(connection: sa.Connection, run_id: str) -> tuple[str, dict[str, Any]] | None:
    """Begin an attempt: return its token and the run, or None when there is nothing to do.

    An attempt that began earlier may no longer write.
    """
    row = _held(connection, run_id)
    if row is None or State(row["state"]).is_terminal:
        return None
    if row["cancel_requested_at"] is not None and row["state"] == State.QUEUED.value:
        _end(connection, run_id, Ending(State.CANCELLED))
        return None
    if row["attempts"] >= MOST_ATTEMPTS:
        _end(connection, run_id, _lost(row["attempts"]))
        return None
    token, moment = new_id("try"), now()
    connection.execute(
        RUNS.update()
        .where(RUNS.c.id == run_id)
        .values(
            state=State.RUNNING.value,
            token=token,
            attempts=row["attempts"] + 1,
            started_at=row["started_at"] or moment,
            updated_at=moment,
        )
    )
    _tell(
        connection,
        run_id,
        "state",
        {"state": State.RUNNING.value, "attempt": row["attempts"] + 1},
    )
    return token, row


def _lost(times: int) -> Ending:
    detail = f"its process died {times} times before it had an answer; the log says how"
    return Ending(State.FAILED, error=failure("lost", detail))


class Superseded(Exception):  # noqa: N818 - the name says it best
    """Another attempt computes this run, or it has ended."""


def look(connection: sa.Connection, run_id: str, token: str) -> bool:
    """Return whether the run is to be cancelled.

    Raises
    ------
    Superseded
        If this attempt may no longer write.
    """
    query = sa.select(RUNS.c.state, RUNS.c.token, RUNS.c.cancel_requested_at)
    row = connection.execute(query.where(RUNS.c.id == run_id)).one()
    if row.token != token or State(row.state).is_terminal:
        raise Superseded(run_id)
    return row.cancel_requested_at is not None


def report(connection: sa.Connection, run_id: str, token: str, progress: dict[str, Any]) -> None:
    """Write where a run stands, for this attempt.

    Raises
    ------
    Superseded
        If this attempt may no longer write.
    """
    _change(connection, run_id, token, progress=progress, updated_at=now())
    _tell(connection, run_id, "progress", progress)


def finish(connection: sa.Connection, run_id: str, token: str, ending: Ending) -> None:
    """End a run, with everything it answered.

    Raises
    ------
    Superseded
        If it has ended, or another attempt computes it.
    """
    _end(connection, run_id, ending, token)


def request_cancel(connection: sa.Connection, run_id: str) -> None:
    """Have a run cancelled: at once while it is queued; else its process looks for this."""
    row = _held(connection, run_id)
    if row is None or State(row["state"]).is_terminal:
        return
    if row["cancel_requested_at"] is None:
        connection.execute(
            RUNS.update().where(RUNS.c.id == run_id).values(cancel_requested_at=now())
        )
    if row["state"] == State.QUEUED.value:
        _end(connection, run_id, Ending(State.CANCELLED))


def end_cancelled(connection: sa.Connection, run_id: str) -> None:
    """End a run that was to be cancelled and that nobody computes."""
    row = _held(connection, run_id)
    if row is None or row["cancel_requested_at"] is None or State(row["state"]).is_terminal:
        return
    _end(connection, run_id, Ending(State.CANCELLED))


def crashed(connection: sa.Connection, run_id: str, data: dict[str, Any]) -> None:
    """Put into the log that the process of a run died; what dies too often has failed.

    Deaths count whether or not the process came as far as to begin the run.
    """
    row = _held(connection, run_id)
    if row is None or State(row["state"]).is_terminal:
        return
    _tell(connection, run_id, CRASH, data)
    told = sa.select(sa.func.count()).where(EVENTS.c.run_id == run_id, EVENTS.c.kind == CRASH)
    crashes = int(connection.execute(told).scalar_one())
    if crashes > row["attempts"]:
        connection.execute(RUNS.update().where(RUNS.c.id == run_id).values(attempts=crashes))
    if crashes >= MOST_CRASHES:
        _end(connection, run_id, _lost(crashes))


def _held(connection: sa.Connection, run_id: str) -> dict[str, Any] | None:
    """Return a run whose row nobody else writes to until the transaction ends.

    SQLite has one writer at a time anyway.
    """
    query = sa.select(RUNS).where(RUNS.c.id == run_id).with_for_update()
    row = connection.execute(query).mappings().first()
    return None if row is None else dict(row)


def events(connection: sa.Connection, run_id: str, after: int = 0) -> list[dict[str, Any]]:
    """Return what happened to a run after the event of that number, in order."""
    query = (
        sa.select(EVENTS)
        .where(EVENTS.c.run_id == run_id, EVENTS.c.number > after)
        .order_by(EVENTS.c.number)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def failure(name: str, detail: str, **more: Any) -> dict[str, Any]:
    """Return what is kept of a failure."""
    return {"type": name, "detail": detail, **more}


def _tell(connection: sa.Connection, run_id: str, kind: str, data: dict[str, Any]) -> None:
    last = sa.select(sa.func.coalesce(sa.func.max(EVENTS.c.number), 0)).where(
        EVENTS.c.run_id == run_id
    )
    number = int(connection.execute(last).scalar_one()) + 1
    values = {"run_id": run_id, "number": number, "at": now(), "kind": kind, "data": data}
    connection.execute(EVENTS.insert().values(**values))


def _change(connection: sa.Connection, run_id: str, token: str | None, **values: Any) -> None:
    """Change the row of a run that has not ended, for one attempt or (no token) for none."""
    change = RUNS.update().where(RUNS.c.id == run_id, RUNS.c.state.in_(_OPEN))
    if token is not None:
        change = change.where(RUNS.c.token == token)
    if connection.execute(change.values(**values)).rowcount != 1:
        raise Superseded(run_id)


def _end(connection: sa.Connection, run_id: str, ending: Ending, token: str | None = None) -> None:
    moment: dt.datetime = now()
    _change(
        connection,
        run_id,
        token,
        state=ending.state.value,
        finished_at=moment,
        updated_at=moment,
        plan_status=ending.plan_status,
        headline=ending.headline,
        error=ending.error,
    )
    results.keep(connection, run_id, ending.results)
    results.keep_numbers(connection, run_id, ending.numbers)
    if ending.explanations:
        base = sa.select(RUNS.c.base_run_id).where(RUNS.c.id == run_id)
        plan_run_id = str(connection.execute(base).scalar_one())
        results.keep_explanations(connection, run_id, plan_run_id, ending.explanations)
    data: dict[str, Any] = {"state": ending.state.value}
    if ending.error is not None:
        data["error"] = ending.error
    _tell(connection, run_id, "state", data)
