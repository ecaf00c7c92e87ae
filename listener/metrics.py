"""Every metric, in one place. Timestamps are Unix seconds, 0 when there is none yet."""

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from listener import __version__

SECONDS = (
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075,
    0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0,
)  # fmt: skip
CHANGES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000)

TABLES = {
    "profiles": ("insert", "update"),
    "enrollments": ("insert", "update", "delete", "truncate"),
    "courses": ("insert", "update", "delete", "truncate"),
}
ERROR_KINDS = ("connection", "heartbeat", "reaction", "fenced", "sample", "audit")
PENDING_REASONS = ("no_course", "course_locked", "failed")


class BulkHistogram(Collector):
    """A histogram that takes thousands of observations at once, as a batch brings them."""

    def __init__(self, name: str, documentation: str, buckets: tuple[float, ...], registry: CollectorRegistry) -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = buckets
        self._counts = [0] * (len(buckets) + 1)
        self._sum = 0.0
        registry.register(self)

    def observe_all(self, values: Iterable[float]) -> None:
        """Count each of `values`, in seconds; a negative one (a clock that was set back) counts as 0."""
        for value in values:
            seconds = max(value, 0.0)
            self._counts[bisect_left(self._bounds, seconds)] += 1
            self._sum += seconds

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """What Prometheus scrapes."""
        total, buckets = 0, []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, total))
        family = HistogramMetricFamily(self._name, self._documentation)
        family.add_metric([], buckets, self._sum)
        yield family


class Metrics:
    """The daemon's metrics, on a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, documentation: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(f"listener_{name}", documentation, labels, registry=registry)

        def gauge(name: str, documentation: str, labels: tuple[str, ...] = ()) -> Gauge:
            return Gauge(f"listener_{name}", documentation, labels, registry=registry)

        gauge("build_info", "The version that runs, always 1.", ("version",)).labels(__version__).set(1)
        self.up = gauge("up", "1 while the daemon's loop makes progress.")
        self.leader = gauge("leader", "1 while this daemon leads, 0 while it stands by or is not connected.")
        self.connected = gauge("connected", "1 while the database connection works.")
        self.reconnects = counter("reconnects", "Connections to the database lost and made again.")
        self.notifications = counter("notifications", "Notifications heard, heartbeats included.")
        self.changes = counter("changes", "Changes read from the feed and handled.", ("table", "operation"))
        self.enrollments_created = counter("enrollments_created", "Students enrolled by this daemon.")
        self.course_counts_moved = counter("course_counts_moved", "Moves of a course's count.")
        self.batch_seconds = Histogram(
            "listener_batch_seconds", "Time a consumer's statement took.", ("consumer",),
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self.batch_changes = Histogram(
            "listener_batch_changes", "Changes in a batch.", ("consumer",), buckets=CHANGES, registry=registry
        )
        self.reaction_seconds = BulkHistogram(
            "listener_reaction_seconds",
            "Time from the note taken in the writer's transaction to the enrollment applied.",
            SECONDS,
            registry,
        )
        self.backlog_changes = gauge("backlog_changes", "Changes in the feed that are not handled yet.")
        self.oldest_unhandled = gauge(
            "oldest_unhandled_timestamp_seconds",
            "When the oldest unhandled change was noted; 0 when there is none.",
        )
        self.last_reaction = gauge("last_reaction_timestamp_seconds", "When a batch was last applied.")
        self.heartbeat_seconds = Histogram(
            "listener_heartbeat_seconds", "Round trip of the heartbeat through NOTIFY.",
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self.last_heartbeat = gauge("last_heartbeat_timestamp_seconds", "When the heartbeat was last heard.")
        self.errors = counter("errors", "Errors, by what failed.", ("kind",))
        self.pending_students = gauge("pending_students", "Students that could not be enrolled yet.", ("reason",))
        self.last_sample = gauge(
            "last_sample_timestamp_seconds", "When the figures that come from the database were last sampled."
        )
        self._export_zeros()

    def _export_zeros(self) -> None:
        for table, operations in TABLES.items():
            for operation in operations:
                self.changes.labels(table, operation)
        for kind in ERROR_KINDS:
            self.errors.labels(kind)
        for reason in PENDING_REASONS:
            self.pending_students.labels(reason)
        for consumer in ("enroll", "count"):
            self.batch_seconds.labels(consumer)
            self.batch_changes.labels(consumer)

    def sampled(self, row: Mapping[str, Any]) -> None:
        """Take over the figures of `daemon/sample.sql`."""
        self.backlog_changes.set(row["backlog"] or 0)
        self.oldest_unhandled.set(row["oldest_unhandled"] or 0)
        pending = json.loads(row["pending"])
        for reason in PENDING_REASONS:
            self.pending_students.labels(reason).set(pending.get(reason, 0))
        self.last_sample.set(row["sampled_at"])
