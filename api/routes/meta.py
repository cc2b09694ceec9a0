"""What the service is and how it does: keys of shares, policies, health, metrics."""

from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request

from allocator.keys import KEYS
from allocator.version import VERSION
from api.deps import InstanceReader, ReconcilerDep, StoreDep
from api.metrics import Metrics
from api.problems import documented
from api.schemas import Answered
from api.store import StoreUnavailable
from models.policy import Policy

router = APIRouter(tags=["meta"])


class Start(Answered):
    """What is here, and where."""

    service: str
    """Name of the service."""
    version: str
    """Version of the code."""
    openapi: str
    """Path of the OpenAPI document: every route, every field."""
    documentation: str
    """The page for people, in the source."""
    instances: str
    """Path of the instances."""
    runs: str
    """Path of the runs."""
    proposals: str
    """Path of the proposals."""
    keys: str
    """Path of the rules that give every municipality a share."""
    policy: str
    """Path of the default policy."""
    readiness: str
    """Path that tells whether database and scheduler are there."""


class AllocationKey(Answered):
    """A rule that gives every municipality a share of the target."""

    name: str
    """As in `policy.key.name`."""
    title: str
    """Whose rule it is."""
    formula: str
    """The formula on one line."""
    source: str
    """Law, decision or paper it comes from."""
    limits: str
    """Rounding, caps and floors of the original, and what is read into it here."""


class KeyList(Answered):
    """Keys of shares."""

    keys: list[AllocationKey]
    """Keys."""


class Health(Answered):
    """Whether the process answers."""

    status: Literal["ok"]
    """It does."""
    version: str
    """Version of the code."""


class Readiness(Answered):
    """Whether what the service needs is there."""

    ready: bool
    """Whether all of it is."""
    database: str
    """`ok`, or what is wrong."""
    scheduler: str
    """`ok`, or what is wrong."""


@router.get("/", responses=documented())
def get_start() -> Start:
    """Tell what is here, and where."""
    return Start(
        service="quota-allocator",
        version=VERSION,
        openapi="/openapi.json",
        documentation="docs/api.md",
        instances="/v1/instances",
        runs="/v1/runs",
        proposals="/v1/proposals",
        keys="/v1/keys",
        policy="/v1/policies/default",
        readiness="/readyz",
    )


@router.get("/v1/keys", responses=documented("no-key", "not-allowed"))
def list_keys(caller: InstanceReader) -> KeyList:
    """List the keys that a policy can use."""
    names = AllocationKey.model_fields
    return KeyList(
        keys=[
            AllocationKey(**{name: getattr(rule, name) for name in names})
            for _, rule in sorted(KEYS.items())
        ]
    )


@router.get("/v1/policies/default", responses=documented("no-key", "not-allowed"))
def get_default_policy(caller: InstanceReader) -> Policy:
    """Get the default policy, with every setting there is."""
    return Policy()


@router.get("/healthz", responses=documented())
def get_health() -> Health:
    """Tell whether the process answers."""
    return Health(status="ok", version=VERSION)


@router.get(
    "/readyz",
    responses={
        **documented(),
        503: {"model": Readiness, "description": "Something is not there"},
    },
)
def get_readiness(store: StoreDep, reconciler: ReconcilerDep, response: Response) -> Readiness:
    """Tell whether database and scheduler are there."""
    try:
        database = "ok" if store.is_current else "its tables are those of another version"
    except StoreUnavailable as error:
        database = str(error)
    scheduler = reconciler.trouble or "ok"
    ready = database == scheduler == "ok"
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, database=database, scheduler=scheduler)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **documented()},
)
def get_metrics(request: Request, store: StoreDep) -> Response:
    """Get figures for Prometheus: queue, running, solve seconds, gaps, failures, requests."""
    metrics: Metrics = request.app.state.metrics
    return Response(metrics.written(store), media_type=CONTENT_TYPE_LATEST)
