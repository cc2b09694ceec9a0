"""Re-solve a few municipalities, the others held: better plans, or a plan where there was none.

`free` municipalities are solved anew. In those that only `shift`, whole numbers stay and
placements move, which mends what does not quite add up. All others stay as they are.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from allocator.solve.arrays import Arrays, Vector
from allocator.solve.decomposed.blocks import Blocks
from allocator.solve.decomposed.crew import Job
from allocator.solve.engine import Outcome, Settings

Some = npt.NDArray[np.int64]
ROUNDING = 1e-9
"""Amount by which what is held may break a row that it kept before, relative to 1."""


@dataclass(frozen=True)
class Around:
    """What is to be solved around a solution, and how to read the answer.

    Attributes
    ----------
    job
        The program of what moves.
    columns
        Which columns of the whole move.
    held
        The others, shape (columns of the whole,); zero where something moves.
    """

    job: Job
    columns: Some
    held: Vector

    def read(self, outcome: Outcome) -> Vector | None:
        """Return the whole solution, or none."""
        if outcome.solution is None:
            return None
        found = self.held.copy()
        found[self.columns] = outcome.solution
        return found


def around(
    arrays: Arrays,
    blocks: Blocks,
    objective: tuple[Vector, float],
    solution: Vector,
    free: Some,
    shift: Some,
    settings: Settings,
    *,
    start: bool,
) -> Around | None:
    """Return what is to be solved around `solution`; none when what is held breaks a row.

    Parameters
    ----------
    free, shift
        Positions of municipalities.
    start
        Whether `solution` keeps all rows, so that the solver can start from it.
    """
    cost, constant = objective
    kind = np.zeros(len(blocks), dtype=np.int8)
    kind[shift], kind[free] = 1, 2
    of_column = np.where(blocks.owner < 0, 2, kind[np.maximum(blocks.owner, 0)])
    moves = (of_column == 2) | ((of_column == 1) & ~arrays.integer)
    columns, held = np.flatnonzero(moves), np.where(moves, 0.0, solution)
    held = np.where(arrays.integer & ~moves, np.round(held), held)
    matrix = arrays.matrix.tocsc()[:, columns].tocsr()
    rows = np.flatnonzero(np.diff(matrix.indptr))
    used = arrays.matrix @ held
    if _broken(arrays, used, np.setdiff1d(blocks.rows, rows)):
        return None
    used = used[rows]
    slack = ROUNDING * np.maximum(1.0, np.abs(used))
    part = Arrays(
        matrix=matrix[rows],
        row_lower=arrays.row_lower[rows] - used - slack,
        row_upper=arrays.row_upper[rows] - used + slack,
        lower=arrays.lower[columns],
        upper=arrays.upper[columns],
        integer=arrays.integer[columns],
        objectives={},
        columns={},
        row_names=(),
    )
    begin = solution[columns] if start else None
    job = Job(part, cost[columns], constant + float(cost @ held), settings, begin)
    return Around(job, columns, held)


def _broken(arrays: Arrays, used: Vector, rows: Some) -> bool:
    """Tell whether any of the rows is broken by what is held."""
    slack = 1e-6 * np.maximum(1.0, np.abs(used[rows]))
    low = used[rows] < arrays.row_lower[rows] - slack
    return bool((low | (used[rows] > arrays.row_upper[rows] + slack)).any())
