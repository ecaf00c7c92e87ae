"""The LMS's migrations beside a daemon at work: what was renamed, moved or replaced is followed, nothing is lost."""

from collections.abc import Callable

import anyio.to_thread
import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.following import COUNT, MADE_GOOD, QUICK
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener

SEEN = """
create table seen (user_id uuid not null);
create function see() returns trigger language plpgsql as $$
begin
    insert into seen values (new.user_id);
    return null;
end $$;
create trigger see after insert on enrollments for each row execute function see();
"""
"""A trigger of the LMS's that finds a table by the search_path."""


async def sign_up(connection: Connection, course: object, count: int) -> None:
    """One more student signs up; wait until the course counts so many."""
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, COUNT, course, equals=count)


async def test_who_signs_up_after_a_rename_is_enrolled_without_a_command(
    connection: Connection, school: tuple[DaemonProcess, object]
) -> None:
    daemon, course = school
    await connection.execute(
        """
        alter table profiles rename column role to kind;
        alter table profiles rename column id to pid;
        alter table enrollments rename column status to state;
        alter table courses rename column enrollments to enrolled_count;
        alter table enrollments rename to memberships;
        """
    )
    await connection.execute("insert into profiles (kind) values ('student'), ('teacher'), ('student')")
    counted = "select enrolled_count from courses where id = $1"
    await eventually(connection, counted, course, equals=2)
    changes = daemon.told("mapping_followed")
    for change in ("profiles.role is now kind", "profiles.id is now pid", "enrollments is now public.memberships"):
        assert change in changes
    await eventually(connection, MADE_GOOD, equals=True)
    await connection.execute("insert into profiles (kind) values ('student')")
    await eventually(connection, counted, course, equals=3)
    await connection.execute("update memberships set state = 'cancelled'")
    await eventually(connection, counted, course, equals=0)
    daemon.shows("listener_mapping_broken", 0)
    assert daemon.role == "leading"


async def test_when_all_tables_leave_public_their_triggers_still_find_what_stayed_there(
    database: Database, connection: Connection, school: tuple[DaemonProcess, object]
) -> None:
    daemon, course = school
    await connection.execute(f"revoke create on schema public from public; {SEEN}")
    listener(database.url, "install")
    await sign_up(connection, course, 1)
    await connection.execute(
        """
        create schema lms;
        alter table enrollments set schema lms;
        alter table courses set schema lms;
        alter table profiles set schema lms;
        set search_path = lms, public;
        """
    )
    await sign_up(connection, course, 2)
    assert await connection.fetchval("select count(*) from seen") == 2
    assert "table public.profiles is now lms.profiles" in daemon.told("mapping_followed")


@pytest.mark.long
async def test_when_one_table_leaves_the_triggers_of_those_that_stay_find_what_stays(
    database: Database, connection: Connection, school: tuple[DaemonProcess, object]
) -> None:
    """Also where the schema is searched for the tables in it, and for nothing else: others may create in it."""
    daemon, course = school
    await connection.execute(f"grant create on schema public to public; {SEEN}")
    listener(database.url, "install")
    await connection.execute(
        "create schema people; alter table profiles set schema people; set search_path = people, public"
    )
    await sign_up(connection, course, 1)
    assert await connection.fetchval("select count(*) from seen") == 1
    assert "table public.profiles is now people.profiles" in daemon.told("mapping_followed")


async def test_a_column_that_took_the_name_of_another_misleads_nobody_for_long(
    database: Database, connection: Connection, school: tuple[DaemonProcess, object]
) -> None:
    """Nothing fails: the trigger reads the wrong column. One who began before the daemon looked ends after it."""
    daemon, course = school
    early: Connection = await asyncpg.connect(database.url)
    await early.execute("begin; select pg_current_xact_id()")
    await connection.execute(
        """
        begin;
        alter table profiles rename column role to old_role;
        alter table profiles rename column full_name to role;
        alter table profiles rename column old_role to full_name;
        commit;
        """
    )
    await early.execute("insert into profiles (full_name, role) values ('student', 'Ada')")
    await connection.execute("insert into profiles (full_name, role) values ('student', 'Grace')")
    daemon.told("mapping_followed")
    await eventually(connection, COUNT, course, equals=1)
    await early.execute("commit")
    await eventually(connection, COUNT, course, equals=2)
    await eventually(connection, "select count(*) from listener.blind_note", equals=0)
    await early.close()


async def test_a_table_that_is_made_again_is_watched_again(
    connection: Connection, school: tuple[DaemonProcess, object]
) -> None:
    daemon, course = school
    await sign_up(connection, course, 1)
    await connection.execute(
        """
        begin;
        create table people (like profiles including all);
        insert into people select * from profiles;
        create table places (like enrollments including all);
        insert into places overriding system value select * from enrollments;
        drop table enrollments, profiles;
        alter table people rename to profiles;
        alter table places rename to enrollments;
        commit;
        """
    )
    await connection.execute("insert into profiles (role) values ('student')")
    await connection.execute("analyze; comment on table profiles is 'touched'; alter table profiles add note text")
    assert "table replaced public.profiles" in daemon.told("mapping_followed")
    await eventually(connection, COUNT, course, equals=2)
    await sign_up(connection, course, 3)
    await connection.execute("delete from enrollments")
    # By the note: they may be enrolled again at once, while what was noted blindly is made good.
    deleted = "select sum(delta) from listener.change where source = 'enrollments' and operation = 'delete'"
    assert await connection.fetchval(deleted) == -3


