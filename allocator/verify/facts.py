"""What a plan says, read against the tables of its instance; arrays in the instance's order."""

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocator.keys import fair_shares
from models.columns import MeasureKind
from models.instance import Instance
from models.plan import Plan
from models.policy import Policy, Relation

Array = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]


class Facts:
    """Instance, policy and plan, with what every rule is recomputed from.

    Parameters
    ----------
    instance, policy
        What the plan should be for.
    plan
        The plan; its ids are known to the instance and its rows unique.

    Raises
    ------
    InvalidPolicy
        If the key of the policy cannot be used with the instance.
    """

    def __init__(self, instance: Instance, policy: Policy, plan: Plan) -> None:
        self.instance, self.policy, self.plan = instance, policy, plan
        self.target = instance.target if policy.target is None else policy.target
        total = policy.budget.total
        self.budget = instance.budget if total is None else total
        self.towns = instance.municipalities.set_index("municipality_id")
        self.sites = instance.sites.set_index("site_id")
        self.groups = instance.groups.set_index("group_id")
        self.services = instance.services.set_index("service_id")
        self.table = plan.quotas.set_index("municipality_id").reindex(self.towns.index)
        self.quota: pd.Series[float] = self.table["quota"].astype("float64")
        self.fair: pd.Series[float] = fair_shares(instance, policy).reindex(self.towns.index)
        self.ratio: pd.Series[float] = self.quota / self.fair.where(self.fair > 0)
        self.bought = plan.measures.merge(
            instance.measures, on="measure_id", how="left", validate="one_to_one"
        )
        self.paid: pd.Series[float] = self.bought["steps"] * self.bought["cost_per_step"]
        self.exact = {
            d.municipality_id: d.persons for d in policy.fixed if d.relation is Relation.EXACT
        }

    @cached_property
    def before(self) -> "pd.Series[float]":
        """Quota that change is measured from, in persons; blank where there is none."""
        if self.policy.base is None:
            return self.towns["previous_quota"].astype("float64")
        return pd.Series(self.policy.base, dtype="float64").reindex(self.towns.index)

    @cached_property
    def persons(self) -> Array:
        """Persons placed, shape (sites, groups)."""
        rows = self.plan.placements
        persons = np.zeros((len(self.sites), len(self.groups)))
        at = (positions(self.sites, rows["site_id"]), positions(self.groups, rows["group_id"]))
        persons[at] = rows["persons"]
        return persons

    @cached_property
    def persons_in_town(self) -> Array:
        """Persons placed, shape (municipalities, groups)."""
        persons = np.zeros((len(self.towns), len(self.groups)))
        at = positions(self.towns, self.sites["municipality_id"])
        np.add.at(persons, at, self.persons)
        return persons

    @cached_property
    def needs(self) -> Array:
        """Units that one person uses, shape (groups, services)."""
        rows = self.instance.needs
        needs = np.zeros((len(self.groups), len(self.services)))
        at = (positions(self.groups, rows["group_id"]), positions(self.services, rows.service_id))
        needs[at] = rows["units_per_person"]
        return needs

    def built(self, kind: MeasureKind) -> pd.DataFrame:
        """Return the measures bought of one kind, with the `units` they create."""
        rows = self.bought[self.bought["kind"] == kind.value]
        return rows.assign(units=rows["steps"] * rows["units_per_step"])

    @cached_property
    def demand(self) -> "pd.Series[float]":
        """Persons of every group to place, D_g, adding up to the target."""
        persons = self.groups["persons"]
        if not persons.sum() > 0:
            return persons * 0.0
        share = persons * self.target / persons.sum()
        whole = self.groups["integral"]
        demand = share.where(~whole, np.floor(share + 0.5))
        left = self.target - demand[whole].sum()
        others = share[~whole].sum()
        if others > 0 and left >= 0:
            return demand.where(whole, share * (left / others if others > 0 else 0.0))
        # Nobody is there to take up the rounding: whole persons by largest remainders.
        demand = np.floor(share).sort_index()
        order = (share - demand).sort_index().sort_values(ascending=False, kind="stable").index
        demand[order[: round(self.target - demand.sum())]] += 1
        return demand.reindex(self.groups.index)


def positions(frame: pd.DataFrame, ids: "pd.Series[Any]") -> Positions:
    """Return the row numbers of `ids` in the index of `frame`."""
    return np.asarray(frame.index.get_indexer(pd.Index(ids)), dtype=np.intp)
