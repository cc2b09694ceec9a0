"""A batch gives what solving by hand gives, whatever dies meanwhile, and others can repeat it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psutil  # type: ignore[import-untyped]
import pyarrow.parquet as pq
import pytest

from allocator import batch, load, solve
from allocator.batch import record
from allocator.batch.checking import prepared
from allocator.batch.columns import BINDING, CASES, QUOTAS, SUMMARY, schemas
from allocator.batch.record import Busy, locked, write_part
from allocator.batch.spec import Design, InvalidSpec, Spec
from allocator.batch.workers import Workers
from allocator.binding import budgets_bound
from allocator.cli.ending import Exit
from allocator.folders import FolderExists
from models.options import SolveOptions
from models.policy import Budget, Policy

pytestmark = pytest.mark.enable_socket

SPEC = batch.spec_from(
    {
        "title": "Small",
        "instances": ["tiny-measures"],
        "policy": {"step": 5},
        "options": {"gap": 0.0},
        "check_fraction": 0.3,
        "placements": True,
        "design": {
            "grid": {"target": [60, 110], "dwellings.dwellings[0201] *=": [0.5, 1.0]},
            "cases": [{"budget": 0}, {"budget": 400}],
        },
    }
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> batch.Results:
    heard: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record, "EACH_SECONDS", 1e9)  # one part, however slow the machine is
        found = batch.run(
            SPEC,
            tmp_path_factory.mktemp("batch") / "results",
            workers=2,
            progress=lambda standing: heard.append(f"{standing.phase} {standing.done}"),
        )
    assert heard == [
        "cases 0",
        "plans to start from 1",
        "cases 0",
        *(f"cases {done}" for done in range(1, 9)),
        *("cold checks 1", "cold checks 2"),
    ]
    return found


def by_hand(settings: dict[str, Any]) -> Any:
    """Solve a case as somebody would who has no batches."""
    instance = load("tiny-measures")
    dwellings = instance.dwellings
    there = dwellings["site_id"] == "0201-town"
    dwellings.loc[there, "dwellings"] *= settings["dwellings.dwellings[0201] *="]
    policy = Policy(step=5, target=int(settings["target"]), budget=Budget(total=settings["budget"]))
    return solve(instance.replace(dwellings=dwellings), policy, SolveOptions(gap=0.0))


def test_results_are_those_of_solving_by_hand(results: batch.Results) -> None:
    assert len(results.cases) == 8
    summary = results.summary.set_index("case")
    for row in results.cases.to_dict("records"):
        plan = by_hand(row)
        kept = summary.loc[row["case"]]
        assert row["state"] == "solved"
        assert row["status"] == plan.status.value
        assert row["gap"] == plan.gap == 0.0
        assert plan.totals is not None
        assert (kept["shortfall"], kept["cost"], kept["asked"]) == (
            *(plan.totals.shortfall, plan.totals.cost),
            plan.totals.asked,
        )
        assert list(kept["goals"]) == pytest.approx([goal.value for goal in plan.goals])
        quotas = results.quotas.query(f"case == {row['case']}")
        assert dict(zip(quotas["municipality_id"], quotas["quota"], strict=True)) == plan.quota_of
        placed = results.placements.query(f"case == {row['case']}")
        assert placed["persons"].sum() == plan.totals.placed
        bound = results.binding.query(f"case == {row['case']} and kind == 'budget_spent'")
        assert dict(zip(bound["name"], bound["binds"], strict=True)) == budgets_bound(
            load("tiny-measures"), plan
        )
    assert results.cases["warm_start"].all()
    assert results.cases["started_from"].fillna(-1).tolist() == [-1, *[0] * 7]


def test_results_show_how_much_there_is_to_read(results: batch.Results) -> None:
    told = repr(results)
    assert told.startswith("Small: 8 of 8 cases, 2 of 2 agree with a cold solve, in ")
    shown = results._repr_html_()
    for name in (CASES, QUOTAS, SUMMARY, BINDING):
        rows = len(results.dataset(name).to_table())
        left, right = (f'<td style="text-align: {side}">' for side in ("left", "right"))
        assert f"<tr>{left}{name}</td>{right}{rows}</td></tr>" in shown
    assert "failed" not in shown


def test_some_cases_are_solved_cold_and_agree(results: batch.Results) -> None:
    assert len(results.checks) == 2
    assert results.checks["agrees"].tolist() == [True, True]
    assert results.disagreements == 0
    assert "8 of 8 cases, 2 of 2 agree with a cold solve" in str(results)


def test_the_manifest_says_what_was_run_and_by_what(results: batch.Results) -> None:
    about = results.manifest
    assert Spec.model_validate(about["spec"]) == SPEC == results.spec
    assert about["instances"][0]["sha256"] == load("tiny-measures").sha256
    assert set(about["versions"]) == {"allocator", "highs", "lock_sha256"}
    (session,) = about["sessions"]
    assert session["began"] < session["ended"]
    assert load(results.folder / about["instances"][0]["path"]) == load("tiny-measures")


def test_a_folder_is_gone_on_with_only_when_asked_and_with_the_same_batch(
    results: batch.Results, tmp_path: Path
) -> None:
    with pytest.raises(FolderExists, match="or --resume to go on with the batch in it"):
        batch.run(SPEC, results.folder)
    (tmp_path / "something").mkdir()
    (tmp_path / "something" / "else.txt").write_text("mine")
    for resume in (False, True):
        with pytest.raises(FolderExists, match="for it holds no batch"):
            batch.run(SPEC, tmp_path / "something", resume=resume)
    changed = {"seeds": (5,), "policy": Policy(step=1), "instances": ("tiny-housing",)}
    other = SPEC.model_copy(update={**changed, "design": Design()})
    with pytest.raises(InvalidSpec, match="another batch than the one in") as caught:
        batch.run(other, results.folder, resume=True)
    told = {one.column: one for one in caught.value.problems}
    places = ("instances", "policy.step", "seeds", "design.grid.target", "design.cases")
    assert set(places) < set(told)
    assert (told["seeds"].value, told["policy.step"].value) == ("[5]", "1")
    assert told["policy.step"].expected.startswith("write 5 as it was run")
    assert "tiny-measures" in told["instances"].expected
    with locked(results.folder), pytest.raises(Busy):
        batch.run(SPEC, results.folder, resume=True)
    before = results.cases
    again = batch.run(SPEC, results.folder, resume=True)  # nothing is left, nobody is begun
    pd.testing.assert_frame_equal(again.cases, before)


def test_what_a_crash_leaves_between_two_renames_counts_for_nothing(
    results: batch.Results, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    shutil.copytree(results.folder, folder)
    found = prepared(SPEC)
    columns = schemas(found.inputs)
    rows = pq.read_table(folder / QUOTAS / "part-000001.parquet").to_pylist()
    # The other tables of a part are there, `cases` is not.
    write_part(folder / QUOTAS / "part-000002.parquet", rows, columns[QUOTAS])
    (folder / SUMMARY / ".part-000002.parquet.new").write_bytes(b"PAR1")
    lines = (
        b'{"case": 3, "worker": null, "finished": "2026-01-01T00:00:00+00:00", "outcome": {}}',
        b'{"case"',
    )
    (folder / "journal.jsonl").write_bytes(b"\n".join(lines))  # one in a part, one half
    assert len(batch.open(folder).quotas) == len(results.quotas)
    again = batch.run(SPEC, folder, resume=True)
    pd.testing.assert_frame_equal(again.quotas, results.quotas)
    pd.testing.assert_frame_equal(again.cases, results.cases)
    assert [path.name for path in (folder / QUOTAS).iterdir()] == ["part-000001.parquet"]
    assert [path.name for path in (folder / SUMMARY).iterdir()] == ["part-000001.parquet"]


def test_an_archive_is_solved_again_and_a_wrong_one_is_told(
    results: batch.Results, tmp_path: Path
) -> None:
    file = batch.archive(results.folder, tmp_path / "published.zip")
    again = batch.archive(results.folder, tmp_path / "again.zip")
    assert file.read_bytes() == again.read_bytes()
    with pytest.raises(FolderExists):
        batch.archive(results.folder, file)
    # Somebody else's figures: one case is claimed to be better than can be.
    folder = tmp_path / "wrong"
    with zipfile.ZipFile(file) as packed:
        packed.extractall(folder)
    part = folder / SUMMARY / "part-000001.parquet"
    rows = pq.read_table(part).to_pylist()
    rows[4]["goals"][0] -= 5.0
    rows[4]["bounds"][0] -= 5.0
    write_part(part, rows, schemas(prepared(SPEC).inputs)[SUMMARY])
    found = batch.reproduce(folder, sample=None, workers=2)
    assert found.table["reproduced"].tolist() == [True] * 4 + [False] + [True] * 3
    assert "proven to be the least" in found.table["why"][4]
    assert not found.holds
    right = batch.reproduce(file, sample=2, seed=1, workers=1)
    assert right.holds
    assert right.counts == {"reproduced": 2, "not reproduced": 0, "cannot be told": 0}


def test_tables_are_found_by_name_and_results_by_folder(results: batch.Results) -> None:
    with pytest.raises(KeyError, match="maybe quotas; there are cases"):
        results.dataset("quota")
    direct, by_folder = batch.analyse(results), batch.analyse(str(results.folder))
    assert by_folder.as_dict() == direct.as_dict()


def test_a_damaged_part_is_named_by_whoever_reads_it(
    results: batch.Results, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    shutil.copytree(results.folder, folder)
    part = next((folder / QUOTAS).glob("*.parquet"))
    content = bytearray(part.read_bytes())
    content[len(content) // 3] ^= 0xFF  # the footer stays as it is
    part.write_bytes(content)
    next((folder / SUMMARY).glob("*.parquet")).unlink()
    reading: list[Callable[[], object]] = [
        lambda: batch.run(SPEC, folder, resume=True),
        lambda: batch.archive(folder, tmp_path / "new" / "results.zip"),
        lambda: batch.analyse(batch.open(folder)),
        lambda: batch.reproduce(folder),
    ]
    for read in reading:
        with pytest.raises(InvalidSpec) as caught:
            read()
        assert {one.table for one in caught.value.problems} == {
            f"{name}/{part.name}" for name in (QUOTAS, SUMMARY)
        }
    assert not (tmp_path / "new").exists()
    (folder / CASES / part.name).unlink()
    again = batch.run(SPEC, folder, resume=True, workers=1)
    columns = ["case", "status", "gap"]
    pd.testing.assert_frame_equal(again.cases[columns], results.cases[columns])


def test_an_unfinished_batch_is_no_archive(results: batch.Results, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    shutil.copytree(results.folder, folder)
    (folder / CASES / "part-000001.parquet").unlink()
    assert batch.open(folder).cases.empty
    assert batch.open(folder).quotas.empty
    assert list(batch.open(folder).binding.columns) == schemas({})[BINDING].names
    with pytest.raises(InvalidSpec, match="0 of 8 cases have an answer"):
        batch.archive(folder)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("nothing.txt", "of a batch")
    with pytest.raises(InvalidSpec, match=r"archive: has no manifest\.json \(found '.*other\.zip'"):
        batch.reproduce(tmp_path / "other.zip")
    with pytest.raises(InvalidSpec, match="cannot be read"):
        batch.reproduce(tmp_path / "nowhere.zip")


# What dies.

MANY = """
title = "Many"
instances = ["tiny-measures"]
check_fraction = 0.05
[options]
gap = 0.0
[policy]
step = 5
[design.grid]
target = {first = 60, last = 114, count = 10}
budget = {first = 0, last = 500, count = 6}
"""


def command(folder: Path, *more: str) -> "subprocess.Popen[str]":
    code = "from allocator.cli import main; main()"
    return subprocess.Popen(
        [
            *(sys.executable, "-c", code, "batch", "run", str(folder / "batch.toml")),
            *("--out", str(folder / "out"), "--workers", "2", *more),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )


def workers_of(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if "distributed.cli.dask_worker" in child.cmdline():
                found.append(child)
    return found


def waited(what: Callable[[], Any], seconds: float = 120.0) -> Any:
    began = time.monotonic()
    while not (found := what()):
        assert time.monotonic() - began < seconds
        time.sleep(0.05)
    return found


def answered(folder: Path) -> set[int]:
    """Return the cases with an answer, in parts or in the journal."""
    out = folder / "out"
    found: set[int] = set()
    for path in (out / CASES).glob("part-*.parquet"):
        found |= set(pq.read_table(path).column("case").to_pylist())
    journal = out / "journal.jsonl"
    content = journal.read_bytes() if journal.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    return found | {json.loads(line)["case"] for line in whole.splitlines()}


@pytest.fixture
def ended() -> Iterator[list["subprocess.Popen[str]"]]:
    """Processes that are ended whatever a test comes to."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.mark.slow
