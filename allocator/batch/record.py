"""The folder of a batch: what was asked, and every case that is answered, once.

::

    manifest.json    specification, instances, versions, machine, sessions
    instances/       the instances, so that others can repeat it
    starts/          plans that cases start from
    cases/part-000001.parquet, summary/…, quotas/…, binding/…, placements/…, checks/…
    journal.jsonl    what is answered since the last part

An outcome is first a line of the journal. Now and then all lines become one part of every table,
written beside and renamed, and `cases` last: that rename is what makes a part exist. A case that
is in `cases` is never taken up again, and parts of the other tables without one of `cases` count
for nothing and are removed, so that no crash can lose a case or double it.
"""

import json
import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from allocator.batch.asked import Batch
from allocator.batch.columns import CASES, CHECKS, DATASETS, Rows, now, rows_of, schemas
from allocator.batch.spec import InvalidSpec
from allocator.errors import AllocatorError
from allocator.sensitivity.types import Outcome
from models.plan import Plan
from models.problems import Problem

MANIFEST, JOURNAL, LOCK = "manifest.json", "journal.jsonl", ".lock"
EACH_CASES, EACH_SECONDS = 500, 10.0
"""A part is written after so many cases or seconds, whichever comes first."""


class Busy(AllocatorError):  # noqa: N818 - the name says it best
    """Another process runs this batch."""


