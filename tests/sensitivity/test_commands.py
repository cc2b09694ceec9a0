"""The commands that solve many cases write, show, go on where they stopped, say what is wrong."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import allocator
from allocator.cli import Exit, app
from allocator.sensitivity.executor import Standing
from allocator.writing import write
from models.views import figure
from tests.sensitivity.cases import draw

COUNTRY = draw(0)
USUAL = ("--set", "step=1", "--set", "floor=0", "--gap", "0", "--processes", "1")


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(COUNTRY.instance, tmp_path_factory.mktemp("instances") / "country")


@pytest.fixture(scope="module")
def plan(country: Path) -> Path:
    folder = country.parent / "plan"
    settings = ("--set", "step=1", "--set", "floor=0", "--gap", "0")
    assert run("solve", country, *settings, "--out", folder).exit_code == Exit.DONE
    return folder


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def assert_drawn(folder: Path, name: str) -> None:
    """Check that a chart is there in every format, and needs no network."""
    assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / f"{name}.svg").read_text(encoding="utf-8").startswith("<svg")
    page = (folder / f"{name}.html").read_text(encoding="utf-8")
    assert "<script" in page
    assert 'src="http' not in page


def solved(folder: Path) -> int:
    return len((folder / "cases.jsonl").read_text(encoding="utf-8").splitlines())


def test_sweep_writes_shows_and_goes_on(country: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = run("sweep", country, "--over", "budget=0,200", *USUAL, "--out", out)
    assert first.exit_code == Exit.DONE
    assert solved(out) == 2
    again = run("sweep", country, "--over", "budget=0:400:3", *USUAL, "--out", out)
    assert again.exit_code == Exit.DONE
    assert solved(out) == 3  # only what was not there
    assert names(out) == {
        "asked.json", "cases.jsonl", "sweep.csv", "quotas.csv", "changes.csv",
        "sweep.json", "sweep.svg", "sweep.png", "sweep.html",
    }  # fmt: skip
    table = rows(out / "sweep.csv")
    assert [row["budget"] for row in table] == ["0", "200", "400"]
    assert {row["state"] for row in table} == {"solved"}
    quotas = rows(out / "quotas.csv")
    assert len(quotas) == 3 * len(COUNTRY.populations)
    for row in table:
        own = [int(q["quota"]) for q in quotas if q["budget"] == row["budget"]]
        assert sum(own) == int(row["placed"])
    assert_drawn(out, "sweep")
    for text in ("shortfall", "budget spent", "what changes between neighbouring points"):
        assert text in again.stdout
    assert "written to" in again.stderr
    other = run("frontier", country, "--points", "3", *USUAL, "--out", out)
    assert other.exit_code == Exit.USAGE, "the folder answers another command"
    assert "--overwrite" in other.stderr
    elsewhere = run("sweep", "tiny-housing", "--over", "target=100", *USUAL, "--out", out)
    assert elsewhere.exit_code == Exit.USAGE, "the folder is about another instance"
    assert solved(out) == 3
    anew = run("sweep", country, "--over", "budget=0", *USUAL, "--out", out, "--overwrite")
    assert anew.exit_code == Exit.DONE
    assert solved(out) == 1


def test_sweep_answers_as_json_and_over_two_inputs(country: Path) -> None:
    result = run(
        "sweep", country, "--over", "budget=0,200", "--over", "minors=listed,anywhere",
        *USUAL, "--json",
    )  # fmt: skip
    answer = json.loads(result.stdout)
    assert [point["settings"] for point in answer["points"]] == [
        {"budget": b, "minors": m} for b in (0, 200) for m in ("listed", "anywhere")
    ]


def test_marginal_writes_and_shows(plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("marginal", plan, "--top", "1", "--money", "100", "--processes", "1", "--out", out)
    result = run(*command)
    assert result.exit_code == Exit.DONE
    assert names(out) == {
        "asked.json", "cases.jsonl", "capacities.csv", "measures.csv", "confirmed.csv",
        "marginal.json", "marginal.svg", "marginal.png", "marginal.html",
    }  # fmt: skip
    assert {row["state"] for row in rows(out / "confirmed.csv")} == {"solved"}
    assert any(float(row["conditional"]) > 0 for row in rows(out / "capacities.csv"))
    assert_drawn(out, "marginal")
    for text in ("goal 1: shortfall", "helps most", "prices said", "+100 EUR"):
        assert text in result.stdout
    before = solved(out)
    assert run(*command, "--json").exit_code == Exit.DONE
    assert solved(out) == before


def test_frontier_writes_and_shows(country: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("frontier", country, "--between", "shortfall,cost", "--points", "3", *USUAL)
    result = run(*command, "--out", out)
    assert result.exit_code == Exit.DONE
    assert names(out) == {
        "asked.json", "cases.jsonl", "frontier.csv", "frontier.json",
        "frontier.svg", "frontier.png", "frontier.html",
    }  # fmt: skip
    table = rows(out / "frontier.csv")
    assert [float(row["cost"]) for row in table] == sorted(float(row["cost"]) for row in table)
    assert_drawn(out, "frontier")
    assert "cost at most" in result.stdout
    answer = json.loads(run(*command, "--out", out, "--json").stdout)
    assert answer["first"] == "shortfall"


def test_robustness_writes_shows_and_goes_on(plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("robustness", plan, "--draws", "50", "--processes", "1", "--seed", "2", "--out", out)
    usual = ("--gamma", "1", "--deviation", "housing=0.3", "--deviation", "arrivals=0")
    first = run(*command, *usual, "--resolve", "1")
    assert first.exit_code == Exit.DONE
    assert solved(out) == 4  # two plans, one draw moved and decided anew
    again = run(*command, *usual, "--resolve", "2", "--json")
    assert again.exit_code == Exit.DONE
    assert solved(out) == 6  # only what was not there
    assert names(out) == {
        "asked.json", "cases.jsonl", "families.csv", "places.csv", "draws.csv", "quotas.csv",
        "robust.csv", "robustness.json", "robustness.svg", "robustness.png", "robustness.html",
    }  # fmt: skip
    assert_drawn(out, "robustness")
    for text in ("as it stands: in", "persons without a place", "robust plans", "where, most"):
        assert text in first.stdout
    answer = json.loads(again.stdout)
    assert answer == json.loads((out / "robustness.json").read_text(encoding="utf-8"))
    assert answer["uncertainty"] == {
        "families": {"housing": 0.3, "transport": 0.1},
        "services": 0.1,
        "arrivals": 0.0,
        "correlation": 0.3,
        "seed": 2,
    }
    assert {row["arrivals"] for row in answer["draws"]} == {COUNTRY.target}
    shares = [float(row["fails"]) for row in rows(out / "places.csv")]
    assert shares == [row["fails"] for row in answer["places"]]
    assert shares == sorted(shares, reverse=True)


def test_robustness_tells_what_has_no_answer(plan: Path) -> None:
    command = ("robustness", plan, "--draws", "9", "--processes", "1", "--resolve", "2")
    late = run(*command, "--total-time", "0.001")
    assert late.exit_code == Exit.NOTHING_FOUND
    assert "without an answer: 7: the time for all cases (0.001 s) was over" in late.stderr
    assert "placements moved: no draw was answered" in late.stdout
    assert late.stdout.count("not_run") == 3
    # Homes are gone at the full budget of uncertainty: a demand that no plan keeps any more.
    demand = ("--set", "step=1", "--set", "floor=0", "--set", "min_ratio=0.3", "--gap", "0")
    demanding = plan.parent / "demanding"
    country = plan.parent / "country"
    assert run("solve", country, *demand, "--out", demanding).exit_code == Exit.DONE
    rest = ("--deviation", "housing=1", "--resolve", "0", "--gamma", "1", "--processes", "1")
    mixed = run("robustness", demanding, "--draws", "9", *rest)
    assert mixed.exit_code == Exit.DONE
    assert mixed.stdout.rstrip().endswith("infeasible")
    (plan.parent / "s.csv").write_text("scenario,place,family,factor\na,x,y,z\n", encoding="utf-8")
    thought = run(*command, "--scenarios", plan.parent / "s.csv")
    assert thought.exit_code == Exit.INVALID
    assert "3 problems" in thought.stderr
    wrong = run(*command, "--deviation", "luck=0.1", "--deviation", "fate=0.2")
    assert wrong.exit_code == Exit.INVALID
    assert "2 problems" in wrong.stderr
    assert "housing, transport, health" in wrong.stderr


def test_a_folder_of_something_else_is_refused(country: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    command = ("sweep", country, "--over", "budget=0", *USUAL, "--out", tmp_path)
    refused = run(*command)
    assert refused.exit_code == Exit.USAGE
    assert str(tmp_path) in refused.stderr
    assert names(tmp_path) == {"mine.txt"}
    assert run(*command, "--overwrite").exit_code == Exit.DONE
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "mine"


def test_cases_that_fail_or_find_nothing_end_with_a_code(country: Path) -> None:
    nothing = run("sweep", country, "--over", "min_ratio=0.99,0.995", *USUAL)
    assert nothing.exit_code == Exit.NOTHING_FOUND
    assert "infeasible" in nothing.stdout
    late = run("sweep", country, "--over", "budget=0", *USUAL, "--total-time", "0.001")
    assert late.exit_code == Exit.NOTHING_FOUND
    assert "without an answer: 1: the time for all cases (0.001 s) was over" in late.stderr


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (("sweep", "{}", "--over", "budget", "--over", "step=0:1"), Exit.INVALID, "2 problems"),
        (("sweep", "{}", "--over", "floor=-1,1.5,0"), Exit.INVALID, "2 problems"),
        (("sweep", "{}"), Exit.USAGE, "--over"),
        (("sweep", "{}", "--over", "step=1", "--gap", "-1"), Exit.USAGE, "--gap"),
        (("sweep", "{}", "--over", "step=1", "--processes", "0"), Exit.USAGE, "--processes"),
        (("frontier", "{}", "--between", "luck,cost", "--points", "1"), Exit.INVALID, "2 problems"),
        (("frontier", "{}", "--between", "cost"), Exit.INVALID, "no goal counts this"),
        (("marginal", "{}"), Exit.INVALID, "plan.json"),
        (("robustness", "{}"), Exit.INVALID, "plan.json"),
        (("robustness", "{}", "--gamma", "1.5"), Exit.USAGE, "--gamma"),
        (("robustness", "{}", "--draws", "5", "--resolve", "6"), Exit.USAGE, "--resolve"),
        (("robustness", "{}", "--deviation", "x", "--deviation", "a=2"), Exit.USAGE, "a=2"),
        (("marginal", "{}", "--money", "0"), Exit.USAGE, "--money"),
        (("marginal", "{}", "--top", "-1"), Exit.USAGE, "--top"),
    ],
)
def test_what_is_wrong_is_said(
    country: Path, command: tuple[str, ...], code: Exit, said: str
) -> None:
    result = run(*(part.format(country) for part in command))
    assert result.exit_code == code
    assert said in result.stderr
    assert result.stdout == ""


def test_ctrl_c_keeps_what_is_done_and_the_next_run_goes_on(country: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    values = ",".join(str(100 * i) for i in range(60))
    command = ["sweep", str(country), "--over", f"budget={values}", *USUAL, "--out", str(out)]
    root = str(Path(allocator.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "allocator", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    try:
        end = time.monotonic() + 60
        while not (out / "cases.jsonl").exists() and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == Exit.INTERRUPTED, told
    assert "stopping, keeping what is done" in told
    assert "cancelled before it was answered" in told
    states = [row["state"] for row in rows(out / "sweep.csv")]
    assert len(states) == 60
    assert states.count("solved") == solved(out)
    assert set(states) == {"solved", "not_run"}
    few = run(*command[:3], "budget=0:700:8", *command[4:])
    assert few.exit_code == Exit.DONE
    keys = [
        json.loads(line)["key"] for line in (out / "cases.jsonl").read_text("utf-8").splitlines()
    ]
    assert len(keys) == len(set(keys))


def test_progress_in_words() -> None:
    standing = Standing("sweep", 3, 1, 1200, 10.0, 41.6)
    assert str(standing) == "sweep: 3 of 1,200 done · 1 failed · about 42 s left"
    assert str(Standing("base", 0, 0, 1, 0.0, None)) == "base: 0 of 1 done"


@pytest.mark.parametrize(
    ("value", "how", "text"),
    [
        (None, {}, "–"),
        (float("nan"), {}, "–"),
        ("none", {}, "none"),
        (600_000_000, {}, "600,000,000"),
        (0.0275, {}, "0.0275"),
        (1.5e9, {"scale": 1e6, "digits": 1}, "1,500.0"),
        (0.00037, {"scale": 0.01, "digits": 3, "after": "%"}, "0.037%"),
    ],
)
def test_figures_in_cells(value: Any, how: dict[str, Any], text: str) -> None:
    assert figure(value, **how) == text
