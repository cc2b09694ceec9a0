"""A run as its client sees it: asked for, watched, cancelled, followed."""

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.service.running import TERMINAL, Service

LONG = {"kind": "solve", "instance_id": "norway-2024", "policy": {"budget": {"total": 9e8}}}
"""A solve of minutes."""
EXACT = {"gap": 1e-7, "time_limit": 600}
"""Options with which a solve of the country comes to no end for minutes."""


def until(true: Callable[[], Any], seconds: float = 60.0) -> float:
    """Wait for something to be true, and return the seconds that took."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if true():
            return time.monotonic() - began
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")


def status(service: Service, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = service.client.get(f"/v1/runs/{run_id}").json()
    return found


def begun(service: Service, **body: Any) -> str:
    run_id: str = service.run(**body)["id"]
    until(lambda: status(service, run_id)["state"] == "running")
    return run_id


def cancelled(service: Service, run_id: str) -> float:
    """Cancel a run, and return the seconds until it is."""
    began = time.monotonic()
    assert service.client.delete(f"/v1/runs/{run_id}").status_code == 202
    until(lambda: status(service, run_id)["state"] in TERMINAL, 30)
    assert status(service, run_id)["state"] == "cancelled"
    return time.monotonic() - began


def all_of(service: Service) -> list[str]:
    """Return the ids of all runs."""
    listed = service.client.get("/v1/runs?limit=200").json()["runs"]
    return [row["id"] for row in listed]


class Following(threading.Thread):
    """Somebody who follows the events of a run; `error` tells how the stream broke off."""

    def __init__(self, service: Service, run_id: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.error: Exception | None = None
        self._address = f"http://127.0.0.1:{service.port}/v1/runs/{run_id}/events"
        self.start()
        until(lambda: self.lines)

    def run(self) -> None:
        try:
            with httpx.stream("GET", self._address, timeout=60) as stream:
                for line in stream.iter_lines():
                    self.lines.append(line)
        except httpx.HTTPError as error:
            self.error = error

    @property
    def states(self) -> list[str]:
        data = [line for line in self.lines if line.startswith("data:") and '"state"' in line]
        return [line.split('"state": "')[1].split('"')[0] for line in data]
