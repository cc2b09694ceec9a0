"""Who solves cases: processes beside this one, or the workers of a Dask cluster.

Cases go out in order and come back as they are done. What a case answers does not depend on
who solves it.
"""

import hashlib
import os
import pickle
import selectors
import socket
import subprocess
import sys
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any, Protocol

from allocator.errors import SolverError
from allocator.sensitivity.cases import Case, Task
from allocator.sensitivity.types import Outcome
from allocator.solve.cluster import connected
from models.instance import Instance
from models.plan import Plan

POLL = 0.05
"""Seconds between two looks at the clock and the flag."""
LOOK = 1.0
"""Seconds between two looks of a worker of a cluster at the flag of the run."""
AHEAD = 4
"""Cases handed to a cluster for each of its workers, so that none waits for the next."""
HELD = 64
"""Most instances and plans that a cluster keeps for cases to come."""

Stop = Callable[[], bool]
"""Tells whether to stop."""


@dataclass(frozen=True)
class Answer:
    """The outcome of a case.

    Attributes
    ----------
    case
        What was asked.
    outcome
        What became of it.
    worker
        Who solved it: machine and process; none where nobody came to an end with it.
    """

    case: Case
    outcome: Outcome
    worker: str | None


class Crew(Protocol):
    """Solves cases."""

    def solve(self, cases: Sequence[Case], stop: Stop) -> Generator[Answer, None, None]:
        """Yield the outcome of every case as it comes; when told to stop, of no further one."""
        ...

    def close(self) -> None:
        """Let everybody go."""
        ...


class Beside:
    """Processes beside this one on the same machine.

    Parameters
    ----------
    processes
        How many at most; they start when there is work for them, and stay.
    grace
        Seconds beyond its time limit after which a case is given up and its process ended.
    """

    def __init__(self, processes: int, grace: float) -> None:
        self._processes, self._grace = processes, grace
        self._workers: list[_Worker] = []

    def solve(self, cases: Sequence[Case], stop: Stop) -> Generator[Answer, None, None]:
        """Yield the outcome of every case as it comes."""
        todo = deque(cases)
        # A case that is alone may have everybody; side by side each has one process.
        each = self._processes if len(todo) == 1 else 1
        while len(self._workers) < min(self._processes, len(todo)):
            self._workers.append(_Worker())
        try:
            while todo or any(worker.busy for worker in self._workers):
                for worker in self._workers:
                    if todo and not worker.busy:
                        worker.begin(todo.popleft(), each)
                if stop():
                    return
                yield from self._answers()
        finally:
            for worker in self._workers:
                if worker.busy:  # whoever is still at it is not waited for
                    worker.end()

    def _answers(self) -> Iterator[Answer]:
        """Wait a moment, and yield what has come in or is given up."""
        with selectors.DefaultSelector() as selector:
            for worker in self._workers:
                if worker.busy:
                    selector.register(worker.answers, selectors.EVENT_READ, worker)
            ready = [key.data for key, _ in selector.select(POLL)]
        for worker in ready:
            yield worker.answer()
        for worker in self._workers:
            if worker.busy and worker.late(self._grace):
                yield worker.give_up(self._grace)

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.end()
        self._workers = []


class _Worker:
    """A process beside this one, which solves one case after the other.

    A plain interpreter with two pipes: unlike a forked process it is safe whatever ran
    before, and unlike `multiprocessing` it never runs the caller's script again.
    """

    def __init__(self) -> None:
        self._case: Case | None = None
        self._began = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._held: dict[str, Instance | Plan | None] = {}

    @property
    def busy(self) -> bool:
        return self._case is not None

    @property
    def answers(self) -> IO[bytes]:
        """Where its answers come from."""
        return _there(self._working.stdout)

    @property
    def _working(self) -> "subprocess.Popen[bytes]":
        """The process, begun where there is none."""
        if self._process is None:
            self._held = {}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "allocator.sensitivity.beside"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for this process; it lets the other go
                env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            )
        return self._process

    def begin(self, case: Case, processes: int) -> None:
        """Hand it a case, with what it does not hold yet."""
        self._case, self._began = case, time.monotonic()
        questions = _there(self._working.stdin)
        with suppress(BrokenPipeError):  # it died meanwhile; reading its answer tells
            for name, value in (("instance", case.instance), ("start", case.start)):
                if name not in self._held or self._held[name] is not value:
                    _send(questions, ("held", name, value))
                    self._held[name] = value
            _send(questions, ("case", case.task, processes))

    def answer(self) -> Answer:
        """Return what it answers, or that it died."""
        try:
            outcome: Outcome = pickle.load(self.answers)  # noqa: S301 - from our own process
        except (EOFError, pickle.UnpicklingError):  # no answer, or half of one
            code = self._working.wait()
            return self._failed(f"the process that solved it died with exit code {code}")
        case, self._case = self._asked, None
        return Answer(case, outcome, f"{socket.gethostname()}:{self._working.pid}")

    def late(self, grace: float) -> bool:
        """Tell whether it has taken more than its time and the grace."""
        limit = self._case.options.time_limit if self._case is not None else 0.0
        return time.monotonic() - self._began > limit + grace

    def give_up(self, grace: float) -> Answer:
        """End the process; the next case begins another."""
        limit = self._case.options.time_limit if self._case is not None else 0.0
        return self._failed(f"no answer {grace:g} s after its time limit of {limit:g} s")

    def _failed(self, error: str) -> Answer:
        case = self._asked
        self.end()
        return Answer(case, Outcome.failed(case.key, error), None)

    @property
    def _asked(self) -> Case:
        assert self._case is not None  # noqa: S101 - only who works can answer or fail
        return self._case

    def end(self) -> None:
        """End the process, whatever it is at."""
        process, self._process, self._case = self._process, None, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what a dead process has not read
                    pipe.close()


