"""The whole program at once: branch and bound, goal by goal."""

from functools import partial

import numpy as np

from allocator.solve import engine
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.engine import Ending, Outcome, Settings
from allocator.solve.leximin import refine as leximin
from allocator.solve.leximin.search import BySearch
from allocator.solve.secants import EXACT
from allocator.solve.stages import Infeasible, Objective, Proof, Stages, hold
from allocator.solve.starts import first_plan
from models.plan import BoundFrom, GoalResult

ROUNDS = 6
"""Rounds of placing secants on the relaxation before integers are asked for."""
QUICK = 30.0
"""Most seconds for one goal of the first plan."""
AROUND = 6
"""Lots up and down from the relaxed answer at which secants are placed beforehand."""


def run(stages: Stages) -> list[GoalResult]:
    """Optimise every goal in order and return how well each is met.

    Raises
    ------
    Infeasible
        If no plan keeps every demand.
    """
    results: list[GoalResult] = []
    if stages.solution is None:
        _start(stages)
    stages.clock.lap("first plan")
    for i, goal in enumerate(stages.goals):
        if goal.refined:
            result = leximin.settle(stages, i, BySearch(stages))
        else:
            result = stages.settle(goal, optimise(stages, i))
        if result is None:
            return []
        results.append(result)
        stages.clock.lap(f"goal {i + 1}")
    return results


def optimise(stages: Stages, i: int, known: Proof | None = None) -> Proof:
    """Optimise goal `i` (from 0), the earlier ones being held.

    Parameters
    ----------
    known
        What is proven of it already.
    """
    goal = stages.goals[i]
    objective = stages.objective(goal)
    if not objective[0].any():
        return Proof.of(objective[1], BoundFrom.TRIVIAL)
    last = i + 1 == len(stages.goals)
    deadline = stages.clock.elapsed + stages.clock.left * (1.0 if last else 0.5)
    relaxed = _place_secants(stages, objective, deadline)
    proof = Proof.of(stages.rounded(goal, relaxed.bound), BoundFrom.RELAXATION)
    if known is not None and known.bound is not None:
        proof = max(known, proof, key=lambda p: -np.inf if p.bound is None else p.bound)
    if stages.good_enough(stages.value(objective), proof.bound):
        return proof
    outcome = _solve(stages, objective, i, deadline)
    stages.solution = stages.solution if outcome.solution is None else outcome.solution
    searched = stages.rounded(goal, outcome.bound)
    if searched is not None and (proof.bound is None or searched > proof.bound):
        return Proof.of(searched, BoundFrom.SEARCH)
    return proof


def _start(stages: Stages) -> None:
    """Find a first plan from the relaxation of all goals in order."""
    stages.tell("first plan")
    relaxed, solution = stages.arrays, None
    best: list[float] = []
    objectives = [o for o in map(stages.objective, stages.goals) if o[0].any()]
    for objective in objectives:
        outcome = stages.relax_feasibly(relaxed, objective, stages.clock.left)
        if outcome.solution is None or outcome.value is None:
            return
        solution = outcome.solution
        best.append(outcome.value)
        relaxed = hold(relaxed, objective, outcome.value)
    if solution is None:
        return
    stages.arrays, _ = stages.secants.add(stages.arrays, solution, AROUND)
    found = first_plan(stages.arrays, solution, objectives, hold, best, partial(_quick, stages))
    stages.solution = None if found is None else stages.secants.exact(found)


def _quick(stages: Stages, arrays: Arrays, cost: Vector, constant: float) -> Outcome:
    seconds = min(QUICK, stages.clock.left / 3)
    options = stages.options
    settings = Settings(seconds, options.gap, options.seed, rins=stages.settings.rins)
    return engine.run(arrays, cost, constant, settings, cancel=stages.cancel)


def _solve(stages: Stages, objective: Objective, i: int, deadline: float) -> Outcome:
    """Solve one goal, adding secants until unfairness is exact at the answer."""
    cost, constant = objective
    counts = stages.counts_unfairness(i)
    best: Outcome | None = None
    while True:
        outcome = _call(stages, objective, stages.phase(i), deadline - stages.clock.elapsed)
        if outcome.solution is None:
            return best or outcome
        mended = stages.secants.exact(outcome.solution)
        missed = float((mended - outcome.solution).sum())
        stages.solution = mended
        value = float(cost @ mended) + constant
        best = Outcome(outcome.ending, mended, value, outcome.bound, outcome.seconds)
        if missed <= EXACT or not counts:
            return best
        stages.arrays, added = stages.secants.add(stages.arrays, mended, 1)
        # Where all secants are there, what is missed is the solver's tolerance.
        if not added or outcome.ending is Ending.LIMIT:
            return best


def _place_secants(stages: Stages, objective: Objective, deadline: float) -> Outcome:
    """Put secants where the relaxation has its answer, before integers are asked for."""
    for _ in range(ROUNDS):
        seconds = deadline - stages.clock.elapsed
        outcome = stages.relax_feasibly(stages.arrays, objective, seconds)
        if outcome.solution is None:
            return outcome
        stages.arrays, added = stages.secants.add(stages.arrays, outcome.solution, AROUND)
        if not added:
            return outcome
    return outcome


def _call(stages: Stages, objective: Objective, phase: str, seconds: float) -> Outcome:
    report = partial(stages.tell, phase)
    report(None, None)
    options, usual = stages.options, stages.settings
    outcome = engine.run(
        stages.arrays,
        *objective,
        Settings(seconds, options.gap, options.seed, presolve=usual.presolve, rins=usual.rins),
        start=stages.solution,
        report=report,
        cancel=stages.cancel,
    )
    if outcome.ending is Ending.INFEASIBLE:
        raise Infeasible
    report(outcome.value, outcome.bound)
    return outcome
