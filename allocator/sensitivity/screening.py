"""Screening: which input matters for which result, by elementary effects or parts of variance."""

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from allocator.errors import InvalidInput
from allocator.sensitivity.cases import Case
from allocator.sensitivity.designs import (
    FEWEST,
    INDICES,
    Design,
    Numbers,
    ScreeningMethod,
    with_ranks,
    wrong_numbers,
)
from allocator.sensitivity.executor import Executor
from allocator.sensitivity.inputs import InvalidOver, Question
from allocator.sensitivity.ranges import Ranges, inputs_of
from allocator.sensitivity.shown import Charted
from allocator.sensitivity.sweep import base_plan
from allocator.sensitivity.tables import outcome_columns, records
from allocator.sensitivity.types import Outcome
from allocator.sensitivity.variation import Variation
from models.instance import Instance
from models.options import SolveOptions
from models.plan import Plan
from models.policy import Policy
from models.problems import Problem
from models.views import Part

RESULTS = (
    "shortfall", "cost", "unfairness", "largest_ratio", "smallest_ratio", "gini_per_inhabitant",
    "gini_per_fair_share", "jain", "moved_share", "asked", "overload", "change", "outcome",
)  # fmt: skip
"""What inputs may matter for; those that a plan does not have are left out."""
SAMPLES = {ScreeningMethod.MORRIS: 10, ScreeningMethod.SOBOL: 64}
"""Sets of rows unless said otherwise."""
LEVELS = 4
"""Values of an input in trajectories: the usual four, so that each step is two thirds."""
ENOUGH = 0.5
"""Part of the sets of rows that must be whole: fewer would be those that happen to be easy."""
DRAWS = 20
"""Most trajectories that are drawn for one whose values are possible together."""


