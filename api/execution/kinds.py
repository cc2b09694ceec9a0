"""What each kind of run computes, from what was accepted alone."""

import json
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from allocator.compare import Comparison, compare
from allocator.compare.candidates import KEY, OBSERVATION, candidate, candidate_of_plan
from allocator.diagnose import diagnose
from allocator.errors import AllocatorError, InvalidInput, SolverError, VerificationError
from allocator.explain import explain_all
from allocator.revising import revise
from allocator.sensitivity.executor import Executor, Standing
from allocator.sensitivity.frontier import frontier
from allocator.sensitivity.marginal import marginal
from allocator.sensitivity.robustness import robustness
from allocator.sensitivity.scenarios import scenarios
from allocator.sensitivity.shown import Charted
from allocator.sensitivity.sweep import sweep
from allocator.sensitivity.uncertainty import Uncertainty
from allocator.solve import solve
from allocator.solve.progress import Progress
from api.execution.accepting import scenario_table
from api.execution.plans import JSON, headline, kept_plan, numbers
from api.problems import item_of
from api.store.results import Result
from api.store.runs import Ending, State, failure
from models.answers import Answer
from models.instance import Instance
from models.options import SolveOptions
from models.plan import Plan
from models.policy import Policy

SVG = "image/svg+xml"
RESULT, CHART = "result", "chart"
HURRY = 1.0
"""Seconds that a run has to end by itself when it is cancelled."""


@dataclass(frozen=True)
class Work:
    """A run to compute.

    Attributes
    ----------
    request
        What is asked, as it was accepted.
    instance
        What is given.
    base
        Plan of the run it rests on.
    others
        Plans of further runs, by run id.
    processes
        Processes it may use.
    tell
        Takes where it stands.
    keep
        Takes how it ends when it is cancelled and does not end itself, and seconds that are
        waited for that; none: it is waited for.
    cancel
        Set when it is to stop.
    """

    request: dict[str, Any]
    instance: Instance
    base: Plan | None
    others: dict[str, Plan]
    processes: int
    tell: Callable[[dict[str, Any]], None]
    keep: Callable[[Ending | None, float], None]
    cancel: threading.Event

    @property
    def policy(self) -> Policy:
        """The policy of the run, in full."""
        return Policy.model_validate_json(json.dumps(self.request["policy"]))

    @property
    def options(self) -> SolveOptions:
        """How to solve."""
        given = {**self.request["options"], "processes": self.processes}
        return SolveOptions.model_validate_json(json.dumps(given))

    @property
    def plan(self) -> Plan:
        """The plan it rests on."""
        if self.base is None:
            raise ValueError("a run of this kind rests on a plan")
        return self.base

    def listen(self, progress: Progress) -> None:
        """Tell where a solve stands."""
        names = ("phase", "incumbent", "bound", "gap", "elapsed")
        self.tell({name: getattr(progress, name) for name in names})

    def executor(self) -> Executor:
        """Return who solves many cases for it."""

        def tell(standing: Standing) -> None:
            names = ("phase", "done", "total", "elapsed", "left")
            self.tell({name: getattr(standing, name) for name in names})

        return Executor(processes=self.processes, progress=tell, cancel=self.cancel)


def computed(work: Work) -> Ending:
    """Compute a run and return how it ends; what goes wrong is an end too."""
    # A solve stops within a second, with the best plan so far; not everything else does.
    makes_plan = work.request["kind"] in ("solve", "revise")
    work.keep(None if makes_plan else Ending(State.CANCELLED), HURRY)
    try:
        ending = _KINDS[work.request["kind"]](work)
    except InvalidInput as error:
        items = [item_of(one).model_dump(exclude_none=True) for one in error.problems]
        return _failed("invalid", error, errors=items)
    except SolverError as error:
        if work.cancel.is_set():  # what it stopped at is no answer
            return Ending(State.CANCELLED)
        return _failed("solver", error)
    except VerificationError as error:
        return _failed("verification", error)
    except (AllocatorError, ValueError) as error:
        return _failed("invalid", error)
    if work.cancel.is_set():
        return replace(ending, state=State.CANCELLED)
    return ending


def _failed(kind: str, error: Exception, **more: Any) -> Ending:
    return Ending(State.FAILED, error=failure(kind, str(error), **more))


def _with_plan(work: Work, plan: Plan, *more: Result) -> Ending:
    return Ending(
        State.SUCCEEDED,
        plan_status=plan.status.value,
        headline=headline(plan),
        results=(kept_plan(plan), *more),
        numbers=numbers(plan, work.instance),
    )


def _answered(work: Work, answer: Any, charted: Charted | None = None) -> Ending:
    text = json.dumps(answer, ensure_ascii=False, allow_nan=False)
    ending = Ending(State.SUCCEEDED, results=(Result(RESULT, JSON, text.encode()),))
    if charted is None or work.cancel.is_set():  # drawing takes seconds
        return ending
    chart = charted.chart
    if chart is None:
        return ending
    work.keep(ending, 0.0)
    from allocator.sensitivity.charts import drawn

    more = Result(CHART, SVG, drawn(chart, "svg"))
    return replace(ending, results=(*ending.results, more))


