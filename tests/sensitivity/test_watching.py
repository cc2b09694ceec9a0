"""Progress is one line in a terminal and in a notebook, and few whole lines in a log."""

import io
import sys
from types import ModuleType
from typing import Any

import pytest

from allocator import Policy, SolveOptions, load, sweep
from allocator.sensitivity.executor import Executor, Standing
from allocator.sensitivity.watching import ProgressPrinter, watcher

STEPS = [Standing("cases", done, 0, 3, 1.0, 2.0 * (3 - done) or None) for done in range(4)]
FIRST, LAST = "cases: 0 of 3 done · about 6 s left · 0.5 a second", "cases: 3 of 3 done"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Notebook:
    """Outputs as a notebook keeps them: `IPython.display.display`, told what it is told here."""

    def __init__(self) -> None:
        self.outputs: list[str] = []
        self.states: list[str] = []

    def display(self, bundle: dict[str, str], *, raw: bool, display_id: bool) -> "Output":
        assert raw
        assert display_id
        self.outputs.append("")
        output = Output(self, len(self.outputs) - 1)
        output.update(bundle, raw=True)
        return output


class Output:
    """A handle of an output."""

    def __init__(self, notebook: Notebook, place: int) -> None:
        self._notebook, self._place = notebook, place

    def update(self, bundle: dict[str, str], *, raw: bool) -> None:
        assert raw
        assert set(bundle) == {"text/plain"}
        self._notebook.outputs[self._place] = bundle["text/plain"]
        self._notebook.states.append(bundle["text/plain"])


def module(name: str, **content: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(content)
    return made


def running(notebook: Notebook, patch: pytest.MonkeyPatch, *, kernel: bool = True) -> None:
    """Let this process look as if a notebook ran it, or IPython in a terminal."""
    display = module("IPython.display", display=notebook.display)
    ipython = module("IPython", display=display, get_ipython=lambda: object())
    patch.setitem(sys.modules, "IPython", ipython)
    if kernel:
        patch.setitem(sys.modules, "ipykernel", module("ipykernel"))


def tell(printer: ProgressPrinter) -> None:
    for standing in STEPS:
        printer(standing)


def test_a_terminal_has_one_line_and_a_log_few() -> None:
    log, terminal = io.StringIO(), Terminal()
    tell(ProgressPrinter(log))
    tell(ProgressPrinter(terminal))
    assert log.getvalue().splitlines() == [FIRST, LAST]
    assert "\r" not in log.getvalue()
    first, last = terminal.getvalue().removeprefix("\r").split("\r")
    assert (first, last) == (FIRST, LAST.ljust(len(FIRST)) + "\n")


def test_a_notebook_has_one_output_a_phase(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = Notebook()
    running(notebook, monkeypatch)
    printer = ProgressPrinter()
    tell(printer)
    printer(Standing("cold checks", 1, 0, 1, 1.0, None))
    assert notebook.outputs == [LAST, "cold checks: 1 of 1 done"]
    assert notebook.states == [FIRST, LAST, "cold checks: 1 of 1 done"]
    assert capsys.readouterr() == ("", "")


def test_a_stream_that_is_given_is_written_to_in_a_notebook_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notebook, log = Notebook(), io.StringIO()
    running(notebook, monkeypatch)
    tell(ProgressPrinter(log))
    assert notebook.outputs == []
    assert log.getvalue().splitlines() == [FIRST, LAST]


def test_ipython_in_a_terminal_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook, terminal = Notebook(), Terminal()
    running(notebook, monkeypatch, kernel=False)
    monkeypatch.setattr(sys, "stderr", terminal)
    tell(ProgressPrinter())
    assert notebook.outputs == []
    assert terminal.getvalue().startswith(f"\r{FIRST}")


def test_who_wants_progress_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert watcher(None) is None
    assert watcher(False) is None
    heard: list[Standing] = []  # empty, and somebody all the same
    assert watcher(heard.append) == heard.append
    instance, policy = load("tiny-measures"), Policy(step=5)
    with Executor(processes=1, progress=True) as executor:
        sweep(instance, policy, {"budget": [0]}, options=SolveOptions(gap=0.0), executor=executor)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == ["sweep: 0 of 1 done", "sweep: 1 of 1 done"]
