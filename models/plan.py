"""A plan: quotas, placements, measures and the proof of what they are worth."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any

import pandas as pd
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)

from models.answers import AuditEntry, Revised
from models.columns import Column, ColumnType, Table
from models.options import Method, SolveOptions
from models.policy import Policy, Term
from models.tables import typed
from models.views import Part, Shown


class Status(StrEnum):
    """What is known about a plan."""

    OPTIMAL = "optimal"
    """Proven best, every goal."""
    WITHIN_GAP = "within_gap"
    """Proven within the gap asked for."""
    LIMIT = "limit"
    """Best found when time ran out or the run was cancelled; the gap says how far it may be."""
    INFEASIBLE = "infeasible"
    """No plan keeps every demand of the policy; `conflicts` says which clash."""
    NONE = "none"
    """Nothing found within the limits, and nothing proven."""


class BoundFrom(StrEnum):
    """What proves a bound."""

    TRIVIAL = "trivial"
    """The goal cannot be less by its nature (a shortfall of zero)."""
    RELAXATION = "relaxation"
    """The linear relaxation of the program."""
    PRICES = "prices"
    """Prices on the rows that municipalities share: their best answers to the prices add up."""
    SEARCH = "search"
    """Branch and bound on the whole program."""


def _column(name: str, kind: ColumnType, unit: str, description: str, **more: Any) -> Column:
    return Column(name, kind, unit, description, **more)


_ID, _TEXT, _NUMBER, _COUNT, _FLAG = (
    ColumnType.ID,
    ColumnType.TEXT,
    ColumnType.NUMBER,
    ColumnType.INTEGER,
    ColumnType.BOOLEAN,
)

_DEFINITIONS = (
    Table(
        "quotas",
        "What one municipality is asked.",
        (
            _column("municipality_id", _ID, "", "Official number, as text."),
            _column("name", _TEXT, "", "Official name."),
            _column("county_id", _ID, "", "Official number of the county, as text."),
            _column("fair_share", _NUMBER, "persons", "Share of the target by the key."),
            _column("quota", _COUNT, "persons", "Persons asked."),
            _column("minors", _NUMBER, "persons", "Unaccompanied minors among them."),
            _column(
                "ratio",
                _NUMBER,
                "",
                "Quota ÷ fair share; blank where the fair share is zero.",
                required=False,
            ),
            _column("asked", _FLAG, "", "Whether it is asked at all."),
        ),
        ("municipality_id",),
    ),
    Table(
        "placements",
        "Persons of one group at one site; only rows above zero.",
        (
            _column("site_id", _ID, "", "Site."),
            _column("group_id", _ID, "", "Group."),
            _column("persons", _NUMBER, "persons", "Persons placed."),
        ),
        ("site_id", "group_id"),
    ),
    Table(
        "measures",
        "A measure bought; only rows above zero.",
        (
            _column("measure_id", _ID, "", "Measure."),
            _column("steps", _COUNT, "steps", "Steps bought."),
            _column("cost", _NUMBER, "currency", "Cost of the steps."),
        ),
        ("measure_id",),
    ),
    Table(
        "capacity",
        "How far one capacity is used, measures included.",
        (
            _column("family", _TEXT, "", "housing, transport, or the family of the service."),
            _column(
                "municipality_id",
                _ID,
                "",
                "Municipality; blank for a pool.",
                required=False,
            ),
            _column("site_id", _ID, "", "Site, for housing and transport.", required=False),
            _column("item", _TEXT, "", "Beds (dwellings of at least that many), service or pool."),
            _column("used", _NUMBER, "units", "Units used."),
            _column("capacity", _NUMBER, "units", "Units there are, measures included."),
            _column("slack", _NUMBER, "units", "Capacity − used; negative where overloaded."),
            _column(
                "binding",
                _FLAG,
                "",
                "Whether nothing is left; also where there never was any (capacity 0).",
            ),
        ),
        ("family", "municipality_id", "site_id", "item"),
    ),
)

PLAN_TABLES: Mapping[str, Table] = MappingProxyType({t.name: t for t in _DEFINITIONS})
"""The tables of a plan by name, in the order they are written."""


NOTHING = 1e-5
"""Units of a capacity that are rounding."""


def used_up(capacity: pd.DataFrame) -> "pd.Series[bool]":
    """Tell of which capacities nothing is left because they are used.

    A capacity of 0 that nobody uses binds too, though it says nothing about the plan: it may
    keep people out, or be of no interest there.

    Parameters
    ----------
    capacity
        Rows of the table `capacity`.
    """
    return capacity["binding"] & (capacity["used"] > NOTHING)


class PlanTables(Mapping[str, pd.DataFrame]):
    """The tables of a plan, which nobody can change: look-ups hand out copies on write."""

    def __init__(self, frames: Mapping[str, pd.DataFrame]) -> None:
        self._frames: dict[str, pd.DataFrame] = {}
        problems = []
        for name, table in PLAN_TABLES.items():
            columns = [column.name for column in table.columns]
            frame = frames.get(name, pd.DataFrame(columns=columns, dtype="str"))
            self._frames[name], found = typed(table, frame)
            problems.extend(found)
        if problems:
            raise ValueError("\n".join(map(str, problems)))

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self._frames[name].copy(deep=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)


def _records(tables: PlanTables) -> dict[str, list[dict[str, Any]]]:
    """Write tables as lists of rows, missing values as null."""
    return {
        name: frame.astype("object").where(frame.notna(), None).to_dict("records")
        for name, frame in tables.items()
    }


def _tables(value: Any) -> PlanTables:
    if isinstance(value, PlanTables):
        return value
    return PlanTables(
        {
            name: rows if isinstance(rows, pd.DataFrame) else _frame(name, rows)
            for name, rows in value.items()
        }
    )


def _frame(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = [column.name for column in PLAN_TABLES[name].columns]
    return pd.DataFrame(rows, columns=columns)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Level(_Part):
    """One of the ratios of a plan (quota ÷ fair share), the largest first."""

    ratio: float
    """Quota ÷ fair share."""
    municipalities: int
    """How many municipalities lie at it."""
    proven: bool
    """Whether no plan that holds the earlier goals and has the levels above this one has a
    smaller ratio next, or the same in fewer municipalities."""


class GoalResult(_Part):
    """How well one goal is met, and how well it could be met at best."""

    name: str
    """The terms in words."""
    terms: dict[Term, float]
    """Weight of every term."""
    value: float
    """Value reached."""
    bound: float | None
    """Proven: no plan that holds the earlier goals does better; none: nothing is proven."""
    gap: float | None
    """(value − bound) ÷ |value|, 0 when both are zero; none without a bound."""
    bound_from: BoundFrom | None = None
    """What proves the bound; none without one."""
    prices: dict[str, float] = {}
    """What one more unit of each row that municipalities share adds to the goal, by row
    (`supply[families]`, `budget[total]`); empty when the bound does not come from prices."""
    levels: tuple[Level, ...] = ()
    """Every ratio of the plan, largest first, when the goal is refined; else empty."""

    @property
    def proven_levels(self) -> int:
        """How many levels are proven; those after the first that is not are not either."""
        return sum(level.proven for level in self.levels)


class Totals(_Part):
    """The plan in a few numbers."""

    target: int
    """Persons to settle."""
    placed: int
    """Persons with a place: the sum of the quotas."""
    shortfall: int
    """Persons without a place: target − placed."""
    cost: float
    """Cost of the measures, in currency."""
    budget: float | None
    """What they may cost in all, in currency; none: no limit."""
    municipalities: int
    """Municipalities there are."""
    asked: int
    """Municipalities asked."""
    largest_ratio: float | None
    """Largest quota ÷ fair share."""
    smallest_ratio: float | None
    """Smallest quota ÷ fair share, over all municipalities with a fair share."""
    unfairness: float
    """Σ (quota − fair share)² / fair share, in persons."""
    overload: float
    """Units over soft capacities, at the policy's prices."""
    change: float | None
    """Σ |quota − previous quota|, in persons; none: no previous quotas."""
    outcome: float | None
    """Expected successes, in persons; none: no outcomes known."""


