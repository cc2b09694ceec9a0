"""An instance loaded and written is the same; whatever is wrong with a folder is said at once."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import pytest

from allocator import writing
from allocator.errors import InvalidInstance
from allocator.folders import FolderExists
from allocator.loading import load, read
from allocator.packaged import packaged
from allocator.writing import write
from models.instance import Instance
from models.problems import Problem, errors, warnings

Folder = Path


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Path(shutil.copytree(packaged()["tiny-measures"], tmp_path / "instance"))


def edit_package(folder: Folder, **changes: Any) -> None:
    path = folder / "datapackage.json"
    about = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(about), encoding="utf-8")


def edit(folder: Folder, table: str, change: Callable[[str], str]) -> None:
    path = folder / f"{table}.csv"
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def found_errors(folder: Folder) -> list[Problem]:
    instance, problems = read(folder)
    assert instance is None
    with pytest.raises(InvalidInstance) as raised:
        load(folder)
    assert list(raised.value.problems) == errors(problems)
    return errors(problems)


def only_error(folder: Folder) -> Problem:
    (problem,) = found_errors(folder)
    return problem


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("name", ["norway-2024", "tiny-measures", "tiny-pools"])
def test_written_and_loaded_is_identical(
    name: str, kind: Literal["csv", "parquet"], tmp_path: Path
) -> None:
    instance = load(name)
    again = load(write(instance, tmp_path / "again", format=kind))
    assert again == instance
    assert again.sha256 == instance.sha256
    for table, frame in instance.tables.items():
        pd.testing.assert_frame_equal(again.tables[table], frame)


def test_awkward_text_and_numbers_survive(tmp_path: Path) -> None:
    instance = load("tiny-measures")
    towns = instance.municipalities
    towns["name"] = ['a, "b"', "line\nbreak", "lone\rreturn"][: len(towns)]
    towns["note"] = ["NA", "null", "ø"]
    towns["figure"] = [0.1 + 0.2, 1e300, 5e-324]
    towns["gaps"] = [1.0, None, -3.0]
    changed = instance.replace(municipalities=towns)
    for kind in get_args(writing.Format):
        again = load(write(changed, tmp_path / kind, format=kind))
        pd.testing.assert_frame_equal(again.municipalities, changed.municipalities)
        assert again.sha256 == changed.sha256


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    instance = load("tiny-measures")
    shuffled = instance.replace(dwellings=instance.dwellings.iloc[::-1])
    one, other = write(instance, tmp_path / "one"), write(shuffled, tmp_path / "other")
    for path in one.iterdir():
        assert path.read_bytes() == (other / path.name).read_bytes()


def test_an_existing_folder_is_refused_or_replaced_whole(tmp_path: Path) -> None:
    instance = load("tiny-measures")
    folder = write(instance, tmp_path / "there")
    (folder / "left.txt").write_text("old", encoding="utf-8")
    with pytest.raises(FolderExists, match="there already"):
        write(instance, folder)
    assert (folder / "left.txt").exists()
    write(instance, folder, overwrite=True)
    assert not (folder / "left.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_failure_while_writing_leaves_nothing_and_keeps_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = load("tiny-measures")
    folder = write(instance, tmp_path / "old")

    def fail(frame: pd.DataFrame) -> bytes:
        raise OSError("disk full")

    monkeypatch.setattr(writing, "csv_bytes", fail)
    with pytest.raises(OSError, match="disk full"):
        write(instance, folder, overwrite=True)
    with pytest.raises(OSError, match="disk full"):
        write(instance, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert load(folder) == instance


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="csv or parquet"):
        write(load("tiny-measures"), tmp_path / "x", format="xlsx")  # type: ignore[arg-type]


def test_a_name_nobody_knows_lists_the_packaged_ones() -> None:
    with pytest.raises(InvalidInstance, match="norway-2024"):
        load("atlantis-2024")


def test_a_byte_order_mark_is_tolerated(folder: Folder) -> None:
    path = folder / "sites.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(folder) == load("tiny-measures")


def test_ids_keep_leading_zeros(folder: Folder) -> None:
    for path in folder.glob("*.csv"):
        ids = load("tiny-measures").municipalities["municipality_id"]
        path.write_text(path.read_text(encoding="utf-8").replace(ids[0], "0007"), encoding="utf-8")
    assert load(folder).municipalities["municipality_id"][0] == "0007"


def test_another_encoding_is_reported_with_the_byte(folder: Folder) -> None:
    path = folder / "municipalities.csv"
    content = path.read_bytes()
    path.write_bytes(content[:50] + b"\xe5" + content[50:])
    problem = only_error(folder)
    assert problem.table == "municipalities.csv"
    assert "byte 50" in problem.message
    assert problem.value == "0xe5"


@pytest.mark.parametrize(
    ("change", "message", "row"),
    [
        (lambda text: text.replace("beds", "site_id", 1), "the column is there twice", None),
        (lambda text: text + "one\n", "the row has 1 cells", 4),
        (lambda text: text.replace("\n", "\n\n", 1), "the row has 0 cells", 1),
        (lambda text: "", "the file is empty", None),
        (lambda text: text + '"open\n', "not CSV: unexpected end of data", None),
    ],
)
def test_a_table_that_is_no_rectangle_is_refused(
    folder: Folder, change: Callable[[str], str], message: str, row: int | None
) -> None:
    edit(folder, "dwellings", lambda text: change("\n".join(text.split("\n")[:4]) + "\n"))
    problem = only_error(folder)
    assert (problem.table, problem.message, problem.row) == ("dwellings", message, row)


def test_missing_and_doubled_tables_are_reported_together(folder: Folder) -> None:
    (folder / "groups.csv").unlink()
    (folder / "measures.csv").unlink()
    (folder / "sites.parquet").write_bytes(b"")
    found = {(problem.table, problem.message) for problem in found_errors(folder)}
    assert found == {
        ("groups", "the table is missing"),
        ("sites", "there as CSV and as Parquet"),
        ("datapackage.json", "the table is stated but not there"),
    }


def test_problems_in_cells_fields_and_between_tables_come_together(folder: Folder) -> None:
    edit_package(folder, target="many", colour="red")
    edit(folder, "sites", lambda text: text + "lost,9999,Lost,-1\n")
    rows = len(load("tiny-measures").sites)
    found = {(p.table, p.row, p.column, p.value) for p in found_errors(folder)}
    assert found == {
        ("datapackage.json", None, "target", "many"),
        ("datapackage.json", None, "colour", "red"),
        ("sites", rows + 1, "transit_seats", "-1"),
        ("sites", rows + 1, "municipality_id", "9999"),
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target", "37000"),
        ("target", True),
        ("target", -1),
        ("target", 1.5),
        ("year", "2024"),
        ("year", 12),
        ("year", None),
        ("budget", "1"),
        ("id", "No Good"),
        ("title", 3),
        ("currency", "kroner"),
        ("sources", "SSB"),
        ("tables", {}),
        ("targett", 5),
    ],
)
def test_a_wrong_field_is_a_problem(folder: Folder, field: str, value: object) -> None:
    edit_package(folder, **{field: value})
    problem = only_error(folder)
    assert (problem.table, problem.column) == ("datapackage.json", field)
    assert problem.value == str(value)
    assert problem.expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON that can be used"),
        ("[]", "not a JSON object"),
        ('{"id": "a", "id": "b"}', "'id' is there twice"),
        ('{"budget": NaN}', "NaN is not a number"),
        ("[" * 100_000, "not JSON that can be used"),
    ],
)
def test_a_package_file_that_cannot_be_used_is_a_problem(
    folder: Folder, text: str, message: str
) -> None:
    (folder / "datapackage.json").write_text(text, encoding="utf-8")
    problem = only_error(folder)
    assert problem.table == "datapackage.json"
    assert message in problem.message


@pytest.mark.parametrize("resources", ["x", None, [1], [{"name": ["sites"]}]])
def test_resources_that_are_none_are_a_problem(folder: Folder, resources: object) -> None:
    edit_package(folder, resources=resources)
    assert (only_error(folder).column or "").startswith("resources")


def test_a_path_outside_the_folder_is_refused(folder: Folder) -> None:
    edit_package(folder, resources=[{"name": "sites", "path": "../sites.csv"}])
    problem = only_error(folder)
    assert (problem.column, problem.value) == ("resources.0.path", "../sites.csv")


def test_an_edited_table_is_only_a_warning(folder: Folder) -> None:
    edit(folder, "groups", lambda text: text.rstrip("\n"))
    instance, problems = read(folder)
    assert isinstance(instance, Instance)
    assert [problem.table for problem in warnings(problems) if "changed" in problem.message] == [
        "groups"
    ]


def test_a_misspelt_table_is_a_warning(folder: Folder) -> None:
    shutil.copy(folder / "needs.csv", folder / "need.csv")
    problems = read(folder)[1]
    assert "need.csv" in [problem.table for problem in warnings(problems)]


def test_numbers_as_ids_in_parquet_are_refused(tmp_path: Path) -> None:
    folder = write(load("tiny-measures"), tmp_path / "x", format="parquet")
    frame = pd.read_parquet(folder / "sites.parquet").assign(municipality_id=301)
    frame.to_parquet(folder / "sites.parquet", index=False)
    problem = only_error(folder)
    assert (problem.table, problem.column) == ("sites", "municipality_id")
    assert "0301" in problem.expected


def test_what_is_no_parquet_file_is_refused(tmp_path: Path) -> None:
    folder = write(load("tiny-measures"), tmp_path / "x", format="parquet")
    (folder / "sites.parquet").write_bytes(b"PK")
    assert only_error(folder).message.startswith("cannot be read")


def test_numbers_of_numpy_among_other_things_are_written_as_numbers() -> None:
    cells = [np.float64(0.5), np.float64(2.0), np.nan, "as given", True, 3]
    frame = pd.DataFrame({"value": pd.Series(cells, dtype="object")})
    assert writing.csv_bytes(frame).decode().split("\n") == [
        *("value", "0.5", "2", '""', "as given", "true", "3", ""),
    ]
