"""``/v1/proposals``: plans put to the municipalities, and what they answer.

Nothing is overwritten: a later answer stands beside the earlier one, a proposal that is taken
back stays with the reason why.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from allocator.errors import InvalidDecisions
from allocator.revising.corrections import corrected
from allocator.revising.decisions import check_answers
from api.deps import (
    AnswerReader,
    AnswerWriter,
    ProposalReader,
    ProposalWriter,
    ShelfDep,
    StoreDep,
)
from api.execution.plans import plan_of
from api.execution.shelf import Shelf
from api.problems import ErrorItem, Trouble, documented, invalid, pointer
from api.reading import StrictRoute
from api.routes.once import IdempotencyKey, made_before
from api.routes.results import explanation_in_words
from api.schemas.cursors import cursor_of
from api.schemas.instances import Page
from api.schemas.proposals import (
    AnswerList,
    CorrectedCapacity,
    MunicipalAnswer,
    MunicipalNumber,
    NewAnswer,
    NewProposal,
    Proposal,
    ProposalList,
    ProposalStep,
    ProposedNumber,
    Withdrawal,
)
from api.schemas.results import Spoken
from api.security import Caller
from api.store import Store, proposals, requests, results, runs
from models.answers import Answer, Correction
from models.problems import Problem

router = APIRouter(prefix="/v1/proposals", tags=["proposals"], route_class=StrictRoute)
_KEY = ("no-key", "not-allowed", "not-found")


@router.post(
    "",
    status_code=201,
    responses=documented(
        "no-key", "not-allowed", "too-large", "wrong-media-type", "invalid", "key-reused"
    ),
)
def publish_proposal(
    new: NewProposal,
    response: Response,
    store: StoreDep,
    caller: ProposalWriter,
    idempotency_key: IdempotencyKey = None,
) -> Proposal:
    """Publish the plan of a run as a proposal; from now on municipalities can read and answer."""
    print_ = requests.fingerprint("proposal", new.model_dump(mode="json"))
    with store.writing() as connection:
        made = made_before(connection, caller, idempotency_key, print_)
        if made is None:
            run = runs.get(connection, new.run_id)
            if run is None or run["headline"] is None:
                item = ErrorItem(
                    pointer="/run_id",
                    detail="there is no such run, or it has no plan with quotas",
                    value=new.run_id,
                    expected="give a run of kind solve or revise that succeeded",
                )
                raise invalid([item])
            made = proposals.add(connection, **new.model_dump(), created_by=caller.id)
            requests.remember(connection, caller.id, idempotency_key, print_, made)
    response.headers["Location"] = f"/v1/proposals/{made}"
    return _proposal(store, made)


@router.get("", responses=documented("no-key", "not-allowed", "invalid"))
def list_proposals(
    store: StoreDep, caller: ProposalReader, page: Annotated[Page, Query()]
) -> ProposalList:
    """List proposals, the newest first."""
    before = page.cursor
    with store.reading() as connection:
        rows = proposals.listed(connection, before=before, number=page.limit + 1)
    shown = rows[: page.limit]
    more = cursor_of(shown[-1]["id"]) if len(rows) > page.limit else None
    return ProposalList(proposals=[_shown(row) for row in shown], next=more)


@router.get("/{proposal_id}", responses=documented(*_KEY))
def get_proposal(proposal_id: str, store: StoreDep, caller: ProposalReader) -> Proposal:
    """Get a proposal with everything that became of it."""
    return _proposal(store, proposal_id)


@router.post(
    "/{proposal_id}:withdraw",
    responses=documented(*_KEY, "conflict", "too-large", "wrong-media-type", "invalid"),
)
def withdraw_proposal(
    proposal_id: str, withdrawal: Withdrawal, store: StoreDep, caller: ProposalWriter
) -> Proposal:
    """Take a proposal back; it stays to be read, and is no longer answered."""
    with store.writing() as connection:
        row = proposals.get(connection, proposal_id, hold=True)
        if row is None:
            raise _none(proposal_id)
        if _shown(row).withdrawn:
            raise Trouble("conflict", "the proposal was withdrawn before")
        proposals.step(
            connection,
            proposal_id,
            "withdrawn",
            withdrawal.author,
            withdrawal.reason,
            caller.id,
        )
    return _proposal(store, proposal_id)


@router.get(
    "/{proposal_id}/municipalities/{municipality_id}",
    response_model=ProposedNumber,
    responses=documented(*_KEY, "invalid"),
)
def get_proposed_number(
    proposal_id: str,
    municipality_id: str,
    store: StoreDep,
    caller: ProposalReader,
    spoken: Annotated[Spoken, Query()],
) -> Response:
    """Get what a proposal asks of a municipality, why, and what the municipality has answered.

    The explanation stands there as figures and in words, in Norwegian or English.
    """
    _only_own(caller, municipality_id)
    with store.reading() as connection:
        row = proposals.get(connection, proposal_id)
        if row is None:
            raise _none(proposal_id)
        number = results.number(connection, row["run_id"], municipality_id)
        explanation = results.explanation(connection, row["run_id"], municipality_id)
        given = proposals.answers(connection, proposal_id, municipality_id=municipality_id)
    if number is None:
        detail = f"the proposal asks nothing of a municipality {municipality_id[:60]!r}"
        raise Trouble("not-found", detail)
    found = ProposedNumber(
        proposal=_shown(row),
        number=MunicipalNumber(run_id=row["run_id"], **number),
        explanation=None if explanation is None else explanation.content,
        in_words=None
        if explanation is None
        else explanation_in_words(explanation, spoken.language),
        answers=[MunicipalAnswer(**one) for one in given],
    )
    return Response(found.model_dump_json(), media_type="application/json")


@router.post(
    "/{proposal_id}/answers",
    status_code=201,
    responses=documented(
        *_KEY, "conflict", "too-large", "wrong-media-type", "invalid", "key-reused"
    ),
)
def answer_proposal(
    proposal_id: str,
    new: NewAnswer,
    response: Response,
    store: StoreDep,
    shelf: ShelfDep,
    caller: AnswerWriter,
    idempotency_key: IdempotencyKey = None,
) -> MunicipalAnswer:
    """Answer a proposal: accept it, decline, or make a counter-offer, with corrected capacities."""
    _only_own(caller, new.municipality_id)
    print_ = requests.fingerprint(f"answer {proposal_id}", new.model_dump(mode="json"))
    with store.reading() as connection:
        row = proposals.get(connection, proposal_id)
        if row is None:
            raise _none(proposal_id)
        made = made_before(connection, caller, idempotency_key, print_)
    if made is None:
        _check_answer(new, _shown(row), store, shelf)
        with store.writing() as connection:
            made = made_before(connection, caller, idempotency_key, print_)
            if made is None:
                about = proposals.get(connection, proposal_id, hold=True)
                if about is None or _shown(about).withdrawn:
                    raise Trouble("conflict", "the proposal was withdrawn; it is not answered")
                values = new.model_dump()
                values["capacities"] = [one.model_dump(exclude_none=True) for one in new.capacities]
                values["answer"] = new.answer.value
                made = proposals.answer(
                    connection, proposal_id=proposal_id, **values, created_by=caller.id
                )
                requests.remember(connection, caller.id, idempotency_key, print_, made)
    with store.reading() as connection:
        given = proposals.answers(connection, proposal_id, municipality_id=new.municipality_id)
    found = next(one for one in given if one["id"] == made)
    response.headers["Location"] = f"/v1/proposals/{proposal_id}/answers"
    return MunicipalAnswer(**found)


@router.get("/{proposal_id}/answers", responses=documented(*_KEY, "invalid"))
def list_answers(
    proposal_id: str, store: StoreDep, caller: AnswerReader, page: Annotated[Page, Query()]
) -> AnswerList:
    """List the answers to a proposal, oldest first; a municipality sees its own."""
    after = page.cursor
    _proposal(store, proposal_id)
    with store.reading() as connection:
        rows = proposals.answers(
            connection,
            proposal_id,
            municipality_id=caller.municipality_id,
            after=after,
            number=page.limit + 1,
        )
    shown = rows[: page.limit]
    more = cursor_of(shown[-1]["id"]) if len(rows) > page.limit else None
    return AnswerList(answers=[MunicipalAnswer(**row) for row in shown], next=more)


def _only_own(caller: Caller, municipality_id: str) -> None:
    if not caller.may_see(municipality_id):
        detail = f"the key is for the municipality {caller.municipality_id} alone"
        raise Trouble("not-allowed", detail)


def _proposal(store: Store, proposal_id: str) -> Proposal:
    with store.reading() as connection:
        row = proposals.get(connection, proposal_id)
    if row is None:
        raise _none(proposal_id)
    return _shown(row)


def _none(proposal_id: str) -> Trouble:
    return Trouble("not-found", f"there is no proposal {proposal_id[:60]!r}")


def _shown(row: dict[str, object]) -> Proposal:
    given = {name: value for name, value in row.items() if name not in ("steps", "created_by")}
    names = ("number", "kind", "author", "reason", "created_at")
    found = row["steps"]
    assert isinstance(found, list)  # noqa: S101 - the store says so
    steps = [ProposalStep(**{name: one[name] for name in names}) for one in found]
    withdrawn = any(one.kind == "withdrawn" for one in steps)
    return Proposal.model_validate({**given, "steps": steps, "withdrawn": withdrawn})


def _check_answer(new: NewAnswer, proposal: Proposal, store: Store, shelf: Shelf) -> None:
    """Refuse an answer that cannot be taken up, with everything that is wrong with it."""
    with store.reading() as connection:
        plan = plan_of(connection, proposal.run_id)
        run = runs.get(connection, proposal.run_id)
    if plan is None or run is None:
        raise Trouble("not-found", "the plan of the proposal is not there")
    fields = new.model_dump(exclude={"capacities"})
    wrong = [
        ErrorItem(
            pointer=pointer("", problem.column),
            detail=problem.message,
            value=problem.value,
            expected=problem.expected,
        )
        for problem in check_answers([Answer.model_validate(fields)], plan)
    ]
    corrections = corrections_of(new.municipality_id, new.capacities)
    try:
        corrected(shelf.get(run["instance_id"]), corrections)
    except InvalidDecisions as error:
        wrong += [
            ErrorItem(
                pointer=pointer("/capacities", (problem.row or 1) - 1, *_column(problem)),
                detail=problem.message,
                value=problem.value,
                expected=problem.expected,
            )
            for problem in error.problems
            if problem.column != "municipality_id"  # told once, by the plan
        ]
    if wrong:
        raise invalid(wrong)


def _column(problem: Problem) -> list[str]:
    return [] if problem.column is None else [problem.column]


def corrections_of(municipality_id: str, capacities: list[CorrectedCapacity]) -> list[Correction]:
    """Return capacities that a municipality corrects as they are applied to an instance."""
    return [
        Correction.model_validate({"municipality_id": municipality_id, **one.model_dump()})
        for one in capacities
    ]
