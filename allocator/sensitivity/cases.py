"""A case: one question to be solved among many, and how it is solved where it is sent."""

import hashlib
import json
import time
from dataclasses import dataclass, field
from functools import cached_property

from allocator.binding import budgets_bound
from allocator.fairness import fairness
from allocator.sensitivity import memory
from allocator.sensitivity.types import Outcome, State
from allocator.sensitivity.variation import Variation
from allocator.solve import solve
from allocator.solve.engine import Flag
from allocator.version import VERSION
from models.binding import municipalities_bound
from models.instance import Instance
from models.options import SolveOptions
from models.plan import Plan
from models.policy import Policy

HOW = ("processes", "scheduler", "child_process")
"""Options that say who works; they change no plan."""


@dataclass(frozen=True, eq=False)
class Case:
    """One question.

    Attributes
    ----------
    name
        For people: shown in progress, and kept beside the result.
    instance
        What is given. Cases that share one share the very object, so that it travels once.
    policy
        What the planner decides.
    variation
        What is changed about the instance before it is solved, where it is solved.
    options
        How long to take and how exact to be. Who works is not theirs to say.
    start
        A plan to start from. It saves time and takes nothing from what is proven.
    keep
        Whether the outcome holds the plan in full.
    """

    name: str
    instance: Instance
    policy: Policy
    variation: Variation = field(default_factory=Variation)
    options: SolveOptions = field(default_factory=SolveOptions)
    start: Plan | None = None
    keep: bool = False

    @cached_property
    def key(self) -> str:
        """Fingerprint of the question: instance, variation, policy, options, version.

        The plan to start from is left out: another may give another plan within the gap, not
        another proof.
        """
        about = {
            "instance": self.instance.sha256,
            "variation": self.variation.model_dump(mode="json"),
            "policy": self.policy.model_dump(mode="json"),
            "options": self.options.model_dump(mode="json", exclude=set(HOW)),
            "version": VERSION,
        }
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()

    @property
    def task(self) -> "Task":
        """The case without what is held where it is solved."""
        return Task(self.key, self.policy, self.variation, self.options, self.keep)


@dataclass(frozen=True)
class Task:
    """A case as it travels: everything but the instance and the plan to start from."""

    key: str
    policy: Policy
    variation: Variation
    options: SolveOptions
    keep: bool

    def solve(
        self,
        instance: Instance,
        start: Plan | None,
        *,
        processes: int = 1,
        cancel: Flag | None = None,
    ) -> Outcome:
        """Solve it here; whatever goes wrong is an outcome.

        Parameters
        ----------
        instance, start
            Of the case.
        processes
            Processes that work on it.
        cancel
            When set, the best plan so far is the answer.
        """
        began = time.perf_counter()
        here = dict(zip(HOW, (processes, None, False), strict=True))
        try:
            given = self.variation.applied(instance)
            options = self.options.model_copy(update=here)
            plan = solve(given, self.policy, options, start=start, cancel=cancel)
            return self._outcome(given, plan, time.perf_counter() - began)
        except Exception as error:  # a case that fails is a row, whatever it failed of
            return Outcome.failed(self.key, f"{type(error).__name__}: {error}")
        finally:
            memory.give_back()

    def _outcome(self, instance: Instance, plan: Plan, seconds: float) -> Outcome:
        about: dict[str, object] = {}
        if plan.found:
            about = {
                "goals": plan.goals,
                "totals": plan.totals,
                "fairness": fairness(instance, plan),
                "bound": municipalities_bound(plan),
                "budgets": budgets_bound(instance, plan),
                "quotas": _pairs(plan, "quotas", "municipality_id", "quota"),
                "measures": _pairs(plan, "measures", "measure_id", "steps"),
                "plan": plan if self.keep else None,
            }
        return Outcome.model_validate(
            {
                "key": self.key,
                "state": State.SOLVED,
                "sha256": instance.sha256,
                "status": plan.status,
                "method": plan.method,
                "warm_start": plan.warm_start,
                "seconds": round(seconds, 4),
                "conflicts": plan.conflicts,
                "warnings": plan.warnings,
                **about,
            }
        )


def _pairs(plan: Plan, table: str, name: str, value: str) -> dict[str, int]:
    frame = plan.tables[table]
    return {str(k): int(v) for k, v in zip(frame[name], frame[value], strict=True)}
