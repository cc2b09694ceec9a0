"""The tutorial for researchers does, from top to bottom, what it shows."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.documents import blocks, shown_after

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/research.md").read_text(encoding="utf-8")
FIGURE = "research-tiny-measures.svg"
DIFFERS = "…"
"""What stands on the page for what differs from machine to machine."""
NOT_RUN = {"DuckDB", "Polars", "the tests run in what this installs"}
MARK = "----- next block -----"


def steps() -> list[tuple[str, str]]:
    """Return every block that is run, with what is shown to come of it."""
    return [
        (one.text, following.text if following.language == "text" else "")
        for one, following in shown_after(PAGE)
        if one.language != "text" and one.not_run is None
    ]


def is_shown(shown: str, real: str) -> bool:
    """Tell whether what is shown came out; blanks at the ends of lines do not count."""
    pattern = re.escape(trimmed(shown)).replace(re.escape(DIFFERS), ".+")
    return re.fullmatch(pattern, trimmed(real)) is not None


def trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def drawn(file: Path) -> list[str]:
    """Return what a chart draws, in words; where letters stand depends on the fonts there are."""
    root = ET.parse(file).getroot()  # noqa: S314 - our own
    return [label for mark in root.iter() if (label := mark.get("aria-label"))]


@pytest.mark.slow
@pytest.mark.enable_socket
def test_the_tutorial_runs_from_top_to_bottom_and_prints_what_it_shows(tmp_path: Path) -> None:
    script = tmp_path / "tutorial.py"
    told = steps()
    script.write_text("".join(f"{code}print({MARK!r})\n" for code, _ in told), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", script.name],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "cases: 32 of 32 done" in done.stderr
    assert "\r" not in done.stderr, "a log has whole lines"
    *printed, rest = done.stdout.split(f"{MARK}\n")
    assert rest == ""
    wrong = [
        f"{code}\n--- shown\n{shown}\n--- printed\n{real}"
        for (code, shown), real in zip(told, printed, strict=True)
        if not is_shown(shown, real)
    ]
    assert not wrong, "\n\n".join(wrong)
    assert drawn(tmp_path / FIGURE) == drawn(ROOT / "docs" / FIGURE)
    assert drawn(tmp_path / "sweep.svg")


def test_every_block_is_run_but_those_that_say_why_not() -> None:
    left_out = [one for one in blocks(PAGE) if one.not_run is not None]
    assert len(left_out) == len(NOT_RUN)
    assert all(any(why in str(one.not_run) for why in NOT_RUN) for one in left_out)
    run = {one.language for one in blocks(PAGE) if one.not_run is None}
    assert run == {"python", "text"}
    assert f"]({FIGURE})" in PAGE


def test_only_what_is_marked_may_differ() -> None:
    assert is_shown("took … s\n", "took 1.2 s\n")
    assert not is_shown("took … s\n", "took s\n")
    assert not is_shown("took 1 s, …", "took 2 s, x")
    assert not is_shown("", "anything")