def _solve(work: Work) -> Ending:
    start = work.base if work.request["warm_start"] else None
    plan = solve(
        work.instance,
        work.policy,
        work.options,
        start=start,
        progress=work.listen,
        cancel=work.cancel,
    )
    return _with_plan(work, plan)


def _revise(work: Work) -> Ending:
    asked = work.request
    decisions = [Answer.model_validate_json(json.dumps(one)) for one in asked["decisions"]]
    revision = revise(
        work.plan,
        work.instance,
        target=asked["target"],
        decisions=decisions,
        settings=asked["policy"],
        options=work.options,
        strict=asked["strict"],
        progress=work.listen,
        cancel=work.cancel,
    )
    told = json.dumps(revision.as_dict(), ensure_ascii=False, allow_nan=False)
    return _with_plan(work, revision.plan, Result(RESULT, JSON, told.encode()))


def _explain(work: Work) -> Ending:
    asked: list[str] | None = work.request["municipality_ids"]
    total = len(work.plan.quotas) if asked is None else len(asked)
    found: dict[str, Any] = {}
    work.keep(_explained(work, found), 0.0)
    told = explain_all(
        work.plan,
        work.instance,
        municipalities=asked,
        options=work.options,
        confirm=work.request["confirm"],
        progress=work.listen,
        cancel=work.cancel,
    )
    while not work.cancel.is_set():
        try:
            one = next(told, None)
        except SolverError:
            if work.cancel.is_set():
                break
            raise
        if one is None or work.cancel.is_set():  # what it stopped at is no answer
            break
        found[one.municipality_id] = one.model_dump(mode="json")
        work.keep(_explained(work, found), 0.0)
        phase = f"explained {one.name}"
        work.tell({"phase": phase, "done": len(found), "total": total})
    return _explained(work, found)


def _explained(work: Work, found: dict[str, Any]) -> Ending:
    told_of = {"plan_run_id": work.request["base_run_id"], "municipality_ids": list(found)}
    return Ending(
        State.SUCCEEDED,
        results=(Result(RESULT, JSON, json.dumps(told_of).encode()),),
        explanations=dict(found),
    )


def _sweep(work: Work) -> Ending:
    with closing(work.executor()) as executor:
        found = sweep(
            work.instance,
            work.policy,
            work.request["over"],
            options=work.options,
            start=work.base,
            executor=executor,
        )
    return _answered(work, found.as_dict(), found)


def _marginal(work: Work) -> Ending:
    with closing(work.executor()) as executor:
        found = marginal(
            work.instance,
            work.plan,
            top=work.request["top"],
            money=work.request["money"],
            options=work.options,
            executor=executor,
            cancel=work.cancel,
        )
    return _answered(work, found.as_dict(), found)


def _frontier(work: Work) -> Ending:
    with closing(work.executor()) as executor:
        found = frontier(
            work.instance,
            work.policy,
            tuple(work.request["between"]),
            points=work.request["points"],
            options=work.options,
            executor=executor,
        )
    return _answered(work, found.as_dict(), found)


def _robustness(work: Work) -> Ending:
    asked = work.request
    drawn = None
    if asked["scenarios"] is not None:
        drawn = scenarios(work.instance, scenario_table(asked["scenarios"]))
    with closing(work.executor()) as executor:
        found = robustness(
            work.instance,
            work.plan,
            Uncertainty.model_validate(asked["uncertainty"]),
            scenarios=drawn,
            draws=asked["draws"],
            resolve=asked["resolve"] if drawn is None else min(asked["resolve"], len(drawn)),
            gammas=asked["gammas"],
            options=work.options,
            executor=executor,
        )
    return _answered(work, found.as_dict(), found)


def _diagnose(work: Work) -> Ending:
    found = diagnose(
        work.instance,
        work.policy,
        work.options,
        promise=work.request["no_shortfall"],
        ways=work.request["ways"],
        progress=work.listen,
        cancel=work.cancel,
    )
    return _answered(work, found.model_dump(mode="json"))


def _compare(work: Work) -> Ending:
    asked, policy = work.request, work.plan.policy
    candidates = [candidate_of_plan(asked["base_run_id"], work.plan)]
    candidates += [candidate_of_plan(run_id, work.others[run_id]) for run_id in asked["run_ids"]]
    candidates += [candidate(f"{KEY}{name}", work.instance, policy) for name in asked["keys"]]
    candidates += [
        candidate(f"{OBSERVATION}{name}", work.instance, policy) for name in asked["observed"]
    ]
    found: Comparison = compare(work.instance, policy, candidates)
    return _answered(work, found.as_dict())


_KINDS: dict[str, Callable[[Work], Ending]] = {
    "solve": _solve,
    "revise": _revise,
    "explain": _explain,
    "sweep": _sweep,
    "marginal": _marginal,
    "frontier": _frontier,
    "robustness": _robustness,
    "diagnose": _diagnose,
    "compare": _compare,
}
