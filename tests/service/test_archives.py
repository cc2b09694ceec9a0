"""Archives and tables that are sent: what is sound is read whole, everything else is refused."""

import dataclasses
import io
import json
import random
import tempfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from allocator import load
from api.execution.archives import Limits, content_of, packed, read_archive, read_tables, unpacked
from api.problems import Trouble
from api.reading import DEEPEST, parsed
from models.problems import Problem, errors
from tests.service.sent import (
    TINY,
    changed,
    encrypted,
    files_of,
    listing,
    lying,
    tables_of,
    with_link,
    with_member,
    zipped,
)

LIMITS = Limits(members=20, expanded=2 << 20, cells=100_000)


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Read in a folder of its own, and see that nothing is in it or beside it afterwards."""
    inside = tmp_path / "one" / "two"
    inside.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(inside))
    monkeypatch.chdir(inside)
    before = listing(tmp_path)
    yield
    assert listing(tmp_path) == before


def refused(content: bytes, limits: Limits = LIMITS) -> list[Problem]:
    instance, problems = read_archive(content, limits)
    found = errors(problems)
    assert instance is None
    assert found
    assert all(problem.message and problem.expected for problem in found)
    return found


@pytest.mark.parametrize("name", TINY)
def test_a_zip_of_the_folder_is_the_instance(name: str) -> None:
    for folder in ("", "somewhere/", "some/where/deep/"):
        instance, problems = read_archive(zipped(files_of(name), folder=folder), LIMITS)
        assert instance is not None, problems
        assert instance.sha256 == load(name).sha256


@pytest.mark.parametrize("name", TINY)
def test_the_same_instance_comes_back_from_every_form(name: str) -> None:
    known = load(name)
    for content in (tables_of(name), json.loads(json.dumps(content_of(known)))):
        instance, problems = read_tables(parsed(json.dumps(content).encode()), LIMITS)
        assert instance is not None, problems
        assert instance.sha256 == known.sha256
    assert unpacked(packed(known)).sha256 == known.sha256
    assert packed(unpacked(packed(known))) == packed(known)


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_every_compression_is_read(method: int) -> None:
    instance, problems = read_archive(zipped(files_of(), method=method), LIMITS)
    assert instance is not None, problems


def test_a_package_with_a_byte_order_mark_and_other_line_ends_is_read() -> None:
    files = files_of()
    files["municipalities.csv"] = b"\xef\xbb\xbf" + files["municipalities.csv"].replace(
        b"\n", b"\r\n"
    )
    instance, problems = read_archive(zipped(files), LIMITS)
    assert instance is not None, problems
    assert instance.sha256 == load("tiny-measures").sha256


PLANTED: dict[str, tuple[Callable[[], bytes], str, str | None]] = {
    "bomb": (lambda: with_member("outcomes.csv", b"0" * (3 << 20)), "too large", "31"),
    "says less than it holds": (lambda: lying(100), "cannot be read", None),
    "says more than is allowed": (lambda: lying(4 << 20), "too large", "41"),
    "says more than it holds": (lambda: lying((3 << 20) + 1), "too large", "31"),
    "nested": (lambda: with_member("more.zip", zipped(files_of())), "nobody reads", "more.zip"),
    "above": (lambda: with_member("../evil.csv"), "leave its folder", "../evil.csv"),
    "above inside": (lambda: with_member("a/../../evil.csv"), "leave its folder", "a/../../"),
    "absolute": (lambda: with_member("/etc/evil.csv"), "leave its folder", "/etc/evil.csv"),
    "backslash": (lambda: with_member("..\\evil.csv"), "leave its folder", "..\\evil.csv"),
    "drive": (lambda: with_member("C:evil.csv"), "leave its folder", "C:evil.csv"),
    "link": (with_link, "a link is no file", "outcomes.csv"),
    "encrypted": (encrypted, "encrypted", "outcomes.csv"),
    "parquet": (lambda: with_member("outcomes.parquet"), "nobody reads", "outcomes.parquet"),
    "other": (lambda: with_member("run.sh"), "nobody reads", "run.sh"),
    "two folders": (lambda: with_member("other/outcomes.csv"), "several folders", "other"),
    "twice by case": (lambda: with_member("SITES.csv"), "there twice", "SITES.csv"),
    "long name": (lambda: with_member("a" * 300 + ".csv"), "cannot be read", "aaa"),
    "empty": (lambda: zipped({}), "empty", None),
    "folders alone": (lambda: zipped({"a/": b""}), "empty", None),
    "truncated": (lambda: zipped(files_of())[:-40], "not a zip", None),
    "end alone": (lambda: zipped(files_of())[-200:], "not a zip", None),
    "no zip": (lambda: b"municipality_id,name\n0301,Oslo\n", "not a zip", None),
    "nothing": (lambda: b"", "not a zip", None),
    "no package": (
        lambda: zipped({n: c for n, c in files_of().items() if n != "datapackage.json"}),
        "missing",
        None,
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_archive_is_refused_and_named(name: str) -> None:
    made, message, value = PLANTED[name]
    found = refused(made())
    assert any(message in problem.message for problem in found), found
    if value is not None:
        assert any(value in (problem.value or "") for problem in found), found


def test_too_many_members_are_refused_before_they_are_listed() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(30_000):
            archive.writestr(f"{number}.csv", b"")
    content = buffer.getvalue()
    tracemalloc.start()
    problem = refused(content)[0]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert problem.message == "too many files"
    assert (problem.value, problem.expected) == ("30000", "at most 20 are read")
    assert most < 1 << 20


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_member_that_is_there_twice_is_refused() -> None:
    found = refused(with_member("sites.csv", b"site_id\n"))
    assert [problem.message for problem in found] == ["the file is there twice (sites.csv)"]


def test_everything_that_is_wrong_with_an_archive_is_told_at_once() -> None:
    content = zipped(files_of() | {"../a.csv": b"", "b.sh": b"", "Sites.csv": b"", "/c.csv": b""})
    assert {problem.value for problem in refused(content)} == {
        "../a.csv",
        "b.sh",
        "Sites.csv",
        "/c.csv",
    }


def test_a_table_with_too_many_cells_is_refused_while_it_expands() -> None:
    files = files_of() | {"outcomes.csv": b",\n" * 60_000}
    found = refused(zipped(files))
    assert [problem.message for problem in found] == ["there are too many cells"]
    assert found[0].expected == "at most 100,000 are read"


def test_a_broken_archive_is_refused_whatever_is_broken() -> None:
    """Turn bytes of sound archives over: every one is read as before, or refused."""
    chance, known = random.Random(1), load("tiny-measures").sha256  # noqa: S311
    methods = (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED)
    sound = [zipped(files_of(), method=method) for method in methods]
    refusals = 0
    for number in range(300):
        content = bytearray(sound[number % len(sound)])
        tail = number % 8 < 4  # half of them in the list at the end, where structure is
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(content) * 3 // 4 if tail else 0, len(content))
            content[place] = chance.randrange(256)
        instance, problems = read_archive(bytes(content), LIMITS)
        if instance is None:
            assert errors(problems)
            refusals += 1
        else:
            assert instance.sha256 == known
    assert refusals > 100


@pytest.mark.parametrize(
    ("files", "table", "message"),
    [
        (files_of() | {"municipalities.csv": "municipality_id,name\n0301,Ås\n".encode(code)}, at, m)
        for code, at, m in (
            ("latin-1", "municipalities.csv", "not UTF-8 at byte 26"),
            ("utf-16", "municipalities.csv", "not UTF-8 at byte 0"),
        )
    ]
    + [
        (files_of() | {"datapackage.json": '{"id": "ås"}'.encode(code)}, "datapackage.json", m)
        for code, m in (("latin-1", "not UTF-8 at byte 8"), ("utf-16", "not UTF-8 at byte 0"))
    ],
)
def test_other_encodings_are_refused_with_the_byte(
    files: dict[str, bytes], table: str, message: str
) -> None:
    assert (table, message) in {(one.table, one.message) for one in refused(zipped(files))}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"year": 2024', '"year": NaN', "NaN is not a number that JSON knows"),
        ('"year": 2024', '"year": -Infinity', "-Infinity is not a number that JSON knows"),
        ('"year": 2024', '"year": 2024, "year": 2025', "the field 'year' is there twice"),
        ('"year": 2024', '"year": ' + "9" * 5000, "not JSON that can be used"),
        ('"year": 2024', '"year": "2024"', "not a number"),
        ('"year": 2024', '"year": ' + "[" * 100_000, "not JSON that can be used"),
    ],
)
def test_a_package_that_json_does_not_know_is_refused(old: str, new: str, message: str) -> None:
    found = refused(zipped(changed("datapackage.json", old, new)))
    told = [problem for problem in found if problem.table == "datapackage.json"]
    assert any(message in problem.message for problem in told), told


@pytest.mark.parametrize(
    ("field", "stated"),
    [("rows", 10**9), ("bytes", 10**12), ("stats.rows", 10**9), ("rowCount", 1e9)],
)
def test_a_package_that_declares_more_than_is_read_is_refused(field: str, stated: float) -> None:
    files = files_of()
    about = json.loads(files["datapackage.json"])
    *outer, last = field.split(".")
    about["resources"][2].update({outer[0]: {last: stated}} if outer else {last: stated})
    files["datapackage.json"] = json.dumps(about).encode()
    (problem,) = refused(zipped(files))
    assert problem.column == f"resources.2.{field}"
    assert problem.message == "more is declared than is read"


FORMULAS = ("=cmd|' /C calc'!A0", "+1+cmd()", "-2+3", "@SUM(1)", "  =1", "\t=1", "＝1+1")


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_a_spreadsheet_takes_for_a_formula_is_refused(text: str) -> None:
    content = tables_of()
    content["tables"]["municipalities"][1]["name"] = text
    content["tables"]["sites"][2]["name"] = text
    instance, problems = read_tables(content, LIMITS)
    assert instance is None
    assert {(one.table, one.row, one.column) for one in errors(problems)} == {
        ("municipalities", 2, "name"),
        ("sites", 3, "name"),
    }


@pytest.mark.parametrize("text", ["=cmd()", "@x", "+", "1+1", "1e400", "NaN", "inf", "1,5", "1_0"])
def test_a_text_in_a_column_of_numbers_is_no_number(text: str) -> None:
    content = tables_of()
    content["tables"]["municipalities"][0]["population"] = text
    content["tables"]["dwellings"][0]["dwellings"] = text
    instance, problems = read_tables(content, LIMITS)
    assert instance is None
    assert {(one.table, one.row, one.column, one.value) for one in errors(problems)} == {
        ("municipalities", 1, "population", text),
        ("dwellings", 1, "dwellings", text),
    }


def test_harmless_texts_are_no_formulas() -> None:
    content = tables_of()
    for row, name in zip(
        content["tables"]["municipalities"], ("-", "A = B", "Nord-Sør +"), strict=True
    ):
        row["name"] = name
        row["indicator"] = -1.5
    instance, problems = read_tables(content, LIMITS)
    assert instance is not None, problems
    assert instance.municipalities["indicator"].tolist() == [-1.5] * 3


def test_a_formula_in_the_name_of_a_column_is_refused() -> None:
    content = tables_of()
    for row in content["tables"]["municipalities"]:
        row["=cmd()"] = 1.0
    instance, problems = read_tables(content, LIMITS)
    assert instance is None
    assert [one.column for one in errors(problems)] == ["=cmd()"]


def test_ids_keep_their_leading_zeros_and_are_no_numbers() -> None:
    name = "municipality_id"
    instance, problems = read_archive(zipped(files_of()), LIMITS)
    assert instance is not None, problems
    assert instance.municipalities[name].tolist() == ["0101", "0201", "0301"]
    assert unpacked(packed(instance)).municipalities[name].tolist() == ["0101", "0201", "0301"]
    content = content_of(instance)
    assert [row[name] for row in content["tables"]["sites"]] == ["0101", "0201", "0301"]
    for number in (301, 301.0, True):
        content["tables"]["sites"][0][name] = number
        refusal, problems = read_tables(content, LIMITS)
        assert refusal is None
        said = [(one.table, one.row, one.column, one.message) for one in errors(problems)]
        assert ("sites", 1, name, "an id is no number") in said


@pytest.mark.parametrize(
    ("body", "table", "column"),
    [
        ([], "body", None),
        (None, "body", None),
        ({}, "body", None),
        ({"about": []}, "body", None),
        ({"about": {}, "tables": []}, "body", "tables"),
        ({"about": {}, "tables": {}, "more": 1}, "body", "more"),
        ({"about": {}, "tables": {"../evil": []}}, "body", "../evil"),
        ({"about": {}, "tables": {"sites": {}}}, "sites", None),
        ({"about": {}, "tables": {"sites": [1]}}, "sites", None),
        ({"about": {}, "tables": {"sites": [{"name": [1]}]}}, "sites", "name"),
        ({"about": {}, "tables": {"sites": [{"name": {"a": 1}}]}}, "sites", "name"),
        ({"about": {"id": "../evil"}, "tables": {}}, "datapackage.json", "id"),
        ({"about": {"id": "a", "budget": 10**400}, "tables": {}}, "datapackage.json", "budget"),
        ({"about": {"target": 10**4000}, "tables": {}}, "datapackage.json", "target"),
    ],
)
def test_a_body_of_another_form_is_refused(body: Any, table: str, column: str | None) -> None:
    instance, problems = read_tables(body, LIMITS)
    assert instance is None
    assert (table, column) in {(one.table, one.column) for one in errors(problems)}


def test_a_body_whose_rows_all_have_other_columns_is_refused_before_it_is_laid_out() -> None:
    content = tables_of()
    content["tables"]["municipalities"] = [{f"column{n}": 1} for n in range(5000)]
    instance, problems = read_tables(content, LIMITS)
    assert instance is None
    assert [one.message for one in errors(problems)] == ["there are too many cells"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": NaN}', "NaN is not a number that JSON knows"),
        (b'{"a": [Infinity]}', "Infinity is not a number that JSON knows"),
        (b'{"a": -Infinity}', "-Infinity is not a number that JSON knows"),
        (b'{"a": 1e999}', "1e999 is too large a number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "4300 digits"),
        (b'{"a": 1, "a": 2}', "'a' is there twice"),
        (b'{"b": {"a": 1, "a": 2}}', "'a' is there twice"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b'{"a": "\\\\\\u0000"}', "NUL"),
        (b'{"a": "\\ud800"}', "half a surrogate pair"),
        (b'{"\\udfff": 1}', "half a surrogate pair"),
        (b'{"a": "\xe5"}', "not UTF-8 at byte 7"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8 at byte 0"),
        (b"[" * 100_000, "nested deeper"),
        (b"[" * 100_000 + b"]" * 100_000, "nested deeper"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested deeper"),
        *((b"[" * depth + b"]" * depth, "nested deeper") for depth in (51, 250, 900, 990, 1100)),
    ],
)
def test_a_body_that_json_does_not_know_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(Trouble) as caught:
        parsed(body)
    assert caught.value.kind == "not-a-request"
    assert said in caught.value.detail


def test_a_body_that_json_knows_is_read() -> None:
    deep = b"[" * DEEPEST + b"]" * DEEPEST
    assert json.dumps(parsed(deep)).encode() == deep
    text = {"a": ["Ås", "\U0001f600", "\\u0000", -0.0, 1e308, None, True]}
    assert parsed(json.dumps(text).encode()) == text
    assert parsed(json.dumps(text, ensure_ascii=False).encode()) == text


def test_what_is_kept_is_read_without_limits() -> None:
    """An instance that came with the code may be larger than one that may be sent."""
    known = load("norway-2024")
    assert refused(packed(known), dataclasses.replace(LIMITS, cells=1000))
    assert unpacked(packed(known)) == known
    with pytest.raises(ValueError, match="not a zip"):
        unpacked(b"")