async def test_a_new_table_under_the_name_of_one_that_was_put_aside_is_the_one_that_is_watched(
    connection: Connection, school: tuple[DaemonProcess, object]
) -> None:
    daemon, course = school
    await sign_up(connection, course, 1)
    await connection.execute(
        """
        begin;
        alter table profiles rename to profiles_of_old;
        create table profiles (like profiles_of_old including all);
        insert into profiles select * from profiles_of_old;
        alter table enrollments rename to enrollments_of_old;
        create table enrollments (like enrollments_of_old including all);
        insert into enrollments overriding system value select * from enrollments_of_old;
        commit;
        """
    )
    await connection.execute("insert into profiles (role) values ('student')")
    assert "table replaced public.profiles" in daemon.told("mapping_followed")
    await eventually(connection, COUNT, course, equals=2)
    await eventually(connection, "select listener.is_bound()", equals=True)
    # (What was noted blindly may be made good just now: that notes updates.)
    deletions = "select count(*) from listener.change where operation = 'delete'"
    notes = await connection.fetchval(deletions)
    await connection.execute("delete from enrollments_of_old; delete from profiles_of_old")
    assert await connection.fetchval(deletions) == notes
    await sign_up(connection, course, 3)


async def test_a_partitioned_table_under_the_name_of_one_that_was_put_aside_is_told_and_install_takes_it(
    database: Database, connection: Connection, school: tuple[DaemonProcess, object]
) -> None:
    daemon, course = school
    await connection.execute(
        """
        begin;
        alter table enrollments rename to enrollments_of_old;
        create table enrollments (like enrollments_of_old including defaults) partition by hash (user_id);
        alter table enrollments drop id, add unique (user_id, course_id);
        create table every_row partition of enrollments for values with (modulus 1, remainder 0);
        commit;
        insert into profiles (role) values ('student');
        """
    )
    assert "public.enrollments is another kind of table now" in daemon.told("mapping_broken")
    listener(database.url, "install")
    await eventually(connection, COUNT, course, equals=1)


async def test_when_other_enrollments_count_the_counts_follow_at_once(
    database: Database, connection: Connection, school: tuple[DaemonProcess, object]
) -> None:
    daemon, course = school
    wait_until(lambda: daemon.metric("listener_audits_total") == 1, "the only audit for long")
    await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 3)")
    await eventually(connection, COUNT, course, equals=3)
    await connection.execute(
        "update enrollments set status = 'cancelled' where id in (select id from enrollments limit 1)"
    )
    await eventually(connection, COUNT, course, equals=2)
    listener(database.url, "install", active_values="active,cancelled")
    await eventually(connection, COUNT, course, equals=3)
    await eventually(connection, "select count(*) from listener.blind_note", equals=0)


async def test_sessions_that_knew_a_column_by_another_type_take_notes_again(
    connection: Connection, school: tuple[DaemonProcess, object]
) -> None:
    """Their trigger functions keep what they were compiled to, and fail, until the functions are made again."""
    daemon, course = school
    await connection.execute("insert into profiles (role) values ('teacher')")
    await connection.execute("update profiles set role = 'admin'")
    await connection.execute("update profiles set role = 'teacher'")
    await connection.execute("alter table profiles alter role type varchar(40)")
    await connection.execute("update profiles set role = 'student'")
    await eventually(connection, COUNT, course, equals=1)
    assert "type public.profiles.role is now character varying(40)" in daemon.told("mapping_followed")
    await eventually(connection, MADE_GOOD, equals=True)
    await connection.execute("begin; insert into profiles (role) values ('teacher')")
    await connection.execute("update profiles set role = 'student'")
    blind = "select count(*) from listener.blind_note where xid = pg_current_xact_id()"
    assert await connection.fetchval(blind) == 0
    await connection.execute("commit")
    await eventually(connection, COUNT, course, equals=2)


async def test_a_column_that_is_nice_to_have_is_done_without(
    connection: Connection, school: tuple[DaemonProcess, object]
) -> None:
    daemon, course = school
    await connection.execute("alter table courses drop column price, drop column created_at")
    await sign_up(connection, course, 1)
    assert "done without public.courses.price is now nothing" in daemon.told("mapping_followed")
    daemon.wait_ready("leading")


async def test_where_only_counts_are_kept_nobody_is_missed(
    make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess]
) -> None:
    database = await anyio.to_thread.run_sync(lambda: make_database(installed=False))
    app: Connection = await asyncpg.connect(database.url)
    await app.execute("insert into profiles (role) values ('student')")
    listener(database.url, "install", actions="count")
    daemon = start_daemon(database, **QUICK | {"audit_seconds": 0.1}).wait_ready("leading")
    await app.execute("alter table enrollments rename status to state; insert into profiles (role) values ('student')")
    daemon.told("made_good")
    wait_until(lambda: daemon.metric("listener_audits_total") > 0, "it has audited")
    assert not daemon.events("students_missed")
    assert await app.fetchval("select count(*) from listener.pending_enrollment") == 0
    await app.close()
