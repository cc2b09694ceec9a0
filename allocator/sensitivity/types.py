"""What is known of a case once it was tried: plain frozen types with a JSON form."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from allocator.fairness import Fairness
from models.options import Method
from models.plan import Conflict, GoalResult, Plan, Status, Totals


class Part(BaseModel):
    """Common ground: frozen, unknown fields refused, no infinities."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class State(StrEnum):
    """What became of a case."""

    SOLVED = "solved"
    """There is an answer; `status` says which. An infeasible case is answered too."""
    FAILED = "failed"
    """There is none; `error` says why."""
    NOT_RUN = "not_run"
    """It was not tried, or not to the end; `error` says why."""


class Outcome(Part):
    """What became of one case: everything about its plan but the placements.

    `model_dump_json` and `model_validate_json` are a round trip.
    """

    key: str
    """Fingerprint of the case; see `Case.key`."""
    state: State
    """What became of it."""
    error: str | None = None
    """Why there is no answer; none where there is one."""
    sha256: str | None = None
    """Fingerprint of the instance that was solved, after what the case changes."""
    status: Status | None = None
    """What is known about the plan; none without an answer."""
    method: Method | None = None
    """How the program was solved."""
    warm_start: bool = False
    """Whether the run started from a plan at hand."""
    seconds: float | None = None
    """Wall time of the solve."""
    goals: tuple[GoalResult, ...] = ()
    """Value, bound and gap of every goal, in order."""
    totals: Totals | None = None
    """The plan in a few numbers; none when no plan was found."""
    fairness: Fairness | None = None
    """Measures of fairness of the plan."""
    bound: dict[str, int] = {}
    """In how many municipalities each family of capacity binds; those where none does left out."""
    budgets: dict[str, bool] = {}
    """Whether each budget binds (`total` and kinds of measure); those that are not set left out."""
    quotas: dict[str, int] = {}
    """Persons asked, by municipality."""
    measures: dict[str, int] = {}
    """Steps bought, by measure; those not bought left out."""
    conflicts: tuple[Conflict, ...] = ()
    """What clashes, when the status is `infeasible`."""
    warnings: tuple[str, ...] = ()
    """What a reader should know."""
    plan: Plan | None = None
    """The plan in full, where the case asked to keep it."""

    @property
    def found(self) -> bool:
        """Whether there is a plan."""
        return self.totals is not None

    @property
    def gap(self) -> float | None:
        """Largest gap of any goal; none when one of them is unproven."""
        gaps = [goal.gap for goal in self.goals if goal.gap is not None]
        return max(gaps) if gaps and len(gaps) == len(self.goals) else None

    @classmethod
    def failed(cls, key: str, error: str) -> "Outcome":
        """Return the outcome of a case that has no answer."""
        return cls(key=key, state=State.FAILED, error=error)

    @classmethod
    def not_run(cls, key: str, reason: str) -> "Outcome":
        """Return the outcome of a case that was not tried to the end."""
        return cls(key=key, state=State.NOT_RUN, error=reason)
