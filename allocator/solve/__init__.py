"""Solving: compile the program, hand it to the solver, goals in order, verify the plan.

What solves is imported when it is first needed: the processes that price municipalities
beside a run import the engine alone, without Pyomo and pandas.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from allocator.solve.engine import Flag
    from allocator.solve.progress import Listener
    from models.instance import Instance
    from models.options import SolveOptions
    from models.plan import Plan
    from models.policy import Policy

__all__ = ["solve"]


def solve(
    instance: "Instance",
    policy: "Policy | None" = None,
    options: "SolveOptions | None" = None,
    *,
    start: "Plan | None" = None,
    progress: "Listener | None" = None,
    cancel: "Flag | None" = None,
) -> "Plan":
    """Split the target of `instance` across its municipalities.

    Parameters
    ----------
    instance
        What is given.
    policy
        What the planner decides; none: the default policy.
    options
        How long to take and how exact to be; none: the default options.
    start
        A plan of this or a similar question to start from. It saves time and takes
        nothing from what is proven; a run that is to be repeated by others starts from none.
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
    from allocator.solve.child import solve_in_child
    from allocator.solve.solver import solve_here
    from models.options import SolveOptions
    from models.policy import Policy

    options = options or SolveOptions()
    work = solve_in_child if options.child_process else solve_here
    return work(instance, policy or Policy(), options, start, progress, cancel)
