"""Many cases are solved once each and come back in order, whoever solves, dies or is stopped."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

import allocator
from allocator.errors import InvalidInput, SolverError
from allocator.sensitivity.cases import Case
from allocator.sensitivity.executor import Executor, Standing
from allocator.sensitivity.journal import Journal
from allocator.sensitivity.types import Outcome, State
from allocator.sensitivity.variation import CapacityChange, Variation
from allocator.solve import solve
from instances.synthetic.build import build
from models.options import Method, SolveOptions
from models.plan import Plan, Status
from models.policy import CountyBound, Decision, Policy, Relation
from tests.sensitivity.cases import EXACT, draw, is_worker, told, workers

COUNTRY = draw(1)
RICHER = replace(COUNTRY, budget=600.0)
INSTANCE = COUNTRY.instance
LONG = SolveOptions(gap=0.0, method=Method.WHOLE, time_limit=600.0)


@pytest.fixture(scope="module", autouse=True)
def shared() -> Iterator[Executor]:
    """One process for all tests that need no more."""
    with Executor(processes=1) as executor:
        yield executor
    assert workers() == []  # neither this one nor any other


def case(budget: float = 100.0, **more: object) -> Case:
    policy = COUNTRY.policy.model_copy(
        update={"budget": COUNTRY.policy.budget.model_copy(update={"total": budget})}
    )
    about: dict[str, object] = {
        "name": f"budget {budget:g}",
        "instance": INSTANCE,
        "policy": policy,
        "options": EXACT,
    }
    return Case(**(about | more))  # type: ignore[arg-type]


def many(count: int) -> list[Case]:
    return [case(100.0 * i) for i in range(count)]


def endless() -> Case:
    """Return a case that takes minutes."""
    return Case("endless", build(70, 1), Policy(), options=LONG)


def lines(journal: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]


class Heard(list[Standing]):
    """Keeps what is told."""

    def __call__(self, standing: Standing) -> None:
        self.append(standing)


# What a case is.


def test_the_key_tells_questions_apart_and_nothing_else() -> None:
    plan = solve(INSTANCE, COUNTRY.policy, EXACT)
    change = CapacityChange(family="housing", factor=2.0)
    different = [
        case(),
        case(200.0),
        case(instance=INSTANCE.replace(target=COUNTRY.target - 1)),
        case(variation=Variation(capacities=(change,))),
        case(options=EXACT.model_copy(update={"seed": 1})),
        case(options=EXACT.model_copy(update={"time_limit": 7.0})),
    ]
    assert len({one.key for one in different}) == len(different)
    who = {"processes": 7, "scheduler": "tcp://nobody:1", "child_process": True}
    same = [
        case(name="other"),
        case(start=plan),
        case(keep=True),
        case(options=EXACT.model_copy(update=who)),
    ]
    assert {one.key for one in same} == {case().key}


def test_an_outcome_says_what_the_plan_says(shared: Executor) -> None:
    (kept,) = shared.run([case(keep=True)])
    plan = solve(INSTANCE, case().policy, EXACT)
    assert kept.plan is not None
    assert kept.plan.model_copy(update={"timings": {}, "options": plan.options}) == plan.model_copy(
        update={"timings": {}}
    )
    assert kept.totals == plan.totals
    assert kept.goals == plan.goals
    assert list(kept.quotas.values()) == plan.quotas["quota"].tolist()
    assert kept.status is Status.OPTIMAL
    again = Outcome.model_validate_json(kept.model_dump_json())
    assert again == kept


# The same answers, in order, each question once.


def test_any_number_of_processes_gives_the_same_in_the_same_order(shared: Executor) -> None:
    with Executor(processes=2) as executor:
        two = executor.run(many(6))
        assert executor.run(many(6)[::-1]) == two[::-1]
    one = shared.run(many(6))
    assert [told(outcome) for outcome in one] == [told(outcome) for outcome in two]
    least = [
        min(plan["shortfall"] for plan in RICHER.plans() if plan["cost"] <= 100.0 * i)
        for i in range(6)
    ]
    assert [outcome.totals and outcome.totals.shortfall for outcome in one] == least
    assert len(set(least)) > 2


def test_the_same_question_is_solved_once(tmp_path: Path) -> None:
    journal = tmp_path / "cases.jsonl"
    with Executor(processes=1, journal=journal) as executor:
        one, other, two = executor.run([case(), case(200.0), case(name="again")])
        assert one is two
        assert other is not one
        assert executor.run([case()]) == [one]
    assert len(lines(journal)) == 2


def test_progress_is_told() -> None:
    heard = Heard()
    with Executor(processes=1, progress=heard) as executor:
        executor.run([*many(3), case(policy=UNKNOWN)], "trying")
    assert [standing.done for standing in heard] == [0, 1, 2, 3, 4]
    assert heard[0].left is None
    assert {standing.phase for standing in heard} == {"trying"}
    assert {standing.total for standing in heard} == {4}
    assert (heard[-1].failed, heard[-1].left) == (1, 0.0)
    assert [s.elapsed for s in heard] == sorted(s.elapsed for s in heard)


def test_a_case_starts_from_its_plan(shared: Executor) -> None:
    plan = solve(INSTANCE, COUNTRY.policy, EXACT)
    cold, warm = shared.run([case(), case(777.0, start=plan)])
    assert (cold.warm_start, warm.warm_start) == (False, True)


def test_a_variation_is_made_where_it_is_solved(shared: Executor) -> None:
    change = CapacityChange(family="housing", place="0001", item="1", amount=2.0)
    varied = case(variation=Variation(capacities=(change,)))
    (outcome,) = shared.run([varied])
    more = COUNTRY.with_more("dwellings", 0, 2.0)
    assert outcome.sha256 == more.instance.sha256
    plan = solve(more.instance, varied.policy, EXACT)
    assert outcome.goals == plan.goals


# What fails is a row.

UNKNOWN = Policy(county_bounds=(CountyBound(county_id="99", at_most=1.0),))


def test_a_case_that_fails_is_a_row_and_is_tried_again(tmp_path: Path) -> None:
    journal = tmp_path / "cases.jsonl"
    cases = [case(), case(name="wrong", policy=UNKNOWN), case(200.0)]
    for attempt in (1, 2):
        with Executor(processes=1, journal=journal) as executor:
            fine, wrong, too = executor.run(cases)
        assert (fine.state, too.state) == (State.SOLVED, State.SOLVED)
        assert wrong.state is State.FAILED
        assert not wrong.found
        assert wrong.error is not None
        assert "InvalidPolicy" in wrong.error
        assert "no such county" in wrong.error
        names = [line["name"] for line in lines(journal)]
        assert names.count("wrong") == attempt
        assert len(names) == 2 + attempt


def test_an_infeasible_case_is_an_answer(tmp_path: Path) -> None:
    journal = tmp_path / "cases.jsonl"
    much = Decision(municipality_id="0001", relation=Relation.EXACT, persons=COUNTRY.target)
    clash = case(policy=COUNTRY.policy.model_copy(update={"fixed": (much,)}))
    for _ in range(2):
        with Executor(processes=1, journal=journal) as executor:
            (outcome,) = executor.run([clash])
        assert outcome.state is State.SOLVED
        assert outcome.status is Status.INFEASIBLE
        assert [conflict.rule for conflict in outcome.conflicts] == ["fixed"]
    assert len(lines(journal)) == 1


def test_a_process_that_dies_takes_one_case_with_it() -> None:
    others = workers()

    def kill() -> None:
        for worker in workers():
            if worker not in others:
                worker.kill()

    def soon(standing: Standing) -> None:
        if standing.done == 0:
            threading.Timer(3.0, kill).start()

    with Executor(processes=1, progress=soon) as executor:
        lost, fine = executor.run([endless(), case()])
    assert lost.state is State.FAILED
    assert lost.error == "the process that solved it died with exit code -9"
    assert fine.state is State.SOLVED


def test_a_case_far_beyond_its_time_is_given_up() -> None:
    late = case(options=EXACT.model_copy(update={"time_limit": 1e-3}), instance=build(70, 1))
    with Executor(processes=1, grace=0.0) as executor:
        given_up, fine = executor.run([late, case()])
    assert given_up.error == "no answer 0 s after its time limit of 0.001 s"
    assert fine.state is State.SOLVED


# Being stopped keeps what is there.


def test_cancelling_keeps_what_is_there_and_a_second_run_solves_the_rest(tmp_path: Path) -> None:
    journal, cancel = tmp_path / "cases.jsonl", threading.Event()

    def stop(standing: Standing) -> None:
        if standing.done == 3:
            cancel.set()

    with Executor(processes=2, journal=journal, progress=stop, cancel=cancel) as executor:
        before = executor.run(many(8))
    solved = [outcome for outcome in before if outcome.state is State.SOLVED]
    assert len(solved) == len(lines(journal)) == 3
    assert {o.error for o in before if o.state is not State.SOLVED} == {
        "cancelled before it was answered"
    }
    heard = Heard()
    with Executor(processes=1, journal=journal, progress=heard) as executor:
        after = executor.run(many(8))
    assert (heard[0].done, heard[0].total) == (3, 8)
    assert all(outcome.state is State.SOLVED for outcome in after)
    keys = [line["key"] for line in lines(journal)]
    assert len(keys) == len(set(keys)) == 8
    for one, two in zip(before, after, strict=True):
        assert one == two or one.state is State.NOT_RUN


def test_cancelling_does_not_wait_for_those_at_work() -> None:
    cancel = threading.Event()
    threading.Timer(2.0, cancel.set).start()
    began = time.monotonic()
    with Executor(processes=1, cancel=cancel) as executor:
        (outcome,) = executor.run([endless()])
    assert time.monotonic() - began < 30
    assert outcome.state is State.NOT_RUN


def test_the_time_for_all_cases_ends_the_run(tmp_path: Path) -> None:
    journal = tmp_path / "cases.jsonl"
    with Executor(processes=1, journal=journal, time_limit=0.5) as executor:
        outcomes = executor.run([endless(), case()])
        assert executor.run([case()])[0].state is State.NOT_RUN  # it stays over
    assert [outcome.state for outcome in outcomes] == [State.NOT_RUN] * 2
    assert outcomes[0].error == "the time for all cases (0.5 s) was over"
    assert not journal.exists()


SCRIPT = """
import sys
from allocator.sensitivity.executor import Executor
from tests.sensitivity.test_executor import endless, many
with Executor(processes=2, journal=sys.argv[1]) as executor:
    executor.run([*many(3), endless(), *many(9)])
