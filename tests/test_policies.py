"""A policy is read from files and settings, and everything wrong with it is told at once."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from allocator.errors import InvalidPolicy
from allocator.policies import policy_from, read_policy
from allocator.settings_of_policy import policy_with_comments
from models.policy import Policy, Relation, Term
from models.problems import Problem


def problems_of(*settings: str, source: Path | None = None) -> dict[str | None, Problem]:
    with pytest.raises(InvalidPolicy) as caught:
        read_policy(source, settings)
    assert all(problem.table == "policy" for problem in caught.value.problems)
    assert all(problem.expected for problem in caught.value.problems)
    return {problem.column: problem for problem in caught.value.problems}


def test_nothing_given_is_the_default() -> None:
    assert read_policy() == Policy()


def test_settings_of_every_shape() -> None:
    policy = read_policy(
        None,
        [
            "step=10",
            "budget.total=2e9",
            "soft.health=100",
            "minors=anywhere",
            'key="weighted"',
            "key.weights={population = 1, area_km2 = 0.5}",
            'county_bounds=[{county_id="03",at_most=900}]',
            'fixed=[{municipality_id="0301", relation="at_least", persons=5}]',
            "goals.2.tolerance=0.01",
        ],
    )
    assert (policy.step, policy.budget.total, policy.minors) == (10, 2e9, "anywhere")
    assert policy.soft == {"health": 100.0}
    assert policy.key.name == "weighted"
    assert policy.key.weights == {"population": 1.0, "area_km2": 0.5}
    assert policy.county_bounds[0].at_most == 900
    assert policy.fixed[0].relation is Relation.AT_LEAST
    assert [goal.tolerance for goal in policy.goals] == [0.0, 0.0, 0.01]


def test_the_last_setting_counts_and_none_switches_off(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("max_ratio = 2.0\nbudget = 5\nstep = 3\n")
    policy = read_policy(file, ["max_ratio=none", "step=4", "step=7", "budget.transit=1"])
    assert policy.max_ratio is None
    assert policy.step == 7
    assert (policy.budget.total, policy.budget.transit) == (5, 1)


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    toml, plain = tmp_path / "policy.toml", tmp_path / "policy.json"
    toml.write_text('step = 10\ngoals = [["shortfall"], ["cost"]]\n')
    plain.write_text(json.dumps({"step": 10, "goals": [["shortfall"], ["cost"]]}))
    assert read_policy(toml) == read_policy(plain)
    assert [list(goal.terms) for goal in read_policy(toml).goals] == [
        [Term.SHORTFALL],
        [Term.COST],
    ]


def test_a_policy_written_as_json_reads_back(tmp_path: Path) -> None:
    policy = read_policy(None, ["step=10", "max_change={persons=10}", "soft={housing=2}"])
    file = tmp_path / "policy.json"
    file.write_text(policy.model_dump_json())
    assert read_policy(file) == policy


def test_every_problem_at_once_with_place_value_and_remedy() -> None:
    found = problems_of(
        "stepp=3",
        "floor=-1",
        "minors=nowhere",
        "goals.0.terms.shortfal=1",
        "oops",
        "credits.weight=2",
    )
    assert set(found) == {
        "stepp",
        "floor",
        "minors",
        "goals.0.terms.shortfal",
        "oops",
        "credits.weight",
    }
    assert "maybe step" in found["stepp"].expected
    assert found["floor"].value == "-1"
    assert "at all" in found["floor"].expected
    assert "'anywhere'" in found["minors"].expected
    assert "'shortfall'" in found["goals.0.terms.shortfal"].expected


@pytest.mark.parametrize(
    ("setting", "column"),
    [
        ('step="10"', "step"),
        ("step=true", "step"),
        ("step=5.5", "step"),
        ("budget.total=inf", "budget.total"),
        ("max_ratio=nan", "max_ratio"),
        ("county_bounds=[{county_id=3}]", "county_bounds.0.county_id"),
        ("fixed=[{municipality_id='0301'}]", "fixed.0.persons"),
        ("key.nam=x", "key.nam"),
        ("goals=[]", "goals"),
        ("goals.3.tolerance=1", "goals.3.tolerance"),
        ("goals.first.tolerance=1", "goals"),
        ("step.more=1", "step"),
        ("step=[", "step"),
        ("step=3\nfloor=4", "step"),
        ("=3", None),
        ("budget..total=3", "budget..total"),
    ],
)
def test_one_wrong_setting_is_placed(setting: str, column: str | None) -> None:
    assert set(problems_of(setting)) == {column}


def test_a_single_value_is_no_table(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("step = 3\n")
    assert "single value" in problems_of("step.more=1", source=file)["step.more"].message


def test_what_contradicts_itself_is_said() -> None:
    (problem,) = problems_of("min_ratio=2", "max_ratio=1").values()
    assert "min_ratio (2) is above max_ratio (1)" in problem.message
    twice = "fixed=[{municipality_id='1', persons=1}, {municipality_id='1', persons=2}]"
    (problem,) = problems_of(twice).values()
    assert problem.expected == "keep one"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("policy.toml", b"step = = 3", "is not TOML"),
        ("policy.json", b"{", "is not JSON"),
        ("policy.json", b"[]", "is not an object"),
        ("policy.toml", b"# \xe5", "is not UTF-8"),
        ("policy.yaml", b"step: 3", "cannot tell the format"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    found = problems_of("floor=-1", source=file)
    assert said in found[None].message
    assert "floor" in found


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    problem = problems_of(source=tmp_path / "absent.toml")[None]
    assert "no such file" in problem.message
    assert problem.value == str(tmp_path / "absent.toml")


def test_plain_data_is_checked_alike() -> None:
    assert policy_from({"step": 3}).step == 3
    with pytest.raises(InvalidPolicy, match="at step"):
        policy_from({"step": 0})


def test_the_commented_default_reads_back(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(policy_with_comments(), encoding="utf-8")
    assert read_policy(file) == Policy()


def test_every_setting_and_its_description_are_printed() -> None:
    text = policy_with_comments()
    for name, field in Policy.model_fields.items():
        assert re.search(rf"^#?(\[+{name}\]+|{name} = )", text, re.MULTILINE), name
        assert f"# {field.description}" in text


def test_switched_on_every_setting_is_valid() -> None:
    text = re.sub(r"^#(?=[\w\[])", "", policy_with_comments(), flags=re.MULTILINE)
    policy = policy_from(tomllib.loads(text))
    off = [name for name in Policy.model_fields if getattr(policy, name) is None]
    assert off == []
    assert policy.soft
    assert None not in policy.budget.model_dump().values()
