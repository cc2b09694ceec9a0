"""`allocator batch` does what the Python functions do, and ends with a code that says how."""

import json
import socket
import statistics
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

import allocator
from allocator import batch
from allocator.batch.agreement import Known, agreement
from allocator.batch.planning import HANDING, STARTING
from allocator.cli import Exit, app
from allocator.sensitivity.executor import Standing
from allocator.solve import cluster

SPEC = """
instances = ["tiny-measures"]
check_fraction = 0
[design.grid]
"groups.persons *=" = [0, 1]
"""


def invoke(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["batch", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_a_plan_says_how_many_how_long_and_the_first(tmp_path: Path) -> None:
    spec = tmp_path / "batch.toml"
    spec.write_text(SPEC, encoding="utf-8")
    code, said, _ = invoke("plan", spec, "--json", "--workers", 3)
    about = json.loads(said)
    assert (code, about["cases"], about["workers"]) == (Exit.DONE, 2, 3)
    assert about["first"][1] == {
        "case": 1,
        "instance": "tiny-measures",
        "groups.persons *=": 1,
        "seed": 0,
    }
    base, *cases = about["trials"]
    assert (base["case"], [one["case"] for one in cases]) == (None, [0, 1])
    expected = STARTING + (sum(one["seconds"] + HANDING for one in cases) + base["seconds"]) / 3
    assert about["seconds"] == pytest.approx(expected)
    assert about["seconds_at_most"] == (2 + 1) * 180 / 3
    code, said, _ = invoke("plan", spec, "--no-estimate")
    assert code == Exit.DONE
    assert said.startswith("2 cases (instances × settings × seeds: 1 × 2 × 1)")
    assert "about" not in said


def test_what_is_wrong_is_said_all_at_once(tmp_path: Path) -> None:
    spec = tmp_path / "wrong.toml"
    spec.write_text('instances = ["nowhere"]\n[design.grid]\nstp = [1]\n', encoding="utf-8")
    code, said, told = invoke("run", spec, "--out", tmp_path / "out")
    assert (code, said) == (Exit.INVALID, "")
    assert "wrong.toml at instances.0" in told
    assert "wrong.toml at design.grid.stp" in told
    assert not (tmp_path / "out").exists()


def test_an_estimate_tries_every_instance_and_counts_every_solve() -> None:
    design = {"grid": {"target": [90, 95, 100, 105, 110]}}
    asked = {"instances": ["tiny-measures", "tiny-housing"], "seeds": [3, 4], "design": design}
    heard: list[Standing] = []
    found = batch.plan(
        batch.spec_from({**asked, "check_fraction": 0.2}), workers=2, progress=heard.append
    )
    tried = [(one.instance, one.case) for one in found.trials]
    assert tried == [(0, None), (0, 0), (0, 4), (0, 8), (1, None), (1, 10), (1, 14), (1, 18)]
    assert [one.done for one in heard] == list(range(1, 9))
    times = [one.seconds for one in found.trials]
    # Two seeds with five cases an instance, two bases an instance, four checks half and half.
    cases = 10 * (statistics.fmean(times[1:4]) + statistics.fmean(times[5:]))
    bases = (2 + 2) * (times[0] + times[4])
    assert found.seconds == pytest.approx(STARTING + (cases + bases + 20 * HANDING) / 2)
    assert found.seconds_at_most == (20 + 4 + 4) * 180 / 2


def test_a_plan_that_is_stopped_has_no_estimate() -> None:
    stopped = threading.Event()
    stopped.set()
    found = batch.plan(batch.spec_from({"instances": ["tiny-measures"]}), cancel=stopped)
    assert (found.seconds, found.trials, len(found.batch)) == (None, (), 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--workers", "two"), "'--workers': 'two': should be a valid integer"),
        (("--workers=0",), "'--workers': '0': should be greater than or equal to 1"),
        (("--workers", 1, "--scheduler", "x"), "give --workers or --scheduler, not both"),
    ],
)
def test_options_that_are_refused_show_their_value(
    tmp_path: Path, arguments: tuple[object, ...], said: str
) -> None:
    spec, out = tmp_path / "batch.toml", tmp_path / "out"
    spec.write_text(SPEC, encoding="utf-8")
    code, _, told = invoke("run", spec, "--out", out, *arguments)
    plain = " ".join(told.replace("│", " ").split())
    assert (code, out.exists()) == (Exit.USAGE, False)
    assert said in plain


def test_a_sample_and_all_are_not_asked_for_at_once(tmp_path: Path) -> None:
    code, _, told = invoke("reproduce", tmp_path / "x.zip", "--all", "--sample", 5)
    assert code == Exit.USAGE
    assert "not both" in told


def test_what_is_no_address_is_told_at_once(tmp_path: Path) -> None:
    spec, out = tmp_path / "batch.toml", tmp_path / "out"
    spec.write_text(SPEC, encoding="utf-8")
    code, _, told = invoke("run", spec, "--out", out, "--scheduler", "nowhere")
    assert (code, out.exists()) == (Exit.SOLVER, False)
    assert "give an address such as tcp://HOST:8786" in told


@pytest.mark.enable_socket
def test_where_no_scheduler_answers_no_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "ANSWERS_WITHIN", 1.0)
    spec, out = tmp_path / "batch.toml", tmp_path / "out"
    spec.write_text(SPEC, encoding="utf-8")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        code, said, told = invoke("run", spec, "--out", out, "--scheduler", address)
    assert (code, said, out.exists()) == (Exit.SOLVER, "", False)
    assert f"no scheduler answers at '{address}'" in told


