"""Programs that are stated already, for questions that differ from them in budgets alone.

Stating a national program and compiling it takes a quarter of a second. What-ifs on budgets,
frontiers (which vary how much of a goal may be given up) and repetitions with other seeds share
one: at most the limits of its budget rows are other numbers, and they are changed in place.
Others do not share one, because a program is made as tight as its figures allow: with other
capacities other rows can bind, with another target unfairness has other secants.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from allocator.solve.arrays import Arrays
from allocator.solve.compile import compile_program
from models.policy import Budget
from models.program import Data, Tightening, build
from models.program.bounds import affordable
from models.program.measures import MILLION

MOST = 4
"""Programs that a process keeps, a few megabytes each."""


@dataclass(frozen=True)
class Program:
    """A compiled program.

    Attributes
    ----------
    arrays
        With the first secants in it.
    most
        Q_m in persons.
    """

    arrays: Arrays
    most: Mapping[str, float]

    def with_budgets(self, budgets: Mapping[str, float]) -> "Program":
        """Return the program with other budgets, in currency, for the kinds that had one."""
        rows = [
            (at, budgets[kind] / MILLION)
            for at, (component, kind) in enumerate(self.arrays.row_names)
            if component == "budget"
        ]
        if not rows:
            return self
        at, limits = zip(*rows, strict=True)
        return replace(self, arrays=self.arrays.with_row_upper(np.array(at), np.array(limits)))


class Programs:
    """The last few programs."""

    def __init__(self) -> None:
        # Never changed in place: several threads may ask at once.
        self._kept: tuple[tuple[Data, frozenset[Tightening], Program], ...] = ()

    def of(self, data: Data, tighten: frozenset[Tightening], lap: Callable[[str], None]) -> Program:
        """Return the program of `data`: one that is kept, or a new one.

        Parameters
        ----------
        data
            Coefficients, from `collect`.
        tighten
            How the program is made strong.
        lap
            Told what has been done: `build`, `compile`.

        Raises
        ------
        TriviallyInfeasible
            If a row without variables cannot hold.
        """
        alike = _without_money(data)
        for one, tightened, program in self._kept:
            if tightened == tighten and one == alike:
                lap("build")
                return program.with_budgets(data.budgets)
        model = build(data, tighten=tighten)
        lap("build")
        program = Program(compile_program(model), model.most)
        lap("compile")
        self._kept = (*self._kept[1 - MOST :], (alike, tighten, program))
        return program


def _without_money(data: Data) -> Data:
    """Return what else than the limits of its budget rows a program is made of."""
    kinds = dict.fromkeys(data.budgets, 0.0)
    goals = [
        goal.model_copy(update={"tolerance": 0.0, "tolerance_absolute": 0.0})
        for goal in data.policy.goals
    ]
    policy = data.policy.model_copy(update={"budget": Budget(**kinds), "goals": tuple(goals)})
    measures = {
        name: replace(measure, max_steps=affordable(data, name))
        for name, measure in data.measures.items()
    }
    return replace(data, policy=policy, budget=kinds.get("total"), measures=measures)
