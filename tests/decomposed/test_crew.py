"""The plan does not depend on who works; a process that dies is told of, and none is left."""

import io
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np
import psutil  # type: ignore[import-untyped]
import pytest

from allocator.errors import SolverError
from allocator.solve import solve
from allocator.solve.decomposed import beside, crew
from allocator.solve.decomposed.chunk import Stopped
from allocator.solve.decomposed.crew import Crew, Here, Job, hire
from allocator.solve.engine import Settings
from allocator.solve.progress import Progress
from models.plan import Plan, Status
from models.policy import Policy
from tests.decomposed.country import (
    EASY,
    LONG,
    SHORTFALL,
    country,
    options,
    pricing_processes,
    run_script,
    told,
)
from tests.decomposed.programs import by_hand

PRICE = 3.25


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    yield
    assert pricing_processes() == []


def hands_over(processes: int) -> tuple[Crew, np.ndarray]:
    """Return a crew that has taken the program by hand, and its cost at the best price."""
    _, blocks, (cost, _) = by_hand()
    hired = Here(processes)
    hired.take(blocks.chunks(hired.size))
    reduced = cost - blocks.common.T @ np.array([PRICE])
    return hired, reduced[blocks.order]


# The same plan.


@pytest.mark.parametrize("policy", [EASY, pytest.param(SHORTFALL, marks=pytest.mark.slow)])
def test_any_number_of_processes_finds_the_same_plan(policy: Policy) -> None:
    plans = [solve(country(), policy, options(processes=count)) for count in (1, 2, 3)]
    first, *others = [told(plan) for plan in plans]
    assert plans[0].status in (Status.WITHIN_GAP, Status.OPTIMAL)
    for other in others:
        assert other == first


@pytest.mark.slow
@pytest.mark.enable_socket
def test_a_cluster_finds_the_same_plan() -> None:
    from distributed import LocalCluster

    here = solve(country(), EASY, options(processes=1))
    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
    ) as cluster:
        there = solve(country(), EASY, options(scheduler=cluster.scheduler_address))
    assert told(there) == told(here)


@pytest.mark.enable_socket
def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import dask
    import distributed  # noqa: F401  # whose settings must be there before one is changed

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "300ms"}),
        pytest.raises(SolverError, match=r"no scheduler answers at 'tcp://127\.0\.0\.1:9'"),
    ):
        hire(100, None, "tcp://127.0.0.1:9")


def test_few_municipalities_are_priced_here() -> None:
    with closing(hire(crew.WORTHWHILE - 1, 4, None)) as few:
        assert few.size == 1
    with closing(hire(crew.WORTHWHILE, 3, None)) as many:
        assert many.size == 3


@pytest.mark.parametrize("processes", [1, 2, 3, 5])
def test_prices_and_jobs_come_back_in_order(processes: int) -> None:
    arrays, _, wanted = by_hand()
    hired, cost = hands_over(processes)  # more processes than municipalities, too
    with closing(hired):
        values, bounds = hired.price(cost, relaxed=False, stop=None)
        assert values == pytest.approx([3.0, 2.0, values[2], values[3]])
        assert bounds == pytest.approx([-5.75, 0.0])
        jobs = [Job(arrays, wanted[0], float(k), Settings(10.0)) for k in range(7)]
        outcomes = hired.solve(jobs, None)
    assert [outcome.value for outcome in outcomes] == pytest.approx([10.5 + k for k in range(7)])


# Somebody dies, or is told to stop.


def kill_all() -> None:
    for process in pricing_processes():
        process.kill()
        while process.status() != psutil.STATUS_ZOMBIE:  # its exit code is not ours to collect
            time.sleep(0.01)


@pytest.mark.parametrize("ask", ["price", "solve"])
def test_a_process_that_dies_is_told_of(ask: str) -> None:
    arrays, _, wanted = by_hand()
    hired, cost = hands_over(2)
    job = Job(arrays, *wanted, Settings(10.0))
    with closing(hired):
        kill_all()
        work: dict[str, Callable[[], object]] = {
            "price": lambda: hired.price(cost, relaxed=False, stop=None),
            "solve": lambda: hired.solve([job, job], None),
        }
        with pytest.raises(SolverError, match="a pricing process died with exit code -9"):
            work[ask]()


def test_an_answer_cut_short_is_a_death() -> None:
    other = crew._Other()
    other.close()
    whole = pickle.dumps(("priced", (np.arange(1000.0), np.arange(10.0))))

    class Dead:
        stdout, stdin = io.BytesIO(whole[:-20]), io.BytesIO()

        def kill(self) -> None: ...

        def wait(self) -> int:
            return -9

    other = crew._Other()
    other._process.kill()
    other._process.communicate()
    other._process = Dead()  # type: ignore[assignment]
    with pytest.raises(SolverError, match="died with exit code -9"):
        other.answer(None)
    other.close()