@pytest.mark.enable_socket
def test_a_batch_is_run_archived_and_reproduced(tmp_path: Path) -> None:
    spec, out = tmp_path / "batch.toml", tmp_path / "out"
    spec.write_text(SPEC, encoding="utf-8")
    code, said, told = invoke("run", spec, "--out", out, "--workers", 1, "--json")
    about = json.loads(said)
    assert code == Exit.SOLVER  # one of the cases has no persons
    assert (about["done"], about["failed"]) == (2, 1)
    assert "done" in told
    code, _, _ = invoke("run", spec, "--out", out)
    assert code == Exit.USAGE
    code, _, told = invoke("report", out, "--out", tmp_path, "--overwrite")
    assert code == Exit.USAGE
    assert "for it is no file" in told
    code, _, told = invoke("archive", out)
    assert (code, told.strip()) == (Exit.DONE, f"written to {tmp_path / 'out.zip'}")
    code, said, _ = invoke("reproduce", tmp_path / "out.zip", "--all", "--workers", 1)
    assert code == Exit.DONE
    assert "2 cases solved again: 1 reproduced, 0 not reproduced, 1 cannot be told" in said


def test_the_module_is_part_of_the_package() -> None:
    assert allocator.batch is batch
    assert "batch" in dir(allocator)


def known(*goals: tuple[float, float | None], quota: int = 1, status: str = "optimal") -> Known:
    values, bounds = [value for value, _ in goals], [bound for _, bound in goals]
    return Known(status, values, bounds, {"0101": quota})


@pytest.mark.parametrize(
    ("one", "two", "agrees", "same"),
    [
        (known((5, 5), (2, 2)), known((5, 5), (2, 2)), True, True),
        (known((5, 5), (2, 2)), known((5, 5), (2, 2), quota=2), True, False),
        (known((5, 4)), known((4.5, 4)), True, True),
        (known((5, 4.8)), known((4.5, 4)), False, True),
        (known((4.5, 4)), known((5, 4.8)), False, True),
        # The first goal is held at different levels: the second says nothing.
        (known((5, 4), (1, 1)), known((4.5, 4), (9, 9)), True, True),
        (known((5, 5), (1, 1)), known((5, 5), (9, 9)), False, True),
        (known((5, None)), known((9, 4)), True, True),
        (known(status="infeasible"), known((5, 5)), False, False),
        (known(status="infeasible"), known(status="infeasible"), True, False),
        (known(status="none"), known((5, 5)), None, False),
        (Known(None, [], [], {}), known((5, 5)), None, False),
    ],
)
def test_answers_agree_as_far_as_is_proven(
    one: Known, two: Known, agrees: bool | None, same: bool
) -> None:
    found = agreement(one, two)
    assert (found.agrees, found.same_quotas) == (agrees, same)
    assert (found.why is None) == (agrees is True)
