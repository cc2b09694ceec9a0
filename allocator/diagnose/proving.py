"""Prove a way out: solve the instance and the policy that come of it."""

from dataclasses import dataclass

from allocator.diagnose.program import Elastic
from allocator.diagnose.solving import Stopped
from allocator.diagnose.types import Proof
from allocator.keys import fair_shares
from allocator.solve import solve
from allocator.solve.engine import Flag, Outcome
from allocator.solve.extract import Extract
from models.instance import Instance
from models.options import SolveOptions
from models.plan import InstanceReference, Plan, Status
from models.policy import Goal, Policy, Term
from models.program import collect

LEAST_SECONDS = 5.0
"""Seconds given to one proof even when the time limit has nearly passed."""


@dataclass(frozen=True)
class Prover:
    """Solves for the fewest persons without a place, other goals left out.

    Attributes
    ----------
    options
        How to solve.
    promise
        Whether nobody may be left without a place; otherwise any plan proves that there is one.
    cancel
        As for `solve`.
    """

    options: SolveOptions
    promise: bool
    cancel: Flag | None

    def prove(
        self,
        instance: Instance,
        policy: Policy,
        elastic: Elastic,
        outcome: Outcome | None,
        allowed: float = 0.0,
    ) -> Proof | None:
        """Return what solving showed; none when it found no plan that keeps everything.

        Parameters
        ----------
        instance, policy
            With the way out applied.
        elastic, outcome
            Program and solution from which the way out was read: a plan to start from.
        allowed
            Persons who may be left without a place although everyone is promised one.

        Raises
        ------
        Stopped
            If the flag is set.
        """
        start = None if outcome is None else self._start(instance, policy, elastic, outcome)
        plan = self.solved(instance, policy, start, elastic.solving.clock.left)
        if plan.totals is None or (self.promise and plan.totals.shortfall > allowed):
            return None
        return Proof(status=plan.status, shortfall=plan.totals.shortfall if self.promise else None)

    def solved(
        self, instance: Instance, policy: Policy, start: Plan | None, seconds: float
    ) -> Plan:
        """Solve for the fewest persons without a place.

        Raises
        ------
        Stopped
            If the flag is set.
        """
        goal = Goal(terms={Term.SHORTFALL: 1.0})
        asked = policy.model_copy(update={"goals": (goal,)})
        update = {
            "gap": 0.0 if self.promise else 1.0,
            "time_limit": max(LEAST_SECONDS, seconds),
            "child_process": False,
        }
        options = self.options.model_copy(update=update)
        plan = solve(instance, asked, options, start=start, cancel=self.cancel)
        if self.cancel is not None and self.cancel.is_set():
            raise Stopped
        return plan

    def _start(
        self, instance: Instance, policy: Policy, elastic: Elastic, outcome: Outcome
    ) -> Plan | None:
        if outcome.solution is None:
            return None
        data = collect(instance, policy, fair_shares(instance, policy))
        solution = Extract(instance, data, elastic.arrays.columns, outcome.solution)
        return Plan(
            instance=InstanceReference(id=instance.id, sha256=instance.sha256),
            policy=policy,
            options=self.options,
            status=Status.LIMIT,
            totals=solution.totals(),
            tables=solution.tables(),
        )
