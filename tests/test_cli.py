"""The command line does what it says, says what is wrong, and ends with the right code."""

import importlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from allocator.cli import Exit, app
from allocator.cli.progress import ProgressLine, describe
from allocator.loading import load
from allocator.plans import read_plan
from allocator.policies import policy_from
from allocator.sensitivity.executor import Standing
from allocator.solve.progress import Progress
from allocator.version import VERSION
from allocator.writing import write
from instances.tiny.build import build
from models.options import SolveOptions
from models.plan import Plan, Status
from models.policy import Policy

COMMANDS = (
    "solve", "check", "verify", "show", "keys", "compare", "report", "build-instance", "policy",
    "instances", "revise", "fairness", "diagnose", "sweep", "marginal", "frontier",
    "screening", "robustness",
)  # fmt: skip


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(
        app, [str(argument) for argument in arguments], env={"COLUMNS": "200"}
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three equal municipalities; Alder has room for 20 to travel and may buy 10 more for 100."""
    bus = pd.DataFrame(
        {
            "measure_id": ["0101-bus"],
            "kind": ["transit"],
            "site_id": ["0101-town"],
            "units_per_step": [5.0],
            "cost_per_step": [100.0],
            "max_steps": [1],
        }
    )
    folder = tmp_path_factory.mktemp("instances") / "country"
    return write(build("tiny-transport").replace(measures=bus, budget=150.0), folder)


@pytest.fixture(scope="module")
def plan(country: Path) -> Path:
    folder = country.parent / "plan"
    assert run("solve", country, "--out", folder).exit_code == Exit.DONE
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == Exit.DONE
    assert f"allocator {command}" in result.stdout


def test_version() -> None:
    assert run("--version").stdout == f"allocator {VERSION}\n"


@pytest.mark.parametrize("arguments", [["policy"], *([name, "--help"] for name in COMMANDS)])
def test_what_needs_no_solver_does_not_import_it(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from allocator.cli import main\n"
        "try:\n    main()\n"
        "finally:\n    print(*{'pandas', 'numpy', 'pyomo', 'highspy'} & set(sys.modules),"
        " file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout
    assert done.stderr.strip() == ""


def test_solve_shows_and_keeps_the_plan(country: Path, plan: Path, tmp_path: Path) -> None:
    result = run("solve", country, "--out", tmp_path / "new", "--seed", "3")
    assert result.exit_code == Exit.DONE
    for text in ("120 persons", "100 of 150 NOK", "3 of 3 municipalities", "transport 1", "Alder"):
        assert text in result.stdout
    kept = read_plan(tmp_path / "new")
    assert kept.options.seed == 3
    assert kept.quotas["quota"].tolist() == [30, 45, 45]
    assert read_plan(plan).quotas.equals(kept.quotas)


def test_results_and_progress_are_kept_apart(country: Path) -> None:
    result = run("solve", country, "--json")
    answer = Plan.model_validate_json(result.stdout)
    assert answer.totals is not None
    assert answer.totals.placed == 120
    assert " s\n" in result.stderr


def test_options_reach_the_run(country: Path, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("floor = 0\nstep = 3\n")
    result = run(
        "solve", country, "--policy", file, "--set", "step=10", "--target", "60",
        "--budget", "0", "--time-limit", "20", "--gap", "0.01", "--json",
    )  # fmt: skip
    answer = Plan.model_validate_json(result.stdout)
    assert answer.policy == policy_from(
        {"floor": 0, "step": 10, "target": 60, "budget": {"total": 0.0}}
    )
    assert answer.options == SolveOptions(time_limit=20, gap=0.01)
    assert answer.quotas["quota"].tolist() == [20, 20, 20]


def test_an_existing_folder_is_refused_before_solving(
    country: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> Plan:
        raise AssertionError("solved in spite of the folder")

    kept = tmp_path / "kept.txt"
    kept.write_text("mine")
    with monkeypatch.context() as patch:
        patch.setattr(importlib.import_module("allocator.solve"), "solve", never)
        result = run("solve", country, "--out", tmp_path)
    assert result.exit_code == Exit.USAGE
    assert str(tmp_path) in result.stderr
    assert kept.read_text() == "mine"
    assert run("solve", country, "--out", tmp_path, "--overwrite").exit_code == Exit.DONE
    assert not kept.exists()
    assert read_plan(tmp_path).found


def test_shortfall_fails_only_when_asked(country: Path, tmp_path: Path) -> None:
    crowded = ("solve", country, "--set", "max_share_of_population=0.02")
    mild = run(*crowded)
    assert mild.exit_code == Exit.DONE
    assert "60 persons" in mild.stdout
    strict = run(*crowded, "--fail-on-shortfall", "--out", tmp_path / "plan")
    assert strict.exit_code == Exit.SHORTFALL
    assert read_plan(tmp_path / "plan").found
    assert run("solve", country, "--fail-on-shortfall").exit_code == Exit.DONE


def test_what_clashes_is_told(country: Path, tmp_path: Path) -> None:
    decision = 'fixed=[{municipality_id="0101", relation="at_least", persons=90}]'
    result = run("solve", country, "--set", decision, "--out", tmp_path / "plan")
    assert result.exit_code == Exit.NOTHING_FOUND
    assert "infeasible" in result.stdout
    assert "fixed at 0101" in result.stdout
    assert not (tmp_path / "plan").exists()


def test_every_wrong_setting_at_once(country: Path) -> None:
    result = run("solve", country, "--set", "stepp=3", "--set", "floor=-1", "--budget", "-5")
    assert result.exit_code == Exit.INVALID
    assert result.stdout == ""
    for text in ("3 problems", "maybe step", "at floor", "'-1'", "at budget.total"):
        assert text in result.stderr
    assert "Traceback" not in result.stderr


def test_errors_for_machines(country: Path) -> None:
    result = run("solve", country, "--set", "floor=-1", "--json")
    answer = json.loads(result.stdout)
    assert answer["error"] == "InvalidPolicy"
    assert answer["problems"][0]["column"] == "floor"


@pytest.mark.parametrize(
    "arguments",
    [["--time-limit", "0"], ["--gap", "-1"], ["--gap", "nan"], ["--seed", "-3"], ["--target", "x"]],
)
def test_wrong_options_are_usage_errors(country: Path, arguments: list[str]) -> None:
    result = run("solve", country, *arguments)
    assert result.exit_code == Exit.USAGE
    assert arguments[0] in result.stderr


def test_check(country: Path) -> None:
    result = run("check", country)
    assert result.exit_code == Exit.DONE
    assert "0 errors" in result.stdout


def test_check_lists_problems_of_instance_and_policy(country: Path, tmp_path: Path) -> None:
    broken = write(load(country), tmp_path / "broken")
    dwellings = broken / "dwellings.csv"
    dwellings.write_text(dwellings.read_text().replace("0301-town", "9999-town"))
    plain = run("check", broken, "--set", "step=0")
    assert plain.exit_code == Exit.INVALID
    assert "'9999-town'" in plain.stdout
    assert "at step" in plain.stdout
    machine = run("check", broken, "--set", "step=0", "--json")
    assert machine.exit_code == Exit.INVALID
    answer = json.loads(machine.stdout)
    assert answer["errors"] == sum(p["severity"] == "error" for p in answer["problems"])
    assert {"dwellings", "policy"} <= {problem["table"] for problem in answer["problems"]}
    assert run("solve", broken).exit_code == Exit.INVALID


def test_check_compares_policy_and_instance(country: Path) -> None:
    result = run("check", country, "--set", 'county_bounds=[{county_id="99",at_most=1}]')
    assert result.exit_code == Exit.INVALID
    assert "county_bounds.0.county_id" in result.stdout


def test_verify(country: Path, plan: Path) -> None:
    result = run("verify", country, plan)
    assert result.exit_code == Exit.DONE
    assert "holds" in result.stdout
    assert json.loads(run("verify", country, plan, "--json").stdout) == {
        "verified": True,
        "violations": [],
    }


def test_verify_finds_a_plan_changed_by_hand(country: Path, tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    assert run("solve", country, "--out", folder).exit_code == Exit.DONE
    placements = folder / "placements.csv"
    header, first, *rest = placements.read_text().splitlines()
    site, group, persons = first.split(",")
    changed = f"{site},{group},{float(persons) + 5}"
    placements.write_text("\n".join([header, changed, *rest]) + "\n")
    result = run("verify", country, folder, "--json")
    assert result.exit_code == Exit.SOLVER
    assert json.loads(result.stdout)["violations"]
    assert "violation" in run("verify", country, folder).stdout


def test_verify_refuses_another_instance(plan: Path, tmp_path: Path) -> None:
    other = write(build("tiny-transport"), tmp_path / "other")
    result = run("verify", other, plan)
    assert result.exit_code == Exit.INVALID
    assert "Traceback" not in result.stderr


def test_show_a_plan(plan: Path, country: Path) -> None:
    result = run("show", plan)
    assert result.exit_code == Exit.DONE
    for text in ("100 of 150 NOK", "Jain index", "asked elsewhere than fair"):
        assert text in result.stdout
    assert "100 of 150 NOK" in run("show", plan, "--instance", country).stdout
    assert Plan.model_validate_json(run("show", plan, "--json").stdout) == read_plan(plan)


def test_show_one_municipality(plan: Path) -> None:
    result = run("show", plan, "--municipality", "0101")
    assert result.exit_code == Exit.DONE
    for text in ("Alder (0101", "30 persons", "40.00 persons", "0.750", "0101-bus", "seats"):
        assert text in result.stdout
    found = json.loads(run("show", plan, "--municipality", "0101", "--json").stdout)
    assert found["quota"] == 30
    assert [row["steps"] for row in found["measures"]] == [1]
    assert {row["site_id"] for row in found["placements"]} == {"0101-town"}
    (seats,) = [row for row in found["capacity"] if row["family"] == "transport"]
    assert (seats["capacity"], seats["binding"]) == (pytest.approx(15), True)
    other = json.loads(run("show", plan, "--municipality", "0201", "--json").stdout)
    assert other["measures"] == []


def test_show_knows_what_may_be_meant(plan: Path) -> None:
    result = run("show", plan, "--municipality", "alder")
    assert result.exit_code == Exit.USAGE
    assert "maybe 0101" in result.stderr


def test_a_plan_is_shown_where_its_instance_has_moved(country: Path, tmp_path: Path) -> None:
    moved, folder = write(load(country), tmp_path / "before"), tmp_path / "plan"
    assert run("solve", moved, "--out", folder).exit_code == Exit.DONE
    moved.rename(tmp_path / "after")
    assert run("show", folder).exit_code == Exit.DONE
    command = ("show", folder, "--municipality", "0101")
    assert run(*command).exit_code == Exit.INVALID
    assert run(*command, "--instance", tmp_path / "after").exit_code == Exit.DONE


def test_show_refuses_what_is_no_plan(tmp_path: Path) -> None:
    assert run("show", tmp_path).exit_code == Exit.INVALID


def test_policy_prints_a_policy_that_solve_reads(country: Path, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(run("policy").stdout, encoding="utf-8")
    answer = Plan.model_validate_json(run("solve", country, "--policy", file, "--json").stdout)
    assert answer.policy == Policy()


def test_instances_lists_the_packaged_ones() -> None:
    listed = json.loads(run("instances", "--json").stdout)["instances"]
    targets = {row["name"]: row["target"] for row in listed}
    assert targets["norway-2024"] == 37_000
    assert all(name in run("instances").stdout for name in targets)


def test_build_instance_makes_a_variant(tmp_path: Path) -> None:
    folder = tmp_path / "variant"
    command = ("build-instance", "norway-2024", "--assume", "housing_turnover=0.03", "--out")
    assert run(*command, folder).exit_code == Exit.DONE
    assert "housing_turnover = 0.03" in load(folder).description
    assert run(*command, folder).exit_code == Exit.USAGE
    assert run(*command, folder, "--overwrite").exit_code == Exit.DONE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["atlantis"], "norway-2024"),
        ([], "NAME"),
        (["norway-2024", "--assume", "housing_turnover=7"], "not plausible"),
        (["norway-2024", "--assume", "luck=1"], "housing_turnover"),
        (["norway-2024", "--assume", "housing_turnover"], "name=number"),
        (["tiny-pools", "--assume", "housing_turnover=0.03"], "no assumptions"),
    ],
)
def test_build_instance_says_what_is_wrong(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("build-instance", *arguments)
    assert result.exit_code == Exit.USAGE
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_assumptions_are_listed_with_range_and_reason() -> None:
    assert "housing_turnover = 0.0275" in run("build-instance", "--list-assumptions").stdout


def test_many_solves_say_their_end_and_that_the_pace_falls_while_one_is_hard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said, clock = io.StringIO(), [100.0]
    monkeypatch.setattr("allocator.cli.progress.time.monotonic", lambda: clock[0])
    with ProgressLine(Console(file=said, width=200), seconds=10) as line:
        for done, after in ((1, 0.0), (1, 30.0), (2, 0.0)):
            line.tell_many(Standing("cases", done, 0, 2, 10.0, 10.0 * (2 - done) or None, 10.0))
            line.refresh()
            clock[0] += after
            line.refresh()
    assert said.getvalue().splitlines() == [
        "cases: 1 of 2 done · about 10 s left · 10 s",
        "cases: 1 of 2 done · about 40 s left · 40 s",
        "cases: 2 of 2 done · 10 s",
    ]


def test_progress_in_words() -> None:
    assert describe(Progress("build", None, None, None, 0.2), 1.4) == "build · 1 s"
    told = describe(Progress("goal 1 of 3: shortfall", 1200.0, 1000.0, 1 / 6, 0.2), 12.0)
    assert told == "goal 1 of 3: shortfall · best 1,200 · bound 1,000 · gap 16.67% · 12 s"


def test_ctrl_c_keeps_the_best_plan(
    country: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = importlib.import_module("allocator.solve")
    original = engine.solve

    def interrupted(*arguments: Any, progress: Any, cancel: threading.Event, **named: Any) -> Plan:
        answer: Plan = original(*arguments, progress=progress, cancel=cancel, **named)
        os.kill(os.getpid(), signal.SIGINT)
        assert cancel.wait(10)
        return answer.model_copy(update={"status": Status.LIMIT})

    monkeypatch.setattr(engine, "solve", interrupted)
    before = signal.getsignal(signal.SIGINT)
    result = run("solve", country, "--out", tmp_path / "plan")
    assert result.exit_code == Exit.INTERRUPTED
    assert "Ctrl-C again" in result.stderr
    assert read_plan(tmp_path / "plan").status is Status.LIMIT
    assert signal.getsignal(signal.SIGINT) is before


def wait_for(lines: list[str], text: str, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if any(text in line for line in list(lines)):
            return True
        time.sleep(0.02)
    return False


def started(arguments: list[str]) -> tuple[subprocess.Popen[str], list[str]]:
    """Start Python, and collect the lines of its standard error."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines: list[str] = []

    def collect() -> None:
        assert process.stderr is not None
        with process.stderr as stream:
            lines.extend(iter(stream.readline, ""))

    threading.Thread(target=collect, daemon=True).start()
    return process, lines


def test_ctrl_c_stops_the_national_solve(tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    process, lines = started(
        ["-m", "allocator", "solve", "norway-2024", "--out", str(folder), "--time-limit", "100"]
    )
    try:
        assert wait_for(lines, " s\n", 60), lines
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == Exit.INTERRUPTED, lines
    finally:
        process.kill()
        process.wait()
    assert any("Ctrl-C again" in line for line in lines)
    assert not any("Traceback" in line for line in lines)
    if folder.exists():
        assert read_plan(folder).found


def test_a_second_ctrl_c_aborts(country: Path) -> None:
    deaf = (
        "import importlib, sys, time\n"
        "def solve(*a, **k):\n"
        "    print('waiting', file=sys.stderr, flush=True)\n"
        "    time.sleep(100)\n"
        "importlib.import_module('allocator.solve').solve = solve\n"
        "from allocator.cli import main\n"
        "sys.argv[0] = 'allocator'\n"
        "main()\n"
    )
    process, lines = started(["-c", deaf, "solve", str(country)])
    try:
        assert wait_for(lines, "waiting", 30)
        process.send_signal(signal.SIGINT)
        assert wait_for(lines, "Ctrl-C again", 10), lines
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == Exit.INTERRUPTED
    finally:
        process.kill()
        process.wait()
    assert wait_for(lines, "aborted", 5)
