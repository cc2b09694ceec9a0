"""The page about the service: its examples run, its tables are those of the code."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest

from api.app import create_app
from api.problems import KINDS
from api.schemas import runs as schemas
from api.security import SCOPES, Role, Scope
from api.settings import Settings
from tests.documents import shown_after
from tests.service.running import ROOT, Service

pytestmark = pytest.mark.enable_socket
PAGE = (ROOT / "docs/api.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"
"""Where the examples of the page ask."""
REST = "…"
"""What stands on the page for what it leaves out."""
# Every answer tells its status, without a word in the examples.
CURL = "curl() { command curl -w '%{stderr}status %{http_code}\\n' \"$@\"; }\n"
PYTHON = """
import logging, re, runpy, sys

class Statuses(logging.Handler):
    def emit(self, record):
        found = re.search(r'HTTP/1.1 (\\d{3})', record.getMessage())
        told = (record.args[:2], found[1])
        again = told == getattr(self, 'last', None)  # looked at again and again: once
        if record.args[0] != 'GET' or not again:
            print('status', found[1], file=sys.stderr)
        self.last = told

logging.getLogger('httpx').setLevel(logging.INFO)
logging.getLogger('httpx').addHandler(Statuses())
logging.getLogger('httpx').propagate = False
runpy.run_path(sys.argv[1])
"""


@dataclass(frozen=True)
class Example:
    """A block of the page that is run, and what is shown to come of it."""

    language: str
    code: str
    shown: tuple[str, str] | None

    @property
    def statuses(self) -> list[str]:
        return [
            status
            for found in re.findall(r"  # (\d{3}(?: \d{3})*)$", self.code, re.MULTILINE)
            for status in found.split()
        ]


def examples() -> list[Example]:
    found: list[Example] = []
    for one, shown in shown_after(PAGE):
        if one.language in ("sh", "python"):
            result = (shown.language, shown.text)
            found.append(
                Example(one.language, one.text, result if result[0] in ("json", "text") else None)
            )
    return found


def masked(text: str) -> str:
    """Return a text without what is new every time."""
    text = re.sub(r"\b(run|prop|ans|key)_[0-9a-f]{16,}", r"\1_ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", "MOMENT", text)
    return re.sub(r'"request_id": ?"\w+"', '"request_id": "ID"', text)


def shows(shown: Any, real: Any) -> bool:
    """Tell whether what is shown is there, apart from what is left out."""
    if isinstance(shown, dict):
        names = set(shown) - {REST}
        whole = isinstance(real, dict) and (REST in shown or set(real) == names)
        return whole and all(name in real and shows(shown[name], real[name]) for name in names)
    if isinstance(shown, list):
        return len(shown) == len(real) and all(map(shows, shown, real))
    return bool(shown == real)


def came_true(example: Example, output: str, error: str) -> bool:
    """Tell whether an example was answered and printed what the page says."""
    if re.findall(r"^status (\d{3})$", error, re.MULTILINE) != example.statuses:
        return False
    if example.shown is None:
        return True
    kind, text = example.shown
    if kind == "text":
        return masked(output) == masked(text)
    return shows(json.loads(masked(text)), json.loads(masked(output.splitlines()[0])))


@pytest.mark.slow
def test_every_example_does_what_the_page_says(tmp_path: Path) -> None:
    found = examples()
    mark = "----- next example -----"
    script = [CURL]
    for place, example in enumerate(found):
        script.append(f"echo '{mark}'; echo '{mark}' >&2\n")
        code = example.code
        if example.language == "python":
            (tmp_path / f"example-{place}.py").write_text(code)
            code = f"python runner.py example-{place}.py\n"
        script.append(code)
    (tmp_path / "runner.py").write_text(PYTHON)
    database = f"sqlite:///{tmp_path}/service.db"
    programs = Path(sys.executable).parent
    env = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "ALLOCATOR_DATABASE": database,
    }
    made = [str(programs / "allocator"), "keys-admin", "create", "--role", "admin"]
    subprocess.run(made, env=env, check=True, capture_output=True)
    with Service(tmp_path, database=database, open=False) as service:
        here = str(service.client.base_url)
        for file in tmp_path.glob("example-*.py"):
            file.write_text(file.read_text().replace(ADDRESS, here))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "".join(script).replace(ADDRESS, here)],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    outputs, errors = (said.split(f"{mark}\n")[1:] for said in (done.stdout, done.stderr))
    assert len(outputs) == len(errors) == len(found)
    wrong = [
        f"{example.code}\n{output}\n{error}"
        for example, output, error in zip(found, outputs, errors, strict=True)
        if not came_true(example, output, error)
    ]
    assert not wrong, "\n----\n".join(wrong)


def test_the_examples_are_found_with_their_statuses() -> None:
    found = examples()
    assert {example.language for example in found} == {"sh", "python"}
    told = {status for example in found for status in example.statuses}
    assert told >= {"200", "201", "202", "403", "422"}


def test_every_route_is_on_the_page() -> None:
    document = create_app(Settings(database="sqlite:///never-opened.db")).openapi()
    for path, operations in document["paths"].items():
        for method in operations:
            route = f"| `{method.upper()} {path}` |"
            assert route in PAGE, route


def test_every_kind_of_run_is_on_the_page_with_all_its_fields() -> None:
    union = get_args(get_args(schemas.RunRequest)[0])
    assert {get_args(one.model_fields["kind"].annotation)[0] for one in union} == set(schemas.KINDS)
    for model in union:
        kind = get_args(model.model_fields["kind"].annotation)[0]
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{kind}` |"))
        own = set(model.model_fields) - {"kind", "name", "tags", "options"}
        assert set(re.findall(r"`(\w+)`", row)) >= own, (kind, own)
    for name in schemas.Options.model_fields:
        assert f"`options.{name}`" in PAGE


def test_every_problem_is_on_the_page() -> None:
    for kind, (status, title) in KINDS.items():
        assert f"| {status} | `{kind}` | {title} |" in PAGE, kind


def test_scopes_and_roles_are_those_of_the_code() -> None:
    lines = ["| scope | " + " | ".join(Role) + " |"]
    lines.append("|---|" + "---|" * len(Role))
    for scope in Scope:
        marks = ["yes" if scope in SCOPES[role] else "" for role in Role]
        lines.append(f"| `{scope}` | " + " | ".join(marks) + " |")
    assert "\n".join(lines) in PAGE
