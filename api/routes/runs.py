"""``/v1/runs``: what is asked, where it stands, how it is stopped."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.deps import (
    ReconcilerDep,
    RunCanceller,
    RunCreator,
    RunReader,
    SettingsDep,
    ShelfDep,
    StoreDep,
)
from api.execution.accepting import accepted, refuse_too_many
from api.execution.shelf import stored
from api.moments import Moments
from api.problems import Trouble, documented
from api.reading import StrictRoute
from api.routes.once import IdempotencyKey, made_before
from api.schemas.cursors import cursor_of
from api.schemas.runs import RunFilters, RunList, RunRequest, RunStatus
from api.store import Store, requests, runs

router = APIRouter(prefix="/v1/runs", tags=["runs"], route_class=StrictRoute)


@router.post(
    "",
    status_code=202,
    responses=documented(
        "no-key",
        "not-allowed",
        "too-large",
        "wrong-media-type",
        "invalid",
        "key-reused",
        "too-many",
        "full",
    ),
)
def create_run(
    asked: RunRequest,
    response: Response,
    store: StoreDep,
    shelf: ShelfDep,
    settings: SettingsDep,
    reconciler: ReconcilerDep,
    caller: RunCreator,
    idempotency_key: IdempotencyKey = None,
) -> RunStatus:
    """Ask for a computation. It is accepted or refused as a whole; its state tells the rest."""
    print_ = requests.fingerprint("run", asked.model_dump(mode="json"))
    with store.reading() as connection:
        run_id = made_before(connection, caller, idempotency_key, print_)
        if run_id is None:
            found = accepted(asked, connection, shelf, settings)
    if run_id is None:
        instance_id = found.instance_id
        if found.instance is not None:
            # Under its own name it would take that from the instance that it corrects.
            name = f"{found.instance.id[:90]}-corrected"
            instance_id, _ = stored(store, shelf, found.instance, [], caller.id, name)
        request = {**found.request, "instance_id": instance_id}
        with store.writing() as connection:
            run_id = made_before(connection, caller, idempotency_key, print_)
            if run_id is None:
                refuse_too_many(connection, caller.id, settings)
                run_id = runs.add(
                    connection,
                    kind=asked.kind,
                    instance_id=instance_id,
                    base_run_id=found.base_run_id,
                    name=asked.name,
                    tags=sorted(set(asked.tags)),
                    request=request,
                    created_by=caller.id,
                )
                requests.remember(connection, caller.id, idempotency_key, print_, run_id)
        reconciler.wake()
    response.headers["Location"] = f"/v1/runs/{run_id}"
    return status_of(store, run_id)


@router.get("", responses=documented("no-key", "not-allowed", "invalid"))
def list_runs(
    store: StoreDep, caller: RunReader, filters: Annotated[RunFilters, Query()]
) -> RunList:
    """List runs, the newest first."""
    wanted: dict[str, Any] = {
        "state": None if filters.state is None else filters.state.value,
        "kind": filters.kind,
        "instance_id": filters.instance_id,
        "base_run_id": filters.base_run_id,
        "tag": filters.tag,
        "created_by": caller.id if filters.mine else None,
    }
    before = filters.cursor
    with store.reading() as connection:
        rows = runs.listed(connection, filters=wanted, before=before, number=filters.limit + 1)
    shown = rows[: filters.limit]
    more = cursor_of(shown[-1]["id"]) if len(rows) > filters.limit else None
    return RunList(runs=[RunStatus(**row) for row in shown], next=more)


@router.get(
    "/{run_id}",
    response_model=RunStatus,
    responses=documented("no-key", "not-allowed", "not-found"),
)
async def get_run(run_id: str, request: Request, store: StoreDep, caller: RunReader) -> Response:
    """Get where a run stands, at most a tenth of a second ago."""

    async def made() -> bytes:
        status = await run_in_threadpool(status_of, store, run_id)
        return status.model_dump_json().encode()

    moments: Moments = request.app.state.moments
    return Response(await moments.get(run_id, made), media_type="application/json")


@router.get("/{run_id}/request", responses=documented("no-key", "not-allowed", "not-found"))
def get_run_request(run_id: str, store: StoreDep, caller: RunReader) -> dict[str, Any]:
    """Get what a run was asked, whole: with the policy in full and answers in full."""
    with store.reading() as connection:
        found = runs.request_of(connection, run_id)
    if found is None:
        raise no_run(run_id)
    return found


@router.delete(
    "/{run_id}", status_code=202, responses=documented("no-key", "not-allowed", "not-found")
)
def cancel_run(
    run_id: str, store: StoreDep, reconciler: ReconcilerDep, caller: RunCanceller
) -> RunStatus:
    """Cancel a run. The best plan so far is kept; a run that has ended stays as it is."""
    status_of(store, run_id)
    with store.writing() as connection:
        runs.request_cancel(connection, run_id)
    reconciler.wake()
    return status_of(store, run_id)


def status_of(store: Store, run_id: str) -> RunStatus:
    """Return where a run stands.

    Raises
    ------
    Trouble
        If there is none.
    """
    with store.reading() as connection:
        row = runs.get(connection, run_id)
    if row is None:
        raise no_run(run_id)
    return RunStatus(**row)


def no_run(run_id: str) -> Trouble:
    """Return the trouble with a run that is not there."""
    return Trouble("not-found", f"there is no run {run_id[:60]!r}")
