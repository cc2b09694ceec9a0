"""Who does the work: this process, others beside it, or a cluster.

The answer does not depend on who works: every small program is solved by itself, and what
comes back is put together in order.
"""

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Protocol

import numpy as np

from allocator.errors import SolverError
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.cluster import connected
from allocator.solve.decomposed.chunk import Chunk, Stopped
from allocator.solve.engine import Flag, Outcome, Settings, run

WORTHWHILE = 60
"""Fewest municipalities for which another process is started."""


POLL = 0.05
"""Seconds between two looks at the flag."""


@dataclass(frozen=True)
class Job:
    """One program to solve; see `allocator.solve.engine.run`."""

    arrays: Arrays
    cost: Vector
    constant: float
    settings: Settings
    start: Vector | None = None

    def run(self, stop: Flag | None = None) -> Outcome:
        """Solve it here."""
        return run(
            self.arrays, self.cost, self.constant, self.settings, start=self.start, cancel=stop
        )


class Crew(Protocol):
    """Prices all municipalities."""

    def take(self, chunks: list[Chunk]) -> None:
        """Take over the small programs, as many chunks as `size` says."""
        ...

    @property
    def size(self) -> int:
        """Into how many chunks the municipalities are to be split."""
        ...

    def price(
        self, cost: Vector, *, relaxed: bool, stop: Flag | None, held: Vector | None = None
    ) -> tuple[Vector, Vector]:
        """Solve all small programs; see `Chunk.price`."""
        ...

    def solve(self, jobs: list[Job], stop: Flag | None) -> list[Outcome]:
        """Solve some programs, side by side where there is somebody to."""
        ...

    def close(self) -> None:
        """Let everybody go."""
        ...


class Here:
    """The calling process, and others beside it on the same machine.

    Parameters
    ----------
    processes
        How many processes work, the calling one among them.
    """

    def __init__(self, processes: int) -> None:
        self._others = [_Other() for _ in range(processes - 1)]
        self._chunks: list[Chunk] = []

    @property
    def size(self) -> int:
        """How many processes work."""
        return 1 + len(self._others)

    def take(self, chunks: list[Chunk]) -> None:
        """Keep the first chunk here and hand out the others."""
        if chunks and self._chunks:
            chunks[0].follow(self._chunks[0])
        self._chunks = chunks
        for other, chunk in zip(self._others, chunks[1:], strict=False):
            other.send(("take", chunk))

    def price(
        self, cost: Vector, *, relaxed: bool, stop: Flag | None, held: Vector | None = None
    ) -> tuple[Vector, Vector]:
        """Price everywhere at once."""
        own, *others = self._chunks
        parts, kept = _parts(cost, self._chunks), _parts(held, self._chunks)
        busy = self._others[: len(others)]
        for other, part, keep in zip(busy, parts[1:], kept[1:], strict=True):
            other.send(("price", part, relaxed, keep))
        try:
            answers = [own.price(parts[0], relaxed=relaxed, held=kept[0], stop=stop)]
            answers += [other.answer(stop) for other in busy]
        except Exception:
            # Whoever is still at it would answer the wrong question next time.
            self._restart()
            raise
        return _together(answers)

    def solve(self, jobs: list[Job], stop: Flag | None) -> list[Outcome]:
        """Solve the first job here and the next beside, in turn."""
        outcomes: list[Outcome] = []
        for first in range(0, len(jobs), self.size):
            own, *others = jobs[first : first + self.size]
            busy = self._others[: len(others)]
            for other, job in zip(busy, others, strict=True):
                other.send(("solve", job))
            try:
                outcomes.append(own.run(stop))
                outcomes += [other.answer(stop) for other in busy]
            except Exception:
                self._restart()
                raise
        return outcomes

    def close(self) -> None:
        """End the processes beside this one."""
        for other in self._others:
            other.close()
        self._others = []

    def _restart(self) -> None:
        count = len(self._others)
        self.close()
        self._others = [_Other() for _ in range(count)]
        for other, chunk in zip(self._others, self._chunks[1:], strict=False):
            other.send(("take", chunk))


