"""The adapter to HiGHS: arrays in, outcome out. No other module imports `highspy`.

Every call uses a fresh solver object, because a cancelled one stays cancelled, and one
thread, because the number of threads is fixed for the life of a process.
"""

import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

import highspy
import numpy as np
import numpy.typing as npt

from allocator.errors import SolverError
from allocator.solve.arrays import Arrays, Vector

Model: TypeAlias = highspy.HighsLp

TINY = 1e-9
"""Coefficients that HiGHS takes for rounding and leaves out."""


class Ending(StrEnum):
    """How one call of the solver ended."""

    OPTIMAL = "optimal"
    LIMIT = "limit"
    INFEASIBLE = "infeasible"


_ENDINGS = {
    highspy.HighsModelStatus.kOptimal: Ending.OPTIMAL,
    highspy.HighsModelStatus.kModelEmpty: Ending.OPTIMAL,
    highspy.HighsModelStatus.kTimeLimit: Ending.LIMIT,
    highspy.HighsModelStatus.kInterrupt: Ending.LIMIT,
    highspy.HighsModelStatus.kSolutionLimit: Ending.LIMIT,
    highspy.HighsModelStatus.kObjectiveTarget: Ending.LIMIT,
    highspy.HighsModelStatus.kInfeasible: Ending.INFEASIBLE,
}


class Flag(Protocol):
    """Something that says whether to stop, such as a `threading.Event`."""

    def is_set(self) -> bool:
        """Tell whether to stop."""
        ...


Report = Callable[[float | None, float | None], None]
"""Called with incumbent and bound while the solver works; none while there is none."""


