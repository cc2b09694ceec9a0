"""Requests made up from the document: no answer is a failure of the service, or undocumented.

Schemathesis makes requests that keep to the OpenAPI document and such that do not, follows what
answers name, and compares every answer with the document. The same requests are made every time.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.security import Role
from api.store import Store, keys
from tests.random_small import more
from tests.service.running import Service, has_postgres, postgres
from tests.service.sent import TINY, files_of, zipped

pytestmark = pytest.mark.enable_socket
CONFIG = Path(__file__).with_name("schemathesis.toml")
CHECKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
"""What every answer is checked for. What makes sense for a plan no schema can tell, so that a
request which keeps to the document may well be refused."""


@contextmanager
def serving(folder: Path, **settings: object) -> Iterator[tuple[Service, str]]:
    """Give a service that has tiny instances and a run with a plan, and a key to all of it."""
    service = Service(folder, packaged=False, open=False, max_body_mib=1, **settings)
    store = Store(service.database)
    store.migrate()
    with store.writing() as connection:
        _, secret = keys.make(
            connection, name="all", role=Role.ADMIN, municipality_id=None, expires_at=None
        )
    store.close()
    service.client.headers["Authorization"] = f"Bearer {secret}"
    with service:
        for name in TINY[:3]:
            headers = {"Content-Type": "application/zip"}
            content = zipped(files_of(name))
            answer = service.client.post("/v1/instances", content=content, headers=headers)
            assert answer.status_code == 201
        service.solved(TINY[0])
        yield service, secret


def check(service: Service, secret: str, phases: str, examples: int, seconds: float) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"),
        f"http://127.0.0.1:{service.port}/openapi.json",
        *("--header", f"Authorization: Bearer {secret}"),
        *("--phases", phases, "--max-examples", str(examples), "--seed", "1"),
        *("--checks", ",".join(CHECKED), "--warnings", "off", "--generation-database", "none"),
        *("--request-timeout", "60", "--continue-on-failure", "--no-color", "--no-shrink"),
    ]
    done = subprocess.run(
        command,
        cwd=service.folder,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    assert "Selected: 34/34" in done.stdout
    assert "Tested: 34" in done.stdout
    log = (service.folder / f"service-{service.port}.log").read_text()
    assert re.search('"status": 2', log)
    # That it was not ready yet is told while it starts.
    begun = [line for line in log.splitlines() if '"path": "/readyz"' not in line]
    assert not [line for line in begun if '"status": 5' in line]
    assert service.client.get("/readyz").status_code == 200


def test_the_service_keeps_to_its_document(tmp_path: Path) -> None:
    with serving(tmp_path) as (service, secret):
        check(service, secret, "examples,fuzzing,stateful", 3, 120)


@pytest.mark.slow
def test_the_service_keeps_to_its_document_at_length(tmp_path: Path) -> None:
    with serving(tmp_path) as (service, secret):
        check(service, secret, "examples,coverage,fuzzing,stateful", len(more(0, 12)), 900)


@pytest.mark.slow
@pytest.mark.skipif(not has_postgres(), reason="there is no PostgreSQL")
def test_the_service_keeps_to_its_document_on_postgresql(tmp_path: Path) -> None:
    with (
        postgres() as server,
        serving(tmp_path, database=server.url) as (service, secret),
    ):
        check(service, secret, "examples,coverage,fuzzing,stateful", len(more(0, 5)), 900)