def test_no_case_is_lost_or_doubled_whoever_is_killed(
    tmp_path: Path, ended: list["subprocess.Popen[str]"]
) -> None:
    (tmp_path / "batch.toml").write_text(MANY, encoding="utf-8")
    # A worker is killed, and is replaced; then the process that keeps the results.
    first = command(tmp_path)
    ended.append(first)
    waited(lambda: len(answered(tmp_path)) >= 4)
    (victim, *_) = workers_of(first)
    victim.kill()
    count = len(answered(tmp_path))
    waited(lambda: len(answered(tmp_path)) >= count + 8)
    orphans = workers_of(first)
    assert len(orphans) == 2
    assert victim not in orphans
    first.kill()
    first.communicate()
    kept = answered(tmp_path)
    assert 12 <= len(kept) < 60
    waited(lambda: not any(worker.is_running() for worker in orphans))
    # Ctrl-C.
    second = command(tmp_path, "--resume")
    ended.append(second)
    waited(lambda: len(answered(tmp_path)) >= len(kept) + 3)
    second.send_signal(signal.SIGINT)
    said, _ = second.communicate(timeout=120)
    assert second.returncode == Exit.INTERRUPTED, said
    assert "stopping, keeping what is done" in said
    more = answered(tmp_path)
    assert kept < more
    assert len(more) < 60
    before = batch.open(tmp_path / "out").cases.set_index("case")
    # To the end.
    third = command(tmp_path, "--resume")
    ended.append(third)
    said, _ = third.communicate(timeout=240)
    assert third.returncode == Exit.DONE, said
    found = batch.open(tmp_path / "out")
    assert sorted(found.cases["case"]) == list(range(60))
    assert len(found.manifest["sessions"]) == 3
    assert [bool(s["ended"]) for s in found.manifest["sessions"]] == [False, True, True]
    assert found.count("failed") == 0
    # What was answered before is as it was, and nothing was solved twice.
    after = found.cases.set_index("case").loc[before.index]
    pd.testing.assert_frame_equal(after, before)
    assert found.quotas.groupby("case").size().tolist() == [3] * 60
    assert len(found.summary) == 60
    assert found.checks["agrees"].tolist() == [True] * 3
    # The same as without any of it.
    spec = batch.read_spec(tmp_path / "batch.toml")
    quiet = batch.run(spec, tmp_path / "quiet", workers=1)
    pd.testing.assert_frame_equal(quiet.quotas, found.quotas)
    names = ["case", "key", "status", "gap", "warm_start", "started_from"]
    pd.testing.assert_frame_equal(quiet.cases[names], found.cases[names])
    pd.testing.assert_frame_equal(quiet.summary, found.summary)
    assert found.cases["started_from"].notna().sum() > 40


