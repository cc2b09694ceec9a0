"""Read the answers of municipalities from a file, and say everything that is wrong at once.

A CSV file has the columns ``municipality_id, answer, persons, author, date, reason``; a TOML
file has the same fields in tables ``[[decisions]]``.
"""

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from allocator.errors import InvalidDecisions
from allocator.loading import read_csv
from models.answers import Answer, AnswerKind
from models.plan import Plan
from models.problems import Problem

TABLE = "decisions"
COLUMNS = tuple(Answer.model_fields)
_EXPECTED = {
    "municipality_id": "give its official number as text, leading zeros included",
    "answer": f"give one of {', '.join(AnswerKind)}",
    "persons": "give a whole number of persons, 0 or more",
    "author": "say who decided",
    "date": "write the day as 2024-03-31",
    "reason": "say why, in words",
}
Rows = list[tuple[int, dict[str, Any]]]


def read_decisions(source: str | Path, plan: Plan) -> tuple[Answer, ...]:
    """Return the answers in a CSV or TOML file, checked against the plan they answer.

    Raises
    ------
    InvalidDecisions
        With every problem of the file at once.
    """
    problems: list[Problem] = []
    answers = []
    rows = _rows(Path(source), problems)
    for number, cells in rows:
        try:
            answers.append((number, Answer.model_validate(cells)))
        except ValidationError as error:
            found = error.errors(include_url=False)
            problems += [_problem(detail, number) for detail in found]
    ids = [(number, str(cells.get("municipality_id", ""))) for number, cells in rows]
    problems += [*_of_places(ids, plan), *_of_numbers(answers, plan)]
    if problems:
        ordered = sorted(problems, key=lambda problem: problem.row or 0)
        raise InvalidDecisions(f"decisions {source}", ordered)
    return tuple(answer for _, answer in answers)


def check_answers(answers: Sequence[Answer], plan: Plan) -> list[Problem]:
    """Return everything that is wrong with answers to `plan`; rows count from 1."""
    rows = list(enumerate(answers, start=1))
    places = [(number, answer.municipality_id) for number, answer in rows]
    return [*_of_places(places, plan), *_of_numbers(rows, plan)]


def persons_decided(answer: Answer, asked: int) -> int:
    """Return the persons that a checked answer to a request for `asked` persons stands for."""
    if answer.answer is AnswerKind.ACCEPTED:
        return asked
    return answer.persons or 0 if answer.answer is AnswerKind.COUNTER else 0


def _rows(path: Path, problems: list[Problem]) -> Rows:
    if path.suffix == ".toml":
        return _of_toml(path, problems)
    if path.suffix != ".csv":
        problems.append(Problem("cannot tell the format", "end in .csv or .toml", path.name))
        return []
    frame = read_csv(path, TABLE, problems)
    if frame is None:
        return []
    for column in frame.columns:
        if column not in COLUMNS:
            expected = f"there are {', '.join(COLUMNS)}"
            problems.append(Problem("there is no such column", expected, TABLE, column=column))
    problems += [
        Problem("the column is missing", _EXPECTED[column], TABLE, column=column)
        for column in COLUMNS
        if column not in frame and column != "persons"
    ]
    return _filled(frame[[column for column in COLUMNS if column in frame]])


def _filled(frame: pd.DataFrame) -> Rows:
    """Return the cells that are not blank, by row; a missing column is told only once."""
    rows = []
    for number, cells in enumerate(frame.to_dict("records"), start=1):
        stripped = {str(name): str(cell).strip() for name, cell in cells.items()}
        blank = {"persons"} | {name for name in COLUMNS if name not in frame}
        rows.append(
            (number, {name: cell for name, cell in stripped.items() if cell or name not in blank})
        )
    return rows if all(name in frame for name in COLUMNS if name != "persons") else []


def _of_toml(path: Path, problems: list[Problem]) -> Rows:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        problems.append(Problem(f"cannot be read as TOML: {error}", "mend the file", path.name))
        return []
    rows = data.get(TABLE)
    if set(data) != {TABLE} or not isinstance(rows, list):
        problems.append(Problem("is no list of decisions", f"write [[{TABLE}]]", path.name))
        return []
    found: Rows = []
    for number, cells in enumerate(rows, start=1):
        if isinstance(cells, dict):
            found.append((number, cells))
        else:
            expected = f"write [[{TABLE}]]"
            problems.append(Problem("is no table", expected, TABLE, number, value=str(cells)))
    return found


def _problem(detail: ErrorDetails, row: int) -> Problem:
    column = str(detail["loc"][0])
    if detail["type"] == "extra_forbidden":
        expected = f"there are {', '.join(COLUMNS)}"
        return Problem("there is no such field", expected, TABLE, row, column)
    if detail["type"] == "missing" or detail["input"] == "":
        return Problem("is missing", _EXPECTED[column], TABLE, row, column)
    message = {
        "answer": "is no answer",
        "persons": "is no number of persons",
        "date": "is no date",
    }.get(column, "is not text")
    return Problem(message, _EXPECTED[column], TABLE, row, column, str(detail["input"]))


def _of_places(ids: Iterable[tuple[int, str]], plan: Plan) -> list[Problem]:
    known, seen, problems = plan.quota_of, dict[str, int](), []
    for row, m in ids:
        place = (TABLE, row, "municipality_id", m)
        if not m:
            continue
        if m not in known:
            message = "the plan has no such municipality"
            problems.append(Problem(message, _EXPECTED["municipality_id"], *place))
        if m in seen:
            message = f"row {seen[m]} is about the same municipality"
            problems.append(Problem(message, "keep the answer that holds", *place))
        seen.setdefault(m, row)
    return problems


def _of_numbers(answers: Iterable[tuple[int, Answer]], plan: Plan) -> list[Problem]:
    asked, problems = plan.quota_of, []
    for row, answer in answers:
        kind, persons = answer.answer, answer.persons
        if answer.municipality_id not in asked:
            continue
        number = persons_decided(answer, asked[answer.municipality_id])
        if kind is AnswerKind.COUNTER and persons is None:
            message, expected = "a counter-offer needs a number", _EXPECTED["persons"]
        elif kind is AnswerKind.COUNTER and plan.totals is not None and number > plan.totals.target:
            message = f"more than all {plan.totals.target} persons there are to settle"
            expected = "give what this municipality alone can take"
        elif kind is not AnswerKind.COUNTER and persons not in (None, number):
            message = f"{kind.value} means {number} persons here"
            expected = f"leave it blank, give {number}, or answer counter"
        else:
            continue
        value = None if persons is None else str(persons)
        problems.append(Problem(message, expected, TABLE, row, "persons", value))
    return problems
