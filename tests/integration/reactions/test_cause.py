"""Why the listener writes: `listener.cause`, as the LMS's triggers on enrollments can read it."""

import asyncio
from collections.abc import Callable

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support import brake
from tests.support.brake import pay, steps
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener

SEE = """
create table seen (number bigint generated always as identity, operation text, cause text);
create function see() returns trigger language plpgsql security definer set search_path = public as $$
begin
    insert into seen (operation, cause) values (lower(tg_op), current_setting('listener.cause', true));
    return null;
end $$;
create trigger see after insert or update or delete on enrollments for each row execute function see();
"""
SEEN = """
select string_agg(operation || ' ' || cause || ' ' || times, ', ' order by first)
from (
    select operation, coalesce(nullif(cause, ''), 'nobody') as cause, count(*) as times, min(number) as first
    from seen group by 1, 2
) as counted
"""


async def seen(app: Connection) -> object:
    """What was seen since the last call."""
    found = await app.fetchval(SEEN)
    await app.execute("delete from seen")
    return found


async def test_each_cause_is_told_while_the_batch_writes(empty: Database) -> None:
    app = await brake.school(empty.url, 30, brake="10")
    try:
        await app.execute(SEE)
        # Nobody enrolls by signing up here: a payment is needed.
        await pay(app, 3)
        await steps(app)
        assert await seen(app) == "insert sign_up 3"
        await app.execute("insert into profiles (id) values (1000)")
        await steps(app)
        await app.execute("insert into payments (profile_id, course_id) values (1000, 1)")
        await steps(app)
        assert await seen(app) == "insert change 1"
        await app.execute("insert into profiles (id) values (1001)")
        await app.execute("insert into enrollments (profile_id, course_id) values (1001, 1)")
        assert await seen(app) == "insert nobody 1"
        await app.execute("set session_replication_role = replica")
        await app.execute("insert into payments (profile_id, course_id) select id, 2 from profiles where id <= 4")
        await app.execute("reset session_replication_role")
        await asyncio.to_thread(listener, empty.url, "sync")
        assert await seen(app) == "insert sync 4"
        rule = brake.settings(brake="10") | {"wanted_query": "select id, 2 from profiles where id <= 6"}
        await brake.installed(app, rule)
        await app.fetch("select * from listener.make_good_students()")
        await steps(app)
        assert await seen(app) == "insert rule 2"  # those who are to leave are held
        await asyncio.to_thread(listener, empty.url, "release")
        assert await seen(app) == "delete release 34"
    finally:
        app.terminate()


async def test_what_an_audit_finds_what_fits_the_brake_again_and_an_undo_tell_so_too(empty: Database) -> None:
    app = await brake.school(empty.url, 30, brake="10", history_days="9")
    try:
        await app.execute(SEE)
        await app.execute("set session_replication_role = replica")
        await app.execute("insert into payments (profile_id, course_id) select id, 2 from profiles where id <= 2")
        await app.execute("reset session_replication_role")
        await app.execute("select listener.audit_students(true, '{}', 10, 10)")
        await steps(app)
        assert await seen(app) == "insert audit 2"
        for first in (3, 11):
            await app.execute("delete from payments where profile_id between $1 and $1 + 7", first)
            await steps(app)
        assert await seen(app) == "delete change 8"
        await app.execute(brake.LATER)
        await steps(app)
        assert await seen(app) == "delete retry 8"
        await asyncio.to_thread(listener, empty.url, "undo", "--since", "1 hour")
        assert await seen(app) == "delete undo 16"
    finally:
        app.terminate()


async def test_one_batch_tells_each_its_own_cause_and_who_had_to_wait_the_one_of_that_time(empty: Database) -> None:
    app = await brake.school(empty.url, 0)
    other: Connection = await connect(empty.url)
    try:
        await app.execute(SEE)
        await app.execute("insert into profiles (id) values (1)")
        await steps(app)
        await app.execute("insert into profiles (id) values (2); insert into payments values (1, 1), (2, 1)")
        await other.execute("begin; select from courses where id = 1 for update")
        await app.execute("select listener.step()")
        waits = "select string_agg(cause, ', ' order by profile_id) from listener.pending_enrollment"
        assert await app.fetchval(waits) == "change, sign_up"
        await other.execute("rollback")
        await app.execute("update listener.pending_enrollment set next_attempt_at = now()")
        await steps(app)
        assert await seen(app) == "insert change 1, insert sign_up 1"
    finally:
        other.terminate()
        app.terminate()


async def test_who_becomes_a_student_or_signs_up_while_names_change_has_signed_up(
    database: Database, connection: Connection, course: None, start_daemon: Callable[..., DaemonProcess]
) -> None:
    await connection.execute(SEE)
    await connection.execute("insert into profiles (role) values ('guest')")
    start_daemon(database, heartbeat_seconds=0.5).wait_ready("leading")
    await connection.execute("update profiles set role = 'student'")
    await eventually(connection, "select count(*) from enrollments", equals=1)
    await connection.execute(
        "begin; alter table profiles rename role to kind; insert into profiles (kind) values ('student'); commit"
    )
    await eventually(connection, "select count(*) from enrollments", equals=2)
    assert await seen(connection) == "insert sign_up 2"
