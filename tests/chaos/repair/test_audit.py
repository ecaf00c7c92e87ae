"""The leader's audit finds what was changed behind its back, and repairs counts while everything goes on."""

from collections.abc import Callable

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import AUDITED_SECONDS, eventually
from tests.support.in_the_way import migrate_beside
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener

Start = Callable[..., DaemonProcess]

COUNT = "select enrollments from courses"
ADD_COURSE = "insert into courses (title, price) values ('default', 0) returning id"


@pytest.fixture
async def students(connection: Connection) -> None:
    await connection.execute(
        "insert into courses (title, price) values ('a', 1);"
        "insert into profiles (role) select 'student' from generate_series(1, 50)"
    )


AGAIN = "it audits again: an audit that took long is followed by a pause of twenty times as long"


def daemon(database: Database, start_daemon: Start) -> DaemonProcess:
    return start_daemon(database, audit_seconds=0.3, sample_seconds=1).wait_ready("leading")


async def test_a_count_changed_behind_its_back_is_repaired_by_the_difference(
    connection: Connection, database: Database, students: None, start_daemon: Start
) -> None:
    leader = daemon(database, start_daemon)
    await eventually(connection, COUNT, equals=50)
    await connection.execute("update courses set enrollments = enrollments + 7")
    await eventually(connection, COUNT, equals=50)
    wait_until(lambda: leader.metric("listener_count_corrections_total") == 1, "the correction is counted")
    (told,) = leader.events("drift_repaired")
    assert (told["count_column"], told["drift"]) == ("enrollments", -7)
    leader.shows("listener_course_count_drift", 0)
    leader.shows("listener_students", 50)


async def test_what_is_parked_for_a_course_that_is_gone_is_settled_by_the_audit(
    connection: Connection, database: Database, students: None, start_daemon: Start
) -> None:
    """Its enrollments were noted blindly, and the backlog that says when it went was handled after these were made
    good: nothing in the feed takes back what is parked."""
    leader = daemon(database, start_daemon)
    await eventually(connection, COUNT, equals=50)
    gone = await connection.fetchval(
        "insert into listener.pending_count (course_id, delta, next_attempt_at)"
        " values (gen_random_uuid(), -1, now() + interval '1 hour') returning course_id"
    )
    parked = "select count(*) from listener.pending_count where course_id = $1"
    await eventually(connection, parked, gone, equals=0)
    before = leader.metric("listener_audits_total")
    wait_until(lambda: leader.metric("listener_audits_total") > before + 1, AGAIN, seconds=60)
    assert await connection.fetchval(COUNT) == 50
    leader.shows("listener_count_corrections_total", 0)


async def test_a_repair_waits_for_the_holder_of_the_course_without_holding_up_others(
    connection: Connection, database: Database, students: None, start_daemon: Start
) -> None:
    leader = daemon(database, start_daemon)
    await eventually(connection, COUNT, equals=50)
    holder: Connection = await asyncpg.connect(database.url)
    try:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("update courses set enrollments = 0, title = 'held'")
        await connection.execute("insert into profiles (role) values ('student')")
        await eventually(connection, "select count(*) from enrollments", equals=51)
        await transaction.commit()
    finally:
        holder.terminate()
    await eventually(connection, COUNT, equals=51)
    wait_until(lambda: leader.metric("listener_course_count_drift") == 0, "no drift is left")


async def test_students_written_past_the_triggers_are_reported(
    connection: Connection, database: Database, students: None, start_daemon: Start
) -> None:
    leader = daemon(database, start_daemon)
    await eventually(connection, COUNT, equals=50)
    async with connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 3)")
    wait_until(lambda: len(leader.events("students_missed")) == 1, "the audit tells of them")
    assert leader.events("students_missed")[0]["count"] == 3
    leader.shows("listener_students_without_enrollment", 3)
    before = leader.metric("listener_audits_total")
    wait_until(lambda: leader.metric("listener_audits_total") > before + 1, AGAIN, seconds=60)
    assert len(leader.events("students_missed")) == 1


async def test_an_audit_that_fails_is_told_of_once_and_the_work_goes_on(
    connection: Connection, database: Database, students: None, start_daemon: Start
) -> None:
    leader = daemon(database, start_daemon)
    await eventually(connection, COUNT, equals=50)
    await connection.execute("alter view listener.course_drift rename to course_drift_away")
    wait_until(lambda: leader.metric('listener_errors_total{kind="audit"}') > 2, "audits fail")
    assert len(leader.events("audit_failed")) == 1
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, COUNT, equals=51)


