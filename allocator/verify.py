"""Verify a plan from the tables alone, knowing nothing of the program or the solver.

Every rule is recomputed with pandas from instance, policy and the plan's own tables; the
same words and tolerances as in the design of the plan apply.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from allocator.keys import fair_shares
from models.columns import MeasureKind
from models.instance import Instance
from models.plan import Plan, Status
from models.policy import Policy, Relation, Term

PERSONS = 1e-5
"""Persons (or units) by which rounding may break a rule."""
RELATIVE = 1e-6
"""Part of an amount by which rounding may break a rule."""


@dataclass(frozen=True)
class Violation:
    """One rule that a plan breaks, or one figure that it reports wrongly.

    Attributes
    ----------
    rule
        Name of the rule or figure.
    where
        Municipality, site, group, measure or goal.
    message
        What is wrong, with the numbers.
    amount
        By how much.
    """

    rule: str
    where: str
    message: str
    amount: float

    def __str__(self) -> str:
        return f"{self.rule} at {self.where}: {self.message}"


def verify(instance: Instance, policy: Policy, plan: Plan) -> list[Violation]:
    """Recompute every constraint, total and figure of `plan` and list what does not hold.

    Parameters
    ----------
    instance, policy
        What the plan should be for.
    plan
        The plan; also a wrong one, nothing is raised.
    """
    found = list(_belonging(instance, policy, plan))
    if plan.totals is None:
        return found + list(_without_plan(plan))
    ids = list(_ids(instance, plan))
    if ids:
        return found + ids
    checker = _Checker(instance, policy, plan)
    for part in (
        checker.quotas,
        checker.limits,
        checker.groups,
        checker.measures,
        checker.capacities,
        checker.totals,
        checker.goals,
    ):
        found += part()
    return found


def _belonging(instance: Instance, policy: Policy, plan: Plan) -> Iterator[Violation]:
    if plan.instance.sha256 != instance.sha256:
        yield Violation("instance", instance.id, "the plan belongs to another instance", 1.0)
    if plan.policy != policy:
        yield Violation("policy", instance.id, "the plan was made with another policy", 1.0)


def _without_plan(plan: Plan) -> Iterator[Violation]:
    if plan.status not in (Status.INFEASIBLE, Status.NONE):
        yield Violation("status", "plan", f"{plan.status} without totals", 1.0)
    if plan.status is Status.INFEASIBLE and not plan.conflicts:
        yield Violation("status", "plan", "infeasible without a conflict", 1.0)
    if any(len(frame) for frame in plan.tables.values()):
        yield Violation("tables", "plan", "tables with rows, but no totals", 1.0)


def _ids(instance: Instance, plan: Plan) -> Iterator[Violation]:
    quotas = plan.quotas["municipality_id"]
    if sorted(quotas.fillna("")) != sorted(instance.municipalities["municipality_id"]):
        yield Violation("quotas", "quotas.csv", "not one row for every municipality", 1.0)
    towns = instance.municipalities.set_index("municipality_id")
    described = plan.quotas.set_index("municipality_id")
    for column in ("name", "county_id"):
        same = described[column].reindex(towns.index) == towns[column]
        for m in towns.index[~same]:
            yield Violation("quotas", str(m), f"another {column} than in the instance", 1.0)
    checks = (
        (plan.placements, ["site_id", "group_id"], "placements"),
        (plan.measures, ["measure_id"], "measures"),
    )
    known = {
        "site_id": set(instance.sites["site_id"]),
        "group_id": set(instance.groups["group_id"]),
        "measure_id": set(instance.measures["measure_id"]),
    }
    for frame, key, name in checks:
        if frame.duplicated(key).any():
            yield Violation(name, f"{name}.csv", "two rows with the same key", 1.0)
        for column in key:
            for value in frame.loc[~frame[column].isin(known[column]), column].unique():
                yield Violation(name, str(value), f"the instance has no such {column}", 1.0)


class _Checker:
    """The rules, one method a family; every method yields what does not hold."""

    def __init__(self, instance: Instance, policy: Policy, plan: Plan) -> None:
        self.instance, self.policy, self.plan = instance, policy, plan
        self.target = instance.target if policy.target is None else policy.target
        self.towns = instance.municipalities.set_index("municipality_id")
        self.table = plan.quotas.set_index("municipality_id").reindex(self.towns.index)
        self.quota = self.table["quota"].astype("float64")
        self.fair = fair_shares(instance, policy).reindex(self.towns.index)
        self.placed = self._placed()
        self.bought = self._bought()
        self.exact = {
            d.municipality_id: d.persons for d in policy.fixed if d.relation is Relation.EXACT
        }

    def _placed(self) -> pd.DataFrame:
        return self.plan.placements.merge(
            self.instance.sites[["site_id", "municipality_id"]], on="site_id"
        ).merge(self.instance.groups, on="group_id", suffixes=("", "_expected"))

    def _bought(self) -> pd.DataFrame:
        return self.plan.measures.merge(self.instance.measures, on="measure_id")

    # -- quotas ---------------------------------------------------------------------

    def quotas(self) -> Iterator[Violation]:
        """Check lots, floor, odd lot, sums over sites, and what the table reports."""
        by_town = self.placed.groupby("municipality_id")["persons"].sum()
        placed = by_town.reindex(self.towns.index, fill_value=0.0)
        yield from self._differ("quota", placed, self.quota, "persons placed", "quota")
        yield from self._lots()
        yield from self._differ("fair_share", self.table["fair_share"], self.fair, "", "")
        ratio = (self.quota / self.fair.where(self.fair > 0)).astype("float64")
        yield from self._differ("ratio", self.table["ratio"], ratio, "reported", "ratio")
        of_minors = self.placed[self.placed["minors"]].groupby("municipality_id")["persons"].sum()
        minors = of_minors.reindex(self.towns.index, fill_value=0.0)
        yield from self._differ("minors", self.table["minors"], minors, "reported", "minors")
        for m in self.towns.index[self.table["asked"] != (self.quota > 0)]:
            yield Violation("asked", m, f"asked is wrong for quota {self.quota[m]:g}", 1.0)

    def _lots(self) -> Iterator[Violation]:
        step, floor = self.policy.step, self.policy.floor
        rho = (self.target - sum(self.exact.values())) % step
        free = self.quota[~self.quota.index.isin(list(self.exact))]
        odd = free[free % step != 0]
        wrong = odd[(odd % step != rho) | (rho == 0)]
        for m, q in wrong.items():
            text = f"{q:g} is not whole lots of {step}"
            yield Violation("step", str(m), text, float(q % step))
        if len(odd) - len(wrong) > 1:
            yield Violation("odd_lot", ", ".join(odd.index), "more than one odd lot", len(odd))
        for m, q in free[(free < 0) | ((free > 0) & (free < floor))].items():
            yield Violation("floor", str(m), f"{q:g} lies below the floor of {floor}", floor - q)

    # -- limits of the policy -------------------------------------------------------

    def limits(self) -> Iterator[Violation]:
        """Check everything that the policy and earlier decisions demand of quotas."""
        q, f, policy = self.quota, self.fair, self.policy
        if policy.min_ratio is not None:
            yield from self._below("min_ratio", policy.min_ratio * f, q)
        if policy.max_ratio is not None:
            yield from self._below("max_ratio", q, policy.max_ratio * f)
        if policy.max_share_of_population is not None:
            most = policy.max_share_of_population * self.towns["population"]
            yield from self._below("max_share_of_population", q, most)
        yield from self._below("max_quota", q, self.towns["max_quota"])
        if policy.max_change is not None:
            before = self.towns["previous_quota"]
            limit = np.maximum(policy.max_change.persons, policy.max_change.share * before)
            yield from self._below("max_change", (q - before).abs(), limit)
        for decision in policy.fixed:
            yield from self._decision(decision.municipality_id, decision.relation, decision.persons)
        by_county = q.groupby(self.towns["county_id"]).sum()
        for bound in policy.county_bounds:
            total = float(by_county.get(bound.county_id, 0.0))
            low = -math.inf if bound.at_least is None else bound.at_least
            high = math.inf if bound.at_most is None else bound.at_most
            over = max(low - total, total - high)
            if over > PERSONS:
                text = f"{total:g} persons lie outside the bounds"
                yield Violation("county_bounds", bound.county_id, text, over)

    def _decision(self, m: str, relation: Relation, persons: int) -> Iterator[Violation]:
        quota = float(self.quota.get(m, math.nan))
        off = {
            Relation.EXACT: abs(quota - persons),
            Relation.AT_LEAST: persons - quota,
            Relation.AT_MOST: quota - persons,
        }[relation]
        if not off <= PERSONS:
            text = f"{quota:g} against the decision {relation.value} {persons}"
            yield Violation("fixed", m, text, off)

    # -- groups ---------------------------------------------------------------------

    def groups(self) -> Iterator[Violation]:
        """Check supply by group, whole totals, and where minors are placed."""
        if (self.placed["persons"] < -PERSONS).any():
            yield Violation("placements", "placements.csv", "negative persons", 1.0)
        demand = self._demand()
        placed = self.placed.groupby("group_id")["persons"].sum()
        placed = placed.reindex(demand.index, fill_value=0.0)
        for g in demand.index[placed > demand + _slack(demand)]:
            text = f"{placed[g]:g} placed, {demand[g]:g} expected"
            yield Violation("supply", str(g), text, float(placed[g] - demand[g]))
        whole = self.placed[self.placed["integral"]]
        totals = whole.groupby(["municipality_id", "group_id"])["persons"].sum()
        for (m, g), persons in totals[(totals - totals.round()).abs() > PERSONS].items():
            text = f"{persons:g} persons of {g} is not whole"
            yield Violation("integral", str(m), text, abs(persons - round(persons)))
        if self.policy.minors == "listed":
            allowed = self.placed["municipality_id"].map(self.towns["minors_allowed"])
            wrong = self.placed[self.placed["minors"] & ~allowed.astype("bool")]
            for row in wrong.itertuples():
                text = f"{row.persons:g} minors where none are allowed"
                yield Violation("minors_allowed", str(row.municipality_id), text, 1.0)

    def _demand(self) -> "pd.Series[float]":
        groups = self.instance.groups.set_index("group_id").sort_index()
        persons = groups["persons"]
        if persons.sum() <= 0:
            return persons * 0.0
        share = persons * self.target / persons.sum()
        demand = share.copy()
        demand[groups["integral"]] = np.floor(share[groups["integral"]] + 0.5)
        rest = ~groups["integral"]
        left = self.target - demand[groups["integral"]].sum()
        if share[rest].sum() > 0 and left >= 0:
            demand[rest] = share[rest] / share[rest].sum() * left
            return demand
        demand = np.floor(share)
        missing = round(self.target - demand.sum())
        first = (share - demand).sort_values(ascending=False, kind="stable").index[:missing]
        demand[first] += 1
        return demand

    # -- measures -------------------------------------------------------------------

    def measures(self) -> Iterator[Violation]:
        """Check steps, costs and budgets."""
        bought = self.bought
        for row in bought.itertuples():
            if not 0 < row.steps <= row.max_steps:
                text = f"{row.steps} steps, at most {row.max_steps}"
                yield Violation("max_steps", str(row.measure_id), text, 1.0)
            cost = row.steps * row.cost_per_step
            if abs(cost - row.cost) > RELATIVE * max(1.0, cost):
                text = f"cost {row.cost:g}, should be {cost:g}"
                yield Violation("cost", str(row.measure_id), text, abs(cost - row.cost))
        paid = bought["steps"] * bought["cost_per_step"]
        budget = self.policy.budget.total
        budgets = {"total": self.instance.budget if budget is None else budget}
        budgets |= {kind.value: self.policy.budget.for_kind(kind.value) for kind in MeasureKind}
        for kind, money in budgets.items():
            spent = float(paid.sum() if kind == "total" else paid[bought["kind"] == kind].sum())
            if money is not None and spent > money + RELATIVE * max(1.0, money):
                yield Violation("budget", kind, f"{spent:g} of {money:g}", spent - money)

    # -- capacities -----------------------------------------------------------------

    def capacities(self) -> Iterator[Violation]:
        """Check that nothing is used beyond capacity, and that capacity.csv says so."""
        rows = self._expected_capacity()
        for row in rows.itertuples(index=False):
            over = row.used - row.capacity
            if over > PERSONS + RELATIVE * row.capacity and row.family not in self.policy.soft:
                where = row.site_id or row.municipality_id or row.item
                text = f"{row.used:g} used of {row.capacity:g} ({row.item})"
                yield Violation(str(row.family), str(where), text, over)
        key = ["family", "municipality_id", "site_id", "item"]
        reported = self.plan.capacity.fillna({"municipality_id": "", "site_id": ""})
        if reported.duplicated(key).any():
            yield Violation("capacity", "capacity.csv", "two rows with the same key", 1.0)
            return
        both = rows.merge(reported, on=key, how="outer", suffixes=("", "_said"), indicator=True)
        for row in both[both["_merge"] != "both"].itertuples():
            text = f"row {row.family} {row.item} is missing or not known"
            yield Violation("capacity", str(row.site_id or row.municipality_id), text, 1.0)
        both = both[both["_merge"] == "both"]
        slack = both["capacity"] - both["used"]
        binding = slack <= RELATIVE * both["capacity"].clip(lower=1.0)
        close = _slack(both["capacity"])
        wrong = (
            ~((both["used"] - both["used_said"]).abs() <= close)
            | ~((both["capacity"] - both["capacity_said"]).abs() <= close)
            | ~((slack - both["slack"]).abs() <= close)
            | ((binding != both["binding"]) & (slack.abs() > 2 * close))
        )
        for row in both[wrong].itertuples():
            text = f"{row.family} {row.item} is reported wrongly"
            yield Violation("capacity", str(row.site_id or row.municipality_id), text, 1.0)

    def overload(self) -> float:
        """Recompute the priced overload."""
        soft = self.policy.soft
        if not soft:
            return 0.0
        rows = self._expected_capacity()
        rows["over"] = (rows["used"] - rows["capacity"]).clip(lower=0.0)
        rows = rows[rows["family"].isin(list(soft))]
        housing = rows["family"] == "housing"
        # A missing dwelling is counted once a site, at the size that lacks most.
        total = soft.get("housing", 0.0) * rows[housing].groupby("site_id")["over"].max().sum()
        others = rows[~housing]
        return float(total + (others["over"] * others["family"].map(soft).astype("float64")).sum())

    def _expected_capacity(self) -> pd.DataFrame:
        parts = [self._housing(), self._transport(), self._services(), self._pools()]
        columns = ["family", "municipality_id", "site_id", "item", "used", "capacity"]
        filled = [part[columns] for part in parts if len(part)]
        frame = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)
        return frame.fillna({"municipality_id": "", "site_id": ""})

    def _added(self, kind: MeasureKind) -> pd.DataFrame:
        bought = self.bought[self.bought["kind"] == kind.value]
        return bought.assign(units=bought["steps"] * bought["units_per_step"])

    def _housing(self) -> pd.DataFrame:
        sites = self.instance.sites[["site_id", "municipality_id"]]
        sizes = sorted({*self.instance.groups["beds"], *self.instance.dwellings["beds"]})
        built, stock = self._added(MeasureKind.DWELLINGS), self.instance.dwellings
        living = self.placed.assign(
            homes=self.placed["persons"] / self.placed["persons_per_dwelling"]
        )
        parts = []
        for k in sizes:
            free = stock[stock["beds"] >= k].groupby("site_id")["dwellings"].sum()
            new = built[built["beds"] >= k].groupby("site_id")["units"].sum()
            used = living[living["beds"] >= k].groupby("site_id")["homes"].sum()
            capacity = _looked_up(sites["site_id"], free) + _looked_up(sites["site_id"], new)
            parts.append(
                sites.assign(
                    family="housing",
                    item=str(k),
                    used=_looked_up(sites["site_id"], used),
                    capacity=capacity,
                )
            )
        return pd.concat(parts) if parts else sites.head(0)

    def _transport(self) -> pd.DataFrame:
        sites = self.instance.sites[self.instance.sites["transit_seats"].notna()]
        seats = self._added(MeasureKind.TRANSIT).groupby("site_id")["units"].sum()
        riding = self.placed["persons"] * self.placed["transit_share"]
        used = riding.groupby(self.placed["site_id"]).sum()
        return sites.assign(
            family="transport",
            item="seats",
            used=_looked_up(sites["site_id"], used),
            capacity=sites["transit_seats"] + _looked_up(sites["site_id"], seats),
        )

    def _use(self) -> pd.DataFrame:
        """Return used and added units by municipality and service."""
        needed = self.placed.merge(self.instance.needs, on="group_id")
        needed["used"] = needed["persons"] * needed["units_per_person"]
        used = needed.groupby(["municipality_id", "service_id"])["used"].sum()
        added = self._added(MeasureKind.SERVICE)
        units = added.groupby(["municipality_id", "service_id"])["units"].sum().rename("added")
        return pd.concat([used, units], axis=1).fillna(0.0).reset_index()

    def _services(self) -> pd.DataFrame:
        limited = self.instance.capacities.dropna(subset="capacity")
        rows = limited.merge(self._use(), on=["municipality_id", "service_id"], how="left")
        rows[["used", "added"]] = rows[["used", "added"]].astype("float64").fillna(0.0)
        rows["capacity"] = rows["capacity"] + rows["added"]
        return self._with_family(rows).assign(item=rows["service_id"], site_id="")

    def _pools(self) -> pd.DataFrame:
        pools, members = self.instance.shared_capacities, self.instance.pool_members
        rows = pools.merge(members, on="pool_id", how="left").merge(
            self._use(), on=["municipality_id", "service_id"], how="left"
        )
        sums = rows.groupby("pool_id")[["used", "added"]].sum().reset_index()
        frame = pools.merge(sums, on="pool_id")
        frame["capacity"] = frame["capacity"] + frame["added"]
        return self._with_family(frame).assign(
            item=frame["pool_id"], site_id="", municipality_id=""
        )

    def _with_family(self, rows: pd.DataFrame) -> pd.DataFrame:
        family = self.instance.services.set_index("service_id")["family"]
        return rows.assign(family=rows["service_id"].map(family))

    # -- totals and goals -----------------------------------------------------------

    def _terms(self) -> dict[Term, float]:
        before = self.towns["previous_quota"]
        divisor = self.fair.where(self.fair > 0, self.fair[self.fair > 0].min())
        ratios = (self.quota / self.fair.where(self.fair > 0)).dropna()
        chances = self.instance.outcomes.rename(columns={"probability": "chance"})
        hoped = self.placed.merge(chances, on=["municipality_id", "group_id"])
        return {
            Term.SHORTFALL: float(self.target - self.quota.sum()),
            Term.OVERLOAD: self.overload(),
            Term.UNFAIRNESS: float(((self.quota - self.fair) ** 2 / divisor).sum()),
            Term.MAX_RATIO: float(ratios.max()) if len(ratios) else 0.0,
            Term.COST: float((self.bought["steps"] * self.bought["cost_per_step"]).sum()),
            Term.CHANGE: float((self.quota - before).abs().sum()),
            Term.OUTCOME: -float((hoped["persons"] * hoped["chance"]).sum()),
        }

    def totals(self) -> Iterator[Violation]:
        """Check every reported total."""
        said, terms = self.plan.totals, self._terms()
        if said is None:
            return
        ratios = (self.quota / self.fair.where(self.fair > 0)).dropna()
        known = self.towns["previous_quota"].notna().any()
        budget = self.policy.budget.total
        expected: dict[str, float | None] = {
            "target": self.target,
            "placed": float(self.quota.sum()),
            "shortfall": terms[Term.SHORTFALL],
            "cost": terms[Term.COST],
            "budget": self.instance.budget if budget is None else budget,
            "municipalities": len(self.towns),
            "asked": int((self.quota > 0).sum()),
            "largest_ratio": float(ratios.max()) if len(ratios) else None,
            "smallest_ratio": float(ratios.min()) if len(ratios) else None,
            "unfairness": terms[Term.UNFAIRNESS],
            "overload": terms[Term.OVERLOAD],
            "change": terms[Term.CHANGE] if known else None,
            "outcome": -terms[Term.OUTCOME] if len(self.instance.outcomes) else None,
        }
        for name, value in expected.items():
            if not _agree(getattr(said, name), value):
                text = f"reported {getattr(said, name)}, should be {value}"
                yield Violation("totals", name, text, 1.0)
        if terms[Term.SHORTFALL] < -PERSONS:
            yield Violation("target", "plan", "more persons than the target", 1.0)

    def goals(self) -> Iterator[Violation]:
        """Check values, bounds, gaps and the status drawn from them."""
        terms, plan = self._terms(), self.plan
        if [dict(goal.terms) for goal in plan.goals] != [dict(g.terms) for g in self.policy.goals]:
            yield Violation("goals", "plan", "not the goals of the policy", 1.0)
        for goal in plan.goals:
            value = sum(weight * terms[term] for term, weight in goal.terms.items())
            if not _agree(goal.value, value):
                text = f"reported {goal.value:g}, should be {value:g}"
                yield Violation("goal_value", goal.name, text, abs(goal.value - value))
            if goal.bound is not None and goal.bound > goal.value + PERSONS:
                yield Violation("goal_bound", goal.name, "the bound lies above the value", 1.0)
            if not _agree(goal.gap, _gap(goal.value, goal.bound)):
                yield Violation("goal_gap", goal.name, f"the gap is not {goal.gap}", 1.0)
        yield from self._status([goal.gap for goal in plan.goals])

    def _status(self, gaps: list[float | None]) -> Iterator[Violation]:
        allowed = {Status.OPTIMAL: RELATIVE, Status.WITHIN_GAP: self.plan.options.gap + RELATIVE}
        status = self.plan.status
        if status in (Status.INFEASIBLE, Status.NONE):
            yield Violation("status", "plan", f"{status} with a plan", 1.0)
        elif status in allowed and any(g is None or g > allowed[status] + 1e-12 for g in gaps):
            yield Violation("status", "plan", f"{status} is not what the gaps say", 1.0)

    # -- helpers --------------------------------------------------------------------

    def _differ(
        self,
        rule: str,
        left: "pd.Series[float]",
        right: "pd.Series[float]",
        left_name: str,
        right_name: str,
    ) -> Iterator[Violation]:
        both_blank = left.isna() & right.isna()
        same = (left - right).abs() <= _slack(right)
        for m in self.towns.index[~(same | both_blank)]:
            text = (
                f"{left_name or 'reported'} {left[m]:g}, {right_name or 'should be'} {right[m]:g}"
            )
            yield Violation(rule, str(m), text, abs(float(left[m]) - float(right[m])))

    def _below(
        self, rule: str, low: "pd.Series[float]", high: "pd.Series[float]"
    ) -> Iterator[Violation]:
        over = (low - high).astype("float64")
        for m in self.towns.index[over > _slack(high.fillna(0.0))]:
            yield Violation(rule, str(m), f"{low[m]:g} is above {high[m]:g}", float(over[m]))


def _slack(amount: "pd.Series[float]") -> "pd.Series[float]":
    return PERSONS + RELATIVE * amount.abs()


def _looked_up(ids: "pd.Series[str]", values: "pd.Series[float]") -> "pd.Series[float]":
    """Return the value of every id, 0 where there is none."""
    return values.astype("float64").reindex(ids).fillna(0.0).set_axis(ids.index)


def _agree(said: float | None, value: float | None) -> bool:
    if said is None or value is None:
        return said is value
    return abs(said - value) <= PERSONS + RELATIVE * abs(value)


def _gap(value: float, bound: float | None) -> float | None:
    if bound is None:
        return None
    return 0.0 if value - bound <= 1e-6 else (value - bound) / max(abs(value), 1e-9)
