"""The metrics of the contract, true at scrape."""

import re
import time
import urllib.request
from collections.abc import Callable

import anyio
import pytest
import structlog

from listener.database.connection import Connection
from listener.instruments.metrics import Metrics
from listener.instruments.sample import COUNTED, Sample
from listener.instruments.sampler import Sampler
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess

StartDaemon = Callable[..., DaemonProcess]

CONTRACT = (
    "listener_build_info",
    "listener_up",
    "listener_leader",
    "listener_connected",
    "listener_reconnects_total",
    "listener_notifications_total",
    "listener_changes_total",
    "listener_enrollments_created_total",
    "listener_course_counts_moved_total",
    "listener_batch_seconds_bucket",
    "listener_batch_changes_bucket",
    "listener_reaction_seconds_bucket",
    "listener_backlog_changes",
    "listener_oldest_unhandled_timestamp_seconds",
    "listener_last_reaction_timestamp_seconds",
    "listener_heartbeat_seconds_bucket",
    "listener_last_heartbeat_timestamp_seconds",
    "listener_errors_total",
    "listener_pending_students",
    "listener_held_enrollments",
    "listener_students",
    "listener_students_without_enrollment",
    "listener_course_count_drift",
    "listener_count_corrections_total",
    "listener_last_audit_timestamp_seconds",
    "listener_paused",
    "listener_wanted_missing",
    "listener_notify_queue_usage_ratio",
    "listener_oldest_transaction_timestamp_seconds",
)


def test_all_of_them_are_exported_before_anything_happens() -> None:
    samples = [sample for family in Metrics().registry.collect() for sample in family.samples]
    assert set(CONTRACT) <= {sample.name for sample in samples}
    assert not [sample.name for sample in samples if sample.name.endswith("_created")]
    assert [sample.name for sample in samples if sample.value != 0] == ["listener_build_info"]


def test_what_was_audited_is_the_next_leaders_to_say() -> None:
    metrics = Metrics()
    for figure in (metrics.wanted_missing, metrics.last_audit):
        figure.set(3)
    metrics.figures_are_gone()
    for name in ("listener_wanted_missing", "listener_last_audit_timestamp_seconds"):
        assert metrics.registry.get_sample_value(name) == 0


def test_histograms_resolve_a_millisecond_and_ten_seconds_and_count_exactly() -> None:
    metrics = Metrics()
    metrics.reaction_seconds.observe_all([0.0009, 0.001, 0.0011, 9.0, 11.0, -1.0])
    buckets = {
        sample.labels["le"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "listener_reaction_seconds_bucket"
    }
    assert (buckets["0.001"], buckets["0.002"], buckets["10.0"], buckets["+Inf"]) == (3, 4, 5, 6)
    assert metrics.registry.get_sample_value("listener_reaction_seconds_count") == 6
    assert metrics.registry.get_sample_value("listener_reaction_seconds_sum") == pytest.approx(20.003)


def test_openmetrics_if_asked_for_plain_text_if_not(database: Database, start_daemon: StartDaemon) -> None:
    daemon = start_daemon(database).wait_ready("leading")
    url = f"http://127.0.0.1:{daemon.port}/metrics"
    with urllib.request.urlopen(url) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert "# EOF" not in answer.read().decode()
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept})) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        text = answer.read().decode()
    assert text.endswith("# EOF\n")
    assert re.search(r"^# TYPE listener_reconnects counter$", text, re.MULTILINE)


async def test_they_add_up_after_sign_ups(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, sample_seconds=0.2).wait_ready("leading")
    began = time.time()
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    for _ in range(20):
        await connection.execute("insert into profiles (role) values ('student')")
    await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 30)")
    await connection.execute("insert into profiles (role) values ('teacher')")
    await connection.execute("update profiles set role = 'student' where role = 'teacher'")
    await eventually(connection, "select sum(enrollments) from courses", equals=51)
    made = 'listener_changes_total{operation="insert",table="enrollments"}'
    wait_until(lambda: 0 < daemon.metric(made) <= 51, "the enrollments' notes, one a statement, were read")
    daemon.shows('listener_changes_total{operation="insert",table="profiles"}', 50)
    daemon.shows('listener_changes_total{operation="update",table="profiles"}', 1)
    daemon.shows("listener_enrollments_created_total", 51)
    daemon.shows("listener_reaction_seconds_count", 51)
    daemon.shows('listener_reaction_seconds_bucket{le="10.0"}', 51)
    assert daemon.metric("listener_course_counts_moved_total") >= 1
    assert began - 1 < daemon.metric("listener_last_reaction_timestamp_seconds") < time.time() + 1
    assert daemon.metric("listener_heartbeat_seconds_count") >= 1
    assert daemon.metric("listener_notifications_total") >= 1
    assert daemon.metric("listener_up") == daemon.metric("listener_leader") == daemon.metric("listener_connected") == 1
    wait_until(lambda: daemon.metric("listener_last_sample_timestamp_seconds") > began, "sampled")


async def test_what_is_sampled_is_what_the_database_holds(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, sample_seconds=0.1).wait_ready("leading")
    await connection.execute("insert into profiles (role) values ('student'), ('student')")
    waiting = 'listener_pending_students{reason="no_course"}'
    wait_until(lambda: daemon.metric(waiting) == 2, "two students wait for a course")
    other = await connect(database.url)
    began = time.time()
    transaction = other.transaction()
    await transaction.start()
    await other.execute("insert into profiles (role) values ('student')")
    oldest = "listener_oldest_transaction_timestamp_seconds"
    wait_until(lambda: began - 1 < daemon.metric(oldest) < time.time() + 1, "somebody's transaction is seen")
    await transaction.rollback()
    await other.close()
    wait_until(lambda: daemon.metric(oldest) == 0, "it is over")
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    wait_until(lambda: daemon.metric(waiting) == 0, "they are enrolled")


