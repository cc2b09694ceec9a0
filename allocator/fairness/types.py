"""What the measures of fairness are: plain frozen types with a JSON form."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from models.policy import Term


class _Measured(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class Quartiles(_Measured):
    """Quota ÷ fair share over the municipalities that have a fair share, unweighted."""

    minimum: float
    """Smallest ratio."""
    lower: float
    """First quartile."""
    median: float
    """Median."""
    upper: float
    """Third quartile."""
    maximum: float
    """Largest ratio."""


class GroupFairness(_Measured):
    """Some municipalities together: a county, a class of centrality."""

    group: str
    """Number of the county, or the class."""
    name: str
    """Name for people."""
    municipalities: int
    """Municipalities with a known quota."""
    population: int
    """Their inhabitants."""
    quota: float
    """Persons asked of them."""
    fair_share: float
    """Their fair shares, in persons."""
    per_1000: float | None
    """Persons asked per 1,000 inhabitants; none without inhabitants."""
    ratio: float | None
    """Quota ÷ fair share; none without a fair share."""


class Fairness(_Measured):
    """How a table of quotas lies to the fair shares. Missing values are null.

    `model_dump_json` and `model_validate_json` are a round trip.
    """

    municipalities: int
    """Municipalities with a known quota; all measures are over these alone."""
    unknown: int
    """Municipalities left out because their quota is not known."""
    without_fair_share: int
    """Municipalities whose fair share is zero; they have no ratio."""
    asked: int
    """Municipalities with a quota above zero."""
    quota: float
    """Persons asked in all."""
    fair_share: float
    """Fair shares in all, in persons."""
    ratio: Quartiles | None
    """Quota ÷ fair share; none without any fair share."""
    per_1000: float | None
    """Persons asked per 1,000 inhabitants; none without inhabitants."""
    gini_per_inhabitant: float | None
    """Gini of quota per inhabitant, weighted by inhabitants; 0 is equal. None without quotas."""
    gini_per_fair_share: float | None
    """Gini of quota per person of fair share, weighted by fair share; 0 is equal."""
    jain: float | None
    """Jain index of the ratios; 1 is equal, 1/n is one for all. None without quotas."""
    moved_share: float | None
    """Part of the persons asked elsewhere than by the fair shares, 0 to 1."""
    moved: float | None
    """The same in persons."""
    unfairness: float
    """Σ (quota − fair share)² ÷ fair share, in persons."""
    by_centrality: tuple[GroupFairness, ...]
    """By class of centrality, most central first; empty where the instance has no classes."""
    by_county: tuple[GroupFairness, ...]
    """By county, in order of number."""


class PriceStatus(StrEnum):
    """What is known about the best value of a term without the goal of fairness."""

    HELD = "held"
    """An earlier goal optimises the term by itself and holds it: fairness gave up nothing."""
    OPTIMAL = "optimal"
    """Proven best."""
    WITHIN_GAP = "within_gap"
    """Proven within the gap asked for."""
    LIMIT = "limit"
    """Best found when time ran out or the run was cancelled; the bound says how far it may be."""
    APART = "apart"
    """The earlier goals came out otherwise than in the plan: what was given up cannot be told."""
    NONE = "none"
    """Nothing was found within the limits."""


class TermPrice(_Measured):
    """What the goal of fairness gave up of one term."""

    term: Term
    """`shortfall` (persons), `cost` (currency) or `outcome` (expected successes, in persons)."""
    in_plan: float
    """Value in the plan."""
    best: float | None
    """Best value known with the earlier goals held and without the goal of fairness: the least
    shortfall or cost, the largest outcome. None where nothing was found."""
    bound: float | None
    """Proven: the term cannot be better than this with the earlier goals held. None: unproven."""
    given_up: float | None
    """Distance between `in_plan` and `best`, ≥ 0. None where the two cannot be compared."""
    price: float | None
    """given_up ÷ best; 0 where nothing was given up, none where something was and best is 0."""
    status: PriceStatus
    """What is known about `best`."""


class PriceOfFairness(_Measured):
    """What the goal of fairness of a plan gave up. Missing values are null.

    `model_dump_json` and `model_validate_json` are a round trip.
    """

    goal: str | None
    """First goal of the policy that counts unfairness, max_ratio or change, in words; none where
    no goal does, and then nothing was given up."""
    earlier: tuple[str, ...]
    """The goals before it, which are held, in words."""
    terms: tuple[TermPrice, ...]
    """Shortfall, cost and, where the instance has outcomes, outcome; empty without a goal."""
