"""The file datapackage.json: what it says of an instance, and what is wrong with it."""

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from models.columns import TABLES
from models.instance import Instance
from models.problems import Problem, Severity
from models.tables import Tables

PACKAGE = "datapackage.json"
SUFFIXES = ("csv", "parquet")
_NOT_OURS = frozenset({"$schema", "name", "resources", "created", "version", "homepage"})
_NUMBERS = ("year", "target", "budget")
_EXPECTED = {
    "id": "give a short name of lower case letters, digits, - . _",
    "title": "give a text",
    "year": "give a whole number from 1900 to 2200",
    "target": "give a whole number of persons, at least 0",
    "budget": "give an amount of money, at least 0",
    "currency": "give three capital letters, such as NOK",
    "description": "give a text",
    "sources": "give a list of objects with title and publisher",
    "licenses": "give a list of objects with name",
}


def read_package(folder: Path, problems: list[Problem]) -> dict[str, Any] | None:
    """Return what datapackage.json holds, or None when it cannot be read at all."""
    try:
        text = (folder / PACKAGE).read_text(encoding="utf-8-sig")
        about = json.loads(text, parse_constant=no_constant, object_pairs_hook=each_once)
    except FileNotFoundError:
        problems.append(Problem("the file is missing", "add it", PACKAGE))
        return None
    except OSError as error:
        problems.append(Problem(f"cannot be read: {error.strerror}", "give a file", PACKAGE))
        return None
    except UnicodeDecodeError as error:
        problems.append(wrong_encoding(PACKAGE, error))
        return None
    except (ValueError, RecursionError) as error:
        problems.append(Problem(f"not JSON that can be used: {error}", "mend the JSON", PACKAGE))
        return None
    if not isinstance(about, dict):
        problems.append(Problem("not a JSON object", "give an object with id, target, …", PACKAGE))
        return None
    return about


def wrong_encoding(name: str, error: UnicodeDecodeError) -> Problem:
    """Say where a file stops being UTF-8."""
    wrong = error.object[error.start : error.start + 1].hex()
    return Problem(
        f"not UTF-8 at byte {error.start}", "save the file as UTF-8", name, value=f"0x{wrong}"
    )


def head(about: dict[str, Any], problems: list[Problem]) -> Instance | None:
    """Return an instance without rows that has the fields stated, or None when any is wrong."""
    given = {name: value for name, value in about.items() if name not in _NOT_OURS}
    found: list[Problem] = []
    instance = None
    if "tables" in given:
        rows = _short(given.pop("tables"))
        found.append(_field_problem("Extra inputs are not permitted", "tables", rows))
    try:
        instance = Instance(**given, tables=Tables({}))
    except ValidationError as error:
        for item in error.errors():
            field = ".".join(map(str, item["loc"]))
            value = None if item["type"] == "missing" else _short(item["input"])
            found.append(_field_problem(item["msg"], field, value))
    reported = {problem.column for problem in found}
    # Pydantic would read the text "2024" as a number; nothing is repaired silently here.
    found += [
        _field_problem("not a number", name, _short(given[name]))
        for name in _NUMBERS
        if isinstance(given.get(name), str | bool) and name not in reported
    ]
    problems += found
    return None if found else instance


def check_resources(folder: Path, about: dict[str, Any], problems: list[Problem]) -> None:
    """Compare the resources stated with the files that are there."""
    resources = about.get("resources", [])
    if not isinstance(resources, list):
        problems.append(Problem("not a list", "give a list of tables", PACKAGE, column="resources"))
        return
    for i, resource in enumerate(resources):
        name = resource.get("name") if isinstance(resource, dict) else None
        field = f"resources.{i}"
        if not isinstance(name, str):
            problems.append(
                Problem("a resource without a name", "give its name", PACKAGE, column=field)
            )
        elif name not in TABLES:
            problems.append(_unread(f"{field}.name", name))
        else:
            _check_resource(folder, name, resource, f"{field}.path", problems)


def stray_files(folder: Path) -> list[Problem]:
    """Warn of tables in the folder that nobody reads, such as one with a misspelt name."""
    return [
        Problem(
            "nobody reads this file",
            f"the tables are {', '.join(TABLES)}",
            path.name,
            severity=Severity.WARNING,
        )
        for path in sorted(folder.iterdir())
        if path.suffix.lstrip(".").lower() in SUFFIXES
        and path.name not in {f"{name}.{suffix}" for name in TABLES for suffix in SUFFIXES}
    ]


def _check_resource(
    folder: Path, name: str, resource: dict[str, Any], field: str, problems: list[Problem]
) -> None:
    names = [f"{name}.{suffix}" for suffix in SUFFIXES]
    stated = resource.get("path", names[0])
    if stated not in names:
        expected = f"{name} is read from {' or '.join(names)} in the same folder"
        problems.append(
            Problem("nobody reads this path", expected, PACKAGE, None, field, _short(stated))
        )
        return
    path = next((folder / n for n in names if (folder / n).is_file()), None)
    if path is None:
        # A required table is reported where it is read.
        if TABLES[name].optional:
            problems.append(
                Problem("the table is stated but not there", f"add {stated}", PACKAGE, None, field)
            )
        return
    digest = str(resource.get("hash", ""))
    if not digest.startswith("sha256:"):
        return
    if hashlib.sha256(path.read_bytes()).hexdigest() != digest.removeprefix("sha256:"):
        problems.append(
            Problem(
                "the file has been changed since the package was written",
                "write the package anew if the change is meant",
                name,
                severity=Severity.WARNING,
            )
        )


def _unread(field: str, name: str) -> Problem:
    return Problem(
        "nobody reads a resource of this name",
        f"the tables are {', '.join(TABLES)}",
        PACKAGE,
        column=field,
        value=name,
        severity=Severity.WARNING,
    )


def _field_problem(message: str, field: str, value: str | None) -> Problem:
    first = field.split(".")[0]
    if message == "Extra inputs are not permitted":
        message, expected = "nobody knows this field", "leave it out, or correct its name"
    else:
        expected = _EXPECTED[first]
    return Problem(message, expected, PACKAGE, column=field, value=value)


def _short(value: object) -> str:
    return str(value)[:80]


def no_constant(name: str) -> float:
    """Refuse NaN and infinities, for `json.loads`."""
    raise ValueError(f"{name} is not a number that JSON knows")


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the fields of an object and refuse one that is there twice, for `json.loads`."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {twice!r} is there twice")
    return fields
