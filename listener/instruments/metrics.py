"""All metrics. Timestamps are Unix seconds, 0 when there is none yet."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from listener.build import VERSION
from listener.feed.registry import BUILT_IN
from listener.feed.squatters import LOCKS
from listener.instruments.log_report import TAKEN_BACK
from listener.instruments.problem_kinds import KINDS
from listener.instruments.sample import COUNTED, Sample

SECONDS = (
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075,
    0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0,
)  # fmt: skip
CHANGES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000)

TABLES = {
    # For the listener's own notes, the cause takes the place of the operation.
    "profiles": ("insert", "update", "sync", "audit", "release", "rule", "sign_up", "change"),
    "enrollments": ("insert", "update", "delete", "truncate"),
    "courses": ("insert", "update", "delete", "truncate"),
}
ERROR_KINDS = ("connection", "heartbeat", "reaction", "fenced", "sample", "audit", "chore")
PENDING_REASONS = ("no_course", "course_locked", "full", "held", "failed")


class Registry(CollectorRegistry):
    """Without the `_created` series, which have no readers."""

    def collect(self) -> Iterable[Metric]:
        for family in super().collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


class Problems(Collector):
    """A series for each code, all from one look at the list."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.known: Callable[[], Collection[str]] = tuple
        """The codes of those that there are."""
        registry.register(self)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        about = "1 while the daemon knows of this problem, the same as `listener status` shows."
        family = GaugeMetricFamily("listener_problem", about, labels=("code",))
        known = self.known()
        for code in KINDS:
            family.add_metric((code,), float(code in known))
        yield family


class BulkHistogram(Collector):
    """A histogram that takes thousands of observations at once."""

    def __init__(self, name: str, documentation: str, buckets: tuple[float, ...], registry: CollectorRegistry) -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = buckets
        self._counts = [0] * (len(buckets) + 1)
        self._sum = 0.0
        registry.register(self)

    def observe_all(self, values: Iterable[float]) -> None:
        """Seconds; a negative value (a clock was set back) counts as 0."""
        seconds = sorted(max(value, 0.0) for value in values)
        counted = 0
        for bucket, bound in enumerate(self._bounds):
            up_to_bound = bisect_right(seconds, bound)
            self._counts[bucket] += up_to_bound - counted
            counted = up_to_bound
        self._counts[-1] += len(seconds) - counted
        self._sum += sum(seconds)

    def collect(self) -> Iterable[HistogramMetricFamily]:
        total, buckets = 0, []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, total))
        family = HistogramMetricFamily(self._name, self._documentation)
        family.add_metric([], buckets, self._sum)
        yield family


def _show_build(registry: CollectorRegistry) -> None:
    build = Gauge("listener_build_info", "The version that runs, always 1.", ("version",), registry=registry)
    build.labels(VERSION).set(1)


def _log_lines_dropped(registry: CollectorRegistry) -> Counter:
    about = "Lines of the log that were not written: nobody read it, or the disk was full."
    return Counter("listener_log_lines_dropped", about, registry=registry)


OF_PROCESS = frozenset({"listener_build_info", "listener_log_lines_dropped"})
"""Metrics that say nothing of one school among many."""


class FleetMetrics:
    """Of a process that serves many schools: what is not of one of them."""

    def __init__(self, states: Iterable[str], count: Callable[[str], int]) -> None:
        """`count` says how many schools are in a state."""
        self.registry = Registry()
        _show_build(self.registry)
        self.log_lines_dropped = _log_lines_dropped(self.registry)
        schools = Gauge(
            "listener_fleet_schools",
            "Schools of a fleet, by what the process does for each; `wrong`: its file cannot be used.",
            ("state",),
            registry=self.registry,
        )
        for state in states:
            schools.labels(state).set_function(partial(_as_float, count, state))


