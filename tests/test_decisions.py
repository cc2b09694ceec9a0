"""Answers of municipalities are read from CSV and TOML, and everything wrong is told at once."""

import datetime as dt
from pathlib import Path

import pytest

from allocator.errors import InvalidDecisions
from allocator.revising.decisions import read_decisions
from allocator.solve import solve
from models.answers import Answer, AnswerKind
from models.plan import Plan
from models.problems import Problem
from tests.small import tiny

HEADER = "municipality_id,answer,persons,author,date,reason\n"


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Three municipalities asked for 20 persons each."""
    return solve(tiny([100, 100, 100], 60, [500.0, 500.0, 500.0]))


def problems_of(path: Path, plan: Plan) -> list[Problem]:
    with pytest.raises(InvalidDecisions) as caught:
        read_decisions(path, plan)
    assert all(problem.expected for problem in caught.value.problems)
    return list(caught.value.problems)


def written(folder: Path, text: str, name: str = "answers.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_and_toml_say_the_same(plan: Plan, tmp_path: Path) -> None:
    table = HEADER + (
        "0001,accepted,,mayor,2024-03-01,council 12/24\n"
        '0002,declined,0,mayor,2024-03-02,"no homes, no bus"\n'
        "0003,counter,12,clerk,2024-03-03,letter of 3 March\n"
    )
    toml = """
        [[decisions]]
        municipality_id = "0001"
        answer = "accepted"
        author = "mayor"
        date = 2024-03-01
        reason = "council 12/24"
        [[decisions]]
        municipality_id = "0002"
        answer = "declined"
        persons = 0
        author = "mayor"
        date = "2024-03-02"
        reason = "no homes, no bus"
        [[decisions]]
        municipality_id = "0003"
        answer = "counter"
        persons = 12
        author = "clerk"
        date = 2024-03-03
        reason = "letter of 3 March"
    """
    answers = read_decisions(written(tmp_path, table), plan)
    assert answers == read_decisions(written(tmp_path, toml, "answers.toml"), plan)
    assert answers[2] == Answer(
        municipality_id="0003",
        answer=AnswerKind.COUNTER,
        persons=12,
        author="clerk",
        date=dt.date(2024, 3, 3),
        reason="letter of 3 March",
    )


def test_everything_wrong_is_told_at_once(plan: Plan, tmp_path: Path) -> None:
    rows = (
        "9999,accepted,,mayor,2024-03-01,yes\n"
        "0001,counter,,mayor,2024-03-01,fewer\n"
        "0001,declined,,mayor,2024-03-01,no\n"
        "0002,counter,-5,mayor,1. mars,fewer\n"
        "0003,accepted,19,mayor,2024-03-01,yes\n"
        "0003,perhaps,,,2024-03-01,\n"
    )
    told = [
        (problem.row, problem.column, problem.message)
        for problem in problems_of(written(tmp_path, HEADER + rows), plan)
    ]
    assert told == [
        (1, "municipality_id", "the plan has no such municipality"),
        (2, "persons", "a counter-offer needs a number"),
        (3, "municipality_id", "row 2 is about the same municipality"),
        (4, "persons", "is no number of persons"),
        (4, "date", "is no date"),
        (5, "persons", "accepted means 20 persons here"),
        (6, "answer", "is no answer"),
        (6, "author", "is missing"),
        (6, "reason", "is missing"),
        (6, "municipality_id", "row 5 is about the same municipality"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("answers.xlsx", "", "cannot tell the format"),
        ("answers.csv", "", "the file is empty"),
        ("answers.csv", "municipality_id,answer,author,date\n", "the column is missing"),
        ("answers.csv", HEADER.replace("persons", "people"), "there is no such column"),
        ("answers.toml", "decisions = 3", "is no list of decisions"),
        ("answers.toml", "decisions = [3]", "is no table"),
        ("answers.toml", "[[decisions", "cannot be read as TOML"),
        ("answers.toml", "[[decisions]]\nmunicipality_id = 301\ndate = 5", "is not text"),
        ("answers.toml", '[[decisions]]\nmunicipality_id = "0001"\ndate = 5', "is no date"),
        ("answers.toml", '[[decisions]]\nmunicipalty_id = "0001"', "there is no such field"),
        ("answers.toml", '[[decisions]]\nanswer = "accepted"', "is missing"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    plan: Plan, tmp_path: Path, name: str, text: str, message: str
) -> None:
    found = [problem.message for problem in problems_of(written(tmp_path, text, name), plan)]
    assert any(one.startswith(message) for one in found), found
