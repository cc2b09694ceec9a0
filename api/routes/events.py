"""``/v1/runs/{run_id}/events``: what happens to a run, as it happens (server-sent events)."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from api.deps import RunReader, StoreDep
from api.problems import ErrorItem, Trouble, documented, invalid
from api.routes.runs import status_of
from api.store import Store, StoreUnavailable, runs
from api.store.runs import State

router = APIRouter(prefix="/v1/runs/{run_id}/events", tags=["runs"])
LOOK = 0.5
"""Seconds between two looks at the database."""
ALIVE = 15.0
"""Seconds after which a comment is sent, so that no one in between takes the stream for dead."""
SSE = "text/event-stream"
_EVENT = re.compile("[0-9]{1,18}")
"""Ids of events: whole numbers, none so large that no database knows it."""


@router.get(
    "",
    response_class=StreamingResponse,
    responses={
        200: {"content": {SSE: {"schema": {"type": "string"}}}},
        **documented("no-key", "not-allowed", "not-found", "ended", "invalid"),
    },
)
async def get_events(
    run_id: str,
    request: Request,
    store: StoreDep,
    caller: RunReader,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=20)] = None,
) -> StreamingResponse:
    """Follow a run: events `state`, `progress` and `crash`; the stream ends with the run.

    With `Last-Event-ID` it goes on after that event. 410 once the run has ended.
    """
    if last_event_id is not None and not _EVENT.fullmatch(last_event_id):
        expected = "give the id of an event"
        item = ErrorItem(parameter="Last-Event-ID", detail="is no number", expected=expected)
        raise invalid([item])
    status = await run_in_threadpool(status_of, store, run_id)
    if status.state.is_terminal:
        raise Trouble("ended", f"the run is {status.state}; its log has what happened")
    stopping: asyncio.Event = request.app.state.stopping
    stream = _followed(store, run_id, int(last_event_id or 0), stopping)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type=SSE, headers=headers)


async def _followed(
    store: Store, run_id: str, after: int, stopping: asyncio.Event
) -> AsyncIterator[str]:
    quiet = 0.0
    yield f"retry: {int(LOOK * 2000)}\n\n"
    while not stopping.is_set():
        try:
            found = await run_in_threadpool(_since, store, run_id, after)
        except StoreUnavailable:
            found = []  # the stream waits for the database, as the run does
        for event in found:
            after, quiet = event["number"], 0.0
            yield _written(event)
            if event["kind"] == "state" and State(event["data"]["state"]).is_terminal:
                return
        try:
            await asyncio.wait_for(stopping.wait(), LOOK)
        except TimeoutError:
            quiet += LOOK
            if quiet >= ALIVE:
                quiet = 0.0
                yield ": still here\n\n"


def _since(store: Store, run_id: str, after: int) -> list[dict[str, Any]]:
    with store.reading() as connection:
        return runs.events(connection, run_id, after)


def _written(event: dict[str, Any]) -> str:
    data = {"at": event["at"].isoformat(), **event["data"]}
    text = json.dumps(data, ensure_ascii=False)
    return f"id: {event['number']}\nevent: {event['kind']}\ndata: {text}\n\n"
