"""Solving: compile the program, hand it to the solver, goals in order, verify the plan."""

from allocator.solve.child import solve_in_child
from allocator.solve.engine import Flag
from allocator.solve.progress import Listener, Progress
from allocator.solve.solver import solve_here
from models.instance import Instance
from models.options import SolveOptions
from models.plan import Plan
from models.policy import Policy

__all__ = ["Progress", "solve"]

_DEFAULT_POLICY = Policy()
_DEFAULT_OPTIONS = SolveOptions()


def solve(
    instance: Instance,
    policy: Policy = _DEFAULT_POLICY,
    options: SolveOptions = _DEFAULT_OPTIONS,
    *,
    progress: Listener | None = None,
    cancel: Flag | None = None,
) -> Plan:
    """Split the target of `instance` across its municipalities.

    Parameters
    ----------
    instance
        What is given.
    policy
        What the planner decides.
    options
        How long to take and how exact to be.
    progress
        Called with a `Progress` when a phase begins and while the solver works.
    cancel
        Anything with ``is_set()``, such as a `threading.Event`; when set, the run stops
        and the best plan so far is returned.

    Returns
    -------
    Plan
        Verified. Its status says what is known: `optimal`, `within_gap`, `limit`,
        `infeasible` (with what clashes) or `none`.

    Raises
    ------
    InvalidInstance, InvalidPolicy
        With every problem at once.
    SolverError
        If the solver crashes or fails.
    VerificationError
        If the plan breaks a rule or reports a wrong figure, twice.
    """
    work = solve_in_child if options.child_process else solve_here
    return work(instance, policy, options, progress, cancel)
