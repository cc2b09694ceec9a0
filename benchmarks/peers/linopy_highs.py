"""Peer: linopy with HiGHS, the program stated as linopy expressions.

Rows are stated in blocks of like length, since linopy pads a block to its longest row.
linopy has no callback, so progress is read from the log file of HiGHS afterwards; a start is
not given, because linopy takes one only as a solution file of a program of the same rows.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import highspy
import linopy
import numpy as np
import numpy.typing as npt
import xarray as xr

from allocator.solve.arrays import Arrays
from benchmarks.peers.highs_arrays import finite, options
from benchmarks.peers.highs_log import replay
from benchmarks.peers.peer import Answer, Ending, Record, Task

ENDINGS = {
    "optimal": Ending.REACHED,
    "time_limit": Ending.LIMIT,
    "infeasible": Ending.INFEASIBLE,
}
Numbers = npt.NDArray[np.int64]


def minimise(task: Task, record: Record) -> Answer:
    """Minimise one goal."""
    model, variables = _state(task)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "highs.log"
        _, condition = model.solve(
            solver_name="highs",
            io_api="direct",
            log_fn=log,
            progress=False,
            output_flag=True,
            log_to_console=False,
            **options(task),
        )
        replay(log, record, _written(log, record), task.constant)
    ending = ENDINGS.get(str(condition), Ending.FAILED)
    # At a limit without a plan linopy hands out zeros as a solution.
    info = model.solver_model.getInfo()
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return Answer(ending, None)
    solution = np.zeros(task.arrays.matrix.shape[1])
    for columns, variable in variables:
        solution[columns] = variable.solution.to_numpy()
    bound = finite(info.mip_dual_bound)
    value = float(task.cost @ solution) + task.constant
    record.add(value, None if bound is None else bound + task.constant)
    return Answer(ending, solution)


def _written(log: Path, record: Record) -> float:
    """Return when `log` was last written to, in seconds of `record`."""
    if not log.exists():
        return record.elapsed
    return record.elapsed - max(0.0, time.time() - log.stat().st_mtime)


def _state(task: Task) -> tuple[linopy.Model, list[tuple[Numbers, Any]]]:
    """Return the model, and its variables with the columns they are."""
    arrays = task.arrays
    model = linopy.Model()
    label = np.empty(arrays.matrix.shape[1], dtype=np.int64)
    variables = []
    for whole in (False, True):
        columns = np.flatnonzero(arrays.integer == whole)
        if not columns.size:
            continue
        variable = model.add_variables(
            lower=xr.DataArray(arrays.lower[columns], dims="column"),
            upper=xr.DataArray(arrays.upper[columns], dims="column"),
            integer=whole,
            name="whole" if whole else "real",
        )
        label[columns] = variable.labels.to_numpy()
        variables.append((columns, variable))
    for rows in blocks(arrays):
        _add_rows(model, arrays, label, rows)
    used = np.flatnonzero(task.cost)
    model.add_objective(_expression(model, label[used][None, :], task.cost[used][None, :]).sum())
    return model, variables


def blocks(arrays: Arrays) -> list[Numbers]:
    """Return the rows that have entries, in blocks whose lengths lie within a factor of two."""
    lengths = np.diff(arrays.matrix.indptr)
    powers = np.ceil(np.log2(np.maximum(lengths, 1))).astype(int)
    return [np.flatnonzero((powers == p) & (lengths > 0)) for p in np.unique(powers[lengths > 0])]


def _add_rows(model: linopy.Model, arrays: Arrays, label: Numbers, rows: Numbers) -> None:
    matrix = arrays.matrix[rows]
    lengths = np.diff(matrix.indptr)
    row = np.repeat(np.arange(len(rows)), lengths)
    place = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], lengths)
    labels = np.full((len(rows), lengths.max()), -1, dtype=np.int64)
    coefficients = np.full(labels.shape, np.nan)
    labels[row, place] = label[matrix.indices]
    coefficients[row, place] = matrix.data
    low, high = arrays.row_lower[rows], arrays.row_upper[rows]
    for sign, mask, side in (
        ("=", low == high, low),
        (">=", np.isfinite(low) & (low != high), low),
        ("<=", np.isfinite(high) & (low != high), high),
    ):
        if mask.any():
            expression = _expression(model, labels[mask], coefficients[mask])
            model.add_constraints(expression, sign, xr.DataArray(side[mask], dims="row"))


def _expression(
    model: linopy.Model, labels: Numbers, coefficients: npt.NDArray[np.float64]
) -> linopy.LinearExpression:
    terms = {"coeffs": (("row", "_term"), coefficients), "vars": (("row", "_term"), labels)}
    return linopy.LinearExpression(xr.Dataset(terms), model)