async def sampled(sampler: Sampler) -> Sample:
    """The figures of one look."""
    look = await sampler.take()
    assert look is not None
    return look.sample


async def test_a_backlog_is_counted_up_to_a_limit_and_estimated_beyond(connection: Connection) -> None:
    sampler = Sampler(connection, connection, ["enroll", "count"], structlog.get_logger())
    insert = "insert into listener.change (source, operation, profile_ids) select 'profiles', 'insert', '{}'"
    await connection.execute(f"{insert} from generate_series(1, $1::int)", COUNTED - 1)
    sample = await sampled(sampler)
    assert sample.backlog == COUNTED - 1
    assert sample.sampled_at - 60 < sample.oldest_unhandled_at <= sample.sampled_at
    await connection.execute(f"{insert} from generate_series(1, 50000)")
    sample = await sampled(sampler)
    assert sample.backlog == pytest.approx(COUNTED - 1 + 50_000, rel=0.01)


async def test_of_another_role_s_transaction_the_age_counts_from_when_it_was_first_seen(
    connection: Connection, database: Database
) -> None:
    role = f"daemon_{database.name}"
    await connection.execute(
        f"create role {role} login; grant usage on schema listener to {role};"
        f"grant select on all tables in schema listener to {role};"
        f"grant execute on all functions in schema listener to {role}"
    )
    plain: Connection = await connect(database.server.url(database.name, user=role))
    try:
        sampler = Sampler(plain, plain, ["enroll", "count"], structlog.get_logger())
        nothing = await sampled(sampler)
        assert nothing.oldest_transaction_at == 0
        async with connection.transaction():
            await connection.execute("insert into profiles (role) values ('student')")
            first, second = await sampled(sampler), await sampled(sampler)
        assert first.oldest_transaction_at == first.sampled_at
        assert second.oldest_transaction_at == first.sampled_at < second.sampled_at
        over = await sampled(sampler)
        assert over.oldest_transaction_at == 0
    finally:
        await plain.close()
        await connection.execute(f"drop owned by {role}; drop role {role}")


async def test_a_sample_that_fails_is_told_of_once_and_blanks_nothing(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, sample_seconds=0.1).wait_ready("leading")
    failures = 'listener_errors_total{kind="sample"}'
    await connection.execute("insert into profiles (role) values ('student')")
    waiting = 'listener_pending_students{reason="no_course"}'
    wait_until(lambda: daemon.metric(waiting) == 1, "a student waits")
    await connection.execute("alter table listener.pending_count rename to hidden")
    wait_until(lambda: daemon.metric(failures) >= 3, "samples fail")
    stale = daemon.metric("listener_last_sample_timestamp_seconds")
    daemon.shows(waiting, 1)
    assert daemon.metric("listener_leader") == daemon.metric("listener_connected") == 1
    await connection.execute("alter table listener.hidden rename to pending_count")
    wait_until(lambda: daemon.metric("listener_last_sample_timestamp_seconds") > stale, "samples succeed again")
    assert daemon.metric("listener_samples_total") > daemon.metric(failures)
    assert len(daemon.events("sample_failed")) == len(daemon.events("sample_recovered")) == 1
    daemon.shows("listener_reconnects_total", 0)


async def test_a_sample_that_hangs_is_given_up_and_reactions_go_on(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    daemon = start_daemon(database, sample_seconds=0.1).wait_ready("leading")
    await connection.execute(
        "alter table listener.pending_count rename to kept;"
        "create view listener.pending_count as select kept.* from listener.kept, pg_sleep(30)"
    )
    wait_until(lambda: daemon.metric('listener_errors_total{kind="sample"}') >= 1, "the sample was given up")
    student = await connection.fetchval("insert into profiles (role) values ('student') returning id")
    await eventually(connection, "select count(*) from enrollments where user_id = $1", student, equals=1)
    daemon.shows("listener_reconnects_total", 0)
    assert len(daemon.events("sample_failed")) == 1


async def test_scraping_costs_the_database_nothing(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, sample_seconds=3600, heartbeat_seconds=300).wait_ready("leading")
    last = """select concat(query_start, state_change) from pg_stat_activity where application_name = 'listener'
              and datname = current_database()"""
    wait_until(lambda: daemon.metric("listener_last_sample_timestamp_seconds") > 0, "the first sample was taken")
    idle: list[object] = [None]
    while len(idle) < 4 or len(set(idle[-3:])) > 1:  # the first purge steps are over, too
        await anyio.sleep(0.5)
        idle.append(await connection.fetchval(last))
    for _ in range(100):
        for path in ("/metrics", "/state.json", "/", "/livez", "/readyz"):
            assert daemon.get(path)[0] == 200
    assert await connection.fetchval(last) == idle[-1]


async def test_what_is_nothing_to_a_consumer_is_no_backlog(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, sample_seconds=0.1, heartbeat_seconds=300).wait_ready("leading")
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, "select sum(enrollments) from courses", equals=1)
    # The enrollment's own note is read by counting, and waits for enrolling to look the next time.
    handled = daemon.metric("listener_last_sample_timestamp_seconds")
    wait_until(lambda: daemon.metric("listener_last_sample_timestamp_seconds") > handled + 0.2, "sampled since")
    daemon.shows("listener_backlog_changes", 0)
    daemon.shows("listener_oldest_unhandled_timestamp_seconds", 0)
