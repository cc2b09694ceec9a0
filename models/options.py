"""Options of one computation: how long, how exact, with which random numbers."""

from typing import Annotated

from pydantic import Field

from models.policy import PolicyPart


class SolveOptions(PolicyPart):
    """How to solve. Options never change what is asked, only how long it may take."""

    time_limit: Annotated[float, Field(gt=0, le=1e7, allow_inf_nan=False)] = 180.0
    """Seconds for the whole run, all goals together."""
    gap: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.01
    """Relative distance between plan and bound at which a goal counts as reached."""
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] = 0
    """Random seed of the solver; the same seed gives the same plan."""
    child_process: bool = False
    """Solve in a child process, so that a crash of the solver cannot take this one down."""