class Metrics:
    def __init__(self) -> None:
        self.registry = Registry()
        self._consumers: tuple[str, ...] = BUILT_IN
        self._of_leader: list[Gauge] = []
        self._declare_its_own()
        self._declare_samples()
        self._declare_heartbeats()
        self._declare_audits()
        self._export_consumers()

    def _counter(self, name: str, documentation: str, **labels: Iterable[str]) -> Counter:
        """A counter, exported at once as 0 for each value of the label."""
        return _exported(Counter(f"listener_{name}", documentation, tuple(labels), registry=self.registry), labels)

    def _gauge(self, name: str, documentation: str, **labels: Iterable[str]) -> Gauge:
        return _exported(Gauge(f"listener_{name}", documentation, tuple(labels), registry=self.registry), labels)

    def _histogram(self, name: str, documentation: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"listener_{name}", documentation, labels, buckets=buckets, registry=self.registry)

    def _leaders_gauge(self, name: str, documentation: str, **labels: Iterable[str]) -> Gauge:
        """A gauge that is 0 on a daemon that does not lead."""
        gauge = self._gauge(name, documentation, **labels)
        self._of_leader += (
            [gauge.labels(value) for values in labels.values() for value in values] if labels else [gauge]
        )
        return gauge

    def _declare_its_own(self) -> None:
        _show_build(self.registry)
        self.up = self._gauge("up", "1 while the daemon's loop makes progress.")
        self.leader = self._leaders_gauge(
            "leader", "1 while this daemon leads, 0 while it stands by or is not connected."
        )
        self.connected = self._gauge("connected", "1 while the database connection works.")
        self.polling = self._leaders_gauge(
            "polling", "1 while writers cannot ring, and the daemon looks for changes on a timer."
        )
        self.connection_attempts = self._counter("connection_attempts", "Attempts to connect to the database.")
        self.reconnects = self._counter("reconnects", "Connections to the database lost and made again.")
        self.log_lines_dropped = _log_lines_dropped(self.registry)
        self.notifications = self._counter("notifications", "Notifications heard, heartbeats included.")
        self.changes = self._counter(
            "changes",
            "Changes read from the feed and handled: profiles, or what one statement did to one course.",
            table=(),
            operation=(),
        )
        for table, operations in TABLES.items():
            for operation in operations:
                self.changes.labels(table, operation)
        self.changes_ahead = self._counter(
            "changes_ahead",
            "Changes that a consumer handled ahead of its backlog, as they were fresh and few.",
            consumer=(),
        )
        self.enrollments_created = self._counter("enrollments_created", "Students enrolled by this daemon.")
        self.enrollments_returned = self._counter(
            "enrollments_returned", "Enrollments that had been taken back, and were made or made active again."
        )
        self.enrollments_taken_back = self._counter(
            "enrollments_taken_back",
            "Enrollments that this daemon suspended or removed, as wanted no more.",
            how=TAKEN_BACK,
        )
        self.course_counts_moved = self._counter("course_counts_moved", "Moves of a course's count.")
        self.batch_seconds = self._histogram("batch_seconds", "Time a consumer's statement took.", SECONDS, "consumer")
        self.batch_changes = self._histogram(
            "batch_changes", "Notes of the feed handled in one batch.", CHANGES, "consumer"
        )
        self.reaction_seconds = BulkHistogram(
            "listener_reaction_seconds",
            "Time from the note taken in the writer's transaction to the enrollment applied.",
            SECONDS,
            self.registry,
        )
        self.last_reaction = self._gauge("last_reaction_timestamp_seconds", "When a batch was last applied.")
        self.heartbeat_seconds = self._histogram(
            "heartbeat_seconds", "Round trip of the heartbeat through NOTIFY.", SECONDS
        )
        self.last_heartbeat = self._gauge("last_heartbeat_timestamp_seconds", "When the heartbeat was last heard.")
        self.problems = Problems(self.registry)
        self.errors = self._counter("errors", "Errors, by what failed.", kind=ERROR_KINDS)

    def _declare_samples(self) -> None:
        gauge = self._leaders_gauge
        self.samples = self._counter("samples", "Attempts to sample the database's figures.")
        self.foreign_lock_holders = gauge(
            "foreign_lock_holders",
            "Sessions and prepared transactions that hold a lock of the listener's, or wait for it, and are no daemon; "
            "counted up to 20.",
            lock=LOCKS,
        )
        self.last_sample = gauge(
            "last_sample_timestamp_seconds", "When the leader last sampled the database's figures."
        )
        self.standbys = gauge("standbys", "Daemons connected to the database beside the leader.")
        self.backlog_changes = gauge(
            "backlog_changes",
            f"Notes in the feed that are not handled yet; estimated from the feed's numbering beyond {COUNTED}. "
            "(Not those that wait for a paused reaction.)",
        )
        self.paused_backlog_changes = gauge(
            "paused_backlog_changes", "Notes in the feed that wait for a paused reaction; counted in the same way."
        )
        self.oldest_unhandled = gauge(
            "oldest_unhandled_timestamp_seconds",
            "When the oldest unhandled change was noted; 0 when there is none. (Not for a paused reaction.)",
        )
        self.pending_students = gauge(
            "pending_students",
            f"Students that could not be enrolled yet, counted up to {COUNTED}.",
            reason=PENDING_REASONS,
        )
        self.pending_counts = gauge(
            "pending_counts", f"Courses whose count could not be moved yet, counted up to {COUNTED}."
        )
        self.held_enrollments = gauge(
            "held_enrollments",
            f"Enrollments that a brake holds: not wanted any more, or not made yet, each counted up to {COUNTED}.",
        )
        self.notify_queue_usage = gauge(
            "notify_queue_usage_ratio", "How full the server's queue of notifications is, from 0 to 1."
        )
        self.oldest_transaction = gauge(
            "oldest_transaction_timestamp_seconds",
            "When the oldest open transaction of others in this database began; 0 when there is none.",
        )

    def _declare_heartbeats(self) -> None:
        self.paused = self._gauge("paused", "1 while the reaction is paused, by `listener pause`.", reaction=())
        self.mapping_broken = self._leaders_gauge(
            "mapping_broken", "1 while something that is mapped is gone, and cannot be done without."
        )
        self.blind_notes = self._leaders_gauge(
            "blind_notes", "Notes that triggers took without reading the row, to be made good; counted up to 1000."
        )

    def _declare_audits(self) -> None:
        gauge = self._leaders_gauge
        self.audits = self._counter("audits", "Audits of the tables begun.")
        self.last_audit = gauge("last_audit_timestamp_seconds", "When the leader's audit last finished.")
        self.students = gauge("students", "Students, at the last audit.")
        self.students_without_enrollment = gauge(
            "students_without_enrollment",
            "Students with no enrollment at the last audit, those on their way included.",
        )
        self.wanted_missing = gauge(
            "wanted_missing",
            "Enrollments that should be there and were not, at the last audit; not of those who are pending, or noted "
            "and not yet handled.",
        )
        self.route_missed = self._counter(
            "route_missed", "Students that audits found astray, and noted, though no note had told of them."
        )
        self.course_count_drift = gauge("course_count_drift", "Courses whose count was off at the last audit.")
        self.drift_returning = gauge(
            "drift_returning", "Counts that were off at the last audit and at the one before: somebody else moves them."
        )
        self.foreign_triggers = gauge(
            "foreign_triggers", "Enabled triggers of the LMS's own that enroll or count, at the last audit."
        )
        self.count_corrections = self._counter("count_corrections", "Counts that were off and were repaired.")

    def _export_consumers(self) -> None:
        for consumer in self._consumers:
            for family in (self.batch_seconds, self.batch_changes, self.changes_ahead, self.paused):
                family.labels(consumer)

    def learned(self, installed: Collection[str]) -> None:
        """Installed reactions have series; removed reactions have none."""
        for gone in set(self._consumers) - {*BUILT_IN, *installed}:
            for family in (self.batch_seconds, self.batch_changes, self.changes_ahead, self.paused):
                family.remove(gone)
        self._consumers = (*BUILT_IN, *installed)
        self._export_consumers()

    def sampled(self, sample: Sample) -> None:
        self.standbys.set(sample.standbys)
        self.backlog_changes.set(sample.backlog)
        self.paused_backlog_changes.set(sample.paused_backlog)
        self.oldest_unhandled.set(sample.oldest_unhandled_at)
        for reason in PENDING_REASONS:
            self.pending_students.labels(reason).set(sample.pending_students.get(reason, 0))
        self.pending_counts.set(sample.pending_counts)
        self.held_enrollments.set(sample.held)
        self.notify_queue_usage.set(sample.notify_queue_usage)
        self.oldest_transaction.set(sample.oldest_transaction_at)
        for lock in LOCKS:
            self.foreign_lock_holders.labels(lock).set(sum(each.lock == lock for each in sample.squatters))
        self.last_sample.set(sample.sampled_at)

    def leads_no_more(self) -> None:
        """Sampled and audited figures stay: most likely the daemon leads again in a moment, and an alert that waits for
        a while would begin again."""
        self.leader.set(0)
        self.polling.set(0)

    def figures_are_gone(self) -> None:
        """The figures are another leader's, or too old."""
        for figure in self._of_leader:
            figure.set(0)
        for consumer in self._consumers:
            self.paused.labels(consumer).set(0)


def _as_float(count: Callable[[str], int], state: str) -> float:
    return float(count(state))


Family = TypeVar("Family", Counter, Gauge)


def _exported(family: Family, labels: Mapping[str, Iterable[str]]) -> Family:
    for values in labels.values():
        for value in values:
            family.labels(value)
    return family
