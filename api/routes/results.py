"""``/v1/runs/{run_id}/…``: what runs answered."""

import json
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from allocator.explain import Explanation
from allocator.explain.words import in_words
from allocator.language import Language
from allocator.writing import csv_bytes
from api.deps import RunReader, SettingsDep, StoreDep
from api.execution.pages import PageFailed, made_page
from api.execution.plans import PLAN, plan_of
from api.problems import Trouble, documented
from api.routes.runs import status_of
from api.schemas.proposals import MunicipalNumber
from api.schemas.results import Difference, Explained, Figure, Moved, Spoken
from api.store import Store, results, runs
from models.plan import Plan

router = APIRouter(prefix="/v1/runs/{run_id}", tags=["results"])
_KEY = ("no-key", "not-allowed", "not-found")
JSON, CSV = "application/json", "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HTML, SVG, PLAIN = "text/html", "image/svg+xml", "text/plain"
WORDS = 500
"""Explanations in words that are kept at hand; a run never says other ones."""
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_TEXT = {"schema": {"type": "string"}}


@router.get(
    "/plan",
    response_model=Plan,
    responses={
        200: {"content": {CSV: _TEXT, XLSX: _BINARY}},
        **documented(*_KEY, "conflict", "not-acceptable"),
    },
)
async def get_plan(
    run_id: str, request: Request, store: StoreDep, settings: SettingsDep, caller: RunReader
) -> Response:
    """Get the plan of a run: JSON, the quotas as CSV, or a workbook, as `Accept` says."""
    kind = _wanted(request, JSON, CSV, XLSX)
    if kind == XLSX:
        return await _page(store, settings, run_id, "xlsx", "en")
    return await run_in_threadpool(_plan, store, run_id, kind)


def _plan(store: Store, run_id: str, kind: str) -> Response:
    with store.reading() as connection:
        kept = results.get(connection, run_id, PLAN)
        if kept is not None and kind == JSON:
            return Response(kept.content, media_type=JSON)
        plan = None if kept is None else Plan.model_validate_json(kept.content)
    if plan is None:
        raise _nothing(store, run_id, "plan")
    name = f'attachment; filename="{run_id}-quotas.csv"'
    content = csv_bytes(plan.quotas)
    return Response(content, media_type=CSV, headers={"Content-Disposition": name})


@router.get("/plan/municipalities/{municipality_id}", responses=documented(*_KEY, "conflict"))
def get_number(
    run_id: str, municipality_id: str, store: StoreDep, caller: RunReader
) -> MunicipalNumber:
    """Get what a plan asks of one municipality, and how far its capacities are used."""
    return number_of(store, run_id, municipality_id)


@router.get("/explanations", responses=documented(*_KEY))
def list_explanations(run_id: str, store: StoreDep, caller: RunReader) -> Explained:
    """List the municipalities whose number in the plan of a run was explained."""
    status_of(store, run_id)
    with store.reading() as connection:
        return Explained(municipality_ids=results.explained(connection, run_id))


@router.get(
    "/explanations/{municipality_id}",
    response_model=Explanation,
    responses={
        200: {"content": {PLAIN: _TEXT}},
        **documented(*_KEY, "conflict", "not-acceptable", "invalid"),
    },
)
def get_explanation(
    run_id: str,
    municipality_id: str,
    request: Request,
    store: StoreDep,
    caller: RunReader,
    spoken: Annotated[Spoken, Query()],
) -> Response:
    """Get why a plan asks a municipality for its number, once a run `explain` has computed it.

    `Accept: text/plain` gives it in words, in Norwegian or English.
    """
    kind = _wanted(request, JSON, PLAIN)
    with store.reading() as connection:
        found = results.explanation(connection, run_id, municipality_id)
    if found is None:
        number_of(store, run_id, municipality_id)
        detail = (
            f"the number of {municipality_id[:60]} was not explained yet; "
            f'post a run {{"kind": "explain", "base_run_id": "{run_id}"}}'
        )
        raise Trouble("not-found", detail)
    if kind == PLAIN:
        words = explanation_in_words(found, spoken.language)
        return Response(f"{words}\n", media_type=f"{PLAIN}; charset=utf-8")
    return Response(json.dumps(found.content, ensure_ascii=False), media_type=JSON)


@router.get("/result", responses=documented(*_KEY, "conflict"))
def get_result(run_id: str, store: StoreDep, caller: RunReader) -> dict[str, Any]:
    """Get what a run answered, as the command of the same name prints it with ``--json``."""
    with store.reading() as connection:
        kept = results.get(connection, run_id, "result")
    if kept is None:
        raise _nothing(store, run_id, "result")
    # FastAPI sends it as it is.
    return Response(kept.content, media_type=kept.media_type)  # type: ignore[return-value]


@router.get(
    "/chart",
    response_class=Response,
    responses={200: {"content": {SVG: _TEXT}}, **documented(*_KEY, "conflict")},
)
def get_chart(run_id: str, store: StoreDep, caller: RunReader) -> Response:
    """Get the chart of a sensitivity run, as SVG."""
    with store.reading() as connection:
        kept = results.get(connection, run_id, "chart")
    if kept is None:
        raise _nothing(store, run_id, "chart")
    return Response(kept.content, media_type=kept.media_type)


@router.get(
    "/report",
    response_class=Response,
    responses={200: {"content": {HTML: _TEXT}}, **documented(*_KEY, "conflict", "invalid")},
)
async def get_report(
    run_id: str,
    store: StoreDep,
    settings: SettingsDep,
    caller: RunReader,
    spoken: Annotated[Spoken, Query()],
) -> Response:
    """Get the plan of a run as a page for people, in Norwegian or English."""
    return await _page(store, settings, run_id, "html", spoken.language)


