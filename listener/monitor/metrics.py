"""Every metric, in one place. Timestamps are Unix seconds, 0 when there is none yet."""

from bisect import bisect_right
from collections.abc import Collection, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from listener import __version__
from listener.feed.registry import BUILT_IN
from listener.monitor.log_report import TAKEN_BACK
from listener.monitor.sample import COUNTED, Sample

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
ERROR_KINDS = ("connection", "heartbeat", "reaction", "fenced", "sample", "audit", "chore")
PENDING_REASONS = ("no_course", "course_locked", "full", "failed")


class Registry(CollectorRegistry):
    """Without the `_created` series: they double what is stored, and nobody asks for them."""

    def collect(self) -> Iterable[Metric]:
        """Every metric that is exported."""
        for family in super().collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


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
        seconds = sorted(max(value, 0.0) for value in values)
        counted = 0
        for bucket, bound in enumerate(self._bounds):
            up_to_bound = bisect_right(seconds, bound)
            self._counts[bucket] += up_to_bound - counted
            counted = up_to_bound
        self._counts[-1] += len(seconds) - counted
        self._sum += sum(seconds)

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
        self.registry = Registry()
        self._consumers: tuple[str, ...] = BUILT_IN
        self._declare_its_own()
        self._declare_samples()
        self._declare_heartbeats()
        self._declare_audits()
        self._export_zeros()

    def _counter(self, name: str, documentation: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(f"listener_{name}", documentation, labels, registry=self.registry)

    def _gauge(self, name: str, documentation: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(f"listener_{name}", documentation, labels, registry=self.registry)

    def _declare_its_own(self) -> None:
        """What this daemon counts and measures itself."""
        self._gauge("build_info", "The version that runs, always 1.", ("version",)).labels(__version__).set(1)
        self.up = self._gauge("up", "1 while the daemon's loop makes progress.")
        self.leader = self._gauge("leader", "1 while this daemon leads, 0 while it stands by or is not connected.")
        self.connected = self._gauge("connected", "1 while the database connection works.")
        self.polling = self._gauge(
            "polling", "1 while writers cannot ring, and the daemon looks for changes on a timer."
        )
        self.connection_attempts = self._counter("connection_attempts", "Attempts to connect to the database.")
        self.reconnects = self._counter("reconnects", "Connections to the database lost and made again.")
        self.notifications = self._counter("notifications", "Notifications heard, heartbeats included.")
        self.changes = self._counter(
            "changes",
            "Changes read from the feed and handled: profiles, or what one statement did to one course.",
            ("table", "operation"),
        )
        self.enrollments_created = self._counter("enrollments_created", "Students enrolled by this daemon.")
        self.enrollments_returned = self._counter(
            "enrollments_returned", "Enrollments that had been taken back, and were made or made active again."
        )
        self.enrollments_taken_back = self._counter(
            "enrollments_taken_back", "Enrollments that this daemon suspended or removed, as wanted no more.", ("how",)
        )
        self.course_counts_moved = self._counter("course_counts_moved", "Moves of a course's count.")
        self.batch_seconds = Histogram(
            "listener_batch_seconds", "Time a consumer's statement took.", ("consumer",),
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.batch_changes = Histogram(
            "listener_batch_changes", "Notes of the feed handled in one batch.", ("consumer",),
            buckets=CHANGES, registry=self.registry,
        )  # fmt: skip
        self.reaction_seconds = BulkHistogram(
            "listener_reaction_seconds",
            "Time from the note taken in the writer's transaction to the enrollment applied.",
            SECONDS,
            self.registry,
        )
        self.last_reaction = self._gauge("last_reaction_timestamp_seconds", "When a batch was last applied.")
        self.heartbeat_seconds = Histogram(
            "listener_heartbeat_seconds", "Round trip of the heartbeat through NOTIFY.",
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.last_heartbeat = self._gauge("last_heartbeat_timestamp_seconds", "When the heartbeat was last heard.")
        self.errors = self._counter("errors", "Errors, by what failed.", ("kind",))

    def _declare_samples(self) -> None:
        """Sampled from the database by the leader; 0 on a daemon that does not lead."""
        self.samples = self._counter("samples", "Attempts to sample the database's figures.")
        self.last_sample = self._gauge(
            "last_sample_timestamp_seconds", "When the leader last sampled the database's figures."
        )
        self.standbys = self._gauge("standbys", "Daemons connected to the database beside the leader.")
        self.backlog_changes = self._gauge(
            "backlog_changes",
            f"Notes in the feed that are not handled yet; estimated from the feed's numbering beyond {COUNTED}. "
            "(Not those that wait for a paused reaction.)",
        )
        self.paused_backlog_changes = self._gauge(
            "paused_backlog_changes", "Notes in the feed that wait for a reaction that is paused; counted likewise."
        )
        self.oldest_unhandled = self._gauge(
            "oldest_unhandled_timestamp_seconds",
            "When the oldest unhandled change was noted; 0 when there is none. (Not for a paused reaction.)",
        )
        self.pending_students = self._gauge(
            "pending_students", f"Students that could not be enrolled yet, counted up to {COUNTED}.", ("reason",)
        )
        self.pending_counts = self._gauge(
            "pending_counts", f"Courses whose count could not be moved yet, counted up to {COUNTED}."
        )
        self.notify_queue_usage = self._gauge(
            "notify_queue_usage_ratio", "How full the server's queue of notifications is, from 0 to 1."
        )
        self.oldest_transaction = self._gauge(
            "oldest_transaction_timestamp_seconds",
            "When the oldest open transaction of others in this database began; 0 when there is none.",
        )

    def _declare_heartbeats(self) -> None:
        """Seen by the leader with each heartbeat."""
        self.paused = self._gauge("paused", "1 while the reaction is paused, by `listener pause`.", ("reaction",))
        self.mapping_broken = self._gauge(
            "mapping_broken", "1 while something that is mapped is gone, and cannot be done without."
        )
        self.blind_notes = self._gauge(
            "blind_notes", "Notes that triggers took without reading the row, to be made good; counted up to 1000."
        )

    def _declare_audits(self) -> None:
        """Found by the leader's audit."""
        self.audits = self._counter("audits", "Audits of the tables begun.")
        self.last_audit = self._gauge("last_audit_timestamp_seconds", "When the leader's audit last finished.")
        self.students = self._gauge("students", "Students, at the last audit.")
        self.students_without_enrollment = self._gauge(
            "students_without_enrollment",
            "Students with no enrollment at the last audit, those on their way included.",
        )
        self.wanted_missing = self._gauge(
            "wanted_missing",
            "Enrollments that should be there and were not, at the last audit; not of those who are pending, or noted "
            "and not yet handled.",
        )
        self.course_count_drift = self._gauge("course_count_drift", "Courses whose count was off at the last audit.")
        self.drift_returning = self._gauge(
            "drift_returning", "Counts that were off at the last audit and at the one before: somebody else moves them."
        )
        self.foreign_triggers = self._gauge(
            "foreign_triggers", "Enabled triggers of the LMS's own that enroll or count, at the last audit."
        )
        self.count_corrections = self._counter("count_corrections", "Counts that were off and were repaired.")

    def _export_zeros(self) -> None:
        for table, operations in TABLES.items():
            for operation in operations:
                self.changes.labels(table, operation)
        for kind in ERROR_KINDS:
            self.errors.labels(kind)
        for reason in PENDING_REASONS:
            self.pending_students.labels(reason)
        for how in TAKEN_BACK:
            self.enrollments_taken_back.labels(how)
        self._export_consumers()

    def _export_consumers(self) -> None:
        for consumer in self._consumers:
            self.batch_seconds.labels(consumer)
            self.batch_changes.labels(consumer)
            self.paused.labels(consumer)

    def learned(self, installed: Collection[str]) -> None:
        """These reactions were installed: each has its series, and those that are gone have none."""
        for gone in set(self._consumers) - {*BUILT_IN, *installed}:
            for family in (self.batch_seconds, self.batch_changes, self.paused):
                family.remove(gone)
        self._consumers = (*BUILT_IN, *installed)
        self._export_consumers()

    def sampled(self, sample: Sample) -> None:
        """Take over the database's figures."""
        self.standbys.set(sample.standbys)
        self.backlog_changes.set(sample.backlog)
        self.paused_backlog_changes.set(sample.paused_backlog)
        self.oldest_unhandled.set(sample.oldest_unhandled_at)
        for reason in PENDING_REASONS:
            self.pending_students.labels(reason).set(sample.pending_students.get(reason, 0))
        self.pending_counts.set(sample.pending_counts)
        self.notify_queue_usage.set(sample.notify_queue_usage)
        self.oldest_transaction.set(sample.oldest_transaction_at)
        self.last_sample.set(sample.sampled_at)

    def leads_no_more(self) -> None:
        """Whatever was sampled or audited is the next leader's to say."""
        for pending in PENDING_REASONS:
            self.pending_students.labels(pending).set(0)
        for consumer in self._consumers:
            self.paused.labels(consumer).set(0)
        for figure in (
            self.leader, self.polling, self.standbys, self.backlog_changes, self.paused_backlog_changes,
            self.oldest_unhandled, self.pending_counts, self.notify_queue_usage, self.oldest_transaction,
            self.last_sample, self.students, self.students_without_enrollment, self.wanted_missing,
            self.course_count_drift, self.last_audit, self.mapping_broken, self.blind_notes, self.drift_returning,
            self.foreign_triggers,
        ):  # fmt: skip
            figure.set(0)