"""


def test_what_a_killed_run_has_solved_is_not_solved_again(tmp_path: Path) -> None:
    journal = tmp_path / "cases.jsonl"
    root = str(Path(allocator.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(journal)], env={**os.environ, "PYTHONPATH": root}
    )
    try:
        end = time.monotonic() + 60
        while not (journal.exists() and len(lines(journal)) >= 3) and time.monotonic() < end:
            time.sleep(0.05)
        helpers = [p for p in psutil.Process(process.pid).children() if is_worker(p)]
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert helpers
    _, alive = psutil.wait_procs(helpers, timeout=60)
    assert alive == []  # those who work for nobody end
    there = {line["key"] for line in lines(journal)}
    heard = Heard()
    with Executor(processes=1, journal=journal, progress=heard) as executor:
        outcomes = executor.run(many(9))
    assert heard[0].done == len(there) >= 3
    assert [outcome.state for outcome in outcomes] == [State.SOLVED] * 9
    keys = [line["key"] for line in lines(journal)]
    assert len(keys) == len(set(keys)) == 9


# The file of outcomes.


def test_a_line_cut_short_is_taken_off(tmp_path: Path) -> None:
    journal = tmp_path / "cases.jsonl"
    with Executor(processes=1, journal=journal) as executor:
        (first,) = executor.run([case()])
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole[: len(whole) // 2])
    assert Journal(journal).read() == {case().key: first}
    with Executor(processes=1, journal=journal) as executor:
        executor.run(many(3))
    assert len(lines(journal)) == 3


def test_everything_in_the_file_that_is_no_outcome_is_told(tmp_path: Path) -> None:
    journal = tmp_path / "cases.jsonl"
    good = Outcome.failed("k", "no").model_dump_json()
    journal.write_text(f'{good}\nnot JSON\n[1]\n{{"key": "k"}}\n', encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        Executor(journal=journal)
    assert [problem.row for problem in caught.value.problems] == [2, 3, 4]
    assert "state: Field required" in caught.value.problems[2].message


def test_a_plan_that_was_not_kept_is_found_again(tmp_path: Path) -> None:
    journal = tmp_path / "cases.jsonl"
    for keep in (False, True, True):
        with Executor(processes=1, journal=journal) as executor:
            (outcome,) = executor.run([case(keep=keep)])
        assert isinstance(outcome.plan, Plan) is keep
    assert len(lines(journal)) == 2


def test_wrong_numbers_are_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"processes is 0(.|\n)*time_limit is -1"):
        Executor(processes=0, time_limit=-1.0)


# A cluster.


@pytest.mark.slow
@pytest.mark.enable_socket
def test_a_cluster_gives_the_same_and_can_be_cancelled(tmp_path: Path, shared: Executor) -> None:
    from distributed import LocalCluster

    change = CapacityChange(family="housing", factor=1.5)
    plan = solve(INSTANCE, COUNTRY.policy, EXACT)
    cases = [
        *many(4),
        case(variation=Variation(capacities=(change,)), start=plan, keep=True),
        case(policy=UNKNOWN),
    ]
    with Executor(processes=1) as executor:
        here = executor.run(cases)
    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
    ) as cluster:
        with Executor(scheduler=cluster.scheduler_address) as executor:
            there = executor.run(cases)
        cancel, journal = threading.Event(), tmp_path / "cases.jsonl"
        threading.Timer(5.0, cancel.set).start()
        began = time.monotonic()
        with Executor(
            scheduler=cluster.scheduler_address, journal=journal, cancel=cancel
        ) as executor:
            states = [outcome.state for outcome in executor.run([endless(), case()])]
        assert states == [State.NOT_RUN, State.SOLVED]
        # The worker comes free again, long before the time limit of the case.
        with Executor(scheduler=cluster.scheduler_address) as executor:
            assert all(o.state is State.SOLVED for o in executor.run(many(4)))
        assert time.monotonic() - began < LONG.time_limit / 2
    assert [told(outcome) for outcome in there] == [told(outcome) for outcome in here]
    tables = [outcome.plan and outcome.plan.tables["placements"].to_csv() for outcome in there]
    assert tables == [o.plan and o.plan.tables["placements"].to_csv() for o in here]


@pytest.mark.enable_socket
def test_a_scheduler_that_does_not_answer_is_named() -> None:
    import dask
    import distributed  # noqa: F401  # whose settings must be there before one is changed

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "300ms"}),
        Executor(scheduler="tcp://127.0.0.1:9") as executor,
        pytest.raises(SolverError, match=r"no scheduler answers at 'tcp://127\.0\.0\.1:9'"),
    ):
        executor.run([case()])
