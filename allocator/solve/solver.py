"""Solve: instance and policy in, verified plan out."""

from typing import Any

import numpy as np

from allocator.checking import usable
from allocator.errors import SolverError, VerificationError
from allocator.keys import fair_shares
from allocator.solve import engine, whole
from allocator.solve.arrays import TriviallyInfeasible, Vector
from allocator.solve.conflicts import find_conflicts
from allocator.solve.decomposed import goals as decomposed
from allocator.solve.engine import Flag, Settings
from allocator.solve.extract import Extract
from allocator.solve.programs import Programs
from allocator.solve.progress import Clock, Listener, Progress, relative_gap
from allocator.solve.secants import Secants
from allocator.solve.stages import Infeasible, Stages
from allocator.solve.warm import keeps_all, solution_of
from allocator.verify import Violation, verify
from allocator.version import VERSION
from models.instance import Instance
from models.options import Method, SolveOptions
from models.plan import Conflict, GoalResult, InstanceReference, Plan, Status
from models.policy import Goal, Policy, Term
from models.program import ALL, LEAN, Data, collect
from models.program.fairness import terms_used

PROVEN = 1e-6
"""Relative gap at which a goal counts as proven best."""
MANY = 40
"""Municipalities from which `auto` takes the program apart."""
CONFLICT_SECONDS = 30.0
"""Time given to finding out what clashes, in seconds, when the limit leaves less."""
PROGRAMS = Programs()
"""What this process has stated."""


def solve_here(
    instance: Instance,
    policy: Policy,
    options: SolveOptions,
    start: Plan | None,
    progress: Listener | None,
    cancel: Flag | None,
) -> Plan:
    """Solve in this process; see `allocator.solve.solve`."""
    run = _Run(instance, policy, options, start, progress, cancel)
    run.prepare()
    for settings in _attempts(options):
        try:
            plan = run.attempt(settings)
        except (SolverError, VerificationError) as error:
            failure: Exception = error
            run.notes.append(f"a first attempt failed and was repeated without RINS: {error}")
            continue
        return plan
    raise failure


def _attempts(options: SolveOptions) -> list[Settings]:
    """Try as it is, then without the heuristic that is known to crash or mislead."""
    usual = Settings(options.time_limit, options.gap, options.seed)
    return [usual, Settings(options.time_limit, options.gap, options.seed, rins=False)]


def little_room(goals: tuple[Goal, ...], results: list[GoalResult], gap: float) -> list[str]:
    """Say which goals leave so little room that a later one was not proven within the gap."""
    notes = []
    for i, result in enumerate(results):
        open_ = result.gap is None or result.gap > gap + PROVEN
        held = [
            f"{r.name} at {r.value:,.6g}"
            for goal, r in zip(goals[:i], results[:i], strict=True)
            if r.value > 0 and not (goal.tolerance or goal.tolerance_absolute)
        ]
        if open_ and held:
            notes.append(
                f"{result.name} is not proven within the gap asked for while {', '.join(held)} is "
                "held exactly; a tolerance on what is held (tolerance_absolute) may help more than "
                "more time"
            )
    return notes


def chosen(method: Method, data: Data) -> Method:
    """Return the method that `auto` stands for here.

    Prices pay where there are many municipalities and few rows that tie them: with one such
    row for nearly every municipality (`max_ratio` as a goal) there is little to take apart.
    """
    if method is not Method.AUTO:
        return method
    tied = Term.MAX_RATIO in terms_used(data) or len(data.pools) > len(data.municipalities) / 4
    few = len(data.municipalities) < MANY
    return Method.WHOLE if few or tied else Method.DECOMPOSED


