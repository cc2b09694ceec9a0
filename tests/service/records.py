"""What must be true of the record whatever died: every run ended once, and is kept whole."""

import json
from collections.abc import Iterable

import sqlalchemy as sa

from allocator import load
from allocator.verify import verify
from api.execution.plans import JSON, PLAN, plan_of
from api.store import Store
from api.store.runs import State
from api.store.tables import EVENTS, EXPLANATIONS, NUMBERS, RESULTS, RUNS

WITH_PLAN = ("solve", "revise")


def check_record(url: str, accepted: Iterable[str]) -> dict[str, int]:
    """Check every run that was accepted; return how many ended in every state."""
    store = Store(url)
    try:
        with store.reading() as connection:
            return _checked(connection, set(accepted))
    finally:
        store.close()


def _checked(connection: sa.Connection, accepted: set[str]) -> dict[str, int]:
    rows = connection.execute(sa.select(RUNS)).mappings().all()
    assert {row["id"] for row in rows} == accepted, "a run was lost, or came twice"
    states: dict[str, int] = {}
    for row in rows:
        state = State(row["state"])
        assert state.is_terminal, (row["id"], state)
        states[state.value] = states.get(state.value, 0) + 1
        _check_events(connection, row["id"], state)
        _check_answer(connection, row)
    return states


def _check_events(connection: sa.Connection, run_id: str, state: State) -> None:
    query = sa.select(EVENTS).where(EVENTS.c.run_id == run_id).order_by(EVENTS.c.number)
    events = connection.execute(query).mappings().all()
    assert [one["number"] for one in events] == list(range(1, len(events) + 1))
    told = [one["data"]["state"] for one in events if one["kind"] == "state"]
    assert told[0] == "queued"
    assert told.count("queued") == 1
    ends = [one for one in told if State(one).is_terminal]
    assert ends == [state.value], f"{run_id} ended as {ends} and is {state}"
    assert told[-1] == state.value, "something happened after the end"


def _check_answer(connection: sa.Connection, row: sa.RowMapping) -> None:
    run_id, state = row["id"], row["state"]
    query = sa.select(RESULTS).where(RESULTS.c.run_id == run_id)
    results = {one.name: one for one in connection.execute(query)}
    numbers = _count(connection, NUMBERS, run_id)
    explained = _count(connection, EXPLANATIONS, run_id)
    if state == "failed":
        assert not results
        assert numbers == explained == 0
        assert row["error"]["type"]
        return
    for one in results.values():
        if one.media_type == JSON:
            json.loads(one.content)
    plan = plan_of(connection, run_id)
    assert numbers == (len(plan.quotas) if plan is not None and plan.found else 0)
    if state == "succeeded":
        expected = PLAN if row["kind"] in WITH_PLAN else "result"
        assert expected in results, (run_id, row["kind"], list(results))
    if plan is not None and plan.found:
        assert row["headline"] is not None
        assert row["plan_status"] == plan.status.value
        assert list(verify(load(plan.instance.id), plan.policy, plan)) == []


def _count(connection: sa.Connection, table: sa.Table, run_id: str) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(table.c.run_id == run_id)
    return int(connection.execute(query).scalar_one())
