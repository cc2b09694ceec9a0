"""One file of a batch, to publish, and cases of it solved again by others."""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allocator.batch.agreement import Agreement, Known, agreement
from allocator.batch.asked import Batch
from allocator.batch.checking import prepared
from allocator.batch.columns import CASES, DATASETS
from allocator.batch.record import MANIFEST, locked, refuse_damaged
from allocator.batch.results import Results, opened
from allocator.batch.spec import InvalidSpec
from allocator.batch.workers import Workers
from allocator.folders import refuse_existing_file
from allocator.sensitivity.crews import OnCluster
from allocator.sensitivity.executor import Tally, cores
from allocator.sensitivity.watching import Watcher, watcher
from allocator.solve.engine import Flag
from allocator.solve.progress import Clock
from allocator.version import VERSION
from models.plan import Status
from models.problems import Problem
from models.views import Part, Shown

SAMPLE = 20
"""Cases that are solved again unless told otherwise."""
_TIME = (1980, 1, 1, 0, 0, 0)
"""Of every file in an archive, so that the same results make the same bytes."""


@dataclass(frozen=True, repr=False)
class Reproduced(Shown):
    """Cases of an archive solved again, cold, on this machine.

    Attributes
    ----------
    table
        One row a case: case, instance, seed, reproduced (none: cannot be told), agrees,
        same_quotas, why, and seconds then and now.
    versions
        Of this code: then and now.
    """

    table: pd.DataFrame
    versions: tuple[str, str]

    @property
    def counts(self) -> dict[str, int]:
        """How many cases were reproduced, how many not, and of how many it cannot be told."""
        told = self.table["reproduced"].tolist()
        return {
            "reproduced": sum(one is True for one in told),
            "not reproduced": sum(one is False for one in told),
            "cannot be told": sum(one is None for one in told),
        }

    @property
    def holds(self) -> bool:
        """Whether no case speaks against the archive."""
        return not self.counts["not reproduced"]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        cells = self.table.astype("object").where(self.table.notna(), None)
        return {
            "counts": self.counts,
            "version_then": self.versions[0],
            "version_now": self.versions[1],
            "cases": cells.to_dict("records"),
        }

    def _headline(self) -> str:
        counts = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
        return f"{len(self.table):,} cases solved again: {counts}"

    def _parts(self) -> Iterator[Part]:
        from allocator.batch.views import reproduced_parts

        return reproduced_parts(self)


def archive(folder: str | Path, file: str | Path | None = None, *, overwrite: bool = False) -> Path:
    """Put a batch into one file: manifest, instances, and every table.

    Parameters
    ----------
    folder
        Of the batch, which must be finished.
    file
        Of the archive; none: the name of the folder with ``.zip``.
    overwrite
        Whether a file that is there is replaced.

    Raises
    ------
    InvalidSpec
        If there is no batch, or cases of it have no answer yet.
    FolderExists
        If the file is there already.
    Busy
        If the batch is being run.
    """
    results = opened(folder)
    target = Path(file) if file is not None else results.folder.with_suffix(".zip")
    refuse_existing_file(target, overwrite=overwrite)
    with locked(results.folder):
        refuse_damaged(results.folder)
        done, all_ = results.dataset(CASES).count_rows(), results.manifest["cases"]
        if done < all_:
            message = f"{done:,} of {all_:,} cases have an answer"
            expected = "finish it with `allocator batch run --resume`"
            raise InvalidSpec(f"batch {folder}", [Problem(message, expected, CASES)])
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_name(f".{target.name}.new")
        with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in _files(results.folder):
                name = path.relative_to(results.folder).as_posix()
                packed.writestr(
                    zipfile.ZipInfo(name, _TIME), path.read_bytes(), zipfile.ZIP_DEFLATED
                )
        new.replace(target)
    return target


def _files(folder: Path) -> Iterator[Path]:
    yield folder / MANIFEST
    yield from sorted(path for path in (folder / "instances").rglob("*") if path.is_file())
    for name in DATASETS:
        yield from sorted((folder / name).glob("part-*.parquet"))


