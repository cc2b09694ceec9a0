"""Read an instance from a folder, and say everything that is wrong with it at once."""

import csv
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from allocator.errors import InvalidInstance
from allocator.packaged import packaged
from models.checks import check_tables
from models.columns import TABLES, Table
from models.instance import Instance
from models.problems import Problem, Severity, errors
from models.tables import Tables, empty, typed

PACKAGE = "datapackage.json"
_NOT_OURS = frozenset({"$schema", "name", "resources", "created", "version", "homepage"})


def load(source: str | Path) -> Instance:
    """Read an instance.

    Parameters
    ----------
    source
        A folder, or the name of a packaged instance (``norway-2024``).

    Raises
    ------
    InvalidInstance
        With every problem found.
    """
    instance, problems = read(source)
    if instance is None or errors(problems):
        raise InvalidInstance(f"instance {source}", errors(problems))
    return instance


def folder_of(source: str | Path) -> Path:
    """Return the folder meant by a path or by the name of a packaged instance."""
    folder = Path(source)
    return folder if folder.is_dir() else packaged().get(str(source), folder)


def read(source: str | Path) -> tuple[Instance | None, list[Problem]]:
    """Read an instance and everything that can be said of it, warnings too.

    Returns
    -------
    instance
        None when there are errors.
    problems
        Errors and warnings.
    """
    folder = folder_of(source)
    if not folder.is_dir():
        names = ", ".join(packaged())
        return None, [
            Problem(
                "there is no such folder and no such packaged instance",
                f"give a folder with {PACKAGE}, or one of: {names}",
                value=str(source),
            )
        ]
    problems: list[Problem] = []
    about = _read_package(folder, problems)
    frames: dict[str, pd.DataFrame] = {}
    for table in TABLES.values():
        raw = _read_table(folder, table, problems)
        if raw is None:
            frames[table.name] = empty(table)
        else:
            frames[table.name], found = typed(table, raw)
            problems += found
    if about is None:
        return None, problems
    _compare_hashes(folder, about, problems)
    head = _head(about, problems)
    if not errors(problems):
        problems += check_tables(frames, head.target, head.budget)
    if errors(problems):
        return None, problems
    fields = {name: getattr(head, name) for name in Instance.model_fields if name != "tables"}
    return Instance(**fields, tables=Tables(frames)), problems


def _read_package(folder: Path, problems: list[Problem]) -> dict[str, Any] | None:
    path = folder / PACKAGE
    try:
        about = json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=_no_constant)
    except FileNotFoundError:
        problems.append(Problem("the file is missing", "add it", PACKAGE))
        return None
    except UnicodeDecodeError as error:
        problems.append(_encoding(PACKAGE, error))
        return None
    except ValueError as error:
        problems.append(Problem(f"not JSON: {error}", "mend the JSON", PACKAGE))
        return None
    if not isinstance(about, dict):
        problems.append(Problem("not a JSON object", "give an object with id, target, …", PACKAGE))
        return None
    return about


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number that JSON knows")


def _encoding(name: str, error: UnicodeDecodeError) -> Problem:
    wrong = error.object[error.start : error.start + 1].hex()
    return Problem(
        f"not UTF-8 at byte {error.start}", "save the file as UTF-8", name, value=f"0x{wrong}"
    )


def _head(about: dict[str, Any], problems: list[Problem]) -> Any:
    given = {k: v for k, v in about.items() if k not in _NOT_OURS}
    try:
        return Instance(**given, tables=Tables({}))
    except ValidationError as error:
        for item in error.errors():
            field = ".".join(map(str, item["loc"]))
            found = None if item["type"] == "missing" else str(item["input"])[:80]
            problems.append(
                Problem(item["msg"], _expected(field), PACKAGE, column=field, value=found)
            )
        return None


def _expected(field: str) -> str:
    known = Instance.model_fields.get(field.split(".")[0])
    if known is None:
        return "leave it out, or correct its name"
    return "give what the field is for: " + {
        "id": "a short name of lower case letters, digits, - . _",
        "title": "a text",
        "year": "a whole number from 1900 to 2200",
        "target": "a whole number of persons, at least 0",
        "budget": "an amount of money, at least 0",
        "currency": "three capital letters, such as NOK",
    }.get(field.split(".")[0], "see the documentation of the format")


def _read_table(folder: Path, table: Table, problems: list[Problem]) -> pd.DataFrame | None:
    text, parquet = folder / f"{table.name}.csv", folder / f"{table.name}.parquet"
    if text.exists() and parquet.exists():
        problems.append(Problem("there as CSV and as Parquet", "keep one of the two", table.name))
        return None
    if parquet.exists():
        return _read_parquet(parquet, table, problems)
    if text.exists():
        return _read_csv(text, table, problems)
    if not table.optional:
        problems.append(Problem("the table is missing", f"add {table.name}.csv", table.name))
    return None


def _read_parquet(path: Path, table: Table, problems: list[Problem]) -> pd.DataFrame | None:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError, ImportError) as error:
        problems.append(Problem(f"cannot be read: {error}", "give a Parquet file", table.name))
        return None


def _read_csv(path: Path, table: Table, problems: list[Problem]) -> pd.DataFrame | None:
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.append(_encoding(path.name, error))
        return None
    try:
        rows = list(csv.reader(io.StringIO(content, newline=""), strict=True))
    except csv.Error as error:
        problems.append(Problem(f"not CSV: {error}", "mend the file", table.name))
        return None
    if not rows:
        problems.append(Problem("the file is empty", "give a header row", table.name))
        return None
    header, body = [name.strip() for name in rows[0]], [row for row in rows[1:] if row]
    for name in sorted({name for name in header if header.count(name) > 1}):
        problems.append(Problem("the column is there twice", "keep one", table.name, column=name))
    problems += [
        Problem(
            f"the row has {len(row)} cells",
            f"give {len(header)}, as in the header (decimals with a dot)",
            table.name,
            row=i + 1,
        )
        for i, row in enumerate(body)
        if len(row) != len(header)
    ]
    if len(set(header)) < len(header) or any(len(row) != len(header) for row in body):
        return None
    return pd.DataFrame(body, columns=header, dtype="str")


def _compare_hashes(folder: Path, about: dict[str, Any], problems: list[Problem]) -> None:
    for resource in about.get("resources", []):
        if not isinstance(resource, dict) or resource.get("name") not in TABLES:
            continue
        path = next(folder.glob(f"{resource['name']}.[cp][sa][vr]*"), None)
        stated = str(resource.get("hash", ""))
        if path is None or not stated.startswith("sha256:"):
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest() != stated.removeprefix("sha256:"):
            problems.append(
                Problem(
                    "the file has been changed since the package was written",
                    "write the package anew if the change is meant",
                    resource["name"],
                    severity=Severity.WARNING,
                )
            )
