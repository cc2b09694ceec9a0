"""Runs: what can be asked, and where a run stands."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, JsonValue

from allocator.errors import InvalidPolicy
from allocator.policies import with_changes
from allocator.sensitivity.uncertainty import Uncertainty
from api.problems import ErrorItem, item_of
from api.schemas import Answered, Body, Query
from api.schemas.cursors import Cursor
from api.store.runs import State
from models.answers import Answer
from models.options import Method
from models.policy import Policy, Term

Id = Annotated[str, Field(min_length=1, max_length=140, pattern=r"^[A-Za-z0-9._-]+$")]
Tag = Annotated[str, Field(min_length=1, max_length=50)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
MunicipalityId = Annotated[str, Field(min_length=1, max_length=100)]
Persons = Annotated[int, Field(ge=0, le=1_000_000_000)]

_POLICY = {"step": 5, "budget": {"total": 1_000_000_000}}


class Options(Body):
    """How long a run may take and how exact it must be."""

    time_limit: Annotated[float, Field(gt=0)] = 180.0
    """Seconds for one solve; a sensitivity run solves many times."""
    gap: Annotated[float, Field(ge=0, le=1)] = 0.001
    """Relative distance between plan and bound at which a goal counts as reached."""
    method: Annotated[Method, Field(strict=False)] = Method.AUTO
    """`auto`, `whole` or `decomposed`."""
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] = 0
    """Random seed; the same seed gives the same plan."""


class _Asked(Body):
    name: Name | None = None
    """What the run is called."""
    tags: Annotated[list[Tag], Field(max_length=20, strict=False)] = []
    """Words to find it by."""
    options: Options = Options()
    """How long it may take and how exact it must be."""


class _OfInstance(_Asked):
    instance_id: Id | None = None
    """Instance, by its id or by its name if only one has it; none: that of the base run."""
    base_run_id: Id | None = None
    """Run whose policy is taken where `policy` says nothing; none: the default policy."""
    policy: dict[str, JsonValue] = {}
    """Settings of the policy that differ, as in `/v1/policies/default` (JSON merge patch)."""

    @classmethod
    def more_problems(cls, given: Mapping[str, Any]) -> list[ErrorItem]:
        """Return what is wrong with the policy of a body that is refused for something else.

        What changes the policy of another run is looked at with that policy alone.
        """
        changes = given.get("policy")
        if given.get("base_run_id") is not None or not isinstance(changes, dict):
            return []
        try:
            with_changes(Policy(), changes)
        except InvalidPolicy as error:
            return [item_of(problem, "/policy") for problem in error.problems]
        return []


class SolveRun(_OfInstance):
    """Split the target across the municipalities."""

    kind: Literal["solve"]
    warm_start: bool = False
    """Whether to start from the plan of the base run: faster, but not repeatable by others."""


class ReviseRun(_Asked):
    """Revise a plan in the course of the year, moving as few persons as possible."""

    kind: Literal["revise"]
    base_run_id: Id
    """Run whose plan is revised."""
    instance_id: Id | None = None
    """Instance with corrected figures; none: that of the base run."""
    target: Persons | None = None
    """Persons to settle from now on; none: as before."""
    answer_ids: Annotated[list[Id], Field(max_length=10_000)] = []
    """Answers of municipalities to a proposal of the base run, with the capacities they correct."""
    decisions: Annotated[
        list[Annotated[Answer, Field(strict=False)]], Field(max_length=10_000)
    ] = []
    """Answers that came another way."""
    policy: dict[str, JsonValue] = {}
    """Settings of the policy that differ from now on."""
    strict: bool = False
    """Whether to give no plan where the rule cannot hold for everybody."""


class ExplainRun(_Asked):
    """Explain numbers of a plan."""

    kind: Literal["explain"]
    base_run_id: Id
    """Run whose plan is explained."""
    municipality_ids: Annotated[list[MunicipalityId], Field(min_length=1)] | None = None
    """Municipalities to explain; none: all of them."""
    confirm: bool = True
    """Whether to solve the country for every number that another capacity would give."""


class SweepRun(_OfInstance):
    """Solve along one or two inputs."""

    kind: Literal["sweep"]
    over: Annotated[
        dict[str, Annotated[list[float | int | str], Field(min_length=1, max_length=200)]],
        Field(min_length=1, max_length=2),
    ]
    """Values by input: `budget`, `target`, any setting of the policy, `assume.NAME`,
    `factor.FAMILY.PLACE.ITEM` or `added.FAMILY.PLACE.ITEM`."""


class MarginalRun(_Asked):
    """Tell what one more unit of every capacity is worth."""

    kind: Literal["marginal"]
    base_run_id: Id
    """Run whose plan is looked at."""
    top: Annotated[int, Field(ge=0, le=100)] = 5
    """How many of the most promising to confirm by solving, per kind."""
    money: Annotated[float, Field(gt=0)] = 1_000_000.0
    """Amount that measures are compared by, in currency."""


class FrontierRun(_OfInstance):
    """Set two goals against each other."""

    kind: Literal["frontier"]
    between: Annotated[
        tuple[Annotated[Term, Field(strict=False)], Annotated[Term, Field(strict=False)]],
        Field(strict=False),
    ] = (Term.UNFAIRNESS, Term.COST)
    """Two terms of goals; the second is limited, in even steps."""
    points: Annotated[int, Field(ge=2, le=100)] = 9
    """Points, the two ends among them."""


class Scenario(Body):
    """One factor of a scenario."""

    scenario: Name
    """Which scenario."""
    place: str = ""
    """Municipality, pool or county; blank: everywhere."""
    family: Name
    """Family of capacity, or `arrivals`."""
    factor: Annotated[float, Field(ge=0)]
    """What is given is multiplied by this."""


class RobustnessRun(_Asked):
    """Tell how a plan stands where capacities and arrivals are uncertain."""

    kind: Literal["robustness"]
    base_run_id: Id
    """Run whose plan is looked at."""
    draws: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Draws of the plan as it stands."""
    resolve: Annotated[int, Field(ge=0, le=10_000)] = 20
    """Draws, the first, in which it is solved again."""
    gammas: Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(max_length=20)] = [0.5, 1.0]
    """Budgets of uncertainty of robust plans."""
    uncertainty: Uncertainty = Uncertainty()
    """How uncertain what is."""
    scenarios: Annotated[list[Scenario], Field(min_length=1, max_length=100_000)] | None = None
    """Scenarios in the place of draws."""