class _Other:
    """A process beside this one, which prices a chunk.

    A plain interpreter with two pipes: unlike a forked process it is safe whatever ran
    before, and unlike `multiprocessing` it never runs the caller's script again.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "allocator.solve.decomposed.beside"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for this process; it lets the other go
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        self._reader = ThreadPoolExecutor(1)

    def send(self, message: Any) -> None:
        try:
            pickle.dump(message, self._to, protocol=pickle.HIGHEST_PROTOCOL)
            self._to.flush()
        except BrokenPipeError as error:
            raise SolverError(self._death()) from error

    def answer(self, stop: Flag | None) -> Any:
        waiting = self._reader.submit(pickle.load, self._from)
        while not waiting.done():
            if stop is not None and stop.is_set():
                raise Stopped
            wait([waiting], timeout=POLL)
        try:
            kind, content = waiting.result()
        except (EOFError, pickle.UnpicklingError) as error:  # no answer, or half of one
            raise SolverError(self._death()) from error
        if kind == "error":
            raise content
        return content

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.shutdown()
        with suppress(BrokenPipeError):  # what a dead process has not read
            self._to.close()
        self._from.close()

    def _death(self) -> str:
        return f"a pricing process died with exit code {self._process.wait()}"

    @property
    def _to(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        return self._process.stdin

    @property
    def _from(self) -> IO[bytes]:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        return self._process.stdout


class OnCluster:
    """The workers of a Dask cluster.

    Parameters
    ----------
    scheduler
        Address of the scheduler.
    """

    def __init__(self, scheduler: str) -> None:
        self._client = connected(scheduler)
        self._held: list[Any] = []
        self._chunks: list[Chunk] = []

    @property
    def size(self) -> int:
        """One chunk a thread of the cluster."""
        return max(1, int(sum(self._client.nthreads().values())))

    def take(self, chunks: list[Chunk]) -> None:
        """Send every chunk to a worker, once."""
        sent = [self._client.scatter(chunk, hash=False) for chunk in chunks]
        if len(sent) == len(self._held):
            sent = [
                self._client.submit(_follow, chunk, before, pure=False)
                for chunk, before in zip(sent, self._held, strict=True)
            ]
        self._chunks, self._held = chunks, sent

    def price(
        self, cost: Vector, *, relaxed: bool, stop: Flag | None, held: Vector | None = None
    ) -> tuple[Vector, Vector]:
        """Price every chunk where it lies."""
        tasks = [
            self._client.submit(_price, chunk, part, relaxed, keep, pure=False)
            for chunk, part, keep in zip(
                self._held, _parts(cost, self._chunks), _parts(held, self._chunks), strict=True
            )
        ]
        return _together(self._gather(tasks, stop))

    def solve(self, jobs: list[Job], stop: Flag | None) -> list[Outcome]:
        """Solve every job on some worker."""
        tasks = [self._client.submit(Job.run, job, pure=False) for job in jobs]
        return self._gather(tasks, stop)

    def _gather(self, tasks: list[Any], stop: Flag | None) -> list[Any]:
        from distributed import TimeoutError as NotYet
        from distributed import wait as wait_for

        while True:
            try:
                with self._client.as_current():  # waiting asks for the client at hand
                    wait_for(tasks, timeout=POLL)
            except NotYet:
                if stop is not None and stop.is_set():
                    self._client.cancel(tasks)
                    raise Stopped from None
            else:
                return list(self._client.gather(tasks))

    def close(self) -> None:
        """Leave the cluster."""
        self._held = []
        self._client.close()


def _follow(chunk: Chunk, before: Chunk) -> Chunk:
    chunk.follow(before)
    return chunk


def _price(chunk: Chunk, cost: Vector, relaxed: bool, held: Vector | None) -> tuple[Vector, Vector]:
    return chunk.price(cost, relaxed=relaxed, held=held)


def _parts(values: Vector | None, chunks: list[Chunk]) -> list[Any]:
    """Split values of the columns by chunk; none is none for each."""
    if values is None:
        return [None] * len(chunks)
    ends = np.cumsum([chunk.columns[-1] for chunk in chunks])
    return np.split(values, ends[:-1])


def _together(answers: list[tuple[Vector, Vector]]) -> tuple[Vector, Vector]:
    values, bounds = zip(*answers, strict=True)
    return np.concatenate(values), np.concatenate(bounds)


def hire(municipalities: int, processes: int | None, scheduler: str | None) -> Crew:
    """Return a crew that suits the size of the work.

    Parameters
    ----------
    processes
        Processes on this machine; none: as many as it has cores for us.
    scheduler
        Address of a Dask scheduler; none: this machine alone.
    """
    if scheduler is not None:
        return OnCluster(scheduler)
    if municipalities < WORTHWHILE:
        return Here(1)
    return Here(processes or _cores())


def _cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not known on every system
        return os.cpu_count() or 1
