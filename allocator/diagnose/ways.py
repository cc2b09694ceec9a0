"""Ways out: each family alone gives way by as little as possible, and is proven by solving."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from allocator.diagnose.amounts import giving, lacking
from allocator.diagnose.applied import changed, eased, with_fields
from allocator.diagnose.names import Names
from allocator.diagnose.program import Elastic
from allocator.diagnose.proving import Prover
from allocator.diagnose.solving import is_least
from allocator.diagnose.switches import Switch, capacities, pools
from allocator.diagnose.types import Amount, Kind, WayOut
from allocator.diagnose.words import BUDGETS, settled_in_words, way_in_words
from allocator.keys import fair_shares
from allocator.solve.engine import Ending, Outcome
from allocator.solve.extract import Extract
from models.instance import Instance
from models.policy import Policy
from models.program import collect
from models.program.data import Data

LARGEST = 1_000_000_000
"""Largest target there can be, in persons."""
OF_SHARES = ("min_ratio", "max_ratio")
"""Rules whose numbers depend on the target."""
TRIES = 5
"""How often a target is moved on, each time twice as far, when rounding stands in its way."""


@dataclass
class Ways:
    """Everything that ways out are looked for with.

    Attributes
    ----------
    instance, policy, data
        What is asked.
    elastic
        Its elastic program.
    names
        Names of places.
    prover
        Solves with a way out applied.
    """

    instance: Instance
    policy: Policy
    data: Data
    elastic: Elastic
    names: Names
    prover: Prover

    def each(self) -> Iterator[str]:
        """Yield the families that there are to give way, in the order in which they are told."""
        kinds = {switch.kind for switch in self.elastic.switches}
        if Kind.DEMAND in kinds:
            yield "demands"
        yield from self.families
        yield from (
            family
            for kind, family in (
                (Kind.BUDGET, "budget"),
                (Kind.FLOOR, "floor"),
                (Kind.LOTS, "step"),
                (Kind.MINORS, "minors"),
            )
            if kind in kinds
        )
        yield "target"
        if Kind.PROMISE in kinds:
            yield "shortfall"

    @property
    def families(self) -> list[str]:
        """Families of capacity that are not soft already."""
        found = capacities(self.data, self.elastic.arrays.columns)
        shared = {
            family
            for family in dict.fromkeys(self.data.family.values())
            if not self.data.is_soft(family) and any(self._pools(family))
        }
        return [f for f in (*found, *sorted(shared - set(found))) if f != "pools"]

    def look(self, family: str) -> WayOut:
        """Look for the way out of one family.

        Raises
        ------
        Stopped
            If the flag is set.
        """
        looks = {
            "demands": self._demands,
            "budget": self._budget,
            "floor": self._floor,
            "step": self._step,
            "minors": self._minors,
            "target": self._target,
            "shortfall": self._shortfall,
        }
        if family in looks:
            return looks[family]()
        return self._capacity(family, self.families if family == "capacity" else [family])

    def _pools(self, family: str) -> tuple[int, ...]:
        return tuple(pools(self.data, self.elastic.arrays.columns, family))

    def _kind(self, kind: Kind) -> list[Switch]:
        return [switch for switch in self.elastic.switches if switch.kind is kind]

    def _least(
        self, columns: Collection[int], *, out: Sequence[Switch] = (), whole: bool = False
    ) -> Outcome:
        return self.elastic.least(out, columns, whole=whole)

    def _read(self, solution: Any) -> Extract:
        return Extract(self.instance, self.data, self.elastic.arrays.columns, solution)

    def _demands(self) -> WayOut:
        asked = self._kind(Kind.DEMAND)
        outcome = self._least([i for switch in asked for i in switch.columns])
        if outcome.solution is None:
            return self._without("demands", outcome)
        given = dict(giving(self.names, self._read(outcome.solution), asked))
        settings = eased(self.policy, asked, given)
        return self._tried("demands", "persons", tuple(given.values()), settings, outcome)

    def _capacity(self, name: str, families: list[str]) -> WayOut:
        known = capacities(self.data, self.elastic.arrays.columns)
        columns = {
            column
            for family in families
            for column in (*known.get(family, ()), *self._pools(family))
        }
        outcome = self._least(sorted(columns), whole=True)
        if outcome.solution is None:
            return self._without(name, outcome)
        solution = self._read(outcome.solution)
        amounts = lacking(self.data, self.names, solution, families, families)
        units = {amount.unit for amount in amounts}
        unit = units.pop() if len(units) == 1 else "units"
        return self._tried(name, unit, amounts, {}, outcome, whole=True)

    def _budget(self) -> WayOut:
        rows = self._kind(Kind.BUDGET)
        outcome = self._least([i for switch in rows for i in switch.columns])
        if outcome.solution is None:
            return self._without("budget", outcome)
        steps = self._read(outcome.solution).steps
        amounts = []
        for row in rows:
            paid = sum(
                count * self.data.measures[name].cost
                for name, count in steps.items()
                if row.where in ("total", self.data.measures[name].kind.value)
            )
            money = row.amount or 0.0
            if math.ceil(paid) > money:
                amounts.append(
                    Amount(
                        rule="budget",
                        where=row.where,
                        item="",
                        name=BUDGETS[row.where],
                        before=money,
                        after=float(math.ceil(paid)),
                        unit=self.names.currency,
                    )
                )
        budget = self.policy.budget.model_dump(mode="json")
        budget |= {amount.where: amount.after for amount in amounts}
        total = [amount for amount in amounts if amount.where == "total"]
        way = self._tried(
            "budget", self.names.currency, tuple(amounts), {"budget": budget}, outcome
        )
        if way.total is None or not total:
            return way
        return way.model_copy(update={"total": total[0].change})

    def _floor(self) -> WayOut:
        (row,) = self._kind(Kind.FLOOR)
        outcome = self._least(row.columns)
        if outcome.solution is None:
            return self._without("floor", outcome)
        quotas = self._read(outcome.solution).quota
        asked = [q for m, q in quotas.items() if q > 0 and m not in self.data.exact]
        floor = min([self.policy.floor, *asked])
        return self._number("floor", "floor", self.policy.floor, floor, outcome)

    def _step(self) -> WayOut:
        """Try whole parts of the lots: whatever was possible stays possible with those."""
        outcome = self._least((), out=self._kind(Kind.LOTS))
        if outcome.solution is None:
            return self._without("step", outcome)
        step = self.policy.step
        for smaller in (n for n in range(step // 2, 0, -1) if step % n == 0):
            policy = with_fields(self.policy, {"step": smaller})
            data = collect(self.instance, policy, fair_shares(self.instance, policy))
            other = Elastic.of(data, self.elastic.solving, promise=self.prover.promise)
            if other.holds(other.switches):
                way = self._number("step", "step", step, smaller, None)
                if way.helps:
                    return way
        return self._none("step")

    def _minors(self) -> WayOut:
        outcome = self._least((), out=self._kind(Kind.MINORS))
        if outcome.solution is None:
            return self._without("minors", outcome)
        return self._tried("minors", "", (), {"minors": "anywhere"}, outcome)

    def _target(self) -> WayOut:
        """Try a lower target, then a higher one.

        No target helps if there is no plan even with more persons of any group, without
        whole lots and without what is demanded in proportion to fair shares.
        """
        scaled = (Kind.TARGET, Kind.LOTS, Kind.PROMISE)
        same = [
            switch
            for switch in self.elastic.switches
            if switch.kind not in scaled and switch.rule not in OF_SHARES
        ]
        if self.elastic.holds(same) is False:
            return self._none("target", cannot=True)
        target, step = self.data.target, self.data.step
        lower = self._other_target("fewer", -step, 1 - target)
        higher = None if lower.helps else self._other_target("more", step, LARGEST - target)
        return lower if higher is None else higher

    def _other_target(self, column: str, step: int, most: int) -> WayOut:
        """Move the target by whole lots, by `most` persons at most; the odd lot stays as it is."""
        lots = self.elastic.arrays.columns["lots_of_target"][column]
        outcome = self._least([lots])
        if outcome.solution is None:
            return self._none("target")
        fewest = round(float(outcome.solution[lots]))
        if abs(step * fewest) > abs(most):
            return self._none("target")
        for moved in (step * (fewest + 2**k - 1) for k in range(TRIES)):
            if abs(moved) > abs(most):
                break
            first = outcome if moved == step * fewest else None
            target = self.data.target + moved
            way = self._number("target", "target", self.data.target, target, first)
            if way.helps:
                return way.model_copy(update={"least": False})
        return self._none("target")

    def _shortfall(self) -> WayOut:
        (row,) = self._kind(Kind.PROMISE)
        outcome = self._least(row.columns)
        if outcome.solution is None:
            return self._without("shortfall", outcome)
        placed = sum(self._read(outcome.solution).quota.values())
        left = float(self.data.target - placed)
        amount = self._amount("shortfall", 0.0, left)
        return self._tried("shortfall", "persons", (amount,), {}, outcome)

    def _number(
        self, family: str, field: str, before: int, after: int, outcome: Outcome | None
    ) -> WayOut:
        amount = self._amount(field, float(before), float(after))
        return self._tried(family, "persons", (amount,), {field: after}, outcome)

    @staticmethod
    def _amount(rule: str, before: float, after: float) -> Amount:
        return Amount(
            rule=rule, where="", item="", name="", before=before, after=after, unit="persons"
        )

    def _without(self, family: str, outcome: Outcome) -> WayOut:
        """Say what it means that nothing was found."""
        return self._none(family, cannot=outcome.ending is Ending.INFEASIBLE)

    @staticmethod
    def _none(family: str, *, cannot: bool = False) -> WayOut:
        """Say that a family cannot help, or that this was not found out."""
        why = "cannot help" if cannot else "none was found, which is no proof that there is none"
        return WayOut(
            family=family,
            helps=False if cannot else None,
            total=None,
            unit="",
            least=False,
            amounts=(),
            settings={},
            proof=None,
            message=f"{way_in_words(family)}: {why}",
        )

    def _tried(
        self,
        family: str,
        unit: str,
        amounts: tuple[Amount, ...],
        settings: dict[str, Any],
        outcome: Outcome | None,
        *,
        whole: bool = False,
    ) -> WayOut:
        """Solve with a way out applied, and tell what came of it."""
        instance, policy = changed(self.instance, amounts), with_fields(self.policy, settings)
        allowed = next((a.after for a in amounts if a.rule == "shortfall"), 0.0)
        proof = self.prover.prove(instance, policy, self.elastic, outcome, allowed)
        if proof is None:
            return self._none(family)
        return WayOut(
            family=family,
            helps=True,
            total=sum(abs(amount.change) for amount in amounts) if amounts else None,
            unit=unit,
            least=bool(amounts) and outcome is not None and is_least(outcome, whole=whole),
            amounts=amounts,
            settings=settings,
            proof=proof,
            message=settled_in_words(family, amounts),
        )
