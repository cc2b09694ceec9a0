"""Every error this package raises.

::

    AllocatorError
    ├── InvalidInput          lists every problem at once
    │   ├── InvalidInstance
    │   ├── InvalidPolicy
    │   ├── InvalidPlan
    │   └── InvalidDecisions
    ├── InstanceMismatch      a plan belongs to another instance
    ├── SolverError           the solver crashed or failed
    └── VerificationError     a plan breaks a rule or reports a wrong figure
"""

from collections.abc import Iterable, Sequence

from models.problems import Problem


class AllocatorError(Exception):
    """Anything that goes wrong in this package."""


class InvalidInput(AllocatorError):  # noqa: N818 - the name says it best
    """Something given cannot be used; `problems` lists everything that is wrong with it."""

    def __init__(self, what: str, problems: Sequence[Problem]) -> None:
        self.what = what
        self.problems = tuple(problems)
        super().__init__(what, self.problems)

    def __str__(self) -> str:
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        return "\n".join([f"{self.what}: {count}", *(f"  {problem}" for problem in self.problems)])


class InvalidInstance(InvalidInput):
    """An instance cannot be used."""


class InvalidPolicy(InvalidInput):
    """A policy cannot be used, or not with this instance."""


class InvalidPlan(InvalidInput):
    """A plan folder cannot be read."""


class InvalidDecisions(InvalidInput):
    """Answers of municipalities cannot be used, or not with this plan."""


class InstanceMismatch(AllocatorError):  # noqa: N818 - the name says it best
    """A plan belongs to another instance than the one given."""


class SolverError(AllocatorError):
    """The solver crashed, or failed in a way that is neither an answer nor a limit."""


class VerificationError(AllocatorError):
    """A plan breaks a rule or reports a wrong figure; `violations` lists all of it."""

    def __init__(self, violations: Iterable[object]) -> None:
        self.violations = tuple(violations)
        super().__init__(self.violations)

    def __str__(self) -> str:
        lines = "\n".join(f"  {violation}" for violation in self.violations)
        return f"the plan fails verification:\n{lines}"