def _there(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - both were asked for
    return pipe


def _send(to: IO[bytes], message: Any) -> None:
    pickle.dump(message, to, protocol=pickle.HIGHEST_PROTOCOL)
    to.flush()


class OnCluster:
    """The workers of a Dask cluster. Time limits are the solver's alone there.

    Parameters
    ----------
    scheduler
        Address of the scheduler.

    Raises
    ------
    SolverError
        If no scheduler answers.
    """

    def __init__(self, scheduler: str) -> None:
        self._client = connected(scheduler)
        self._there: OrderedDict[int, tuple[object, Any]] = OrderedDict()

    def solve(self, cases: Iterable[Case | None], stop: Stop) -> Generator[Answer, None, None]:
        """Yield the outcome of every case as it comes; cases are taken as workers need them.

        A case that is none says that the next one waits for an answer to come.

        Raises
        ------
        SolverError
            If the scheduler is lost.
        """
        from distributed import Event

        flag = f"stop-{uuid.uuid4().hex}"
        coming, pending = iter(cases), dict[Any, Case]()
        try:
            while not stop():
                for case in islice(coming, max(0, self._room() - len(pending))):
                    if case is None:
                        break
                    held = self._sent(case.instance), self._sent(case.start)
                    future = self._client.submit(_solve, case.task, *held, flag, pure=False)
                    pending[future] = case
                if not pending:
                    return
                for future in self._done(list(pending)):
                    yield self._answer(future, pending.pop(future))
        finally:
            if pending and self._client.status == "running":
                # What has begun cannot be called back; the flag ends it at its next look.
                Event(flag, client=self._client).set()
                self._client.cancel(list(pending))

    def _room(self) -> int:
        """Return how many cases may be there at once."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        return AHEAD * max(1, len(workers))

    def _sent(self, value: object) -> Any:
        """Return where a value lies on the cluster; each is sent once.

        It is the result of a task, which the scheduler repeats where a worker takes it along
        when it dies, and which goes to every other worker once.
        """
        if value is None:
            return None
        _, there = self._there.get(id(value), (None, None))
        if there is None or there.status in ("lost", "cancelled", "error"):
            content = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
            name = f"held-{hashlib.sha256(content).hexdigest()}"
            there = self._client.submit(pickle.loads, content, key=name)
            self._there[id(value)] = value, there
        self._there.move_to_end(id(value))
        if len(self._there) > HELD:
            self._there.popitem(last=False)
        return there

    def _done(self, futures: list[Any]) -> list[Any]:
        """Wait a moment, and return those that are done, in order."""
        from distributed import TimeoutError as NotYet
        from distributed import wait

        with self._client.as_current(), suppress(NotYet):  # waiting asks for the client at hand
            wait(futures, timeout=POLL, return_when="FIRST_COMPLETED")
        return [future for future in futures if future.done()]

    def _answer(self, future: Any, case: Case) -> Answer:
        """Return what a task came to; the cluster may have lost it."""
        if future.status == "finished":
            outcome, worker = future.result()
            return Answer(case, outcome, worker)
        if self._client.status != "running" or future.status == "lost":
            raise SolverError("the scheduler is gone; what it was at has no answer")
        error = future.exception() if future.status == "error" else None
        told = "" if error is None else f" ({type(error).__name__}: {error})"
        outcome = Outcome.failed(case.key, f"the cluster ended it as {future.status}{told}")
        return Answer(case, outcome, None)

    def close(self) -> None:
        """Leave the cluster."""
        self._there.clear()
        self._client.close()


def _solve(task: Task, instance: Instance, start: Plan | None, flag: str) -> tuple[Outcome, str]:
    outcome = task.solve(instance, start, cancel=_Flag(flag))
    return outcome, f"{socket.gethostname()}:{os.getpid()}"


class _Flag:
    """The flag of a run, as a worker sees it: asked for now and then, for it lies elsewhere."""

    def __init__(self, name: str) -> None:
        from distributed import Event

        self._event, self._looked, self._set = Event(name), time.monotonic(), False

    def is_set(self) -> bool:
        """Tell whether to stop."""
        if not self._set and time.monotonic() - self._looked > LOOK:
            self._set = bool(self._event.is_set())
            self._looked = time.monotonic()
        return self._set
