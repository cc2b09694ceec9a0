"""Runs let the service go first: as processes, and as sessions where Linux weighs those."""

import os
import subprocess
import sys

import pytest

from api.execution.priority import AUTOGROUP

ASKED = """
import os
from api.execution.priority import AUTOGROUP, stand_back
before = AUTOGROUP.read_text() if AUTOGROUP.exists() else ""
stand_back({niceness})
print(os.nice(0), before, AUTOGROUP.read_text() if AUTOGROUP.exists() else "", sep="|")
"""


def asked(niceness: int, *, leads: bool) -> tuple[int, str, str]:
    """Stand back in a process, which leads a session of its own or is one of many in ours."""
    said = subprocess.run(
        [sys.executable, "-c", ASKED.format(niceness=niceness)],
        start_new_session=leads,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    nice, before, after = (part.strip() for part in said.split("|"))
    return int(nice), before, after


@pytest.mark.parametrize("leads", [True, False])
def test_a_process_stands_back_and_its_session_if_it_is_its_own(leads: bool) -> None:
    usual, _, _ = asked(0, leads=leads)
    nice, before, after = asked(7, leads=leads)
    assert nice == min(usual + 7, 19)
    if leads and before and os.access(AUTOGROUP, os.W_OK):
        assert after.endswith("nice 7")
    else:
        assert after == before


def test_nothing_changes_where_nobody_is_to_stand_back() -> None:
    _, before, after = asked(0, leads=True)
    assert after == before