@dataclass(frozen=True)
class Settings:
    """What the solver is told besides the program.

    `looks` limits how often the solver asks whether to go on, and `target` is a value that is
    good enough: both end a search at the same point on every machine, which seconds do not.
    """

    time_limit: float
    gap: float = 0.0
    seed: int = 0
    presolve: bool = True
    rins: bool = True
    looks: int | None = None
    target: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What the solver found.

    Attributes
    ----------
    ending
        How it ended.
    solution
        Shape (columns,), or none.
    value
        Objective at the solution, or none.
    bound
        Proven bound on the objective, or none.
    seconds
        Wall time of the call.
    prices
        Duals of the rows, shape (rows,), when a linear program was solved: what one more
        unit on the right-hand side adds to the objective.
    """

    ending: Ending
    solution: Vector | None
    value: float | None
    bound: float | None
    seconds: float
    prices: Vector | None = None


INTERIOR = {"solver": "ipm"}
"""Extra settings for linear programs of some thousand rows, which the interior point method (and
crossover to a vertex) solves in half the time that the simplex method takes."""
_AGAIN = (("presolve", "off"), ("solver", "ipm"), ("solver", "simplex"))
"""What is tried when the solver cannot tell. With costs far apart a linear program may be solved,
and lost on the way back from presolve to the original; the dual simplex may find no end where
there is no solution, which the interior point method sees."""


def run(
    arrays: Arrays,
    cost: Vector,
    constant: float,
    settings: Settings,
    *,
    start: Vector | None = None,
    report: Report | None = None,
    cancel: Flag | None = None,
) -> Outcome:
    """Minimise ``cost·x + constant`` over `arrays`.

    Parameters
    ----------
    arrays
        The program, shapes as in `Arrays`.
    cost
        Shape (columns,).
    start
        A solution to start from, shape (columns,).
    report
        Called with incumbent and bound while a mixed-integer program is solved.
    cancel
        When set, the solver stops and keeps the best solution so far.

    Raises
    ------
    SolverError
        If the solver refuses the program or an option, or ends in a state that is
        neither an answer nor a limit.
    """
    began = time.perf_counter()
    if settings.time_limit <= 0 or (cancel is not None and cancel.is_set()):
        return Outcome(Ending.LIMIT, None, None, None, 0.0)
    solver = highspy.Highs()
    _set_options(solver, settings, mixed=bool(arrays.integer.any()))
    _accept(solver.passModel(_model(arrays, cost, constant)), "the program")
    if start is not None and arrays.integer.any():
        _give_start(solver, start)
    _listen(solver, report, cancel, settings.looks)
    _run(solver)
    for name, value in _AGAIN:
        if solver.getModelStatus() != highspy.HighsModelStatus.kUnknown:
            break
        _accept(solver.clearSolver(), "to begin again")
        _accept(solver.setOptionValue(name, value), f"the option {name}={value!r}")
        _run(solver)
    return _outcome(solver, arrays, time.perf_counter() - began)


def _run(solver: highspy.Highs) -> None:
    if solver.run() == highspy.HighsStatus.kError:
        raise SolverError(f"the solver failed: {solver.getModelStatus()}")


def version() -> str:
    """Return the version of the solver."""
    return str(highspy.Highs().version())


def _set_options(solver: highspy.Highs, settings: Settings, *, mixed: bool) -> None:
    options: dict[str, Any] = {
        "output_flag": False,
        "threads": 1,
        "random_seed": settings.seed,
        "time_limit": settings.time_limit,
        "mip_rel_gap": settings.gap,
        "mip_abs_gap": 1e-7,
        "mip_feasibility_tolerance": 1e-7,
        "presolve": "choose" if settings.presolve else "off",
        "mip_heuristic_run_rins": settings.rins,
        **settings.extra,
    }
    if settings.target is not None and mixed:
        options["objective_target"] = settings.target
    for name, value in options.items():
        _accept(solver.setOptionValue(name, value), f"the option {name}={value!r}")


def _accept(status: highspy.HighsStatus, what: str) -> None:
    if status != highspy.HighsStatus.kOk:
        raise SolverError(f"the solver refuses {what}")


def _model(arrays: Arrays, cost: Vector, constant: float) -> highspy.HighsLp:
    if arrays.matrix.nnz and np.abs(arrays.matrix.data).min() <= TINY:
        matrix = arrays.matrix.copy()
        matrix.data[np.abs(matrix.data) <= TINY] = 0.0
        matrix.eliminate_zeros()
        arrays = replace(arrays, matrix=matrix)
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = arrays.matrix.shape
    model.col_cost_ = cost
    model.offset_ = constant
    model.col_lower_, model.col_upper_ = arrays.lower, arrays.upper
    model.row_lower_, model.row_upper_ = arrays.row_lower, arrays.row_upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.num_row_, model.a_matrix_.num_col_ = arrays.matrix.shape
    model.a_matrix_.start_ = arrays.matrix.indptr.astype(np.int32)
    model.a_matrix_.index_ = arrays.matrix.indices.astype(np.int32)
    model.a_matrix_.value_ = arrays.matrix.data
    if arrays.integer.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kinds[int(whole)] for whole in arrays.integer]
    return model


def _give_start(solver: highspy.Highs, start: Vector) -> None:
    solution = highspy.HighsSolution()
    solution.col_value = start.tolist()
    _accept(solver.setSolution(solution), "the starting solution")


def _listen(
    solver: highspy.Highs, report: Report | None, cancel: Flag | None, looks: int | None
) -> None:
    """Watch the flag and pass on progress.

    The Python callbacks also give the interpreter a moment to handle signals, which is
    how Ctrl-C reaches a running solve.
    """
    looked = itertools.count(1)

    def interrupt(event: Any) -> None:
        if cancel is not None and cancel.is_set():
            event.interrupt()

    def look(event: Any) -> None:
        if looks is not None and next(looked) > looks:
            event.interrupt()
        interrupt(event)

    def log(event: Any) -> None:
        if report is not None:
            report(_finite(event.data_out.mip_primal_bound), _finite(event.data_out.mip_dual_bound))

    solver.cbMipInterrupt.subscribe(look)
    solver.cbSimplexInterrupt.subscribe(interrupt)
    solver.cbIpmInterrupt.subscribe(interrupt)
    solver.cbMipLogging.subscribe(log)
    solver.cbMipImprovingSolution.subscribe(log)


def _outcome(solver: highspy.Highs, arrays: Arrays, seconds: float) -> Outcome:
    status = solver.getModelStatus()
    if status == highspy.HighsModelStatus.kUnboundedOrInfeasible:
        raise SolverError("the solver cannot tell infeasible from unbounded")
    if status not in _ENDINGS:
        raise SolverError(f"the solver ended with {solver.modelStatusToString(status)}")
    ending = _ENDINGS[status]
    info = solver.getInfo()
    feasible = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    if ending is Ending.INFEASIBLE or not feasible:
        bound = _finite(info.mip_dual_bound) if arrays.integer.any() else None
        return Outcome(ending, None, None, bound, seconds)
    solution = np.array(solver.getSolution().col_value, dtype=np.float64)
    value = float(info.objective_function_value)
    bound = _finite(info.mip_dual_bound) if arrays.integer.any() else value
    if arrays.integer.any():
        return Outcome(ending, solution, value, bound, seconds)
    if ending is Ending.LIMIT:
        bound = None
    prices = np.array(solver.getSolution().row_dual, dtype=np.float64)
    return Outcome(ending, solution, value, bound, seconds, prices)


_SMALL = {
    # What helps on large programs costs small ones most of their time.
    "presolve": "off",
    "mip_heuristic_run_feasibility_jump": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_root_reduced_cost": False,
}
SMALL_GAP = 1e-6
"""Absolute and relative gap to which small programs are solved."""


def run_small(
    programs: Iterable[tuple[Arrays, Vector]], seed: int = 0
) -> Iterator[tuple[Vector | None, float]]:
    """Minimise many small programs one after the other.

    Parameters
    ----------
    programs
        Arrays and cost of each.

    Yields
    ------
    solution, bound
        Best solution found, and a proven bound on the objective; none and infinity where there
        is no solution.

    Raises
    ------
    SolverError
        If the solver fails.
    """
    solver = highspy.Highs()
    gaps = {"mip_abs_gap": SMALL_GAP}
    settings = Settings(SMALL_SECONDS, SMALL_GAP, seed, rins=False, extra={**_SMALL, **gaps})
    _set_options(solver, settings, mixed=True)
    for arrays, cost in programs:
        if not len(cost):  # nothing to decide, which the solver does not call a solution
            yield cost, 0.0
            continue
        _accept(solver.passModel(_model(arrays, cost, 0.0)), "a small program")
        _run(solver)
        info = solver.getInfo()
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            yield None, math.inf
            continue
        value = float(info.objective_function_value)
        bound = min(float(info.mip_dual_bound), value) if arrays.integer.any() else value
        yield np.array(solver.getSolution().col_value, dtype=np.float64), bound


class Linear:
    """A linear program that stays with the solver, which goes on from the last basis.

    Parameters
    ----------
    seed
        Of the solver.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.renew()

    def renew(self) -> None:
        """Begin with a solver that has seen nothing."""
        self._solver = highspy.Highs()
        settings = Settings(SMALL_SECONDS, seed=self.seed, presolve=False)
        _set_options(self._solver, settings, mixed=False)

    @staticmethod
    def model(arrays: Arrays) -> Model:
        """Return a program, its whole numbers relaxed, as the solver takes it."""
        return _model(arrays.relaxed(), np.zeros(arrays.matrix.shape[1]), 0.0)

    def take(self, model: Model, cost: Vector) -> None:
        """Take a program in the place of the one before."""
        model.col_cost_ = cost
        _accept(self._solver.passModel(model), "a small program")
        self._has_entries = len(model.a_matrix_.value_) > 0

    def bound(self, column: int, lower: float, upper: float) -> None:
        """Set the bounds of a column."""
        self._solver.changeColBounds(column, lower, upper)

    def solve(self) -> tuple[Vector, float] | None:
        """Return a best solution, shape (columns,), and its value; none where there is none.

        Raises
        ------
        SolverError
            If the solver cannot tell.
        """
        _run(self._solver)
        status = self._solver.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            return None
        if status != highspy.HighsModelStatus.kOptimal:
            raise SolverError(f"the solver ended with {self._solver.modelStatusToString(status)}")
        solution = np.array(self._solver.getSolution().col_value, dtype=np.float64)
        return solution, float(self._solver.getObjectiveValue())

    def basic(self) -> npt.NDArray[np.int32]:
        """Return what is basic in the solution: columns, and row i as −1 − i."""
        if not self._has_entries:  # no simplex, hence no factors that could be asked
            return np.arange(-1, -1 - self._solver.getNumRow(), -1, dtype=np.int32)
        status, basic = self._solver.getBasicVariables()
        _accept(status, "to tell what is basic")
        return np.asarray(basic)


SMALL_SECONDS = 20.0
"""Most seconds for one small program; its bound is valid when they run out, only weaker."""


class NoSolution(SolverError):  # noqa: N818 - a finding, not an error
    """A small program has no solution: no plan keeps every demand."""


def _finite(number: float) -> float | None:
    return float(number) if math.isfinite(number) and abs(number) < 1e20 else None