def test_a_process_that_dies_once_costs_an_attempt() -> None:
    killed = False

    def kill(progress: Progress) -> None:
        nonlocal killed
        if progress.bound is not None and not killed:
            killed = True
            kill_all()

    plan = solve(country(), EASY, options(processes=2), progress=kill)
    assert killed
    assert plan.found
    assert any("a pricing process died with exit code -9" in note for note in plan.warnings)
    assert told(plan) == told(solve(country(), EASY, options(processes=1)))


def test_processes_that_always_die_are_an_error() -> None:
    with pytest.raises(SolverError, match="a pricing process died with exit code -9"):
        solve(country(), EASY, options(processes=2), progress=lambda _: kill_all())


def test_an_error_beside_is_an_error_here() -> None:
    hired, cost = hands_over(2)
    with closing(hired), pytest.raises(SolverError, match="refuses a small program"):
        hired.price(cost[:-1], relaxed=False, stop=None)


def test_after_a_stop_the_next_answer_is_to_the_next_question() -> None:
    hired, cost = hands_over(2)
    stop = threading.Event()
    stop.set()
    with closing(hired):
        with pytest.raises(Stopped):
            hired.price(np.zeros_like(cost), relaxed=False, stop=stop)
        _, bounds = hired.price(cost, relaxed=False, stop=None)
    assert bounds == pytest.approx([-5.75, 0.0])


# Cancelling. That it is quick is seen from the ten minutes there would have been.


def cancelled(policy: Policy, when: Callable[[Progress], bool]) -> Plan:
    cancel = threading.Event()

    def listen(progress: Progress) -> None:
        if when(progress):
            cancel.set()

    exact = options(processes=2, gap=0.0)
    plan = solve(country(), policy, exact, progress=listen, cancel=cancel)
    assert cancel.is_set()
    assert plan.timings["total"] < plan.options.time_limit / 2
    return plan


def test_cancelling_before_there_is_a_plan_finds_none() -> None:
    plan = cancelled(LONG, lambda progress: progress.bound is not None)
    assert plan.status is Status.NONE
    assert not plan.found


def test_cancelling_later_keeps_the_best_plan_so_far() -> None:
    plan = cancelled(EASY, lambda progress: progress.incumbent is not None)
    # The first plan may be proven good enough in the same moment.
    assert plan.status in (Status.LIMIT, Status.WITHIN_GAP, Status.OPTIMAL)
    assert plan.found


def test_cancelling_from_another_thread_ends_the_run() -> None:
    cancel = threading.Event()
    timer = threading.Timer(0.5, cancel.set)
    timer.start()
    plan = solve(country(), LONG, options(processes=2), cancel=cancel)
    timer.join()
    assert plan.status in (Status.NONE, Status.LIMIT)
    assert plan.timings["total"] < plan.options.time_limit / 2


# Processes come and go with the run.


def test_processes_are_there_while_a_run_prices() -> None:
    seen: set[int] = set()

    def look(progress: Progress) -> None:
        seen.update(process.pid for process in pricing_processes())

    solve(country(), EASY, options(processes=3), progress=look)
    assert len(seen) == 2


def test_a_process_ends_with_the_one_it_works_for() -> None:
    text = (
        "import os\n"
        "from allocator.solve.decomposed.crew import Here\n"
        "print(Here(2)._others[0]._process.pid, flush=True)\n"
        "os._exit(1)\n"
    )
    result = run_script(text)
    process = _still_there(int(result.stdout))
    if process is not None:
        process.wait(timeout=60)


def _still_there(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def test_a_script_without_a_guard_is_run_once() -> None:
    text = (
        "from allocator import Policy, SolveOptions, solve\n"
        "from instances.synthetic.build import build\n"
        "print('begins')\n"
        "options = SolveOptions(method='decomposed', gap=0.02, processes=2)\n"
        "print(solve(build(70, 1), Policy(target=4565), options).status)\n"
    )
    result = run_script(text)
    assert result.returncode == 0, result.stderr
    begins, status = result.stdout.split()
    assert begins == "begins"
    assert status in ("within_gap", "optimal")


# What the process beside does with what it reads.


def test_questions_are_answered_in_order_until_they_end() -> None:
    arrays, blocks, wanted = by_hand()
    job = Job(arrays, *wanted, Settings(10.0))
    asked = [
        ("take", blocks.own),
        ("price", np.zeros(4), False, None),
        ("solve", job),
        ("price", np.zeros(3), False, None),
    ]
    questions = io.BytesIO(b"".join(pickle.dumps(question) for question in asked))
    answers = io.BytesIO()
    beside.serve(questions, answers)
    answers.seek(0)
    kinds, contents = zip(*(pickle.load(answers) for _ in range(3)), strict=True)  # noqa: S301
    assert kinds == ("priced", "solved", "error")
    assert contents[0][1].tolist() == [0.0, 0.0]
    assert contents[1].value == pytest.approx(10.5)
    assert answers.read() == b""