class Conflict(_Part):
    """A demand of the policy that cannot be kept together with the others."""

    rule: str
    """Family of the rule: county_bounds, fixed, min_ratio, …"""
    where: str
    """Municipality or county, by id."""
    message: str
    """In words: what is demanded, and by how many persons it cannot be met."""
    persons: float
    """Persons by which the demand would have to give way."""


class InstanceReference(_Part):
    """Which instance a plan belongs to."""

    id: str
    """Short name."""
    sha256: str
    """Fingerprint of its content."""
    path: str | None = None
    """Where it was read from; none when it was made in memory."""


class Plan(Shown, _Part):
    """Quotas, placements, measures and the proof of what they are worth. Immutable.

    `model_dump_json` and `model_validate_json` are a round trip.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, use_attribute_docstrings=True
    )

    instance: InstanceReference
    """The instance it belongs to."""
    policy: Policy
    """The policy in full."""
    options: SolveOptions
    """The options of the computation."""
    status: Status
    """What is known about the plan."""
    method: Method | None = None
    """How the program was solved: `whole` or `decomposed`; none when it was not."""
    goals: tuple[GoalResult, ...] = ()
    """Every goal that was reached, in order."""
    totals: Totals | None = None
    """The plan in a few numbers; none when there is no plan."""
    warm_start: bool = False
    """Whether the run started from a plan at hand. Others can repeat only a run that did not."""
    conflicts: tuple[Conflict, ...] = ()
    """What clashes, when the status is `infeasible`."""
    audit: tuple[AuditEntry, ...] = ()
    """Every answer taken up since the first plan, oldest first."""
    revised: Revised | None = None
    """What the plan was revised from; none: it is no revision."""
    timings: dict[str, float] = {}
    """Seconds by phase."""
    versions: dict[str, str] = {}
    """Versions of the solver and of this code."""
    warnings: tuple[str, ...] = ()
    """What a reader of the plan should know."""
    tables: Annotated[
        PlanTables,
        PlainValidator(_tables),
        PlainSerializer(_records, when_used="json"),
        WithJsonSchema({"type": "object"}),
        Field(repr=False),
    ] = PlanTables({})
    """The tables by name: quotas, placements, measures, capacity."""

    @property
    def found(self) -> bool:
        """Whether there are quotas to read."""
        return self.totals is not None

    @property
    def quota_of(self) -> dict[str, int]:
        """Quotas in persons, by municipality."""
        ids, quotas = self.quotas["municipality_id"], self.quotas["quota"]
        return {str(m): int(q) for m, q in zip(ids, quotas, strict=True)}

    @property
    def quotas(self) -> pd.DataFrame:
        """What every municipality is asked."""
        return self.tables["quotas"]

    @property
    def placements(self) -> pd.DataFrame:
        """Persons by site and group."""
        return self.tables["placements"]

    @property
    def measures(self) -> pd.DataFrame:
        """Measures bought."""
        return self.tables["measures"]

    @property
    def capacity(self) -> pd.DataFrame:
        """How far every capacity is used."""
        return self.tables["capacity"]

    @property
    def gap(self) -> float | None:
        """Largest gap of any goal; none when one of them is unproven."""
        gaps = [goal.gap for goal in self.goals]
        known = [gap for gap in gaps if gap is not None]
        return max(known) if known and len(known) == len(gaps) else None

    def _headline(self) -> str:
        from models import plan_view

        return plan_view.in_one_line(self)

    def _parts(self) -> Iterator[Part]:
        from models import plan_view

        return plan_view.parts(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plan) and self.model_dump_json() == other.model_dump_json()

    def __hash__(self) -> int:
        return hash((self.instance.sha256, self.policy.model_dump_json()))
