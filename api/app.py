"""The application: routes, what they need, and what begins and ends with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware

from allocator.packaged import packaged
from allocator.version import VERSION
from api.deps import only_known_parameters
from api.document import complete, methods_of
from api.execution.cluster import Cluster
from api.execution.reconciling import Reconciler
from api.execution.shelf import Shelf, stored
from api.metrics import Metrics
from api.middleware import Around
from api.moments import Moments
from api.problems import handlers, item_of
from api.routes import events, instances, meta, proposals, results, runs
from api.security import Gate
from api.settings import Settings
from api.store import Store
from models.problems import warnings

DESCRIPTION = """
Splits a national settlement target across municipalities within housing, transport and health
capacity, proves what the split is worth, explains every number, and takes the answers of
municipalities. Every error is a problem document (RFC 9457) that tells everything that is wrong
at once.
"""


def create_app(settings: Settings) -> FastAPI:
    """Return the service with these settings; it begins to work when it is started."""
    app = FastAPI(
        title="Quota allocator",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=_lifespan,
        generate_unique_id_function=_operation_id,
        dependencies=[Depends(only_known_parameters)],
        exception_handlers=handlers(_allowed),
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.store = Store(settings.database, pool=20)
    app.state.shelf = Shelf(app.state.store)
    app.state.gate = Gate(app.state.store, is_open=settings.open)
    app.state.metrics = Metrics()
    app.state.moments = Moments()
    app.state.reconciler = Reconciler(app.state.store, Cluster(settings), settings.max_running_runs)
    app.state.stopping = asyncio.Event()
    for module in (instances, events, runs, results, proposals, meta):
        app.include_router(module.router)
    complete(app)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
            expose_headers=["Location", "X-Request-ID"],
        )
    app.add_middleware(Around, metrics=app.state.metrics, max_body=settings.max_body_mib << 20)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    log, state = structlog.get_logger("service"), app.state
    await run_in_threadpool(state.store.migrate)
    if state.settings.packaged:
        await run_in_threadpool(_store_packaged, state.store, state.shelf)
    state.reconciler.start()
    log.info("began", database=state.store.engine.url.render_as_string(hide_password=True))
    try:
        yield
    finally:
        state.stopping.set()
        await run_in_threadpool(state.reconciler.close)
        state.store.close()
        log.info("stopped")


def _store_packaged(store: Store, shelf: Shelf) -> None:
    """Store the packaged instances, those that are not there yet."""
    from allocator.loading import read

    for folder in packaged().values():
        instance, problems = read(folder)
        if instance is not None:
            said = [item_of(one).model_dump(exclude_none=True) for one in warnings(problems)]
            stored(store, shelf, instance, said, None)


def _allowed(request: Request) -> list[str]:
    return methods_of(request.app.openapi(), request.url.path)


def _operation_id(route: APIRoute) -> str:
    return route.name