def test_a_case_that_fails_is_a_row_with_its_error(tmp_path: Path) -> None:
    # That a group has persons is a rule between tables, which is looked at when a case is solved.
    spec = batch.spec_from(
        {
            "instances": ["tiny-measures"],
            "check_fraction": 0,
            "design": {"cases": [{"groups.persons *=": 0}, {"groups.persons *=": 1}]},
        }
    )
    found = batch.run(spec, tmp_path / "out", workers=1)
    assert found.cases["state"].tolist() == ["failed", "solved"]
    assert "InvalidInstance" in found.cases["error"][0]
    assert found.errors == {found.cases["error"][0]: 1}
    assert found.summary["case"].tolist() == [1]


@pytest.mark.slow
def test_a_scheduler_and_workers_elsewhere_give_the_same(
    results: batch.Results, tmp_path: Path
) -> None:
    with Workers(2) as elsewhere:  # processes of their own, as `dask worker` begins them
        found = batch.run(SPEC, tmp_path / "out", scheduler=elsewhere.address)
    for name in ("summary", "quotas", "binding", "placements"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(results, name))
    where = ["seconds", "worker", "finished"]
    pd.testing.assert_frame_equal(
        found.cases.drop(columns=where), results.cases.drop(columns=where)
    )
    assert set(found.cases["worker"]).isdisjoint(results.cases["worker"])
