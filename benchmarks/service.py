"""Load on the service: ``python -m benchmarks.service`` prints JSON.

The service runs as users run it, in a process of its own with two workers; the load comes from
this process over loopback, on connections that stay open. While statuses are read, two national
solves run.
"""

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

CLIENTS = 200
"""Clients that read statuses at once."""
STATUS_SECONDS = 20.0
STATUS_RATE = 1200.0
"""Statuses read a second: the target is 1,000."""
SUBMITS = 200
READERS, READS, READ_RATE = 50, 5000, 300.0
FLAT_REQUESTS = 10_000


async def load(
    port: int, paths: list[str], clients: int, seconds: float, most: int, rate: float
) -> list[float]:
    """Read `paths` from many clients; return the seconds that every answer took.

    Parameters
    ----------
    rate
        Reads a second of all clients together, evenly spread; 0: each asks as soon as it was
        answered. A client that is late does not ask less: its lateness is counted.
    """
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        chosen = random.Random(number)  # noqa: S311 - which run is read, no secret
        due = time.perf_counter() + (number / rate if rate else 0.0)
        while time.perf_counter() < until and len(took) < most:
            path = chosen.choice(paths)
            if rate:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            began = due if rate else time.perf_counter()
            due += clients / rate if rate else 0.0
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            took.append(time.perf_counter() - began)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return took


def figures(took: list[float], seconds: float) -> dict[str, float]:
    """Return rate and percentiles in milliseconds."""
    cut = statistics.quantiles(took, n=100)
    return {
        "requests": len(took),
        "per_second": len(took) / seconds,
        "p50_ms": cut[49] * 1e3,
        "p99_ms": cut[98] * 1e3,
        "most_ms": max(took) * 1e3,
    }


def reads(
    port: int, paths: list[str], clients: int, seconds: float, most: int, rate: float = 0.0
) -> dict[str, float]:
    """Measure reads; see `load`."""
    began = time.perf_counter()
    took = asyncio.run(load(port, paths, clients, seconds, most, rate))
    return figures(took, time.perf_counter() - began)


class Running:
    """A service of its own."""

    def __init__(self, folder: Path) -> None:
        from tests.service.running import Service

        self.service = Service(folder, workers=2).start()
        self.client: httpx.Client = self.service.client
        self.port = self.service.port

    def post(self, **body: Any) -> str:
        """Ask for a run and return its id."""
        answer = self.client.post("/v1/runs", json=body)
        answer.raise_for_status()
        return str(answer.json()["id"])

    def ended(self, run_id: str) -> dict[str, Any]:
        """Wait for a run."""
        return self.service.ended(run_id, 600)

    @property
    def memory(self) -> float:
        """Resident MiB of the process that answers."""
        assert self.service.process is not None  # noqa: S101
        return psutil.Process(self.service.process.pid).memory_info().rss / 2**20


def statuses(running: Running) -> dict[str, Any]:
    """Read statuses from 200 clients while two national solves run."""
    asked = {"kind": "solve", "instance_id": "norway-2024", "policy": {"budget": {"total": 7e8}}}
    options = {"time_limit": 120.0, "gap": 0.0}
    at_work = [running.post(**asked, options={**options, "seed": seed}) for seed in (1, 2)]
    for run_id in at_work:
        while running.client.get(f"/v1/runs/{run_id}").json()["state"] == "queued":
            time.sleep(0.1)
    time.sleep(3)
    paths = [f"/v1/runs/{one['id']}" for one in running.client.get("/v1/runs").json()["runs"]]
    found: dict[str, Any] = reads(
        running.port, paths, CLIENTS, STATUS_SECONDS, sys.maxsize, STATUS_RATE
    )
    found["as_fast_as_answered"] = reads(running.port, paths, CLIENTS, 10.0, sys.maxsize)
    found["running_meanwhile"] = sum(
        running.client.get(f"/v1/runs/{one}").json()["state"] == "running" for one in at_work
    )
    for run_id in at_work:
        running.client.delete(f"/v1/runs/{run_id}")
        running.ended(run_id)
    return found


def submits(running: Running) -> dict[str, float]:
    """Submit runs one after another from a few clients, with a national instance at hand."""
    took = []
    for number in range(SUBMITS):
        body = {"kind": "solve", "instance_id": "norway-2024", "name": f"{number}"}
        began = time.perf_counter()
        run_id = running.post(**body)
        took.append(time.perf_counter() - began)
        running.client.delete(f"/v1/runs/{run_id}")
    return figures(took, sum(took))


def overhead(folder: Path, running: Running) -> dict[str, float]:
    """Time a run beside `allocator solve` of the same, in pairs."""
    pairs = []
    for number in range(3):
        out = folder / f"plan-{number}"
        command = [sys.executable, "-m", "allocator", "solve", "norway-2024", "--processes", "1"]
        began = time.perf_counter()
        subprocess.run([*command, "--out", str(out)], check=True, capture_output=True)
        alone = time.perf_counter() - began
        began = time.perf_counter()
        run_id = running.post(kind="solve", instance_id="norway-2024")
        while running.client.get(f"/v1/runs/{run_id}").json()["state"] != "succeeded":
            time.sleep(0.02)
        pairs.append((alone, time.perf_counter() - began))
    return {
        "command_seconds": statistics.median(one for one, _ in pairs),
        "run_seconds": statistics.median(two for _, two in pairs),
        "overhead_seconds": statistics.median(two - one for one, two in pairs),
    }


def main() -> None:
    """Measure everything and print it."""
    with tempfile.TemporaryDirectory() as name:
        running = Running(Path(name))
        try:
            plan = running.post(kind="solve", instance_id="norway-2024")
            running.ended(plan)
            explained = running.post(
                kind="explain",
                base_run_id=plan,
                municipality_ids=["0301", "4601", "5001"],
                confirm=False,
            )
            running.ended(explained)
            proposal = running.client.post(
                "/v1/proposals",
                json={"run_id": plan, "title": "2024", "message": "Please.", "author": "IMDi"},
            ).json()["id"]
            answer: dict[str, Any] = {"cores": os.cpu_count()}
            answer["status"] = statuses(running)
            answer["submit"] = submits(running)
            numbers = [
                f"/v1/proposals/{proposal}/municipalities/{m}" for m in ("0301", "4601", "5001")
            ]
            answer["number"] = reads(running.port, numbers, READERS, 60, READS, READ_RATE)
            before = running.memory
            reads(running.port, [f"/v1/runs/{plan}", *numbers], 20, 600, FLAT_REQUESTS)
            answer["memory_mib"] = {"before": before, "after": running.memory}
            answer["overhead"] = overhead(Path(name), running)
        finally:
            running.service.stop()
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
