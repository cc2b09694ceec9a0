"""Keys open what their role allows, for as long as they hold, and it opens for no one else.

The commands are run as people run them, the requests are real ones.
"""

import datetime as dt
import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from api.security import SCOPES, Role, Scope
from api.store import Store, keys
from api.store.tables import METADATA, now
from tests.service.running import ROOT, Service

pytestmark = pytest.mark.enable_socket
OWN, OTHER = "0101", "0201"


def allocator(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    known = {name: value for name, value in os.environ.items() if not name.startswith("ALLOCATOR_")}
    return subprocess.run(
        [sys.executable, "-m", "allocator", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
        env={**known, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **env},
    )


def made(database: str, role: str, *more: str) -> tuple[str, str]:
    """Make a key with the command; return its id and the key."""
    done = allocator("keys-admin", "create", "--role", role, "--database", database, *more)
    assert done.returncode == 0, done.stderr
    found = re.fullmatch(r"made (key_\w+); the key is shown this once:\n", done.stderr)
    assert found is not None, done.stderr
    secret = done.stdout.removesuffix("\n")
    assert re.fullmatch(r"alk_[A-Za-z0-9_-]{43}", secret)
    return found[1], secret


def as_(secret: str | None) -> dict[str, str]:
    return {} if secret is None else {"Authorization": f"Bearer {secret}"}


class Keyed:
    """A service that asks for keys, a key of every role, and what there is to ask about."""

    def __init__(self, folder: Path) -> None:
        self.database = f"sqlite:///{folder}/service.db"
        self.keys: dict[str, str] = {}
        for role in Role:
            place = ("--municipality", OWN) if role is Role.MUNICIPALITY else ()
            self.keys[role] = made(self.database, role, "--name", f"the {role}", *place)[1]
        self.service = Service(folder, open=False)

    def prepare(self) -> None:
        planner = as_(self.keys[Role.PLANNER])
        self.service.client.headers.update(planner)
        self.run_id = self.service.solved("tiny-measures", policy={"step": 5})
        explain = self.service.run(kind="explain", base_run_id=self.run_id, confirm=False)["id"]
        assert self.service.ended(explain)["state"] == "succeeded"
        body = {"run_id": self.run_id, "title": "2024", "message": "Answer.", "author": "Ministry"}
        answer = self.service.client.post("/v1/proposals", json=body)
        assert answer.status_code == 201, answer.text
        self.proposal_id = answer.json()["id"]
        for name in planner:
            del self.service.client.headers[name]

    def ask(self, who: str | None, method: str, path: str, body: Any = None) -> httpx.Response:
        secret = self.keys.get(who, who) if who is not None else None
        return self.service.client.request(method, path, json=body, headers=as_(secret))


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    found = Keyed(tmp_path_factory.mktemp("service"))
    with found.service:
        found.prepare()
        yield found


# --- the commands


def test_a_key_is_shown_once_and_is_not_in_the_database(keyed: Keyed) -> None:
    key_id, secret = made(keyed.database, "researcher", "--name", "University", "--days", "365")
    listed = allocator("keys-admin", "list", "--database", keyed.database)
    assert listed.returncode == 0
    row = next(line for line in listed.stdout.splitlines() if key_id in line)
    assert re.search(r"researcher\s+University", row)
    for text in (listed.stdout, listed.stderr):
        assert not any(one[4:] in text for one in (secret, *keyed.keys.values()))
    folder = Path(keyed.database.removeprefix("sqlite:///")).parent
    for path in folder.glob("service.db*"):
        assert secret[4:].encode() not in path.read_bytes(), path
    store = Store(keyed.database)
    with store.reading() as connection:
        for table in METADATA.tables.values():
            for line in connection.execute(sa.select(table)):
                assert not any(secret[4:] in str(value) for value in line), table.name
        found = keys.find(connection, secret)
    store.close()
    assert found is not None
    left = found["expires_at"] - now()
    assert 364 <= left.days <= 365
    assert secret[4:] not in keyed.service.log


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--role", "king"), "planner, municipality, researcher, admin"),
        (("--role", "municipality"), "names it"),
        (("--role", "planner", "--municipality", "0301"), "no other does"),
        (("--role", "planner", "--days", "0"), "1"),
        (("--role", "planner", "--name", "x" * 201), "200"),
        (("--role", "municipality", "--municipality", "0" * 101), "100"),
        (("--role", "planner", "--database", "mysql://db/x"), "sqlite:///FILE or postgresql"),
    ],
)
def test_a_key_that_cannot_be_made(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    database = tmp_path / "service.db"
    given = () if "--database" in arguments else ("--database", f"sqlite:///{database}")
    done = allocator("keys-admin", "create", *arguments, *given)
    assert done.returncode == 2
    assert said in re.sub(r"[\s│]+", " ", done.stderr)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_key_that_is_not_there_cannot_be_revoked(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/service.db"
    done = allocator("keys-admin", "revoke", "key_none", "--database", database)
    assert (done.returncode, done.stdout) == (2, "")
    assert "key_none" in done.stderr


def test_a_database_that_does_not_answer_is_told(tmp_path: Path) -> None:
    database = "postgresql+psycopg://nobody@127.0.0.1:9/none"
    for arguments in (("list",), ("create", "--role", "planner"), ("revoke", "key_1")):
        done = allocator("keys-admin", *arguments, "--database", database)
        assert done.returncode == 1
        assert "the database does not answer" in done.stderr
        assert "Traceback" not in done.stderr


# --- how long a key holds


def test_a_revoked_key_is_known_within_five_seconds(keyed: Keyed) -> None:
    key_id, secret = made(keyed.database, "planner")
    assert keyed.ask(secret, "GET", "/v1/keys").status_code == 200
    done = allocator("keys-admin", "revoke", key_id, "--database", keyed.database)
    revoked = time.monotonic()
    assert (done.returncode, done.stderr) == (0, f"revoked {key_id}\n")
    while keyed.ask(secret, "GET", "/v1/keys").status_code == 200:
        assert time.monotonic() - revoked < 5.5
        time.sleep(0.1)
    answer = keyed.ask(secret, "GET", "/v1/keys")
    assert answer.status_code == 401
    assert answer.json()["detail"] == "the key was revoked"
    assert allocator("keys-admin", "revoke", key_id, "--database", keyed.database).returncode == 2


def test_an_expired_key_opens_nothing_from_that_moment(keyed: Keyed) -> None:
    store = Store(keyed.database)
    until = now() + dt.timedelta(seconds=1.5)
    with store.writing() as connection:
        late = keys.make(connection, name="late", role="admin", expires_at=until)[1]
    store.close()
    assert keyed.ask(late, "GET", "/v1/keys").status_code == 200
    time.sleep(max(0.0, (until - now()).total_seconds()) + 0.05)
    answer = keyed.ask(late, "GET", "/v1/keys")
    assert answer.status_code == 401
    assert answer.json()["detail"].startswith("the key expired at ")


@pytest.mark.parametrize(
    "sent",
    [None, "Bearer alk_nobody", "Bearer", "Basic YTpi", "alk_nobody", "Bearer æøå", "Bearer a b"],
)
def test_what_is_no_key_opens_nothing(keyed: Keyed, sent: str | None) -> None:
    headers = [] if sent is None else [(b"Authorization", sent.encode())]
    answer = keyed.service.client.get("/v1/runs", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:allocator:problem:no-key"


# --- who may do what


W = {"author": "Ministry", "reason": "Because."}
A = {"answer": "accepted", "author": "council", "date": "2024-03-01", "reason": "As resolved."}
ROUTES: list[tuple[str, str, Any, Scope | None, int]] = [
    # Method, path, body, the scope that it needs, and the status when it is allowed.
    ("GET", "/healthz", None, None, 200),
    ("GET", "/readyz", None, None, 200),
    ("GET", "/metrics", None, None, 200),
    ("GET", "/openapi.json", None, None, 200),
    ("GET", "/v1/keys", None, Scope.INSTANCES_READ, 200),
    ("GET", "/v1/policies/default", None, Scope.INSTANCES_READ, 200),
    ("GET", "/v1/instances", None, Scope.INSTANCES_READ, 200),
    ("POST", "/v1/instances", {}, Scope.INSTANCES_WRITE, 422),
    ("POST", "/v1/instances:validate", {}, Scope.INSTANCES_WRITE, 200),
    ("GET", "/v1/instances/{instance_id}", None, Scope.INSTANCES_READ, 200),
    ("DELETE", "/v1/instances/{instance_id}", None, Scope.INSTANCES_WRITE, 409),
    ("GET", "/v1/instances/{instance_id}/tables", None, Scope.INSTANCES_READ, 200),
    ("GET", "/v1/runs", None, Scope.RUNS_READ, 200),
    ("POST", "/v1/runs", {"kind": "solve"}, Scope.RUNS_CREATE, 422),
    ("GET", "/v1/runs/{run_id}", None, Scope.RUNS_READ, 200),
    ("DELETE", "/v1/runs/{run_id}", None, Scope.RUNS_CANCEL, 202),
    ("GET", "/v1/runs/{run_id}/request", None, Scope.RUNS_READ, 200),
    ("GET", "/v1/runs/{run_id}/events", None, Scope.RUNS_READ, 410),
    ("GET", "/v1/runs/{run_id}/plan", None, Scope.RUNS_READ, 200),
    ("GET", "/v1/runs/{run_id}/plan/municipalities/{own}", None, Scope.RUNS_READ, 200),
    ("GET", "/v1/runs/{run_id}/explanations", None, Scope.RUNS_READ, 200),
    ("GET", "/v1/runs/{run_id}/explanations/{own}", None, Scope.RUNS_READ, 200),
    ("GET", "/v1/runs/{run_id}/result", None, Scope.RUNS_READ, 404),
    ("GET", "/v1/runs/{run_id}/chart", None, Scope.RUNS_READ, 404),
    ("GET", "/v1/runs/{run_id}/log", None, Scope.RUNS_READ, 200),
    ("GET", "/v1/runs/{run_id}/diff/{run_id}", None, Scope.RUNS_READ, 200),
    ("GET", "/v1/runs/run_none/report", None, Scope.RUNS_READ, 404),
    ("GET", "/v1/proposals", None, Scope.PROPOSALS_READ, 200),
    ("POST", "/v1/proposals", {}, Scope.PROPOSALS_WRITE, 422),
    ("GET", "/v1/proposals/{proposal_id}", None, Scope.PROPOSALS_READ, 200),
    ("GET", "/v1/proposals/{proposal_id}/municipalities/{own}", None, Scope.PROPOSALS_READ, 200),
    ("POST", "/v1/proposals/{proposal_id}/answers", {**A, "municipality_id": OWN},
     Scope.RESPONSES_WRITE, 201),
    ("GET", "/v1/proposals/{proposal_id}/answers", None, Scope.RESPONSES_READ, 200),
    ("POST", "/v1/proposals/prop_none:withdraw", W, Scope.PROPOSALS_WRITE, 404),
]  # fmt: skip
WHO = (None, *Role)


@pytest.mark.parametrize("who", WHO)
def test_each_role_opens_what_it_may_and_nothing_else(keyed: Keyed, who: str | None) -> None:
    names = {
        "run_id": keyed.run_id,
        "proposal_id": keyed.proposal_id,
        "instance_id": "tiny-measures",
        "own": OWN,
    }
    expected, found = {}, {}
    for method, path, body, scope, status in ROUTES:
        if scope is not None and who is None:
            status = 401
        elif scope is not None and scope not in SCOPES[Role(str(who))]:
            status = 403
        name = f"{method} {path}"
        expected[name] = status
        found[name] = keyed.ask(who, method, path.format(**names), body).status_code
    assert found == expected


def test_the_table_above_has_every_route(keyed: Keyed) -> None:
    document = keyed.service.client.get("/openapi.json").json()
    there = {
        (method.upper(), re.sub(r"\{\w+\}", "*", path))
        for path, operations in document["paths"].items()
        for method in operations
    }
    named = {
        (method, re.sub(r"\{\w+\}|run_none|prop_none", "*", path)) for method, path, *_ in ROUTES
    }
    assert named - {("GET", "/openapi.json")} == there
    asked = {scope for *_, scope, _ in ROUTES if scope is not None}
    assert asked == set(Scope) - {Scope.ADMIN}


def test_what_each_role_is_for() -> None:
    """The roles as they are promised; a change here is one of the contract."""
    work = {"instances:read", "instances:write", "runs:create", "runs:read", "runs:cancel"}
    talk = {"proposals:read", "responses:read", "responses:write"}
    promised = {
        "researcher": work,
        "planner": work | talk | {"proposals:write"},
        "municipality": talk,
        "admin": work | talk | {"proposals:write", "admin"},
    }
    assert {role: set(scopes) for role, scopes in SCOPES.items()} == promised


def test_a_municipality_has_its_own_number_alone(keyed: Keyed) -> None:
    town = Role.MUNICIPALITY
    base = f"/v1/proposals/{keyed.proposal_id}"
    own = keyed.ask(town, "GET", f"{base}/municipalities/{OWN}")
    assert own.status_code == 200
    assert own.json()["number"]["municipality_id"] == OWN
    assert own.json()["explanation"]["municipality_id"] == OWN
    for other in (OTHER, "9999"):  # it does not learn which there are
        refused = keyed.ask(town, "GET", f"{base}/municipalities/{other}")
        assert (refused.status_code, refused.json()["type"]) == (
            403,
            "urn:allocator:problem:not-allowed",
        )
        answer = keyed.ask(town, "POST", f"{base}/answers", {**A, "municipality_id": other})
        assert answer.status_code == 403
    # What others answered, it does not see.
    said = {**A, "municipality_id": OTHER}
    assert keyed.ask(Role.PLANNER, "POST", f"{base}/answers", said).status_code == 201
    assert keyed.ask(town, "POST", f"{base}/answers", {**said, "municipality_id": OWN}).is_success
    mine = keyed.ask(town, "GET", f"{base}/answers").json()["answers"]
    assert {one["municipality_id"] for one in mine} == {OWN}
    theirs = keyed.ask(Role.PLANNER, "GET", f"{base}/answers").json()["answers"]
    assert {one["municipality_id"] for one in theirs} == {OWN, OTHER}
    shown = itertools.chain.from_iterable(one.values() for one in mine)
    assert OTHER not in shown


# --- what the service refuses to be


def refused(*arguments: str, code: int = 2, **env: str) -> str:
    done = allocator("serve", *arguments, **env)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr


def test_it_does_not_serve_without_keys(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/service.db"
    said = refused("--database", database)
    assert "there are no keys" in said
    assert "keys-admin create" in said
    key_id, _ = made(database, "planner")
    allocator("keys-admin", "revoke", key_id, "--database", database)
    assert "there are no keys" in refused("--database", database), "a revoked one is none"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org"])  # noqa: S104
def test_it_is_not_open_to_other_machines(tmp_path: Path, host: str) -> None:
    said = refused("--open", "--host", host, "--database", f"sqlite:///{tmp_path}/service.db")
    assert host in said
    assert "only this machine may ask" in said


def test_bad_settings_are_told_all_at_once(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text('niceness = 99\nmax_members = "many"\nnonsense = 1\n')
    said = refused(
        "--config",
        str(file),
        ALLOCATOR_WORKERS="0",
        ALLOCATOR_DATABASE="mysql://root:secret@db/x",
        ALLOCATOR_LOG_FORMAT="xml",
    )
    lines = [line.removeprefix("error: setting ") for line in said.splitlines()]
    assert {line.partition(":")[0] for line in lines} == {
        "niceness",
        "max_members",
        "nonsense",
        "workers",
        "database",
        "log_format",
    }
    told = {line.partition(":")[0]: line for line in lines}
    assert "99" in told["niceness"]
    assert "19" in told["niceness"]
    assert "many" in told["max_members"]
    assert "json" in told["log_format"]
    assert "secret" not in said


@pytest.mark.parametrize(
    ("content", "said"),
    [("workers = = 1", "is not TOML"), (b"\xff\xfe", "is not UTF-8"), (None, "cannot be read")],
)
def test_a_file_of_settings_that_cannot_be_read(
    tmp_path: Path, content: str | bytes | None, said: str
) -> None:
    file = tmp_path / "service.toml"
    if content is not None:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    found = refused("--open", ALLOCATOR_CONFIG=str(file))
    assert said in found
    assert str(file) in found


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    assert "in memory" in refused("--open", "--database", url)


def test_the_module_refuses_as_the_command_does(tmp_path: Path) -> None:
    known = {name: value for name, value in os.environ.items() if not name.startswith("ALLOCATOR_")}
    for given, said in (
        ({}, "there are no keys"),
        ({"ALLOCATOR_WORKERS": "0"}, "setting workers"),
        ({"ALLOCATOR_OPEN": "true", "ALLOCATOR_HOST": "0.0.0.0"}, "only this machine"),  # noqa: S104
    ):
        database = {"ALLOCATOR_DATABASE": f"sqlite:///{tmp_path}/service.db"}
        done = subprocess.run(
            [sys.executable, "-m", "api"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=ROOT,
            env={**known, "PYTHONPATH": str(ROOT), **database, **given},
        )
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr
