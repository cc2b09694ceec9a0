"""Run a batch: what others start from first, then every case, then the cold checks."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from allocator.batch.agreement import Known, agreement
from allocator.batch.asked import Asked, Batch
from allocator.batch.checking import prepared
from allocator.batch.columns import now
from allocator.batch.coming import Coming, name_of
from allocator.batch.neighbours import BASE
from allocator.batch.record import (
    MANIFEST,
    Record,
    locked,
    machine,
    read_manifest,
    write_manifest,
)
from allocator.batch.results import Results, opened
from allocator.batch.spec import InvalidSpec, Spec
from allocator.batch.workers import Workers
from allocator.folders import FolderExists
from allocator.sensitivity.cases import Case
from allocator.sensitivity.crews import HELD, Answer, OnCluster
from allocator.sensitivity.executor import Tally, cores
from allocator.sensitivity.watching import Watcher, watcher
from allocator.solve import engine
from allocator.solve.engine import Flag
from allocator.solve.progress import Clock
from allocator.validation import shown
from allocator.version import VERSION
from allocator.writing import write
from models.plan import Plan
from models.problems import Problem


def run(
    spec: Spec,
    out: str | Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    time_limit_per_case: float | None = None,
    resume: bool = False,
    progress: Watcher | bool | None = None,
    cancel: Flag | None = None,
    name: str = "batch",
) -> Results:
    """Solve every case of a batch and keep the results in a folder.

    Parameters
    ----------
    spec
        What is asked.
    out
        Folder for what comes out.
    workers
        Processes on this machine; none: one a core.
    scheduler
        Address of a Dask scheduler whose workers (one thread each) solve instead.
    time_limit_per_case
        Seconds, instead of those of the options.
    resume
        Go on with what is in the folder.
    progress
        Called with a `Standing` whenever a case is done; true: a `ProgressPrinter`.
    cancel
        When set, nothing further is begun and what is at work is given up.
    name
        Of the file of the specification, for problems.

    Raises
    ------
    InvalidSpec
        With everything that is wrong, before anything is solved; also if the folder holds
        another batch.
    FolderExists
        If the folder is not empty and is not to be gone on with.
    SolverError
        If the scheduler does not answer or is lost; what is done is kept.
    """
    folder = Path(out)
    known = _found(folder, resume=resume)
    if known is not None and time_limit_per_case is None:
        time_limit_per_case = known["spec"]["options"]["time_limit"]
    batch = prepared(spec.limited(time_limit_per_case), name)
    with ExitStack() as stack:
        crew = None if scheduler is None else stack.enter_context(closing(OnCluster(scheduler)))
        folder.mkdir(parents=True, exist_ok=True)
        stack.enter_context(locked(folder))
        manifest = known or _new_manifest(batch)
        if manifest["fingerprint"] != batch.fingerprint:
            raise InvalidSpec(f"batch {folder}", _other(manifest, batch, folder))
        _keep_instances(folder, batch)
        session = {
            "began": now(),
            "ended": None,
            "workers": None if scheduler else workers or cores(),
            "scheduler": scheduler,
            **machine(),
        }
        manifest["sessions"].append(session)
        write_manifest(folder, manifest)
        record = Record(folder, batch)
        work = _Run(batch, record, watcher(progress), cancel)
        if not work.nothing_left:
            own = None
            if crew is None:
                own = stack.enter_context(Workers(workers or cores()))
                crew = stack.enter_context(closing(OnCluster(own.address)))
            try:
                work.through(crew, own)
            finally:
                record.flush()
        session["ended"] = now()
        write_manifest(folder, manifest)
    return opened(folder)


def _found(folder: Path, *, resume: bool) -> dict[str, Any] | None:
    """Return the manifest of a folder that is gone on with; none for a new one."""
    if folder.is_file() or (folder.exists() and any(folder.iterdir())):
        if not (folder / MANIFEST).exists():
            raise FolderExists(folder, "for it holds no batch")
        if not resume:
            raise FolderExists(folder, "or --resume to go on with the batch in it")
        return read_manifest(folder)
    return None


def _other(manifest: Mapping[str, Any], batch: Batch, folder: Path) -> list[Problem]:
    """Return in what a batch is another one than that of its folder."""
    version = manifest["versions"]["allocator"]
    if version != VERSION:
        message = f"the folder was begun by version {version}"
        expected = f"go on with that version, or give another folder to {VERSION}"
        return [Problem(message, expected, value=str(folder))]
    then, given = map(_about, (manifest, _new_manifest(batch)))
    return [
        Problem(
            f"this is another batch than the one in {folder}",
            f"write {shown(before)} as it was run, or give another folder",
            "batch",
            None,
            place,
            shown(here),
        )
        for place, before, here in _differences(then, given)
    ]


def _about(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that the results of a batch rest on, as it is told."""
    instances = [f"{one['id']} {one['sha256'][:16]}" for one in manifest["instances"]]
    return {**manifest["spec"], "instances": instances}


