"""Options of one computation: how long, how exact, with which random numbers."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from models.policy import PolicyPart


class Method(StrEnum):
    """How the program is solved. Both prove what they find."""

    AUTO = "auto"
    """`decomposed` where there are many municipalities and few rows that tie them; else `whole`."""
    WHOLE = "whole"
    """The whole program at once, by branch and bound."""
    DECOMPOSED = "decomposed"
    """Municipalities apart, tied by prices on the few rows they share."""


class SolveOptions(PolicyPart):
    """How to solve. Options never change what is asked, only how long it may take."""

    time_limit: Annotated[float, Field(gt=0, le=1e7, allow_inf_nan=False)] = 180.0
    """Seconds for the whole run, all goals together."""
    gap: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.001
    """Relative distance between plan and bound at which a goal counts as reached."""
    method: Method = Method.AUTO
    """`auto`, `whole` or `decomposed`."""
    processes: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Processes on this machine that work at once; none: one a core. The plan is the same."""
    scheduler: str | None = None
    """Address of a Dask scheduler whose workers do the work; none: this machine."""
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] = 0
    """Random seed of the solver; the same seed gives the same plan."""
    child_process: bool = False
    """Solve in a child process, so that a crash of the solver cannot take this one down."""
