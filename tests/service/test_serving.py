"""Starting the service: where it answers, what it refuses and in which words, its settings."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from allocator.cli import app
from api.settings import FILE
from api.settings_docs import BEGIN, END, markdown
from tests.service.running import ROOT, Service, free_port

pytestmark = pytest.mark.enable_socket
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what this is about


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("serving")
    with Service(folder, packaged=False) as running:
        yield running


class Command:
    """The command line, in a folder of its own and without settings in the environment."""

    def __call__(self, *arguments: str, **environment: str) -> Result:
        mine = [name for name in os.environ if name.startswith("ALLOCATOR_")]
        env = {**dict.fromkeys([*mine, FILE]), "COLUMNS": "80", **environment}
        return CliRunner().invoke(app, arguments, env=env, catch_exceptions=False)

    def refused(self, *arguments: str, **environment: str) -> str:
        """Return what `allocator serve` says when it refuses to."""
        done = self("serve", *arguments, **environment)
        assert done.exit_code == 2, done.output
        assert done.stdout == ""
        return done.stderr


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command()


def test_one_line_of_the_log_says_where_it_answers(service: Service) -> None:
    log = (service.folder / f"service-{service.port}.log").read_text()
    events = [json.loads(line)["event"] for line in log.splitlines()]
    said = [event for event in events if "http://" in event]
    assert said == [f"answering at http://127.0.0.1:{service.port}"]


def test_the_front_door_leads_on(service: Service) -> None:
    answer = service.client.get("/")
    assert answer.status_code == 200
    found = answer.json()
    paths = {name: path for name, path in found.items() if path.startswith("/")}
    assert set(paths) >= {"openapi", "instances", "runs", "proposals", "keys", "readiness"}
    for path in paths.values():
        assert service.client.get(path).status_code == 200, path
    assert (ROOT / found["documentation"]).is_file()


def test_it_answers_on_all_addresses_with_a_key(tmp_path: Path, command: Command) -> None:
    database = f"sqlite:///{tmp_path}/service.db"
    made = command("keys-admin", "create", "--role", "researcher", "--database", database)
    secret = made.stdout.strip()
    with Service(tmp_path, database=database, open=False, packaged=False, host=EVERYWHERE) as one:
        assert f"answering at http://localhost:{one.port}" in one.log
        assert one.client.get("/v1/runs").status_code == 401
        headers = {"Authorization": f"Bearer {secret}"}
        assert one.client.get("/v1/runs", headers=headers).status_code == 200
        assert secret not in one.log


def test_a_port_in_use(service: Service, command: Command) -> None:
    said = command.refused("--open", "--port", str(service.port))
    assert said == (
        f"error: cannot listen on port {service.port} of 127.0.0.1: Address already in use; stop "
        "what listens there, or give another --port (0: any free one) or --host\n"
    )


def test_a_host_that_is_none(command: Command) -> None:
    assert command("keys-admin", "create", "--role", "admin").exit_code == 0
    said = command.refused("--host", "nowhere.invalid")
    assert said.startswith("error: nowhere.invalid is no address")
    assert "--host 127.0.0.1" in said
    said = command.refused("--host", "192.0.2.1")  # kept for documentation: nobody has it
    assert said.startswith("error: cannot listen on port 8000 of 192.0.2.1: ")


def test_a_database_that_does_not_answer(command: Command) -> None:
    url = f"postgresql+psycopg://planner:secret@127.0.0.1:{free_port()}/allocator"
    said = command.refused("--open", "--database", url)
    assert said.startswith(f"error: the database {url.replace('secret', '***')} does not answer")
    assert "Connection refused" in said
    assert "secret" not in said


@pytest.mark.parametrize("first", [("serve", "--open"), ("keys-admin", "list")])
def test_a_database_in_a_folder_that_is_not_there(first: tuple[str, ...], command: Command) -> None:
    done = command(*first, "--database", "sqlite:///missing/service.db")
    assert done.exit_code == 2
    assert (
        "cannot make the database sqlite:///missing/service.db: there is no folder" in done.stderr
    )
    assert not Path("missing").exists()


def test_a_variable_that_is_no_setting_is_told(command: Command) -> None:
    done = command("keys-admin", "list", ALLOCATOR_PROT="8077")
    assert done.exit_code == 0
    told = "warning: ALLOCATOR_PROT in the environment is no setting; maybe ALLOCATOR_PORT; there"
    assert done.stderr.startswith(told)


def test_a_file_that_is_no_database(tmp_path: Path, command: Command) -> None:
    (tmp_path / "notes.txt").write_text("not a database\n" * 100)
    said = command.refused("--open", "--database", "sqlite:///notes.txt")
    assert said.startswith("error: sqlite:///notes.txt is no database of this version")
    assert "file is not a database" in said


@pytest.mark.parametrize("url", ["mysql://planner:secret@db/allocator", "service.db"])
def test_an_unknown_kind_of_database(url: str, command: Command) -> None:
    said = command.refused("--open", "--database", url)
    assert "give sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME" in said
    assert "secret" not in said


def test_a_scheduler_that_is_no_address(command: Command) -> None:
    said = command.refused("--open", "--scheduler", "the cluster")
    assert "such as tcp://HOST:8786, not 'the cluster'" in said


def test_a_scheduler_that_does_not_answer_is_waited_for(tmp_path: Path) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    one = Service(tmp_path, packaged=False, scheduler=address)
    one.begin()
    try:
        while "cannot work" not in one.log:
            assert one.process is not None
            assert one.process.poll() is None, one.log
        answer = one.client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["database"] == "ok"
        assert answer.json()["scheduler"].startswith(
            f"no scheduler: the one at {address} does not answer"
        )
        assert one.client.get("/v1/runs").status_code == 200
    finally:
        one.stop()
        one.client.close()


def test_everything_wrong_with_a_file_of_settings_is_said_at_once(
    tmp_path: Path, command: Command
) -> None:
    (tmp_path / "wrong.toml").write_text('port = 99999\nworker = 2\nlog_format = "xml"\n')
    lines = command.refused("--open", "--config", "wrong.toml").splitlines()
    assert len(lines) == 3
    assert any("setting port" in line and "not '99999'" in line for line in lines)
    assert any("there is no setting worker; there are" in line for line in lines)
    assert any("setting log_format" in line and "'json'" in line for line in lines)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = = 1", "is not TOML in UTF-8: Invalid value (at line 1, column 8)"),
        (b"name = '\xff'", "is not TOML in UTF-8"),
        (None, "there is no file of settings"),
    ],
)
def test_a_file_of_settings_that_cannot_be_read(
    text: str | bytes | None, said: str, tmp_path: Path, command: Command
) -> None:
    if text is not None:
        content = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "service.toml").write_bytes(content)
    assert said in command.refused("--open", "--config", "service.toml")
    assert said in command.refused("--open", ALLOCATOR_CONFIG="service.toml")


def test_what_is_given_comes_before_the_environment_and_the_file(
    tmp_path: Path, command: Command
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "service.toml").write_text("port = 1\nopen = true\n")
        refusal = f"cannot listen on port {port} "
        arguments = ("--config", "service.toml")
        assert refusal in command.refused(*arguments, ALLOCATOR_PORT=str(port))
        assert refusal in command.refused(*arguments, "--port", str(port), ALLOCATOR_PORT="1")


def test_a_list_in_the_environment_that_is_not_json(command: Command) -> None:
    said = command.refused("--open", ALLOCATOR_CORS_ORIGINS="https://example.org")
    assert said.startswith("error: ALLOCATOR_CORS_ORIGINS is not JSON; give a list such as [")


def test_without_keys_only_this_machine_is_answered(command: Command) -> None:
    assert "there are no keys" in command.refused()
    assert "only this machine may ask" in command.refused("--open", "--host", EVERYWHERE)


def test_the_module_says_the_same_as_the_command(command: Command) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "ALLOCATOR_PORT": "x"}
    done = subprocess.run(
        [sys.executable, "-m", "api"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == command.refused(ALLOCATOR_PORT="x")
    assert done.stderr.startswith("error: setting port: should be a valid integer")


def test_keys_are_made_listed_and_revoked(command: Command) -> None:
    made = command("keys-admin", "create", "--role", "planner", "--name", "Ministry")
    assert re.fullmatch(r"alk_\S{43}\n", made.stdout)
    key_id = re.findall(r"key_\w+", made.stderr)[0]
    listed = command("keys-admin", "list").stdout
    assert "Ministry" in listed
    assert key_id in listed
    assert made.stdout.strip() not in listed
    (one,) = json.loads(command("keys-admin", "list", "--json").stdout)
    assert (one["id"], one["role"], one["name"]) == (key_id, "planner", "Ministry")
    assert one["expires_at"] is None
    assert command("keys-admin", "revoke", key_id).exit_code == 0
    again = command("keys-admin", "revoke", key_id)
    assert again.exit_code == 2
    assert again.stderr.startswith(
        f"error: {key_id}: there is no such key, or it was revoked before"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--role", "mayor"), "planner, municipality, researcher, admin"),
        (("--role", "municipality"), "a key of a municipality names it"),
        (("--role", "planner", "--municipality", "0301"), "and no other does"),
        (("--role", "planner", "--days", "99999999999"), "less than or equal to 36500"),
    ],
)
def test_keys_that_make_no_sense(arguments: tuple[str, ...], said: str, command: Command) -> None:
    done = command("keys-admin", "create", *arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve",),
        ("keys-admin",),
        ("keys-admin", "create"),
        ("keys-admin", "list"),
        ("keys-admin", "revoke"),
    ],
)
def test_help_has_examples_that_fit_a_terminal(
    arguments: tuple[str, ...], command: Command
) -> None:
    said = command(*arguments, "--help", TERM="dumb").stdout
    examples = [line for line in said.splitlines() if line.strip().startswith("allocator ")]
    assert examples
    assert all(line.strip().startswith(f"allocator {arguments[0]}") for line in examples) or (
        arguments == ("serve",)
    )
    words = [line.split() for line in said.splitlines() if not line.startswith(("│", "╭", "╰"))]
    broken = [line for line in words if len(line) == 1 and line[0].isalpha()]
    assert not broken, "a line of the text is wider than a terminal"


def test_the_page_lists_every_setting_as_it_is() -> None:
    page = (ROOT / "docs/service-settings.md").read_text(encoding="utf-8")
    table = page.split(BEGIN)[1].split(END)[0]
    assert table == markdown(), "run python -m api.settings_docs"
