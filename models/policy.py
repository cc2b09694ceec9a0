"""A policy: everything the planner decides.

Every field carries its unit and meaning below it; ``allocator policy`` prints the
default policy with these texts as comments.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)

Persons = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Ratio = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Price = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class PolicyPart(BaseModel):
    """Common ground of a policy and its parts: frozen, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Key(PolicyPart):
    """The rule that gives every municipality its share of the target."""

    name: str = "population"
    """Name of a registered key."""
    weights: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}
    """For `weighted`: weight of every indicator column of `municipalities.csv`."""
    options: dict[str, JsonValue] = {}
    """Options of the key, by name; `allocator keys list` tells what each key takes."""


class Credits(PolicyPart):
    """How over- and under-delivery of earlier years counts."""

    weight: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0
    """Part of the instance's `credit` that is set off against the fair share (0 to 1)."""
    decay: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0
    """Part of a credit that lapses with every year of its age (0 to 1); the columns
    `credit_1`, `credit_2`, … hold the credits of one, two, … years ago."""
    cap: Ratio | None = None
    """Largest credit or debt counted, as a part of the share before credits (0.5: half);
    none: no such limit."""
    reception_rate: Ratio = 0.0
    """Persons credited for each resident of a reception centre (`reception_residents`)."""


class MaxChange(PolicyPart):
    """How far a quota may lie from the previous one; the larger of the two counts."""

    persons: Persons = 0.0
    """Persons."""
    share: Ratio = 0.0
    """Share of the previous quota (0.25: a quarter up or down)."""


class CountyBound(PolicyPart):
    """Fewest and most persons in one county."""

    county_id: str
    """Official number of the county, as text."""
    at_least: Persons | None = None
    """Fewest persons; none: no such bound."""
    at_most: Persons | None = None
    """Most persons; none: no such bound."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(
                f"county {self.county_id}: at_least ({self.at_least:g}) is above "
                f"at_most ({self.at_most:g})"
            )
        return self


class Relation(StrEnum):
    """How a decision binds the quota."""

    EXACT = "exact"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"


class Decision(PolicyPart):
    """A decision already taken about one municipality.

    A quota decided as `exact` is taken as decided: step and floor do not apply to it.
    """

    municipality_id: str
    """Official number, as text."""
    relation: Relation = Relation.EXACT
    """`exact`, `at_least` or `at_most`."""
    persons: Annotated[int, Field(ge=0)]
    """Persons decided."""


class Budget(PolicyPart):
    """What may be spent on measures."""

    total: Money | None = None
    """Currency; none: the appropriation of the instance, if it has one."""
    dwellings: Money | None = None
    """Currency for rental-grant dwellings; none: no bound of their own."""
    transit: Money | None = None
    """Currency for transport lines; none: no bound of their own."""
    service: Money | None = None
    """Currency for service places; none: no bound of their own."""

    def for_kind(self, kind: str) -> float | None:
        """Return the bound on one kind of measure (`dwellings`, `transit`, `service`)."""
        bounds = {"dwellings": self.dwellings, "transit": self.transit, "service": self.service}
        return bounds[kind]


class Term(StrEnum):
    """What a goal can count. All are minimised except `outcome`, which is maximised."""

    SHORTFALL = "shortfall"
    """Persons of the target without a place."""
    OVERLOAD = "overload"
    """Units over soft capacities, at the policy's prices."""
    UNFAIRNESS = "unfairness"
    """Σ (quota − fair share)² / fair share, in persons."""
    MAX_RATIO = "max_ratio"
    """Largest quota ÷ fair share."""
    COST = "cost"
    """Cost of the measures, in currency."""
    CHANGE = "change"
    """Σ |quota − previous quota|, in persons."""
    OUTCOME = "outcome"
    """Expected successes, in persons (maximised)."""


class Goal(PolicyPart):
    """One goal: a weighted sum of terms, minimised while earlier goals are held."""

    terms: Annotated[dict[Term, Price], Field(min_length=1)]
    """Weight of every term counted (above 0)."""
    tolerance: Ratio = 0.0
    """Part of its value (0.01: one per cent) that later goals may give up."""
    tolerance_absolute: Ratio = 0.0
    """Amount that later goals may give up, in the unit of the goal."""
    refined: bool = False
    """For `max_ratio` alone: when the largest ratio is as small as can be, the next largest is
    made so, and so on."""

    @property
    def name(self) -> str:
        """The terms in words: ``unfairness + 1e-07·cost``."""
        words = " + ".join(
            term.value if weight == 1 else f"{weight:g}·{term.value}"
            for term, weight in self.terms.items()
        )
        return f"{words}, refined" if self.refined else words

    @model_validator(mode="after")
    def _only_ratios_are_refined(self) -> Self:
        if not self.refined:
            return self
        wrong = []
        if set(self.terms) != {Term.MAX_RATIO}:
            wrong.append(f"counts {', '.join(self.terms)} where max_ratio alone can be refined")
        wrong += [
            f"has a {name} of {value:g} where every level is held as it is"
            for name, value in (
                ("tolerance", self.tolerance),
                ("tolerance_absolute", self.tolerance_absolute),
            )
            if value > 0
        ]
        if wrong:
            raise ValueError(
                f"a refined goal {' and '.join(wrong)}; write "
                "{terms = {max_ratio = 1.0}, refined = true}"
            )
        return self


SMALL_COST = 1e-7
"""Weight of one unit of currency beside unfairness, in persons per unit of currency.

Ten million kroner then weigh as much as one person-unit of unfairness: enough to buy
no measure that serves nobody, too little to trade fairness for money.
"""


def _default_goals() -> tuple[Goal, ...]:
    return (
        Goal(terms={Term.SHORTFALL: 1.0}),
        Goal(terms={Term.OVERLOAD: 1.0}),
        Goal(terms={Term.UNFAIRNESS: 1.0, Term.COST: SMALL_COST}),
    )


def _listed(value: Any) -> Any:
    """Accept a goal written as a bare list of terms: ``["shortfall"]``."""
    if isinstance(value, (list, tuple)):
        # A tuple, because strict validation (a policy read from a file) takes no list for one.
        return tuple(
            {"terms": dict.fromkeys(goal, 1.0)}
            if isinstance(goal, (list, tuple)) and all(isinstance(term, str) for term in goal)
            else goal
            for goal in value
        )
    return value


def _once(decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
    seen: set[tuple[str, Relation]] = set()
    exact = {d.municipality_id for d in decisions if d.relation is Relation.EXACT}
    for decision in decisions:
        place = (decision.municipality_id, decision.relation)
        if place in seen:
            raise ValueError(
                f"{decision.municipality_id} has two decisions `{decision.relation.value}`; "
                "keep one"
            )
        if decision.municipality_id in exact and decision.relation is not Relation.EXACT:
            raise ValueError(
                f"{decision.municipality_id} is decided exactly and also "
                f"`{decision.relation.value}`; keep one"
            )
        seen.add(place)
    return decisions


def _counties_once(bounds: tuple[CountyBound, ...]) -> tuple[CountyBound, ...]:
    ids = [bound.county_id for bound in bounds]
    for county_id in ids:
        if ids.count(county_id) > 1:
            raise ValueError(f"county {county_id} is bounded twice; keep one")
    return bounds


def _refined_once(goals: tuple[Goal, ...]) -> tuple[Goal, ...]:
    if sum(goal.refined for goal in goals) > 1:
        raise ValueError("more than one goal is refined; keep the first, nothing is left after it")
    return goals


class Policy(PolicyPart):
    """Everything the planner decides. Immutable; unknown fields are refused."""

    target: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    """Persons to settle; none: the target of the instance."""
    key: Annotated[Key, BeforeValidator(lambda v: {"name": v} if isinstance(v, str) else v)] = Key()
    """Rule that gives every municipality its share."""
    credits: Credits = Credits()
    """How earlier over- and under-delivery counts."""
    step: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Persons in one lot; quotas are whole lots."""
    floor: Annotated[int, Field(ge=0, le=1_000_000)] = 10
    """Fewest persons asked of a municipality that is asked at all."""
    max_share_of_population: Annotated[float, Field(gt=0, le=1)] | None = None
    """Most persons asked, as a share of the inhabitants; none: no such limit."""
    min_ratio: Ratio | None = None
    """Least quota ÷ fair share; none: no such limit."""
    max_ratio: Ratio | None = None
    """Largest quota ÷ fair share; none: no such limit."""
    max_change: MaxChange | None = None
    """Largest distance from the previous quota; none: no such limit."""
    county_bounds: Annotated[tuple[CountyBound, ...], AfterValidator(_counties_once)] = ()
    """Fewest and most persons by county."""
    fixed: Annotated[tuple[Decision, ...], AfterValidator(_once)] = ()
    """Decisions already taken."""
    base: dict[str, Annotated[int, Field(ge=0)]] | None = None
    """Quotas that `change` and `max_change` are measured from; none: previous_quota."""
    budget: Annotated[
        Budget, BeforeValidator(lambda v: {"total": v} if isinstance(v, int | float) else v)
    ] = Budget()
    """What may be spent on measures."""
    soft: dict[str, Price] = {}
    """Families that may be overloaded, with the price of one unit over capacity."""
    minors: Literal["listed", "anywhere"] = "listed"
    """Where minors may be placed: where `minors_allowed` says so, or anywhere."""
    goals: Annotated[
        tuple[Goal, ...],
        Field(min_length=1, max_length=10),
        BeforeValidator(_listed),
        AfterValidator(_refined_once),
    ] = Field(default_factory=_default_goals)
    """Goals in order; each is optimised holding the earlier ones within their tolerance."""

    @model_validator(mode="after")
    def _ratios_in_order(self) -> Self:
        low, high = self.min_ratio, self.max_ratio
        if low is not None and high is not None and low > high:
            raise ValueError(f"min_ratio ({low:g}) is above max_ratio ({high:g})")
        return self

    def target_for(self, target: int) -> int:
        """Return the target in force, given the instance's."""
        return target if self.target is None else self.target
