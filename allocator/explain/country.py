"""What explanations of one plan share: coefficients, shares, and the plan without measures."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from allocator.apportionment import InvalidApportionment, apportion
from allocator.errors import InvalidPlan
from allocator.keys import fair_shares
from allocator.plans import nothing_found
from allocator.solve import solve
from allocator.solve.solver import MANY
from models.instance import Instance
from models.options import SolveOptions
from models.plan import BoundFrom, Plan
from models.policy import Credits, Key, Policy
from models.program import collect
from models.program.data import Data

if TYPE_CHECKING:
    import pandas as pd

    from allocator.solve.engine import Flag
    from allocator.solve.progress import Listener


@dataclass
class Country:
    """An instance with a plan, and what is worked out once for all its municipalities.

    Attributes
    ----------
    instance
        The instance of the plan.
    plan
        A plan that was found.
    options
        How re-solves are done.
    progress, cancel
        As for `solve`.

    Raises
    ------
    InvalidPlan
        If the plan has no quotas.
    """

    instance: Instance
    plan: Plan
    options: SolveOptions
    progress: "Listener | None" = None
    cancel: "Flag | None" = None

    def __post_init__(self) -> None:
        if not self.plan.found:
            raise InvalidPlan(
                "the plan cannot be explained", [nothing_found(self.plan, "to explain")]
            )

    @property
    def small(self) -> bool:
        """Whether the country is solved anew rather than judged by prices."""
        return len(self.data.municipalities) < MANY

    @property
    def priced(self) -> bool:
        """Whether the plan holds prices that prove its last goal."""
        goals = self.plan.goals
        return bool(goals) and goals[-1].bound_from is BoundFrom.PRICES

    @property
    def policy(self) -> Policy:
        """The policy of the plan."""
        return self.plan.policy

    @property
    def target(self) -> int:
        """Persons to settle."""
        return self.policy.target_for(self.instance.target)

    @cached_property
    def data(self) -> Data:
        """Coefficients of the program."""
        return collect(self.instance, self.policy, self.shares)

    @cached_property
    def shares(self) -> "pd.Series[float]":
        """Fair shares in persons, after credits."""
        return fair_shares(self.instance, self.policy)

    @cached_property
    def shares_of_key(self) -> "pd.Series[float]":
        """Shares in persons by the key of the policy, before credits."""
        off = Credits(weight=0.0, reception_rate=0.0)
        return fair_shares(self.instance, self.policy.model_copy(update={"credits": off}))

    @cached_property
    def shares_of_population(self) -> "pd.Series[float]":
        """Shares in persons by inhabitants."""
        off = Credits(weight=0.0, reception_rate=0.0)
        plain = {"credits": off, "key": Key(name="population")}
        return fair_shares(self.instance, self.policy.model_copy(update=plain))

    @cached_property
    def lots(self) -> "pd.Series[int] | None":
        """Whole lots by apportionment as if everybody had room; none where there is no way."""
        policy = self.policy
        try:
            return apportion(self.shares, self.target, policy.step, policy.floor)
        except InvalidApportionment:
            return None

    @cached_property
    def quotas(self) -> dict[str, int]:
        """Quotas of the plan by municipality."""
        return self.plan.quota_of

    @property
    def buys(self) -> bool:
        """Whether the plan buys measures."""
        return bool(self.plan.measures["steps"].sum())

    @cached_property
    def bare(self) -> "Country | None":
        """The country if nothing were bought, with its plan; none if none was found."""
        if not self.buys:
            return self
        instance = self.instance.replace(measures=self.instance.measures.iloc[:0])
        plan = solve(
            instance, self.policy, self.options, progress=self.progress, cancel=self.cancel
        )
        if not plan.found:
            return None
        return Country(instance, plan, self.options, self.progress, self.cancel)
