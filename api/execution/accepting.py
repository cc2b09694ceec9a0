"""What is asked, checked as a whole before it is accepted: everything that is wrong, at once.

What is kept of an accepted run is complete: the run is computed from it and what it names alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from allocator.checking import check_policy
from allocator.compare.candidates import KEY, OBSERVATION, candidate
from allocator.errors import AllocatorError, InvalidInput
from allocator.policies import with_changes
from allocator.revising.corrections import corrected
from allocator.revising.decisions import check_answers
from allocator.sensitivity.inputs import Question, grid
from allocator.sensitivity.scenarios import scenarios
from allocator.sensitivity.sweep import MOST
from allocator.sensitivity.variation import Variation
from api.execution.plans import plan_of
from api.execution.shelf import Shelf
from api.problems import ErrorItem, Trouble, invalid, item_of, pointer
from api.schemas.runs import (
    CompareRun,
    ExplainRun,
    ReviseRun,
    RobustnessRun,
    SolveRun,
    SweepRun,
)
from api.settings import Settings
from api.store import instances, proposals, runs
from api.store.database import alone
from api.store.runs import State
from models.answers import Answer, Correction
from models.instance import Instance
from models.plan import Plan
from models.policy import Policy
from models.problems import errors


@dataclass(frozen=True)
class Accepted:
    """A run that can be computed.

    Attributes
    ----------
    instance_id
        Instance it is about.
    base_run_id
        Run it rests on.
    request
        What is asked, whole: with the policy in full and answers in full.
    instance
        An instance with corrected capacities that is to be stored for the run; none: there are
        no corrections.
    """

    instance_id: str
    base_run_id: str | None
    request: dict[str, Any]
    instance: Instance | None = field(default=None, repr=False)


def accepted(asked: Any, connection: sa.Connection, shelf: Shelf, settings: Settings) -> Accepted:
    """Return what is asked as it can be computed.

    Raises
    ------
    Trouble
        With everything that is wrong with it.
    """
    return _Check(asked, connection, shelf, settings).accepted()


class _Check:
    """One request being looked at."""

    def __init__(
        self, asked: Any, connection: sa.Connection, shelf: Shelf, settings: Settings
    ) -> None:
        self._asked, self._connection = asked, connection
        self._shelf, self._settings = shelf, settings
        self._wrong: list[ErrorItem] = []
        self._instance: Instance | None = None

    def accepted(self) -> Accepted:
        """Return what is asked as it can be computed."""
        asked = self._asked
        self._options()
        base = self._plan("base_run_id", asked.base_run_id)
        instance_id = self._instance_id()
        if instance_id is not None:
            self._instance = self._shelf.get(instance_id, self._connection)
        request = asked.model_dump(mode="json")
        request["instance_id"] = instance_id
        new = None
        if isinstance(asked, ReviseRun):
            new = self._revision(base, request)
        elif hasattr(asked, "policy"):
            policy = self._policy(base)
            if policy is not None:
                request["policy"] = policy.model_dump(mode="json")
                if isinstance(asked, SweepRun):
                    self._sweep(asked, policy)
        self._others(base)
        if self._wrong or instance_id is None:
            raise invalid(self._wrong)
        return Accepted(instance_id, asked.base_run_id, request, new)

    def _say(self, at: str, detail: str, value: object, expected: str) -> None:
        said = None if value is None else str(value)[:80]
        self._wrong.append(ErrorItem(pointer=at, detail=detail, value=said, expected=expected))

    def _attempt(self, work: Callable[[], Any], under: str) -> Any:
        """Return what `work` returns, or nothing, having said what it says is wrong."""
        try:
            return work()
        except InvalidInput as error:
            self._wrong += [item_of(problem, under) for problem in error.problems]
        except (AllocatorError, ValueError) as error:
            self._say(under, str(error), None, "change it")
        return None

    def _options(self) -> None:
        most, given = self._settings.max_time_limit, self._asked.options.time_limit
        if given > most:
            expected = f"give at most {most:g} seconds"
            self._say("/options/time_limit", "longer than is allowed here", given, expected)

    def _plan(self, name: str, run_id: str | None) -> Plan | None:
        """Return the plan of a run that this one rests on."""
        if run_id is None:
            return None
        at = name if name.startswith("/") else f"/{name}"
        run = runs.get(self._connection, run_id)
        if run is None:
            self._say(at, "there is no such run", run_id, "give the id of a run with a plan")
            return None
        if run["kind"] not in ("solve", "revise"):
            detail = f"a run of kind {run['kind']} makes no plan"
            self._say(at, detail, run_id, "give a run of kind solve or revise")
            return None
        plan = plan_of(self._connection, run_id)
        if plan is None:
            detail = f"the run has no plan; it is {run['state']}"
            open_ = not State(run["state"]).is_terminal
            self._say(at, detail, run_id, "wait for it" if open_ else "give one that succeeded")
        elif not plan.found:
            detail = f"its plan has no quotas ({plan.status.value})"
            self._say(at, detail, run_id, "give a run that found a plan")
        else:
            return plan
        return None

    def _instance_id(self) -> str | None:
        named = getattr(self._asked, "instance_id", None)
        if named is None:
            if self._asked.base_run_id is None:
                expected = "give instance_id, or base_run_id for the instance of another run"
                self._say("/instance_id", "is missing", None, expected)
                return None
            run = runs.get(self._connection, self._asked.base_run_id)
            return None if run is None else str(run["instance_id"])
        try:
            about = instances.find(self._connection, named)
        except instances.NotUnique as error:
            expected = f"give one of {', '.join(error.ids)}"
            self._say("/instance_id", "several instances have this name", named, expected)
            return None
        if about is None:
            expected = "give an id of GET /v1/instances"
            self._say("/instance_id", "there is no such instance", named, expected)
            return None
        return str(about["id"])

    def _policy(self, base: Plan | None) -> Policy | None:
        start = Policy()
        if base is not None:
            start = base.policy if base.revised is None else base.revised.policy
        policy: Policy | None = self._attempt(
            lambda: with_changes(start, self._asked.policy), "/policy"
        )
        if policy is not None and self._instance is not None:
            found = errors(check_policy(self._instance, policy))
            self._wrong += [item_of(problem, "/policy") for problem in found]
        return policy

    def _sweep(self, asked: SweepRun, policy: Policy) -> None:
        if self._instance is None or self._wrong:
            return
        instance = self._instance
        question = Question(policy, Variation())
        self._attempt(lambda: grid(instance, question, asked.over, MOST), "/over")

    def _revision(self, base: Plan | None, request: dict[str, Any]) -> Instance | None:
        """Complete a revision with the answers it takes up; return corrected figures, if any."""
        asked = self._asked
        kept = proposals.answers_by_id(self._connection, list(asked.answer_ids))
        answers, corrections = dict[int, Answer](), list[Correction]()
        places = list[int]()  # of corrections, among the answers
        for place, answer_id in enumerate(asked.answer_ids):
            row = kept.get(answer_id)
            at = pointer("/answer_ids", place)
            if row is None:
                self._say(at, "there is no such answer", answer_id, "give an id of an answer")
                continue
            about = proposals.get(self._connection, row["proposal_id"])
            if about is None or about["run_id"] != asked.base_run_id:
                expected = "give answers to a proposal of the base run"
                self._say(at, "it answers another plan", answer_id, expected)
                continue
            names = ("municipality_id", "answer", "persons", "author", "date", "reason")
            answers[place] = Answer.model_validate({name: row[name] for name in names})
            places += [place] * len(row["capacities"])
            corrections += [
                Correction.model_validate({"municipality_id": row["municipality_id"], **one})
                for one in row["capacities"]
            ]
        decisions = [*answers.values(), *asked.decisions]
        request["decisions"] = [one.model_dump(mode="json") for one in decisions]
        if base is None or self._instance is None:
            return None
        instance = self._instance
        self._answers(decisions, list(answers), base)
        start = base.policy if base.revised is None else base.revised.policy
        self._attempt(lambda: with_changes(start, asked.policy), "/policy")
        if set(base.quota_of) != set(instance.municipalities["municipality_id"]):
            expected = "give an instance of the same municipalities"
            detail = "it has other municipalities than the plan"
            self._say("/instance_id", detail, asked.instance_id, expected)
        if not corrections:
            return None
        try:
            return corrected(instance, corrections)
        except InvalidInput as error:
            for problem in error.problems:  # told at the answer that holds the capacity
                at = pointer("/answer_ids", places[(problem.row or 1) - 1])
                detail = f"{problem.column or 'capacity'}: {problem.message}"
                self._say(at, detail, problem.value, problem.expected)
            return None

    def _answers(self, decisions: Sequence[Answer], stored: list[int], base: Plan) -> None:
        """Say what is wrong with answers, at the place where they were sent."""
        for problem in check_answers(decisions, base):
            row = (problem.row or 1) - 1
            item = item_of(problem)
            if row < len(stored):
                place = pointer("/answer_ids", stored[row])
            else:
                column = [] if problem.column is None else [problem.column]
                place = pointer("/decisions", row - len(stored), *column)
            update = {"pointer": place, "table": None, "row": None, "column": None}
            self._wrong.append(item.model_copy(update=update))

    def _others(self, base: Plan | None) -> None:
        """Check what only one kind of run has."""
        asked, instance = self._asked, self._instance
        if isinstance(asked, ExplainRun) and base is not None:
            for place, m in enumerate(asked.municipality_ids or []):
                if m not in base.quota_of:
                    expected = "give its official number as text, leading zeros included"
                    at = pointer("/municipality_ids", place)
                    self._say(at, "the plan has no such municipality", m, expected)
        if isinstance(asked, SolveRun) and asked.warm_start and asked.base_run_id is None:
            expected = "give base_run_id, or leave it out"
            self._say("/warm_start", "there is no plan to start from", "true", expected)
        if isinstance(asked, RobustnessRun) and instance is not None:
            self._attempt(lambda: asked.uncertainty.check(instance), "/uncertainty/families")
            if asked.resolve > asked.draws and asked.scenarios is None:
                expected = f"give at most {asked.draws}, the number of draws"
                self._say("/resolve", "more than there are draws", asked.resolve, expected)
            if asked.scenarios is not None:
                table = scenario_table(asked.model_dump()["scenarios"])
                self._attempt(lambda: scenarios(instance, table), "/scenarios")
        if isinstance(asked, CompareRun):
            self._comparison(asked, base)

    def _comparison(self, asked: CompareRun, base: Plan | None) -> None:
        for place, run_id in enumerate(asked.run_ids):
            at = pointer("/run_ids", place)
            plan = self._plan(at, run_id)
            if plan and base and plan.instance.sha256 != base.instance.sha256:
                expected = "give runs about the instance of the base run"
                self._say(at, "its plan is about another instance", run_id, expected)
            if run_id in (asked.base_run_id, *asked.run_ids[:place]):
                self._say(at, "the same run is there twice", run_id, "name it once")
        if not asked.run_ids and not asked.keys and not asked.observed:
            self._say("/run_ids", "there is nothing to compare with", None, "name a run or a key")
        if base is None or self._instance is None:
            return
        for field_, names in (("keys", asked.keys), ("observed", asked.observed)):
            for place, name in enumerate(names):
                full = f"{KEY if field_ == 'keys' else OBSERVATION}{name}"
                instance, policy = self._instance, base.policy
                try:
                    candidate(full, instance, policy)
                except InvalidInput as error:
                    at = pointer(f"/{field_}", place)
                    for problem in error.problems:
                        self._say(at, problem.message, name, problem.expected)


def scenario_table(rows: Sequence[dict[str, Any]]) -> Any:
    """Return scenarios that were sent as the table that `scenarios` reads."""
    import pandas as pd

    return pd.DataFrame(list(rows))


def refuse_too_many(connection: sa.Connection, created_by: str, settings: Settings) -> None:
    """Refuse another run of a key that has as many open as it may.

    Raises
    ------
    Trouble
        If it has.
    """
    alone(connection, f"runs of {created_by}")
    number = runs.count_open(connection, created_by)
    if number >= settings.max_open_runs:
        detail = f"{number} runs of this key wait or run; wait for some, or cancel them"
        raise Trouble("too-many", detail, headers={"Retry-After": "30"})