def _differences(then: Any, given: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield where plain data differ, with what stands there in each."""
    if isinstance(then, Mapping) and isinstance(given, Mapping):
        for name in dict.fromkeys([*then, *given]):
            at = f"{place}.{name}" if place else name
            yield from _differences(then.get(name), given.get(name), at)
    elif then != given:
        yield place, then, given


def _new_manifest(batch: Batch) -> dict[str, Any]:
    lock = Path(__file__).parents[2] / "requirements.lock"
    return {
        "title": batch.spec.title,
        "fingerprint": batch.fingerprint,
        "cases": len(batch),
        "inputs": batch.inputs,
        "spec": batch.spec.model_dump(mode="json"),
        "instances": [
            {"id": one.id, "sha256": one.sha256, "path": f"instances/{one.sha256[:16]}"}
            for one in batch.instances
        ],
        "versions": {
            "allocator": VERSION,
            "highs": engine.version(),
            "lock_sha256": (
                hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else None
            ),
        },
        "sessions": [],
    }


def _keep_instances(folder: Path, batch: Batch) -> None:
    for instance in batch.instances:
        place = folder / "instances" / instance.sha256[:16]
        if not place.exists():
            write(instance, place)


class _Run:
    """One session of a batch."""

    def __init__(
        self, batch: Batch, record: Record, progress: Watcher | None, cancel: Flag | None
    ) -> None:
        self._batch, self._record = batch, record
        self._progress, self._cancel = progress, cancel
        self._clock = Clock(float("inf"))
        self._todo = [asked for asked in batch if asked.number not in record.done]
        self._checks = [n for n in checked_numbers(batch) if n not in record.checked]
        self._start = lru_cache(maxsize=HELD)(record.start)
        self._coming = Coming(batch, self._todo, record.done, record.has_start)

    @property
    def nothing_left(self) -> bool:
        """Whether every case has its answer."""
        return not self._todo and not self._checks

    def through(self, crew: OnCluster, own: Workers | None) -> None:
        """Solve what is left."""

        def stop() -> bool:
            if own is not None:
                own.tend()
            self._record.flush_when_due()
            return self._cancel is not None and self._cancel.is_set()

        coming, todo = self._coming, len(self._todo)
        tally = Tally("cases", len(self._batch), todo, self._clock.elapsed)
        bases = Tally("plans to start from", coming.bases, coming.bases, self._clock.elapsed)
        self._tell(tally)
        with closing(crew.solve(self._cases(), stop)) as answers:
            for answer in answers:
                of_base = answer.case.name in coming.names
                (self._keep_base if of_base else self._keep)(answer)
                counted = (bases if of_base else tally).counting(answer.outcome)
                if counted is tally or not tally.counted:  # what others start from comes first
                    self._tell(counted)
                    if counted is bases and coming.bases == bases.counted:
                        self._tell(tally)
        self._record.flush()
        if not stop():
            self._check(crew, stop)

    def _cases(self) -> Iterator[Case | None]:
        """Yield cases as they can be solved; none while all others wait for their start."""
        for one in self._coming:
            if isinstance(one, Asked):
                start, hub = self._start_of(one), one.point in self._coming.hubs
                yield self._batch.case(one, start, keep=hub)
            else:
                yield None if one is None else self._batch.base(*one)

    def _start_of(self, asked: Asked) -> Plan | None:
        """Return the plan a case starts from: its neighbour's, or one further up."""
        parents, point = self._batch.neighbours.parents, asked.point
        while point != BASE:
            point = parents[point]
            plan = self._start(name_of(asked.instance, asked.seed, point))
            if plan is not None:
                return plan
        return None

    def _keep_base(self, answer: Answer) -> None:
        instance, seed = self._coming.names[answer.case.name]
        if answer.outcome.plan is not None:
            self._record.keep_start(answer.case.name, answer.outcome.plan)
        self._settle(instance, seed, BASE)

    def _keep(self, answer: Answer) -> None:
        asked, outcome = self._batch[int(answer.case.name)], answer.outcome
        if asked.point in self._coming.hubs and outcome.plan is not None:
            name = name_of(asked.instance, asked.seed, asked.point)
            self._record.keep_start(name, outcome.plan)
        if not self._batch.spec.placements:
            outcome = outcome.model_copy(update={"plan": None})
        self._record.add(asked.number, outcome, answer.worker)
        self._settle(asked.instance, asked.seed, asked.point)

    def _settle(self, instance: int, seed: int, point: int) -> None:
        if self._coming.settle(instance, seed, point):
            self._start.cache_clear()  # where there was none before

    def _check(self, crew: OnCluster, stop: Callable[[], bool]) -> None:
        """Solve some cases cold, and keep whether that agrees."""
        cases = (self._batch.case(self._batch[n], None) for n in self._checks)
        tally = Tally("cold checks", len(self._checks), len(self._checks), self._clock.elapsed)
        found = opened(self._record.folder)
        kept = {row["case"]: row for row in found.cases.to_dict("records")}
        with closing(crew.solve(cases, stop)) as answers:
            for answer in answers:
                number, cold = int(answer.case.name), answer.outcome
                agreed = agreement(found.known(number), Known.of(cold))
                self._record.add_check(
                    {
                        "case": number,
                        **agreed.as_dict(),
                        "seconds": kept[number]["seconds"],
                        "seconds_cold": cold.seconds,
                        "gap": kept[number]["gap"],
                        "gap_cold": cold.gap,
                        "status_cold": None if cold.status is None else cold.status.value,
                    }
                )
                self._tell(tally.counting(cold))

    def _tell(self, tally: Tally) -> None:
        if self._progress is not None:
            self._progress(tally.standing(self._clock.elapsed))


def checked_numbers(batch: Batch) -> list[int]:
    """Return the cases that are solved cold as well: the same ones whoever runs the batch."""
    fraction = batch.spec.check_fraction
    if not fraction or not len(batch):
        return []
    count = max(1, round(fraction * len(batch)))
    random = np.random.default_rng(int(batch.fingerprint[:16], 16))
    return sorted(int(n) for n in random.choice(len(batch), size=count, replace=False))
