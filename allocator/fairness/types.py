"""What the measures of fairness are: plain frozen types with a JSON form."""

from pydantic import BaseModel, ConfigDict


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