def reproduce(
    file: str | Path,
    *,
    sample: int | None = SAMPLE,
    seed: int = 0,
    workers: int | None = None,
    progress: Watcher | bool | None = None,
    cancel: Flag | None = None,
) -> Reproduced:
    """Solve cases of an archive again, without a start, and tell whether they agree.

    A case that was solved cold and proven is reproduced when every quota is the same; one that was
    solved from a neighbour, or ended at a limit of time, when neither answer lies below what the
    other proves to be the least.

    Parameters
    ----------
    file
        An archive, or the folder of a batch.
    sample
        How many cases; none: all.
    seed
        Of the draw of cases.
    workers
        Processes on this machine; none: one a core.
    progress, cancel
        As of `run`; cases that were not come to are left out.

    Raises
    ------
    InvalidSpec
        If it is no archive, or instances in it are not those of its manifest.
    """
    with _unpacked(Path(file)) as results:
        refuse_damaged(results.folder)
        batch = _as_archived(results)
        numbers = sorted(int(n) for n in results.cases["case"])
        if sample is not None and sample < len(numbers):
            drawn = np.random.default_rng(seed).choice(numbers, size=sample, replace=False)
            numbers = sorted(int(n) for n in drawn)
        rows = _solved_again(batch, results, numbers, workers or cores(), watcher(progress), cancel)
    then = str(results.manifest["versions"]["allocator"])
    return Reproduced(_table(rows), (then, VERSION))


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    names = (
        "case", "instance", "seed", "reproduced", "agrees", "same_quotas", "why",
        "seconds_then", "seconds_now",
    )  # fmt: skip
    rows.sort(key=lambda row: int(row["case"]))
    cells = {name: [row[name] for row in rows] for name in names}
    return pd.DataFrame({name: pd.Series(some, dtype="object") for name, some in cells.items()})


@contextmanager
def _unpacked(path: Path) -> Iterator[Results]:
    """Give the results in an archive, or in a folder as it is."""
    if path.is_dir():
        yield opened(path)
        return
    with tempfile.TemporaryDirectory(prefix="allocator-batch-") as folder:
        expected = "give a file that `allocator batch archive` wrote"
        try:
            with zipfile.ZipFile(path) as packed:
                packed.extractall(folder)
        except (OSError, zipfile.BadZipFile) as error:
            why = getattr(error, "strerror", None) or error
            problem = Problem(f"cannot be read: {why}", expected, "archive", value=str(path))
            raise InvalidSpec(f"archive {path}", [problem]) from error
        if not (Path(folder) / MANIFEST).is_file():
            problem = Problem(f"has no {MANIFEST}", expected, "archive", value=str(path))
            raise InvalidSpec(f"archive {path}", [problem])
        yield opened(folder)


def _as_archived(results: Results) -> Batch:
    """Return the batch with the instances of the archive."""
    places = [one["path"] for one in results.manifest["instances"]]
    sources = tuple(str(results.folder / place) for place in places)
    batch = prepared(results.spec.model_copy(update={"instances": sources}), MANIFEST)
    known = [one["sha256"] for one in results.manifest["instances"]]
    problems = [
        Problem(
            "the instance is not the one that was solved",
            f"expected {sha256[:16]}",
            MANIFEST,
            None,
            f"instances.{i}",
            instance.sha256[:16],
        )
        for i, (instance, sha256) in enumerate(zip(batch.instances, known, strict=True))
        if instance.sha256 != sha256
    ]
    if problems:
        raise InvalidSpec("the archive cannot be used", problems)
    return batch


def _solved_again(
    batch: Batch,
    results: Results,
    numbers: list[int],
    workers: int,
    progress: Watcher | None,
    cancel: Flag | None,
) -> list[dict[str, Any]]:
    clock = Clock(float("inf"))
    tally = Tally("solved again", len(numbers), len(numbers), clock.elapsed)
    kept = {row["case"]: row for row in results.cases.to_dict("records")}
    rows = []
    with Workers(workers) as own, closing(OnCluster(own.address)) as crew:

        def stop() -> bool:
            own.tend()
            return cancel is not None and cancel.is_set()

        cases = (batch.case(batch[number], None) for number in numbers)
        with closing(crew.solve(cases, stop)) as answers:
            for answer in answers:
                number = int(answer.case.name)
                row, now = kept[number], answer.outcome
                found = agreement(results.known(number), Known.of(now))
                rows.append(
                    {
                        "case": number,
                        "instance": row["instance"],
                        "seed": row["seed"],
                        "reproduced": _reproduced(row, found, now.status),
                        **found.as_dict(),
                        "seconds_then": row["seconds"],
                        "seconds_now": now.seconds,
                    }
                )
                if progress is not None:
                    progress(tally.counting(now).standing(clock.elapsed))
    return rows


def _reproduced(row: dict[str, Any], found: Agreement, status: Status | None) -> bool | None:
    """Tell whether a case was reproduced; none where that cannot be told."""
    proven = (Status.OPTIMAL.value, Status.WITHIN_GAP.value)
    cold = row["warm_start"] is False and row["status"] in proven and status in proven
    return found.agrees and found.same_quotas if cold else found.agrees
