"""Folders of batches whose answers are written by hand, so that what they must say is known."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from allocator import batch
from allocator.batch.asked import Asked, Batch
from allocator.batch.columns import CASES, DATASETS, QUOTAS, SUMMARY, schemas
from allocator.batch.design import points
from allocator.batch.record import write_manifest, write_part
from allocator.batch.spec import Settings
from allocator.loading import load
from allocator.writing import write

Answer = dict[str, Any] | str
"""Totals and ``quotas`` of a plan; or why there is none."""


def made(spec: batch.Spec) -> Batch:
    """Return the cases of a batch without looking whether they are possible."""
    instances = [load(source) for source in spec.instances]
    settings, problems = points(spec.design, instances, spec.policy, "batch")
    assert not problems
    return Batch(spec, tuple(instances), tuple(settings))


def fabricated(
    folder: Path,
    spec: batch.Spec,
    answer: Callable[[Asked, Settings], Answer],
    numbers: Iterable[int] | None = None,
) -> batch.Results:
    """Return the results of a batch in which every case has this answer.

    Parameters
    ----------
    numbers
        Cases that are answered; none: all.
    """
    cases = made(spec)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in DATASETS}
    for number in range(len(cases)) if numbers is None else numbers:
        asked = cases[number]
        settings = cases.settings(asked)
        told, case = answer(asked, settings), {"case": number}
        failed = isinstance(told, str) and told not in ("infeasible", "none")
        rows[CASES].append(
            case
            | {path: v if cases.inputs[path] else str(v) for path, v in settings.items()}
            | {
                "instance": cases.instances[asked.instance].id,
                "seed": asked.seed,
                "state": "failed" if failed else "solved",
                "status": None if failed else told if isinstance(told, str) else "optimal",
                "error": told if failed else None,
                "finished": datetime(2026, 1, 1, tzinfo=UTC),
            }
        )
        if isinstance(told, dict):
            quotas = told.pop("quotas", {})
            rows[SUMMARY].append(case | {"shortfall": 0.0} | told)
            towns = cases.instances[asked.instance].municipalities["municipality_id"]
            rows[QUOTAS] += [
                case | {"municipality_id": m, "quota": quotas.get(m, 0)} for m in towns
            ]
    columns = schemas(cases.inputs)
    for name in DATASETS:
        (folder / name).mkdir(parents=True)
        if rows[CASES]:
            write_part(folder / name / "part-000001.parquet", rows[name], columns[name])
    about = []
    for i, instance in enumerate(cases.instances):
        place = f"instances/{i}"
        write(instance, folder / place)
        about.append({"id": instance.id, "sha256": instance.sha256, "path": place})
    write_manifest(
        folder,
        {
            "title": spec.title,
            "fingerprint": hashlib.sha256(b"fabricated").hexdigest(),
            "cases": len(cases),
            "inputs": cases.inputs,
            "spec": spec.model_dump(mode="json"),
            "instances": about,
        },
    )
    return batch.open(folder)
