"""Plan folders: written whole or not at all, read back equal."""

import json
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from allocator.errors import InstanceMismatch, InvalidPlan
from allocator.folders import whole_folder
from allocator.loading import folder_of, load
from allocator.packaged import packaged
from allocator.writing import cells
from models.instance import Instance
from models.plan import PLAN_TABLES, InstanceReference, Plan, PlanTables
from models.problems import Problem
from models.tables import typed

ABOUT = "plan.json"


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
            text = cells(frame).to_csv(index=False, lineterminator="\n")
            (new / f"{name}.csv").write_bytes(text.encode("utf-8"))
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
    path, problems, frames = Path(folder), [], {}
    if not (path / ABOUT).is_file():
        expected = "give a folder that `allocator solve --out` wrote"
        raise InvalidPlan(f"plan {folder}", [Problem(f"there is no {ABOUT}", expected, ABOUT)])
    for name, table in PLAN_TABLES.items():
        try:
            raw = pd.read_csv(path / f"{name}.csv", dtype="str", keep_default_na=False)
        except (OSError, ValueError) as error:
            problems.append(Problem(f"cannot be read: {error}", "write the plan anew", name))
            continue
        frames[name], found = typed(table, raw)
        problems += found
    try:
        about = json.loads((path / ABOUT).read_text(encoding="utf-8"))
        plan = Plan.model_validate({**about, "tables": PlanTables({})})
    except ValidationError as error:
        for item in error.errors():
            field = ".".join(map(str, item["loc"]))
            value = str(item["input"])[:80]
            problems.append(Problem(item["msg"], "mend it", ABOUT, column=field, value=value))
    except ValueError as error:
        problems.append(Problem(f"not JSON: {error}", "write the plan anew", ABOUT))
    if problems:
        raise InvalidPlan(f"plan {folder}", problems)
    return plan.model_copy(update={"tables": PlanTables(frames)})


def remembering(plan: Plan, source: str | Path) -> Plan:
    """Return the plan with the place its instance was read from."""
    path = str(source) if str(source) in packaged() else str(folder_of(source).resolve())
    about = InstanceReference(id=plan.instance.id, sha256=plan.instance.sha256, path=path)
    return plan.model_copy(update={"instance": about})


def instance_of(plan: Plan, given: str | Path | None = None) -> Instance:
    """Return the instance that `plan` belongs to.

    Parameters
    ----------
    given
        A folder or packaged name; none: where the plan remembers it from.

    Raises
    ------
    InstanceMismatch
        If the instance found is another one, or none is remembered.
    """
    source = given if given is not None else plan.instance.path
    if source is None:
        raise InstanceMismatch(
            f"the plan does not say where its instance {plan.instance.id} is; give --instance"
        )
    instance = load(source)
    if instance.sha256 != plan.instance.sha256:
        raise InstanceMismatch(
            f"the plan belongs to {plan.instance.id} ({plan.instance.sha256[:12]}), but {source} "
            f"is {instance.id} ({instance.sha256[:12]}); give the instance it was made from"
        )
    return instance
