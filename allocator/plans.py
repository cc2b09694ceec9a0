"""Plan folders: written whole or not at all, read back equal."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import ValidationError

from allocator.errors import InstanceMismatch, InvalidPlan
from allocator.folders import whole_folder
from allocator.loading import folder_of, load, read_csv
from allocator.packaged import packaged
from allocator.writing import csv_bytes
from models.columns import Table
from models.instance import Instance
from models.plan import PLAN_TABLES, InstanceReference, Plan, PlanTables
from models.problems import Problem
from models.tables import typed

ABOUT = "plan.json"


def nothing_found(plan: Plan, purpose: str = "") -> Problem:
    """Return what is wrong with a plan without quotas where some are needed (``to revise``)."""
    return Problem(
        f"the plan has no quotas {purpose}".rstrip(),
        "give a plan that was found",
        ABOUT,
        column="status",
        value=plan.status.value,
    )


def write_plan(plan: Plan, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write `plan` to `folder`, whole or not at all.

    Raises
    ------
    FolderExists
        If `folder` exists and `overwrite` is false.
    """
    target = Path(folder)
    with whole_folder(target, overwrite=overwrite) as new:
        for name, frame in plan.tables.items():
            (new / f"{name}.csv").write_bytes(csv_bytes(frame))
        about = plan.model_dump(mode="json", exclude={"tables"})
        text = json.dumps(about, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        (new / ABOUT).write_text(text, encoding="utf-8")
    return target


def read_plan(folder: str | Path) -> Plan:
    """Read a plan folder.

    Raises
    ------
    InvalidPlan
        With every problem found.
    """
    path = Path(folder)
    if not (path / ABOUT).is_file():
        expected = "give a folder that `allocator solve --out` wrote"
        raise InvalidPlan(f"plan {folder}", [Problem(f"there is no {ABOUT}", expected, ABOUT)])
    problems: list[Problem] = []
    frames = {}
    for name, table in PLAN_TABLES.items():
        cells = read_csv(path / f"{name}.csv", name, problems)
        if cells is not None:
            frames[name], found = typed(table, cells)
            problems += found or _repeated(table, frames[name])
    plan = _read_about(path / ABOUT, problems)
    if plan is None or problems:
        raise InvalidPlan(f"plan {folder}", problems)
    return plan.model_copy(update={"tables": PlanTables(frames)})


def _repeated(table: Table, frame: pd.DataFrame) -> list[Problem]:
    again = np.flatnonzero(frame.duplicated(list(table.key)).to_numpy())
    message = f"an earlier row has the same {' and '.join(table.key)}"
    return [Problem(message, "keep one row", table.name, int(i) + 1) for i in again]


def _read_about(path: Path, problems: list[Problem]) -> Plan | None:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(about, dict):
            problems.append(Problem("not a JSON object", "write the plan anew", ABOUT))
            return None
        return Plan.model_validate({**about, "tables": PlanTables({})})
    except ValidationError as error:
        for item in error.errors():
            field = ".".join(map(str, item["loc"]))
            value = None if item["type"] == "missing" else str(item["input"])[:80]
            expected = "write the plan anew, or mend the field"
            problems.append(Problem(item["msg"], expected, ABOUT, column=field, value=value))
    except (OSError, ValueError, RecursionError) as error:
        problems.append(Problem(f"not JSON: {error}", "write the plan anew", ABOUT))
    return None


def remembering(plan: Plan, source: str | Path) -> Plan:
    """Return the plan with the place its instance was read from."""
    named = str(source) in packaged() and not Path(source).is_dir()
    path = str(source) if named else str(folder_of(source).resolve())
    about = InstanceReference(id=plan.instance.id, sha256=plan.instance.sha256, path=path)
    return plan.model_copy(update={"instance": about})


def instance_of(plan: Plan, given: str | Path | None = None) -> Instance:
    """Return the instance that `plan` belongs to.

    Parameters
    ----------
    given
        A folder or packaged name; none: where the plan remembers it from, or else the
        packaged instance of the same name.

    Raises
    ------
    InstanceMismatch
        If the instance found is another one, or none is found.
    InvalidInstance
        If what is found cannot be read.
    """
    source = given if given is not None else _remembered(plan.instance)
    if source is None:
        raise InstanceMismatch(
            f"the instance {plan.instance.id} of the plan is not where the plan remembers it "
            f"({plan.instance.path or 'nowhere'}); give --instance"
        )
    instance = load(source)
    if instance.sha256 != plan.instance.sha256:
        raise InstanceMismatch(
            f"the plan belongs to {plan.instance.id} ({plan.instance.sha256[:12]}), but {source} "
            f"is {instance.id} ({instance.sha256[:12]}); give the instance it was made from"
        )
    return instance


def instance_for(plan: Plan, given: str | Path | None = None) -> Instance:
    """Return the instance that a plan which is to be used belongs to; see `instance_of`.

    Raises
    ------
    InvalidPlan
        If the plan was damaged: its quotas are not those of the municipalities of its instance.
    """
    instance = instance_of(plan, given)
    refuse_damaged(plan, instance)
    return instance


def refuse_damaged(plan: Plan, instance: Instance) -> None:
    """Refuse a plan whose quotas are not those of the municipalities of its instance.

    Raises
    ------
    InvalidPlan
        With every municipality that is too many or missing.
    """
    there, known = plan.quota_of, set(instance.municipalities["municipality_id"])
    problems = [
        Problem(
            "the instance has no such municipality",
            "write the plan anew",
            "quotas",
            row,
            "municipality_id",
            m,
        )
        for row, m in enumerate(there, start=1)
        if m not in known
    ]
    if plan.found:
        problems += [
            Problem("a municipality has no quota", "write the plan anew", "quotas", value=m)
            for m in sorted(known - set(there))
        ]
    if problems:
        raise InvalidPlan(f"plan of {instance.id}", problems)


def _remembered(about: InstanceReference) -> str | Path | None:
    """Return where the instance is now: the place remembered, or the packaged one of its name."""
    if about.path is not None and folder_of(about.path).is_dir():
        return about.path
    return packaged().get(about.id)