@dataclass(frozen=True, repr=False)
class Screening(Charted):
    """Which input matters for which result.

    Attributes
    ----------
    instance_id, currency
        Of the instance.
    design
        What was varied, and how.
    outcomes
        What became of every row of the design.
    put_aside
        Why trajectories were put aside before anything was solved, and how many for that.
    """

    instance_id: str
    currency: str
    design: Design
    outcomes: tuple[Outcome, ...]
    put_aside: dict[str, int]

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a solve: set (from 1), the inputs, what is known, totals, fairness."""
        sets = np.repeat(np.arange(self.design.samples) + 1, self.design.rows_of_a_set)
        inputs = [one.path for one in self.design.inputs]
        rows = []
        for number, values, outcome in zip(sets, self.design.rows, self.outcomes, strict=True):
            settings = dict(zip(inputs, values.tolist(), strict=True))
            rows.append({"set": int(number), **settings, **outcome_columns(outcome), **settings})
        return pd.DataFrame(rows)

    @cached_property
    def left_out(self) -> pd.DataFrame:
        """One row a set that is not whole: set, solves without a plan, and why."""
        rows = []
        size = self.design.rows_of_a_set
        for number in range(self.design.samples):
            lacking = [
                one for one in self.outcomes[number * size : (number + 1) * size] if _lacks(one)
            ]
            if lacking:
                why = "; ".join(dict.fromkeys(_why(one) for one in lacking))
                rows.append({"set": number + 1, "without_plan": len(lacking), "why": why})
        return pd.DataFrame(rows, columns=["set", "without_plan", "why"])

    @property
    def refusal(self) -> str | None:
        """Why there are no indices; none where there are."""
        whole, needed = self.design.samples - len(self.left_out), _needed(self.design)
        if whole >= needed:
            return None
        return (
            f"no indices: only {whole} of {self.design.samples} sets of solves are whole, and at "
            f"least {needed} are needed"
        )

    @cached_property
    def indices(self) -> pd.DataFrame:
        """One row a result and input: result, input, the indices, sets, rank (1 matters most).

        The indices are those of `Design.indices`. Rank is none where an input has no influence.
        """
        frames = []
        for name, values in self._known.items():
            frame = with_ranks(self.design.indices(values), self.design.method)
            frames.append(frame.assign(result=name))
        columns = ["result", "input", *INDICES[self.design.method], "sets", "rank"]
        if not frames:
            return pd.DataFrame(columns=columns)
        return pd.concat(frames, ignore_index=True)[columns]

    @cached_property
    def results(self) -> pd.DataFrame:
        """One row a result: result, and its mean, deviation (standard), smallest and largest."""
        columns = ["result", "mean", "deviation", "smallest", "largest"]
        rows = []
        for name, values in self._known.items():
            known = values[~np.isnan(values)]
            numbers = (known.mean(), known.std(), known.min(), known.max())
            rows.append(dict(zip(columns, (name, *map(float, numbers)), strict=True)))
        return pd.DataFrame(rows, columns=columns)

    @property
    def gap(self) -> float | None:
        """Largest gap of any plan: differences within it may be the solver's; none: unproven."""
        gaps = [one.gap for one in self.outcomes if one.found]
        known = [gap for gap in gaps if gap is not None]
        return max(known) if known and len(known) == len(gaps) else None

    @cached_property
    def _known(self) -> dict[str, Numbers]:
        """Results of all rows, nan where there is none; only those that can be screened."""
        if self.refusal is not None:
            return {}
        found = {}
        for name in RESULTS:
            values = self.runs[name].astype("float64").to_numpy(na_value=np.nan)
            if self.design.sets(values).sum() >= FEWEST:
                found[name] = values
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return the screening as plain data for JSON, missing values as null."""
        return {
            "instance": self.instance_id,
            "currency": self.currency,
            "method": self.design.method.value,
            "samples": self.design.samples,
            "levels": self.design.levels,
            "seed": self.design.seed,
            "inputs": [
                {"path": one.path, "low": one.low, "high": one.high, "unit": one.unit}
                for one in self.design.inputs
            ],
            "gap": self.gap,
            "refusal": self.refusal,
            "results": records(self.results),
            "indices": records(self.indices),
            "put_aside": self.put_aside,
            "left_out": records(self.left_out),
            "runs": records(self.runs),
        }

    def _headline(self) -> str:
        return (
            f"Screening of {self.instance_id} ({self.design.method.value}): "
            f"{len(self.design.inputs):,} inputs, {len(self.outcomes):,} solves"
        )

    def _parts(self) -> Iterator[Part]:
        from allocator.sensitivity.views import screening_parts

        return screening_parts(self)

    def _drawn(self) -> Any:
        from allocator.sensitivity.bars import screening_chart

        return screening_chart(self)


def _lacks(outcome: Outcome) -> bool:
    return not outcome.found


def _why(outcome: Outcome) -> str:
    if outcome.error is not None:
        return outcome.error
    clashes = "; ".join(conflict.message for conflict in outcome.conflicts)
    return f"{outcome.status}: {clashes}" if clashes else str(outcome.status)


def _needed(design: Design) -> int:
    """Return how many sets must be whole."""
    return max(FEWEST, int(np.ceil(ENOUGH * design.samples)))


@dataclass(frozen=True)
class Prepared:
    """A screening before anything is solved.

    Attributes
    ----------
    instance, policy, options
        Of every solve.
    design
        What is varied, and how.
    clashes
        Why sets of rows (from 0, as they are drawn) hold values that are impossible together.
        Trajectories were drawn anew for them; points are not solved.
    """

    instance: Instance
    policy: Policy
    options: SolveOptions
    design: Design
    clashes: dict[int, str]

    @property
    def solves(self) -> int:
        """How many different questions there are."""
        cases = (self._case(number, None) for number in range(len(self.design.rows)))
        return len({case.key for case in cases if isinstance(case, Case)})

    def solved(self, executor: Executor, start: Plan | None = None) -> Screening:
        """Solve every row of the design and return what that says.

        Parameters
        ----------
        executor
            Who solves.
        start
            A plan to start every solve from; none: large countries are solved once where nothing
            is varied.

        Raises
        ------
        SolverError
            If no scheduler answers. What goes wrong with a solve is an outcome.
        """
        known = start or base_plan(executor, self.instance, self.policy, self.options)
        asked = [self._case(number, known) for number in range(len(self.design.rows))]
        cases = [case for case in asked if isinstance(case, Case)]
        outcomes = iter(executor.run(cases, "screening"))
        return Screening(
            instance_id=self.instance.id,
            currency=self.instance.currency,
            design=self.design,
            outcomes=tuple(next(outcomes) if isinstance(one, Case) else one for one in asked),
            put_aside=dict(Counter(self.clashes[i] for i in self.design.aside)),
        )

    def _case(self, number: int, start: Plan | None) -> Case | Outcome:
        """Return what a row asks; nothing where its set is impossible."""
        its_set = number // self.design.rows_of_a_set
        name = f"set {its_set + 1} row {number + 1}"
        if not self.design.aside and its_set in self.clashes:
            return Outcome.not_run(name, self.clashes[its_set])
        question = _asked(self.design, self.design.rows[number], self.policy)
        return Case(
            name=name,
            instance=self.instance,
            policy=question.policy,
            variation=question.variation,
            options=self.options,
            start=start,
        )


def _asked(design: Design, row: Numbers, policy: Policy) -> Question:
    question = Question(policy, Variation())
    for one, value in zip(design.inputs, row, strict=True):
        question = question.with_value(one.path, one.value(value))
    return question


def _possible(instance: Instance, policy: Policy, design: Design) -> tuple[Design, dict[int, str]]:
    """Return a design of possible trajectories, and why sets are impossible.

    Each value may be possible and all together not: shares that add up to more than 1. Of
    trajectories others are drawn instead; points of a sequence cannot be exchanged.

    Raises
    ------
    InvalidOver
        If too few sets are possible.
    """
    morris = design.method is ScreeningMethod.MORRIS
    needed = design.samples if morris else _needed(design)
    most = design.samples * (DRAWS if morris else 1)
    size, rows = design.rows_of_a_set, replace(design, samples=most).rows
    clashes: dict[int, str] = {}
    for number in range(most):
        why = _clash(instance, policy, design, rows[number * size : (number + 1) * size])
        if why is not None:
            clashes[number] = why
        elif morris and number + 1 - len(clashes) == needed:
            break
    if number + 1 - len(clashes) < needed:
        message = f"of {most} sets of values only {most - len(clashes)} are possible together"
        first = next(iter(clashes.values()))
        problem = Problem(message, f"give narrower ranges: {first}", "inputs")
        raise InvalidOver("too little can be screened", [problem])
    return (replace(design, aside=tuple(clashes)) if morris else design), clashes


def _clash(instance: Instance, policy: Policy, design: Design, rows: Numbers) -> str | None:
    try:
        for row in rows:
            _asked(design, row, policy).variation.applied(instance)
    except InvalidInput as error:
        return "; ".join(dict.fromkeys(problem.message for problem in error.problems))
    return None


def prepare(
    instance: Instance,
    policy: Policy | None = None,
    inputs: Ranges | None = None,
    *,
    method: ScreeningMethod | str = ScreeningMethod.MORRIS,
    samples: int | None = None,
    levels: int = LEVELS,
    seed: int = 0,
    options: SolveOptions | None = None,
) -> Prepared:
    """Return a screening that is checked and drawn, and not yet solved; as for `screening`."""
    policy, chosen = policy or Policy(), ScreeningMethod(method)
    samples = SAMPLES[chosen] if samples is None else samples
    wrong = wrong_numbers(chosen, samples, levels, seed)
    if wrong:
        raise ValueError("\n".join(wrong))
    steps = levels - 1 if chosen is ScreeningMethod.MORRIS else None
    varied = inputs_of(instance, policy, inputs, steps)
    design = Design(chosen, varied, samples, levels, seed)
    possible, clashes = _possible(instance, policy, design)
    return Prepared(instance, policy, options or SolveOptions(), possible, clashes)


def screening(
    instance: Instance,
    policy: Policy | None = None,
    inputs: Ranges | None = None,
    *,
    method: ScreeningMethod | str = ScreeningMethod.MORRIS,
    samples: int | None = None,
    levels: int = LEVELS,
    seed: int = 0,
    options: SolveOptions | None = None,
    start: Plan | None = None,
    executor: Executor | None = None,
) -> Screening:
    """Return which input matters for which result.

    Parameters
    ----------
    instance
        What is given.
    policy
        What the planner decides; none: the default policy.
    inputs
        Ends of a range by path (see `allocator.sensitivity.inputs`); none instead of ends: the
        range of the assumption. None at all: every assumption that the program rests on.
    method
        `morris` (inputs + 1 solves a sample) or `sobol` (inputs + 2).
    samples
        Trajectories (Morris; none: 10) or points of the sequence (Sobol', a power of 2; none: 64).
    levels
        Values of each input in trajectories, an even number.
    seed
        Of all that is drawn: the same seed gives the same solves and the same indices.
    options
        How long to take for one solve and how exact to be.
    start
        A plan to start every solve from; see `Prepared.solved`.
    executor
        Who solves; none: processes of this machine.

    Raises
    ------
    InvalidOver
        With everything that is wrong with the inputs, before anything is solved; or if too few
        values are possible together.
    ValueError
        With everything that is wrong with the numbers.
    SolverError
        If no scheduler answers. What goes wrong with a solve is an outcome.
    """
    prepared = prepare(
        instance,
        policy,
        inputs,
        method=method,
        samples=samples,
        levels=levels,
        seed=seed,
        options=options,
    )
    with Executor() if executor is None else nullcontext(executor) as work:
        return prepared.solved(work, start)