class _Run:
    """One computation, phase by phase."""

    def __init__(
        self,
        instance: Instance,
        policy: Policy,
        options: SolveOptions,
        start: Plan | None,
        progress: Listener | None,
        cancel: Flag | None,
    ) -> None:
        self.instance, self.policy, self.options = instance, policy, options
        self.start = start if start is not None and start.found else None
        self.method: Method | None = None
        self.progress, self.cancel = progress, cancel
        self.clock = Clock(options.time_limit)
        self.notes: list[str] = []

    def prepare(self) -> None:
        """Check instance and policy and take the coefficients from them."""
        self._tell("check")
        self.notes += [str(problem) for problem in usable(self.instance, self.policy)]
        self.clock.lap("check")
        self.data: Data = collect(
            self.instance, self.policy, fair_shares(self.instance, self.policy)
        )
        self.clock.lap("collect")

    def attempt(self, settings: Settings) -> Plan:
        """Build, solve, extract and verify once."""
        try:
            stages, results = self._optimise(settings)
        except (Infeasible, TriviallyInfeasible):
            return self._infeasible(settings)
        if stages.solution is None:
            return self._plan(Status.NONE)
        self.notes += little_room(self.policy.goals, results, self.options.gap)
        rounded = np.where(stages.arrays.integer, np.round(stages.solution), stages.solution)
        plan, violations = self._verified(stages, rounded, results)
        if violations:
            plan, violations = self._verified(stages, self._polished(stages, rounded), results)
        if violations:
            raise VerificationError(violations)
        return plan.model_copy(update={"timings": self._timings()})

    def _verified(
        self, stages: Stages, solution: Vector, results: list[GoalResult]
    ) -> tuple[Plan, list[Violation]]:
        """Turn a solution into a plan, and check it against the tables."""
        extract = Extract(self.instance, self.data, stages.arrays.columns, solution)
        read = [self._reread(extract, result) for result in results]
        plan = self._plan(
            self._status(read),
            goals=tuple(read),
            totals=extract.totals(),
            tables=extract.tables(),
        )
        self.clock.lap("extract")
        violations = list(verify(self.instance, self.policy, plan))
        self.clock.lap("verify")
        return plan, violations

    def _optimise(self, settings: Settings) -> tuple[Stages, list[GoalResult]]:
        self._tell("build")
        self.method = chosen(self.options.method, self.data)
        apart = self.method is Method.DECOMPOSED
        program = PROGRAMS.of(self.data, LEAN if apart else ALL, self.clock.lap)
        stages = Stages(
            data=self.data,
            arrays=program.arrays,
            secants=Secants(self.data, program.most, program.arrays),
            options=self.options,
            clock=self.clock,
            settings=settings,
            listener=self.progress,
            cancel=self.cancel,
            start=self.start,
        )
        if self.start is not None:
            stages.warm = stages.secants.exact(solution_of(self.start, self.data, stages.arrays))
            stages.solution = stages.warm if keeps_all(stages.arrays, stages.warm) else None
        run = decomposed.run if apart else whole.run
        results = run(stages)
        return stages, results

    def _polished(self, stages: Stages, rounded: Vector) -> Vector:
        """Re-solve the placements with the integers fixed, so that every row holds cleanly."""
        cost, constant = stages.objective(self.policy.goals[-1])
        fixed = stages.arrays.integers_fixed(rounded)
        outcome = engine.run(fixed, cost, constant, Settings(60.0, seed=self.options.seed))
        self.clock.lap("polish")
        return rounded if outcome.solution is None else outcome.solution

    @staticmethod
    def _reread(extract: Extract, result: GoalResult) -> GoalResult:
        """Take a goal's value from the plan itself, so that what is reported is what is there."""
        value = sum(weight * extract.term(term) for term, weight in result.terms.items())
        bound = None if result.bound is None else min(result.bound, value)
        levels = extract.levels(result.proven_levels) if result.levels else ()
        read = {"value": value, "bound": bound, "gap": relative_gap(value, bound), "levels": levels}
        return result.model_copy(update=read)

    def _status(self, results: list[GoalResult]) -> Status:
        gaps = [result.gap for result in results]
        if any(gap is None or gap > self.options.gap + PROVEN for gap in gaps):
            return Status.LIMIT
        if any(result.proven_levels < len(result.levels) for result in results):
            return Status.LIMIT
        if all(gap is not None and gap <= PROVEN for gap in gaps):
            return Status.OPTIMAL
        return Status.WITHIN_GAP

    def _infeasible(self, settings: Settings) -> Plan:
        self._tell("conflicts")
        seconds = max(CONFLICT_SECONDS, self.clock.left)
        limits = Settings(seconds, 1e-6, self.options.seed, rins=settings.rins)
        conflicts = find_conflicts(self.data, limits, self.cancel)
        self.clock.lap("conflicts")
        if conflicts:
            return self._plan(Status.INFEASIBLE, conflicts=tuple(conflicts))
        if self.start is not None:
            # A start that breaks a rule by less than the solver's tolerance misleads.
            self.notes.append("a verdict of infeasible was wrong and was repeated without a start")
            self.start = None
            return self.attempt(settings)
        if not settings.presolve:
            raise SolverError("the solver calls a program infeasible that needs no relief")
        self.notes.append("a verdict of infeasible was wrong and was repeated without presolve")
        again = Settings(settings.time_limit, settings.gap, settings.seed, False, settings.rins)
        return self.attempt(again)

    def _plan(self, status: Status, **more: Any) -> Plan:
        more.setdefault("conflicts", ())
        conflicts: tuple[Conflict, ...] = more.pop("conflicts")
        return Plan(
            instance=InstanceReference(id=self.instance.id, sha256=self.instance.sha256),
            policy=self.policy,
            options=self.options,
            status=status,
            method=self.method,
            warm_start=self.start is not None,
            conflicts=conflicts,
            timings=self._timings(),
            versions={"allocator": VERSION, "highs": engine.version()},
            warnings=tuple(self.notes),
            **more,
        )

    def _timings(self) -> dict[str, float]:
        return {phase: round(s, 4) for phase, s in self.clock.timings.items()} | {
            "total": round(self.clock.elapsed, 4)
        }

    def _tell(self, phase: str) -> None:
        if self.progress is not None:
            self.progress(Progress(phase, None, None, None, self.clock.elapsed))
