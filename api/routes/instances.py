"""``/v1/instances``: what runs are about."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.deps import (
    InstanceReader,
    InstanceWriter,
    RunReader,
    SettingsDep,
    ShelfDep,
    StoreDep,
)
from api.execution.archives import Limits, content_of, read_archive, read_tables
from api.execution.shelf import stored
from api.problems import Trouble, documented, invalid, item_of, told
from api.reading import parsed
from api.schemas.cursors import cursor_of
from api.schemas.instances import (
    InstanceAbout,
    InstanceChecked,
    InstanceContent,
    InstanceList,
    Page,
)
from api.settings import Settings
from api.store import Store, instances
from models.instance import Instance
from models.problems import Problem, errors, warnings

router = APIRouter(prefix="/v1/instances", tags=["instances"])
ZIP, JSON = "application/zip", "application/json"
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A zip of the folder of a data package, or JSON with the fields of "
        "datapackage.json under `about` and lists of rows under `tables`.",
        "content": {
            ZIP: {"schema": {"type": "string", "format": "binary"}},
            JSON: {"schema": {"$ref": "#/components/schemas/InstanceContent"}},
        },
    }
}


@router.get("", responses=documented("no-key", "not-allowed", "invalid"))
def list_instances(
    store: StoreDep, caller: InstanceReader, page: Annotated[Page, Query()]
) -> InstanceList:
    """List instances, without their tables, in the order of their ids."""
    after = page.cursor
    with store.reading() as connection:
        rows = instances.listed(connection, after=after, number=page.limit + 1)
    shown = rows[: page.limit]
    more = cursor_of(shown[-1]["id"]) if len(rows) > page.limit else None
    return InstanceList(instances=[InstanceAbout(**row) for row in shown], next=more)


@router.post(
    "",
    status_code=201,
    openapi_extra=_BODY,
    response_description="Stored. 200: the same instance was there already.",
    responses={
        200: {"model": InstanceAbout, "description": "The same instance was there already."},
        **documented("no-key", "not-allowed", "too-large", "wrong-media-type", "invalid", "full"),
    },
)
async def upload_instance(
    request: Request,
    response: Response,
    store: StoreDep,
    shelf: ShelfDep,
    settings: SettingsDep,
    caller: InstanceWriter,
) -> InstanceAbout:
    """Store an instance. The same content is stored once, whoever sends it."""
    body = await request.body()
    kind = request.headers.get("content-type", "")
    instance, problems = await run_in_threadpool(_read, body, kind, settings)
    if instance is None:
        raise invalid(item_of(problem) for problem in errors(problems))
    worth_knowing = told([item_of(problem) for problem in warnings(problems)])
    said = [item.model_dump(exclude_none=True) for item in worth_knowing]
    found, new = await run_in_threadpool(stored, store, shelf, instance, said, caller.id)
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/v1/instances/{found}"
    return await run_in_threadpool(_about, store, found)


@router.post(
    ":validate",
    openapi_extra=_BODY,
    responses=documented("no-key", "not-allowed", "too-large", "wrong-media-type"),
)
async def validate_instance(
    request: Request, settings: SettingsDep, caller: InstanceWriter
) -> InstanceChecked:
    """Say everything that is wrong with an instance; nothing is stored."""
    body = await request.body()
    kind = request.headers.get("content-type", "")
    _, problems = await run_in_threadpool(_read, body, kind, settings)
    return InstanceChecked(
        valid=not errors(problems),
        errors=told([item_of(problem) for problem in errors(problems)]),
        warnings=told([item_of(problem) for problem in warnings(problems)]),
    )


@router.get(
    "/{instance_id}",
    responses={
        200: {"content": {ZIP: {"schema": {"type": "string", "format": "binary"}}}},
        **documented("no-key", "not-allowed", "not-found"),
    },
)
def get_instance(
    instance_id: str, request: Request, store: StoreDep, caller: InstanceReader
) -> InstanceAbout:
    """Get an instance without its tables; with `Accept: application/zip`, the whole package."""
    about = _about(store, instance_id)
    if ZIP in request.headers.get("accept", ""):
        with store.reading() as connection:
            package = instances.package_of(connection, about.id)
        name = f'attachment; filename="{about.id}.zip"'
        headers = {"Content-Disposition": name}
        # FastAPI sends it as it is.
        return Response(package, media_type=ZIP, headers=headers)  # type: ignore[return-value]
    return about


@router.get("/{instance_id}/tables", responses=documented("no-key", "not-allowed", "not-found"))
def get_instance_tables(
    instance_id: str, store: StoreDep, shelf: ShelfDep, caller: RunReader
) -> InstanceContent:
    """Get an instance with all of its rows, in the form in which it can be sent."""
    about = _about(store, instance_id)
    return InstanceContent(**content_of(shelf.get(about.id)))


@router.delete(
    "/{instance_id}",
    status_code=204,
    responses=documented("no-key", "not-allowed", "not-found", "conflict"),
)
def delete_instance(instance_id: str, store: StoreDep, caller: InstanceWriter) -> None:
    """Delete an instance that no run is about."""
    about = _about(store, instance_id)
    with store.writing() as connection:
        deleted = instances.delete(connection, about.id)
    if not deleted:
        raise Trouble("conflict", f"runs are about {about.id}; it stays as long as they do")


def _about(store: Store, named: str) -> InstanceAbout:
    try:
        with store.reading() as connection:
            row = instances.find(connection, named)
    except instances.NotUnique as error:
        detail = f"several instances are called {named}: {', '.join(error.ids)}"
        raise Trouble("not-found", detail) from error
    if row is None:
        raise Trouble("not-found", f"there is no instance {named[:100]!r}")
    return InstanceAbout(**row)


def _read(body: bytes, kind: str, settings: Settings) -> tuple[Instance | None, list[Problem]]:
    expanded = settings.max_expanded_mib << 20
    limits = Limits(settings.max_members, expanded, settings.max_cells)
    media = kind.partition(";")[0].strip().lower()
    if media in (ZIP, "application/x-zip-compressed"):
        return read_archive(body, limits)
    if media == JSON:
        return read_tables(parsed(body), limits)
    raise Trouble("wrong-media-type", f"send {ZIP} or {JSON}, not {media[:80] or 'nothing'}")
