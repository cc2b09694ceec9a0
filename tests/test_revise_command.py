"""``allocator revise`` tells what changes and what it costs, and ends with the right code."""

import json
from pathlib import Path

import pandas as pd
import pytest

from allocator.cli import Exit
from allocator.loading import load
from allocator.plans import read_plan
from allocator.writing import write
from tests.small import measure, tiny
from tests.test_cli import run


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three equal municipalities with homes for 40 each; 0001 can build more, for 100 a step."""
    build = measure("homes", "dwellings", site_id="0001", beds=1)
    instance = tiny([100, 100, 100], 60, [40.0, 40.0, 40.0], measures=[build])
    return write(instance, tmp_path_factory.mktemp("instances") / "country")


@pytest.fixture(scope="module")
def plan(country: Path) -> Path:
    folder = country.parent / "plan"
    assert run("solve", country, "--out", folder).exit_code == Exit.DONE
    return folder


def test_who_takes_over_what_and_what_it_costs(plan: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers.csv"
    answers.write_text(
        "municipality_id,answer,persons,author,date,reason\n"
        "0002,declined,,mayor,2024-03-01,no homes\n"
        "0003,counter,12,clerk,2024-03-02,letter\n"
    )
    result = run("revise", plan, "--decisions", answers, "--out", tmp_path / "revised")
    assert result.exit_code == Exit.DONE
    for text in (
        "rule: nobody who has not answered is asked for fewer persons",
        "declined, mayor, 2024-03-01: no homes",
        "counter of 12, clerk, 2024-03-02: letter",
        "takes over from Town 0002, Town 0003",
        "56 persons moved in 3 municipalities",
        "+100",
    ):
        assert text in result.stdout
    revised = read_plan(tmp_path / "revised")
    assert revised.quotas["quota"].tolist() == [48, 0, 12]
    assert [entry.author for entry in revised.audit] == ["mayor", "clerk"]
    assert run("verify", country_of(plan), tmp_path / "revised").exit_code == Exit.DONE
    again = run("revise", tmp_path / "revised", "--target", "65", "--json")
    told = json.loads(again.stdout)
    assert told["figures"]["target"] == {"before": 60, "after": 65}
    assert (told["moved"], len(told["audit"])) == (5, 2)
    assert told["plan"]["revised"]["target"] == 60


def country_of(plan: Path) -> str:
    path = read_plan(plan).instance.path
    assert path is not None
    return path


def test_only_those_who_are_moved_furthest_are_shown_unless_all_are(tmp_path: Path) -> None:
    # 23 equal municipalities: 22 take over ten persons each from the one that declines 220.
    homes = [300.0, *[20.0] * 22]
    country = write(tiny([2200, *[100] * 22], 440, homes), tmp_path / "country")
    plan, answers = tmp_path / "plan", tmp_path / "answers.csv"
    assert run("solve", country, "--out", plan).exit_code == Exit.DONE
    assert read_plan(plan).quotas["quota"].tolist() == [220, *[10] * 22]
    answers.write_text(
        "municipality_id,answer,persons,author,date,reason\n"
        "0001,declined,,mayor,2024-03-01,no homes\n"
    )
    command = ("revise", plan, "--decisions", answers)
    few = run(*command).stdout
    assert "440 persons moved in 23 municipalities" in few
    assert "… and 3 more; --all shows them" in few
    assert (few.count("takes over from Town 0001"), few.count("no homes")) == (19, 1)
    everybody = run(*command, "--all").stdout
    assert everybody.count("takes over from Town 0001") == 22
    assert "more;" not in everybody
    assert len(json.loads(run(*command, "--json").stdout)["changes"]) == 23


def test_another_instance_and_strict(plan: Path, country: Path, tmp_path: Path) -> None:
    site = pd.Series(["0001", "0002", "0003"])
    fewer = pd.DataFrame({"site_id": site, "beds": 1, "dwellings": [40.0, 7.0, 40.0]})
    now = write(load(country).replace(dwellings=fewer), tmp_path / "now")
    eased = run("revise", plan, "--instance", now, "--out", tmp_path / "revised")
    assert eased.exit_code == Exit.DONE
    assert "exception: 0002 loses 20 persons against the rule: housing" in eased.stdout
    assert read_plan(tmp_path / "revised").instance.path == str(now.resolve())
    strict = run("revise", plan, "--instance", now, "--strict", "--out", tmp_path / "strict")
    assert strict.exit_code == Exit.NOTHING_FOUND
    assert not (tmp_path / "strict").exists()


def test_exit_codes(plan: Path, tmp_path: Path) -> None:
    bad = tmp_path / "answers.csv"
    bad.write_text("municipality_id,answer,persons,author,date,reason\n9,no,,,x,\n")
    wrong = run("revise", plan, "--decisions", bad, "--json")
    assert wrong.exit_code == Exit.INVALID
    assert json.loads(wrong.stdout)["error"] == "InvalidDecisions"
    assert len(json.loads(wrong.stdout)["problems"]) == 5
    short = run("revise", plan, "--target", "500", "--fail-on-shortfall")
    assert short.exit_code == Exit.SHORTFALL
    assert run("revise", plan, "--gap", "7").exit_code == Exit.USAGE
    assert run("revise", plan, "--set", "stepp=3").exit_code == Exit.INVALID
    assert run("revise", tmp_path / "none").exit_code == Exit.INVALID