class DiagnoseRun(_OfInstance):
    """Tell what clashes when no plan keeps everything, and the ways out."""

    kind: Literal["diagnose"]
    no_shortfall: bool = False
    """Whether everyone must be given a place."""
    ways: bool = True
    """Whether to look for ways out."""


class CompareRun(_Asked):
    """Set plans beside each other, and beside keys and what was observed."""

    kind: Literal["compare"]
    base_run_id: Id
    """Run whose plan the others are compared with."""
    run_ids: Annotated[list[Id], Field(max_length=20)] = []
    """Runs with plans of the same instance."""
    keys: Annotated[list[Name], Field(max_length=20)] = []
    """Keys by name, as in `/v1/keys`."""
    observed: Annotated[list[Name], Field(max_length=10)] = []
    """Figures observed in Norway: `requested`, `decided`, `settled`, …"""


RunRequest = Annotated[
    SolveRun
    | ReviseRun
    | ExplainRun
    | SweepRun
    | MarginalRun
    | FrontierRun
    | RobustnessRun
    | DiagnoseRun
    | CompareRun,
    Field(
        discriminator="kind",
        examples=[
            {"kind": "solve", "instance_id": "norway-2024", "policy": _POLICY, "name": "First"}
        ],
    ),
]
Kind = Literal[
    "solve",
    "revise",
    "explain",
    "sweep",
    "marginal",
    "frontier",
    "robustness",
    "diagnose",
    "compare",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


class RunProgress(Answered):
    """Where a run that is computed stands."""

    phase: str
    """What is being done."""
    incumbent: float | None = None
    """Value of the best plan so far, of the goal at hand."""
    bound: float | None = None
    """Proven bound of the goal at hand."""
    gap: float | None = None
    """Relative gap between the two."""
    elapsed: float | None = None
    """Seconds since it began."""
    done: int | None = None
    """Solves done, of a run that solves many times."""
    total: int | None = None
    """Solves in all."""
    left: float | None = None
    """Seconds that the others will take at the pace so far."""


class RunError(Answered):
    """Why a run failed."""

    type: str
    """`invalid`, `solver`, `verification`, `lost` or `internal`."""
    detail: str
    """In words."""
    errors: list[dict[str, Any]] = []
    """Everything that is wrong with the input, if that is why."""


class Headline(Answered):
    """The plan of a run in a few numbers."""

    target: int
    """Persons to settle."""
    placed: int
    """Persons with a place."""
    shortfall: int
    """Persons without one."""
    cost: float
    """Cost of the measures, in currency."""
    asked: int
    """Municipalities asked."""
    gap: float | None
    """Largest gap of any goal; none when one is unproven."""


class RunStatus(Answered):
    """A run: where it stands, without what it answered."""

    id: str
    """Id of the run."""
    kind: Kind
    """What is computed."""
    state: State
    """`queued`, `running`, `succeeded`, `failed` or `cancelled`."""
    instance_id: str
    """Instance it is about."""
    base_run_id: str | None
    """Run it rests on."""
    name: str | None
    """What it is called."""
    tags: list[str]
    """Words to find it by."""
    created_by: str | None
    """Id of the key that asked for it."""
    created_at: dt.datetime
    """When it was accepted."""
    submitted_at: dt.datetime | None
    """When it was handed to the scheduler."""
    started_at: dt.datetime | None
    """When it was first begun."""
    updated_at: dt.datetime
    """When something was last heard of it."""
    finished_at: dt.datetime | None
    """When it ended."""
    cancel_requested_at: dt.datetime | None
    """When it was to be cancelled."""
    position: int | None
    """Place in the queue, from 1, while it waits."""
    attempts: int
    """Times it was begun."""
    progress: RunProgress | None
    """Where it stands, or stood last."""
    plan_status: str | None
    """Status of its plan: `optimal`, `within_gap`, `limit`, `infeasible` or `none`."""
    headline: Headline | None
    """Its plan in a few numbers."""
    error: RunError | None
    """Why it failed."""


class RunList(Answered):
    """Runs, the newest first."""

    runs: list[RunStatus]
    """Runs."""
    next: str | None
    """Cursor of the next page; none: there is no more."""


class RunFilters(Query):
    """Which runs to list."""

    state: State | None = None
    """Only in this state."""
    kind: Kind | None = None
    """Only of this kind."""
    instance_id: Id | None = None
    """Only about this instance."""
    base_run_id: Id | None = None
    """Only those that rest on this run."""
    tag: Tag | None = None
    """Only with this tag."""
    mine: bool = False
    """Only those that this key asked for."""
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    """Most of them."""
    cursor: Cursor | None = None
    """`next` of the page before."""
