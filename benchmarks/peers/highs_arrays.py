"""Peer: HiGHS on the arrays through `highspy`, with its callbacks and a start."""

from typing import Any

import highspy
import numpy as np

from benchmarks.peers.peer import Answer, Ending, Record, Task

LARGE = 1e20
"""From here on HiGHS means infinity."""
ENDINGS = {
    highspy.HighsModelStatus.kOptimal: Ending.REACHED,
    highspy.HighsModelStatus.kModelEmpty: Ending.REACHED,
    highspy.HighsModelStatus.kTimeLimit: Ending.LIMIT,
    highspy.HighsModelStatus.kInterrupt: Ending.LIMIT,
    highspy.HighsModelStatus.kInfeasible: Ending.INFEASIBLE,
}


def options(task: Task) -> dict[str, Any]:
    """Return the options of HiGHS, the same for every peer that is HiGHS underneath."""
    settings = task.settings
    return {
        "threads": settings.threads,
        "parallel": "on" if settings.threads > 1 else "off",
        "random_seed": settings.seed,
        "time_limit": settings.time_limit,
        "mip_rel_gap": settings.gap,
        "mip_abs_gap": 1e-7,
        "mip_feasibility_tolerance": 1e-7,
    }


def minimise(task: Task, record: Record) -> Answer:
    """Minimise one goal."""
    # Without output HiGHS calls back for better solutions only, not for better bounds.
    solver = highspy.Highs()
    for name, value in {**options(task), "log_to_console": False}.items():
        _accept(solver.setOptionValue(name, value), f"{name}={value!r}")
    _accept(solver.passModel(_model(task)), "the program")
    if task.start is not None:
        solution = highspy.HighsSolution()
        solution.col_value = task.start.tolist()
        _accept(solver.setSolution(solution), "the start")

    def note(event: Any) -> None:
        out = event.data_out
        record.add(finite(out.mip_primal_bound), finite(out.mip_dual_bound))

    solver.cbMipLogging.subscribe(note)
    solver.cbMipImprovingSolution.subscribe(note)
    solver.run()
    info = solver.getInfo()
    ending = ENDINGS.get(solver.getModelStatus(), Ending.FAILED)
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return Answer(ending, None)
    value = float(info.objective_function_value)
    whole = bool(task.arrays.integer.any())
    record.add(value, finite(info.mip_dual_bound) if whole else value)
    return Answer(ending, np.array(solver.getSolution().col_value, dtype=np.float64))


def finite(number: float) -> float | None:
    """Return `number`, none where it stands for infinity."""
    return float(number) if abs(number) < LARGE else None


def _model(task: Task) -> highspy.HighsLp:
    arrays = task.arrays
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = arrays.matrix.shape
    model.col_cost_, model.offset_ = task.cost, task.constant
    model.col_lower_, model.col_upper_ = arrays.lower, arrays.upper
    model.row_lower_, model.row_upper_ = arrays.row_lower, arrays.row_upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.num_row_, model.a_matrix_.num_col_ = arrays.matrix.shape
    model.a_matrix_.start_ = arrays.matrix.indptr.astype(np.int32)
    model.a_matrix_.index_ = arrays.matrix.indices.astype(np.int32)
    model.a_matrix_.value_ = arrays.matrix.data
    kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    if arrays.integer.any():
        model.integrality_ = [kinds[int(whole)] for whole in arrays.integer]
    return model


def _accept(status: highspy.HighsStatus, what: str) -> None:
    if status == highspy.HighsStatus.kError:
        raise RuntimeError(f"HiGHS refuses {what}")
