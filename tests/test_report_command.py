"""``allocator report`` writes one file in the format asked for, and says what it cannot do."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from allocator.cli import Exit, app
from allocator.plans import remembering, write_plan
from allocator.report import FORMATS
from allocator.writing import write
from tests.hand_made import case


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    instance, _, plan = case()
    source = write(instance, tmp_path / "instance")
    return write_plan(remembering(plan, source), tmp_path / "plan")


STARTS: dict[str, Callable[[bytes], bool]] = {
    "html": lambda content: content.startswith(b"<!DOCTYPE html>"),
    "xlsx": lambda content: content.startswith(b"PK"),
    "svg": lambda content: content.startswith(b"<svg "),
    "png": lambda content: content.startswith(b"\x89PNG"),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_the_command_writes_what_the_name_says(folder: Path, kind: str) -> None:
    out = folder.parent / "new" / f"file.{kind}"
    assert run("report", folder, "--out", out, "--lang", "nb").exit_code == Exit.DONE
    assert STARTS[kind](out.read_bytes())


def test_the_command_takes_another_plan_and_a_format(folder: Path) -> None:
    out = folder.parent / "page.txt"
    result = run("report", folder, folder, "--format", "html", "--out", out)
    assert result.exit_code == Exit.DONE
    assert "No municipality gets another quota." in out.read_text(encoding="utf-8")


def test_an_existing_file_is_kept_unless_told_otherwise(folder: Path) -> None:
    out = folder.parent / "kept.html"
    out.write_text("mine")
    result = run("report", folder, "--out", out)
    assert result.exit_code == Exit.USAGE
    assert out.read_text() == "mine"
    assert run("report", folder, "--out", out, "--overwrite").exit_code == Exit.DONE
    assert out.read_text(encoding="utf-8") != "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "report.pdf"], "does not say the format"),
        (["--out", "x.html", "--format", "pdf"], "html, xlsx, svg, png"),
        (["--out", "x.html", "--lang", "sv"], "en, nb"),
    ],
)
def test_what_cannot_be_written_is_a_usage_error(
    folder: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    result = run("report", folder, *arguments)
    assert result.exit_code == Exit.USAGE
    assert said in result.stderr
    assert not list(folder.parent.glob("*.html"))
