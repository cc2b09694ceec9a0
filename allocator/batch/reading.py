"""A specification of a batch, read with everything that is wrong with it at once."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from allocator.batch.checking import problems_with
from allocator.batch.spec import InvalidSpec, Spec
from allocator.errors import InvalidPolicy
from allocator.loading import folder_of, read_csv
from allocator.packaged import packaged
from allocator.policies import parsed
from allocator.sensitivity.inputs import value_of
from allocator.validation import MISSING, Place, problems_of
from models.problems import Problem


def read_spec(source: str | Path) -> Spec:
    """Return the batch in a TOML file.

    Parameters
    ----------
    source
        The file; what it names lies beside it.

    Raises
    ------
    InvalidSpec
        With everything that is wrong with it. Where its form is right, what is wrong with
        instances, inputs and values is told by `plan` and `run`, before anything is solved.
    """
    path = Path(source)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = (getattr(error, "strerror", None) or "is not UTF-8").lower()
        problem = Problem(f"cannot be read: {reason}", "name a TOML file", path.name)
        raise InvalidSpec(f"batch {path}", [problem]) from error
    except tomllib.TOMLDecodeError as error:
        problem = Problem(f"is not TOML: {error}", "mend the file", path.name)
        raise InvalidSpec(f"batch {path}", [problem]) from error
    return spec_from(data, path.parent, path.name)


def spec_from(data: Mapping[str, Any], folder: str | Path = ".", name: str = "batch") -> Spec:
    """Return the batch in plain data, such as parsed TOML.

    Parameters
    ----------
    data
        As in a file.
    folder
        Where files lie that it names.
    name
        Of the file, for problems.

    Raises
    ------
    InvalidSpec
        With everything that is wrong, as of `read_spec`.
    """
    problems: list[Problem] = []
    given = dict(data)
    _inline_policy(given, Path(folder), name, problems)
    _inline_table(given, Path(folder), name, problems)
    _find_instances(given, Path(folder))
    spec, wrong = _validated(given, name)
    if spec is not None and not wrong and not problems:
        return spec
    problems += wrong
    if spec is not None:
        problems += problems_with(spec, name)
    raise InvalidSpec(f"batch {name}", list(dict.fromkeys(problems)))


def _validated(data: dict[str, Any], name: str) -> tuple[Spec | None, list[Problem]]:
    """Return the batch without what is wrong with its form, and that; none if nothing is left."""
    problems: list[Problem] = []
    while True:
        try:
            # Strictly, and as JSON: text is no number, but a list may stand for a tuple.
            text = json.dumps(data, default=str)
            return Spec.model_validate_json(text, strict=True), problems
        except ValidationError as error:
            found = problems_of(error, Spec, data, name)
            later = bool(problems)  # what is missing later was taken out here
            problems += [one for _, one in found if not (later and one.message == MISSING)]
            places = {
                # What is missing cannot be taken out: what it belongs to goes.
                place if _there(data, place) else place[:-1]
                for place, _ in found
            }
            if () in places:
                return None, problems
            data = _without(data, places)


def _there(data: Any, place: Place) -> bool:
    try:
        for part in place:
            data = data[part]
    except LookupError:
        return False
    return True


def _without(data: Any, places: Iterable[Place]) -> Any:
    """Return plain data without what stands at some places."""

    def left(part: int | str, value: Any) -> Any:
        return _without(value, [place[1:] for place in places if place[0] == part])

    gone = {place[0] for place in places if len(place) == 1}
    if isinstance(data, Mapping):
        some = {name: left(name, value) for name, value in data.items() if name not in gone}
        # A list of which nothing is left was not given empty.
        return {name: value for name, value in some.items() if value != [] or data[name] == []}
    if isinstance(data, list | tuple):
        return [left(i, value) for i, value in enumerate(data) if i not in gone]
    return data


def _inline_policy(data: dict[str, Any], folder: Path, name: str, found: list[Problem]) -> None:
    """Put the policy itself where its file is named."""
    given = data.get("policy")
    if not isinstance(given, str):
        return
    try:
        data["policy"] = parsed(folder / given)
    except InvalidPolicy as error:
        del data["policy"]
        found += [
            Problem(one.message, one.expected, name, None, "policy", one.value)
            for one in error.problems
        ]


def _inline_table(data: dict[str, Any], folder: Path, name: str, found: list[Problem]) -> None:
    """Put the rows of a table of scenarios where its file is named."""
    design = data.get("design")
    if not isinstance(design, Mapping) or not isinstance(design.get("table"), str):
        return
    file = design["table"]
    wrong: list[Problem] = []
    frame = read_csv(folder / file, file, wrong)
    data["design"] = {key: value for key, value in design.items() if key != "table"}
    if frame is None:
        found += [replace(one, table=file) for one in wrong]
        return
    if len(frame.columns) == 1 and ";" in str(frame.columns[0]):
        expected = "separate columns with commas (decimals with a dot)"
        found.append(Problem("columns are separated by semicolons", expected, file))
        return
    rows = [
        {str(path): value_of(cell.strip()) for path, cell in row.items() if cell.strip()}
        for row in frame.to_dict("records")
    ]
    if not rows:
        expected = "give a row a case"
        found.append(Problem("has no rows", expected, name, None, "design.table", file))
    data["design"]["table"] = rows


def _find_instances(data: dict[str, Any], folder: Path) -> None:
    """Let folders be found from anywhere."""
    given = data.get("instances")
    if not isinstance(given, list):
        return
    data["instances"] = [
        str((folder / one).resolve())
        if isinstance(one, str) and (folder / one).is_dir()
        else str(folder_of(one).resolve())
        if isinstance(one, str) and one not in packaged() and folder_of(one).is_dir()
        else one
        for one in given
    ]
