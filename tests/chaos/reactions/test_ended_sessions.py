"""A student, or a course, ends each session that tries it: all others are enrolled and counted, and it is told."""

from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.pgbouncer import PROGRAM, PgBouncer
from tests.support.process import DaemonProcess, listener
from tests.support.refusing import refuse

Start = Callable[..., DaemonProcess]

ENROLLED = "select count(*) from enrollments"
SIGN_UP = """
insert into profiles (role, full_name)
select 'student', case when number = 12 then 'bad' end from generate_series(1, 24) as number
"""
IS_BAD = "exists (select from profiles where id = new.user_id and full_name = 'bad')"
END = "pg_terminate_backend(pg_backend_pid()) and pg_sleep(0.01) is null"
"""As a server that crashes, or a system that ends what takes too much memory."""

QUICK = {"heartbeat_seconds": 1, "sample_seconds": 0.5}


async def others_are_enrolled(connection: Connection) -> None:
    await eventually(connection, ENROLLED, equals=23, seconds=60)
    waiting = "select array_agg(full_name) from listener.pending_enrollment join profiles on profiles.id = profile_id"
    await eventually(connection, waiting, equals=["bad"], seconds=60)
    await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 3)")
    await eventually(connection, ENROLLED, equals=26, seconds=60)
    await eventually(connection, "select enrollments from courses where title = 'a'", equals=26, seconds=60)


async def test_a_student_who_ends_each_session_stops_no_other(
    database: Database, connection: Connection, course: None, start_daemon: Start
) -> None:
    await connection.execute(refuse(f"{IS_BAD} and {END}"))
    daemon = start_daemon(database, **QUICK).wait_ready("leading")
    await connection.execute(SIGN_UP)
    await others_are_enrolled(connection)
    why = "select error from listener.pending_enrollment"
    await eventually(connection, why, equals="put off: the session ended each time that it was tried", seconds=60)
    await connection.execute("update profiles set full_name = null")
    listener(database.url, "pending", "retry")
    await eventually(connection, ENROLLED, equals=27, seconds=60)
    assert daemon.process.poll() is None


async def test_a_refusal_ends_no_session_where_a_setting_has_each_error_do_so(
    database: Database, connection: Connection, course: None, start_daemon: Start
) -> None:
    await connection.execute(f"alter database {database.name} set exit_on_error = on")
    await connection.execute(refuse(IS_BAD))
    daemon = start_daemon(database, **QUICK).wait_ready("leading")
    await connection.execute(SIGN_UP)
    await others_are_enrolled(connection)
    assert daemon.events("connection_lost") == []


async def test_a_course_whose_count_ends_each_session_stops_no_other(
    database: Database, connection: Connection, course: None, start_daemon: Start
) -> None:
    await connection.execute(
        "insert into courses (title, price) values ('bad', 1); insert into profiles (role) values ('teacher');"
        "create function refuse() returns trigger language plpgsql as $$ begin"
        f" if new.title = 'bad' and {END} then return null; end if; return new; end $$;"
        "create trigger refuse before update on courses for each row execute function refuse()"
    )
    start_daemon(database, **QUICK).wait_ready("leading")
    await connection.execute(
        "insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles, courses"
    )
    await eventually(connection, "select enrollments from courses where title = 'a'", equals=1, seconds=60)
    why = "select array_agg(error) from listener.pending_count"
    await eventually(connection, why, equals=["put off: the session ended each time that it was tried"], seconds=60)
    await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 3)")
    await eventually(connection, "select enrollments from courses where title = 'a'", equals=4, seconds=60)
    await connection.execute("update courses set title = 'good' where title = 'bad'")
    await eventually(connection, "select enrollments from courses where title = 'good'", equals=1, seconds=100)


@pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")
@pytest.mark.parametrize("mode", [pytest.param("session", marks=pytest.mark.long), "transaction"])
async def test_a_student_who_takes_longer_than_a_pooler_lets_a_statement_take_stops_no_other(
    database: Database, connection: Connection, course: None, start_daemon: Start, mode: str
) -> None:
    pooler = PgBouncer(database.server, mode, further="query_timeout = 2").start()
    try:
        await connection.execute(refuse(f"{IS_BAD} and pg_sleep(20) is null"))
        start_daemon(database, database_url=pooler.url(database.name), **QUICK).wait_ready("leading")
        await connection.execute(SIGN_UP)
        await others_are_enrolled(connection)
    finally:
        pooler.stop()