async def test_no_audit_begins_while_a_backlog_is_drained(
    connection: Connection, database: Database, students: None, start_daemon: Start
) -> None:
    """It looks whether it may, time and again, and goes on once there is none."""
    if database.server.version < 14:
        pytest.skip("sessions are counted since Postgres 14")
    leader = daemon(database, start_daemon)
    await eventually(connection, COUNT, equals=50)
    wait_until(lambda: leader.metric("listener_audits_total") > 0, "it audits")
    holder: Connection = await asyncpg.connect(database.url)
    try:
        await holder.execute("begin; lock table listener.checkpoint in exclusive mode")  # nothing can be handled
        await connection.execute(
            "begin; insert into profiles (role) values ('student');"
            "update listener.change set at = at - interval '1 minute'; commit"
        )
        begun = leader.metric("listener_audits_total")
        sessions = "select sessions from pg_stat_database where datname = current_database()"
        looked = await connection.fetchval(sessions)
        looks = sessions.replace("sessions", f"sessions > {looked} + 8", 1)
        await eventually(connection, looks, equals=True, seconds=AUDITED_SECONDS)
        assert leader.metric("listener_audits_total") <= begun + 1, "but for one that had looked before"
    finally:
        holder.terminate()
    await eventually(connection, COUNT, equals=51)
    wait_until(lambda: leader.metric("listener_audits_total") > begun + 1, AGAIN, seconds=60)


async def test_a_migration_does_not_wait_for_an_audit(
    database: Database, connection: Connection, start_daemon: Start
) -> None:
    slow = "select id from public.profiles where pg_sleep(60) is not null"
    await connection.execute("insert into profiles (role) values ('teacher')")
    listener(database.url, "install", student_view=slow)
    daemon = start_daemon(database, audit_seconds=0.1).wait_ready("leading")
    auditing = (
        "select count(*) > 0 from pg_locks inner join pg_stat_activity using (pid)"
        " where relation = 'profiles'::regclass and application_name = 'listener-audit' and granted"
        " and datname = current_database()"
    )
    await eventually(connection, auditing, equals=True)
    await connection.execute("set lock_timeout = '10s'")
    await connection.execute("alter table profiles add column phone text")
    assert not daemon.events("audit_failed")


@pytest.mark.parametrize("command", [("diagnose",), ("status", "--full"), ("sync",)], ids=" ".join)
@pytest.mark.half
async def test_a_command_ends_its_look_as_soon_as_a_migration_waits_for_it_and_looks_again(
    database: Database, connection: Connection, command: tuple[str, ...]
) -> None:
    """Its look takes half a minute, but for the migration, which deletes the profile that makes it slow."""
    slow = "select id from public.profiles where pg_sleep(30) is not null"
    listener(database.url, "install", student_view=slow)
    await connection.execute("insert into profiles (role) values ('teacher')")
    done = await migrate_beside(connection, lambda: listener(database.url, *command, check=False))
    assert (done.returncode, done.stderr) == (int(command[0] == "status"), "")  # no daemon leads


async def test_a_trigger_of_the_lms_s_that_comes_back_is_told_once(
    make_database: Callable[..., Database], start_daemon: Start
) -> None:
    database = make_database(installed=False)
    app: Connection = await asyncpg.connect(database.url)
    make_trigger = """
        create or replace function count_up() returns trigger language plpgsql as $$
        begin
            update courses set enrollments = enrollments + 1, students = students + 1 where id = new.course_id;
            return null;
        end $$;
        create trigger count_up after insert on enrollments for each row execute function count_up();
    """
    await app.execute(make_trigger)
    await app.execute(ADD_COURSE)
    listener(database.url, "install", "--take-over")
    daemon = start_daemon(database, audit_seconds=0.2).wait_ready("leading")
    await app.execute("drop trigger count_up on enrollments")
    await app.execute(make_trigger)
    assert "count_up" in daemon.told("triggers_came_back")
    daemon.shows("listener_foreign_triggers", 1)
    for students in range(1, 4):
        await app.execute("insert into profiles (role) values ('student')")
        await eventually(app, "select count(*) from enrollments", equals=students)
        await eventually(app, COUNT, equals=students)
        drift = "select count(*) from listener.course_drift"
        await eventually(app, drift, equals=0, seconds=AUDITED_SECONDS)
    assert len(daemon.events("triggers_came_back")) == 1
    assert "listener install --take-over" in str(daemon.events("triggers_came_back"))
    await app.close()


async def test_a_drift_that_comes_back_at_each_audit_is_told_once_and_counted(
    database: Database, connection: Connection, start_daemon: Start
) -> None:
    await connection.execute(
        """
        create function insist() returns trigger language plpgsql as $$
        begin
            new.students := 1587;
            return new;
        end $$;
        create trigger insist before insert or update on courses for each row execute function insist();
        """
    )
    course = str(await connection.fetchval(ADD_COURSE))
    daemon = start_daemon(database, audit_seconds=0.05).wait_ready("leading")
    # Each is followed by a pause of twenty times what it took.
    wait_until(lambda: daemon.metric("listener_audits_total") > 4, "it has audited again and again", 60)
    repaired = [each for each in daemon.events("drift_repaired") if each["course_id"] == course]
    assert [each["count_column"] for each in repaired] == ["students"]
    assert len(daemon.events("drift_returns")) == 1
    daemon.shows("listener_drift_returning", 1)