class Record:
    """What is kept of a batch while it runs.

    Parameters
    ----------
    folder
        Of the batch.
    batch
        What is asked.
    """

    def __init__(self, folder: Path, batch: Batch) -> None:
        self.folder, self._batch = folder, batch
        self._schemas = schemas(batch.inputs)
        self._lines: dict[int, dict[str, Any]] = {}
        self._checks: list[dict[str, Any]] = []
        self._since = time.monotonic()
        refuse_damaged(folder)
        for name in DATASETS:
            (folder / name).mkdir(exist_ok=True)
        parts = _parts(folder, CASES)
        for name in DATASETS:
            for path in (folder / name).glob("*"):
                if (name != CHECKS and path.name not in parts) or path.suffix != ".parquet":
                    path.unlink()
        self.done = numbers_in(folder, CASES)
        self.checked = numbers_in(folder, CHECKS)
        self._take_up_journal()

    def _take_up_journal(self) -> None:
        """Keep what was answered after the last part; a line without an end is none."""
        path = self.folder / JOURNAL
        content = path.read_bytes() if path.exists() else b""
        for text in content[: content.rfind(b"\n") + 1].splitlines():
            line = json.loads(text)
            if line["case"] not in self.done:
                self._lines[line["case"]] = line
        self.done |= set(self._lines)
        self.flush()

    def add(self, number: int, outcome: Outcome, worker: str | None) -> None:
        """Keep the outcome of a case."""
        if number in self.done:
            return
        line = {
            "case": number,
            "worker": worker,
            "finished": now(),
            "outcome": outcome.model_dump(mode="json"),
        }
        with (self.folder / JOURNAL).open("ab") as file:
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._lines[number] = line
        self.done.add(number)
        self.flush_when_due()

    def add_check(self, row: dict[str, Any]) -> None:
        """Keep what a cold solve said of a case."""
        self._checks.append(row)
        self.checked.add(row["case"])
        self.flush_when_due()

    def flush_when_due(self) -> None:
        """Write a part when there is enough for one, or it is time."""
        waiting = len(self._lines) + len(self._checks)
        if not waiting:
            self._since = time.monotonic()
        elif waiting >= EACH_CASES or time.monotonic() - self._since > EACH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is not in a part yet."""
        if self._lines:
            self._write_part()
        if self._checks:
            name = _next(self.folder, CHECKS)
            write_part(self.folder / CHECKS / name, self._checks, self._schemas[CHECKS])
            self._checks = []
        with (self.folder / JOURNAL).open("wb"):
            pass
        self._since = time.monotonic()

    def _write_part(self) -> None:
        rows: Rows = {name: [] for name in DATASETS}
        for number, line in sorted(self._lines.items()):
            outcome = Outcome.model_validate(line["outcome"])
            asked = self._batch[number]
            found = rows_of(self._batch, asked, outcome, line["worker"], line["finished"])
            for name, some in found.items():
                rows[name] += some
        part = _next(self.folder, CASES)
        for name in reversed(DATASETS):  # the record last
            if name != CHECKS:
                write_part(self.folder / name / part, rows[name], self._schemas[name])
        self._lines = {}

    def start(self, name: str) -> Plan | None:
        """Return a plan that cases start from; none where it is not kept."""
        return start_in(self.folder, name)

    def has_start(self, name: str) -> bool:
        """Tell whether a plan that cases start from is kept."""
        return (self.folder / "starts" / f"{name}.json").exists()

    def keep_start(self, name: str, plan: Plan) -> None:
        """Keep a plan that cases start from."""
        write_whole(self.folder / "starts" / f"{name}.json", plan.model_dump_json().encode())


def start_in(folder: Path, name: str) -> Plan | None:
    """Return a plan that cases start from; none where it is not kept."""
    path = folder / "starts" / f"{name}.json"
    return Plan.model_validate_json(path.read_bytes()) if path.exists() else None


def numbers_in(folder: Path, dataset: str) -> set[int]:
    """Return the numbers of the cases in a table."""
    found: set[int] = set()
    for name in _parts(folder, dataset):
        table = pq.read_table(folder / dataset / name, columns=["case"])
        found.update(table.column("case").to_pylist())
    return found


def _parts(folder: Path, dataset: str) -> list[str]:
    return sorted(path.name for path in (folder / dataset).glob("part-*.parquet"))


def refuse_damaged(folder: Path) -> None:
    """Read every part, and refuse a folder in which one is damaged or missing.

    Raises
    ------
    InvalidSpec
        With all of them.
    """
    there = {name: _parts(folder, CHECKS if name == CHECKS else CASES) for name in DATASETS}
    found = [
        Problem(
            f"the part cannot be read: {why}",
            f"put it back as it was, or remove {folder / CASES / part}: its cases are then "
            "solved again by `allocator batch run --resume`"
            if name != CHECKS
            else "put it back as it was, or remove it: its checks are then done again",
            f"{name}/{part}",
        )
        for name, parts in there.items()
        for part in parts
        if (why := _damage(folder / name / part)) is not None
    ]
    if found:
        raise InvalidSpec(f"batch {folder}", found)


def _damage(path: Path) -> str | None:
    """Say what is wrong with a part; none if it can be read."""
    if not path.exists():
        return "it is not there"
    try:
        pq.read_table(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        return str(error).splitlines()[0]
    return None


def _next(folder: Path, dataset: str) -> str:
    """Return the name of the next part."""
    last = max((int(name[5:-8]) for name in _parts(folder, dataset)), default=0)
    return f"part-{last + 1:06d}.parquet"


def write_part(path: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    """Write rows as one Parquet file, whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    table = pa.Table.from_pylist(rows, schema=schema)
    pq.write_table(table, new, compression="zstd", write_page_checksum=True)
    new.replace(path)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    new.replace(path)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what the folder says of its batch.

    Raises
    ------
    InvalidSpec
        If there is no batch.
    """
    path = folder / MANIFEST
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        expected = "give a folder that `allocator batch run --out` wrote"
        problem = Problem(
            f"there is no {MANIFEST} that can be read", expected, "results", value=str(folder)
        )
        raise InvalidSpec(f"batch {folder}", [problem]) from error
    if not isinstance(about, dict) or "spec" not in about or "fingerprint" not in about:
        expected = "give a folder that `allocator batch run --out` wrote"
        problem = Problem(
            f"{MANIFEST} says nothing of a batch", expected, "results", value=str(folder)
        )
        raise InvalidSpec(f"batch {folder}", [problem])
    return about


def write_manifest(folder: Path, about: Mapping[str, Any]) -> None:
    """Keep what is said of the batch."""
    text = json.dumps(about, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(folder / MANIFEST, text.encode())


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others from running the same batch meanwhile; the lock ends with the process.

    Raises
    ------
    Busy
        If another one does.
    """
    try:
        import fcntl
    except ImportError:  # not on every system
        yield
        return
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy(f"another process runs the batch in {folder}; wait for it") from error
        yield


def machine() -> dict[str, Any]:
    """Return what is worth knowing of this machine."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