@router.get(
    "/log",
    response_class=Response,
    responses={200: {"content": {PLAIN: _TEXT}}, **documented(*_KEY)},
)
def get_log(run_id: str, store: StoreDep, caller: RunReader) -> Response:
    """Get what happened to a run, a line each."""
    status_of(store, run_id)
    with store.reading() as connection:
        found = runs.events(connection, run_id)
    return Response("".join(map(_line, found)), media_type=f"{PLAIN}; charset=utf-8")


@router.get("/diff/{other_id}", responses=documented(*_KEY, "conflict"))
def get_diff(run_id: str, other_id: str, store: StoreDep, caller: RunReader) -> Difference:
    """Get what differs between the plans of two runs: the other less this one."""
    with store.reading() as connection:
        plans = [plan_of(connection, one) for one in (run_id, other_id)]
    for one, plan in zip((run_id, other_id), plans, strict=True):
        if plan is None or not plan.found:
            raise _nothing(store, one, "plan")
    return _difference((run_id, other_id), [plan for plan in plans if plan is not None])


@lru_cache(maxsize=WORDS)
def explanation_in_words(explanation: results.Why, language: Language) -> str:
    """Return an explanation as it is kept in words, one thing a line."""
    return in_words(Explanation.model_validate(explanation.content), language)


def number_of(store: Store, run_id: str, municipality_id: str) -> MunicipalNumber:
    """Return what a plan asks of one municipality.

    Raises
    ------
    Trouble
        If there is no such plan, or it has no such municipality.
    """
    with store.reading() as connection:
        found = results.number(connection, run_id, municipality_id)
        names = [] if found is not None else results.names(connection, run_id)
    if found is None:
        if PLAN in names:
            detail = f"the plan has no quota of a municipality {municipality_id[:60]!r}"
            raise Trouble("not-found", detail)
        raise _nothing(store, run_id, "plan")
    return MunicipalNumber(run_id=run_id, **found)


def _difference(ids: tuple[str, str], plans: list[Plan]) -> Difference:
    one, two = plans
    names = {
        str(m): str(name)
        for plan in plans
        for m, name in zip(plan.quotas["municipality_id"], plan.quotas["name"], strict=True)
    }
    before, after = one.quota_of, two.quota_of
    moved = [
        Moved(
            municipality_id=m,
            name=name,
            before=before.get(m),
            after=after.get(m),
            change=after.get(m, 0) - before.get(m, 0),
        )
        for m, name in names.items()
        if before.get(m) != after.get(m)
    ]
    moved.sort(key=lambda row: (-abs(row.change), row.municipality_id))
    totals = {}
    if one.totals is not None and two.totals is not None:
        then, now = one.totals.model_dump(), two.totals.model_dump()
        totals = {
            name: Figure(before=then[name], after=now[name])
            for name in then
            if then[name] != now[name]
        }
    mine, theirs = one.policy.model_dump(), two.policy.model_dump()
    return Difference(
        run_id=ids[0],
        other_id=ids[1],
        same_instance=one.instance.sha256 == two.instance.sha256,
        totals=totals,
        policy=[name for name in mine if mine[name] != theirs[name]],
        moved=sum(abs(row.change) for row in moved),
        municipalities=moved,
    )


async def _page(store: Store, settings: Any, run_id: str, kind: str, language: str) -> Response:
    try:
        page = await run_in_threadpool(made_page, store, settings, run_id, kind, language)
    except PageFailed as error:
        raise Trouble("internal", str(error)) from error
    if page is None:
        raise await run_in_threadpool(_nothing, store, run_id, "plan with quotas")
    ending = "xlsx" if kind == "xlsx" else "html"
    headers = {}
    if kind == "xlsx":
        headers["Content-Disposition"] = f'attachment; filename="{run_id}.{ending}"'
    return Response(page.content, media_type=page.media_type, headers=headers)


def _nothing(store: Store, run_id: str, what: str) -> Trouble:
    """Return the trouble with something that a run has not answered."""
    status = status_of(store, run_id)
    if not status.state.is_terminal:
        return Trouble("conflict", f"the run is {status.state}; there is no {what} yet")
    detail = f"the run is {status.state} and has no {what}"
    return Trouble("not-found", f"{detail}; a run of kind {status.kind} may have none")


def _wanted(request: Request, *kinds: str) -> str:
    """Return the first of `kinds` that `Accept` names, by the order of its weights."""
    accept = request.headers.get("accept", "*/*")
    weighted = []
    for place, part in enumerate(accept.split(",")):
        name, *parameters = (one.strip() for one in part.split(";"))
        weight = 1.0
        for one in parameters:
            if one.startswith("q="):
                try:
                    weight = float(one[2:])
                except ValueError:
                    weight = 0.0
        weighted.append((-weight, place, name))
    for negative, _, name in sorted(weighted):
        if negative < 0:
            for kind in kinds:
                if name in (kind, "*/*", kind.split("/")[0] + "/*"):
                    return kind
    raise Trouble("not-acceptable", f"there is {', '.join(kinds)}, not {accept[:80]}")


def _line(event: dict[str, Any]) -> str:
    data = event["data"]
    parts = [f"{name}={_told(value)}" for name, value in data.items() if value is not None]
    return f"{event['at']:%Y-%m-%dT%H:%M:%S.%f}Z {event['kind']} {' '.join(parts)}\n"


def _told(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) and " " not in value else json.dumps(value)
