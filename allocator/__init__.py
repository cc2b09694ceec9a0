"""Quota allocation: what is done with instances, policies and plans.

The public surface: load an instance, state a policy, solve, verify, keep the plan::

    from allocator import Policy, load, solve, write_plan

    plan = solve(load("norway-2024"), Policy(step=10))
    write_plan(plan, "plan")

Everything is imported when it is first asked for, so that reading a policy or printing
help does not wait for pandas, Pyomo and the solver.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from allocator import batch as batch
    from allocator.apportionment import InvalidApportionment, Method, apportion
    from allocator.audit import Audit, audit_key
    from allocator.checking import check, check_policy
    from allocator.compare import Candidate, Comparison, candidates_from, compare
    from allocator.diagnose import Diagnosis, diagnose
    from allocator.errors import (
        AllocatorError,
        InstanceMismatch,
        InvalidDecisions,
        InvalidInput,
        InvalidInstance,
        InvalidPlan,
        InvalidPolicy,
        SolverError,
        VerificationError,
    )
    from allocator.explain import Explanation, explain, explain_all
    from allocator.fairness import (
        Fairness,
        PriceOfFairness,
        fairness,
        fairness_of_quotas,
        price_of_fairness,
    )
    from allocator.key_comparison import KeyComparison, compare_keys
    from allocator.keys import fair_shares
    from allocator.loading import load
    from allocator.packaged import packaged
    from allocator.plans import instance_of, read_plan, write_plan
    from allocator.policies import policy_from, read_policy
    from allocator.report import report
    from allocator.revising import Revision, revise
    from allocator.revising.decisions import read_decisions
    from allocator.sensitivity.cases import Case
    from allocator.sensitivity.executor import Executor
    from allocator.sensitivity.frontier import Frontier, frontier
    from allocator.sensitivity.marginal import Marginal, marginal
    from allocator.sensitivity.robustness import Robustness, robustness
    from allocator.sensitivity.scenarios import read_scenarios, scenarios
    from allocator.sensitivity.screening import Screening, screening
    from allocator.sensitivity.sweep import Sweep, sweep
    from allocator.sensitivity.types import Outcome
    from allocator.sensitivity.uncertainty import Uncertainty
    from allocator.sensitivity.variation import CapacityChange, Variation
    from allocator.settings_of_policy import policy_with_comments
    from allocator.solve import solve
    from allocator.solve.progress import Progress
    from allocator.verify import Violation, verify
    from allocator.version import VERSION
    from allocator.writing import write
    from models.answers import Answer, AnswerKind
    from models.instance import Instance
    from models.options import SolveOptions
    from models.plan import Plan, Status
    from models.policy import Key, Policy
    from models.problems import Problem, Severity

__all__ = [
    "VERSION",
    "AllocatorError",
    "Answer",
    "AnswerKind",
    "Audit",
    "Candidate",
    "CapacityChange",
    "Case",
    "Comparison",
    "Diagnosis",
    "Executor",
    "Explanation",
    "Fairness",
    "Frontier",
    "Instance",
    "InstanceMismatch",
    "InvalidApportionment",
    "InvalidDecisions",
    "InvalidInput",
    "InvalidInstance",
    "InvalidPlan",
    "InvalidPolicy",
    "Key",
    "KeyComparison",
    "Marginal",
    "Method",
    "Outcome",
    "Plan",
    "Policy",
    "PriceOfFairness",
    "Problem",
    "Progress",
    "Revision",
    "Robustness",
    "Screening",
    "Severity",
    "SolveOptions",
    "SolverError",
    "Status",
    "Sweep",
    "Uncertainty",
    "Variation",
    "VerificationError",
    "Violation",
    "apportion",
    "audit_key",
    "candidates_from",
    "check",
    "check_policy",
    "compare",
    "compare_keys",
    "diagnose",
    "explain",
    "explain_all",
    "fair_shares",
    "fairness",
    "fairness_of_quotas",
    "frontier",
    "instance_of",
    "load",
    "marginal",
    "packaged",
    "policy_from",
    "policy_with_comments",
    "price_of_fairness",
    "read_decisions",
    "read_plan",
    "read_policy",
    "read_scenarios",
    "report",
    "revise",
    "robustness",
    "scenarios",
    "screening",
    "solve",
    "sweep",
    "verify",
    "write",
    "write_plan",
]

_HOMES = {
    "allocator.apportionment": ("InvalidApportionment", "Method", "apportion"),
    "allocator.audit": ("Audit", "audit_key"),
    "allocator.checking": ("check", "check_policy"),
    "allocator.key_comparison": ("KeyComparison", "compare_keys"),
    "allocator.compare": ("Candidate", "Comparison", "candidates_from", "compare"),
    "allocator.revising.decisions": ("read_decisions",),
    "allocator.diagnose": ("Diagnosis", "diagnose"),
    "allocator.errors": (
        "AllocatorError",
        "InstanceMismatch",
        "InvalidDecisions",
        "InvalidInput",
        "InvalidInstance",
        "InvalidPlan",
        "InvalidPolicy",
        "SolverError",
        "VerificationError",
    ),
    "allocator.explain": ("Explanation", "explain", "explain_all"),
    "allocator.fairness": (
        "Fairness",
        "PriceOfFairness",
        "fairness",
        "fairness_of_quotas",
        "price_of_fairness",
    ),
    "allocator.keys": ("fair_shares",),
    "allocator.loading": ("load",),
    "allocator.packaged": ("packaged",),
    "allocator.plans": ("instance_of", "read_plan", "write_plan"),
    "allocator.policies": ("policy_from", "read_policy"),
    "allocator.report": ("report",),
    "allocator.revising": ("Revision", "revise"),
    "allocator.sensitivity.cases": ("Case",),
    "allocator.sensitivity.executor": ("Executor",),
    "allocator.sensitivity.frontier": ("Frontier", "frontier"),
    "allocator.sensitivity.marginal": ("Marginal", "marginal"),
    "allocator.sensitivity.robustness": ("Robustness", "robustness"),
    "allocator.sensitivity.scenarios": ("read_scenarios", "scenarios"),
    "allocator.sensitivity.screening": ("Screening", "screening"),
    "allocator.sensitivity.sweep": ("Sweep", "sweep"),
    "allocator.sensitivity.types": ("Outcome",),
    "allocator.sensitivity.uncertainty": ("Uncertainty",),
    "allocator.sensitivity.variation": ("CapacityChange", "Variation"),
    "allocator.settings_of_policy": ("policy_with_comments",),
    "allocator.solve": ("solve",),
    "allocator.solve.progress": ("Progress",),
    "allocator.verify": ("Violation", "verify"),
    "allocator.version": ("VERSION",),
    "allocator.writing": ("write",),
    "models.answers": ("Answer", "AnswerKind"),
    "models.instance": ("Instance",),
    "models.options": ("SolveOptions",),
    "models.plan": ("Plan", "Status"),
    "models.policy": ("Key", "Policy"),
    "models.problems": ("Problem", "Severity"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = ("batch",)
"""Modules that are used as such: `allocator.batch.run`."""


if not TYPE_CHECKING:  # or else type checkers would believe in any name

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return import_module(f"{__name__}.{name}")
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})


class _Package(ModuleType):
    """The package, in which a function is not hidden by the module it lives in.

    Importing the module `allocator.solve` makes Python bind it as `allocator.solve`, where
    callers expect the function of that name; the module stays importable by its full name.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
