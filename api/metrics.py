"""Figures for Prometheus: of this process, and of all runs in the database."""

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from api.store import Store, StoreUnavailable, runs

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_SOLVE_SECONDS = (1.0, 5.0, 15.0, 30.0, 60.0, 180.0, 600.0, 3600.0)
_GAPS = (0.0, 1e-4, 1e-3, 1e-2, 0.1, 1.0)


class Metrics:
    """What this process counted, and what the database says."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "allocator_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "allocator_request_seconds",
            "Seconds until the answer began.",
            ("route",),
            registry=self._registry,
            buckets=_SECONDS,
        )

    def written(self, store: Store) -> bytes:
        """Return everything in the format that Prometheus reads."""
        database = CollectorRegistry()
        database.register(_Runs(store))
        return generate_latest(self._registry) + generate_latest(database)


class _Runs:
    """Runs in the database, of all services that use it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """Yield what there is, or that the database does not answer."""
        up = GaugeMetricFamily("allocator_database_up", "Whether the database answers.")
        try:
            with self._store.reading() as connection:
                counts = runs.counts(connection)
                figures = runs.figures(connection)
        except StoreUnavailable:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        states = GaugeMetricFamily("allocator_runs", "Runs by state.", labels=["state"])
        for state, number in counts.items():
            states.add_metric([state], number)
        yield states
        yield _histogram(
            "allocator_run_seconds",
            "Seconds from beginning to end of a run.",
            [one["seconds"] for one in figures],
            _SOLVE_SECONDS,
        )
        gaps = [one["gap"] for one in figures if one["gap"] is not None]
        yield _histogram("allocator_run_gap", "Largest gap of the goals of a plan.", gaps, _GAPS)


def _histogram(name: str, text: str, values: list[float], limits: tuple[float, ...]) -> Any:
    from prometheus_client.core import HistogramMetricFamily

    buckets = [(str(limit), float(sum(value <= limit for value in values))) for limit in limits]
    buckets.append(("+Inf", float(len(values))))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=sum(values))
