"""The databases that the service runs on, for tests: SQLite in a file, and a real PostgreSQL."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.service.running import has_postgres, postgres

KINDS = (
    "sqlite",
    pytest.param(
        "postgresql",
        marks=pytest.mark.skipif(not has_postgres(), reason="there is no PostgreSQL here"),
    ),
)


def database(kind: str, folder: Path) -> Iterator[str]:
    """Yield the address of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/service.db"
        return
    with postgres() as server:
        yield server.url


def at_once(number: int, work: Callable[[int], Any]) -> list[Any]:
    """Do something in several threads and return what each returned, or the error it raised."""
    gate = threading.Barrier(number)

    def wait_and_work(place: int) -> Any:
        gate.wait()
        return work(place)

    with ThreadPoolExecutor(number) as pool:
        futures = [pool.submit(wait_and_work, place) for place in range(number)]
        return [one.exception() or one.result() for one in futures]
