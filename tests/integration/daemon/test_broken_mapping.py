"""What a migration took away, or keeps from the listener, is told by the daemon at work, and made good once mended."""

from collections.abc import Callable

import anyio.to_thread
import asyncpg

from listener import sql
from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.following import COUNT, COURSE, QUICK
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener
from tests.support.reactions import As

Start = Callable[..., DaemonProcess]


async def test_a_table_made_again_that_is_in_use_gets_its_triggers_when_it_is_free(
    database: Database, connection: Connection, school: tuple[DaemonProcess, object]
) -> None:
    daemon, course = school
    busy: Connection = await asyncpg.connect(database.url)
    await busy.execute(
        """
        create table places (like enrollments including all);
        drop table enrollments;
        alter table places rename to enrollments;
        """
    )
    await busy.execute("begin; insert into enrollments (user_id, course_id) select gen_random_uuid(), id from courses")
    daemon.told("mapping_followed")
    assert "is missing" in daemon.told("mapping_broken")
    reader: Connection = await asyncpg.connect(database.url)
    await reader.execute("set lock_timeout = '1s'; insert into enrollments (user_id) values (gen_random_uuid())")
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, "select count(*) from enrollments where course_id is not null", equals=1)
    await busy.execute("commit")
    await eventually(connection, COUNT, course, equals=2)
    daemon.told("mapping_mended")
    await eventually(connection, "select count(*) from listener.blind_note", equals=0)  # and made good twice
    await connection.execute("delete from enrollments")
    await eventually(connection, COUNT, course, equals=0)
    assert not daemon.events("connection_lost")
    await busy.close()
    await reader.close()


NO_DDL = """
create function no_ddl() returns event_trigger language plpgsql as $$
begin
    if current_setting('application_name') = 'listener' then
        raise exception 'migrations are for people';
    end if;
end $$;
create event trigger no_ddl on ddl_command_start execute function no_ddl();
"""


async def test_an_event_trigger_that_refuses_what_following_takes_is_told_and_costs_no_leader(
    connection: Connection, database: Database, school: tuple[DaemonProcess, object], start_daemon: Start
) -> None:
    daemon, course = school
    await connection.execute(NO_DDL)
    try:
        await connection.execute("alter table profiles rename column role to kind")
        await connection.execute("insert into profiles (kind) values ('student')")
        assert "cannot be followed: migrations are for people" in daemon.told("mapping_broken")
        assert daemon.metric("listener_leader") == 1
        assert daemon.stop() == 0
        daemon = start_daemon(database, **QUICK)
        daemon.told("mapping_broken")
        daemon.shows("listener_leader", 1)
    finally:
        await connection.execute("drop event trigger no_ddl")
    daemon.told("mapping_mended")
    await eventually(connection, COUNT, course, equals=1)
    assert not daemon.events("connection_lost")


async def test_what_cannot_be_followed_is_told_and_made_good_by_install(
    database: Database, connection: Connection, school: tuple[DaemonProcess, object]
) -> None:
    daemon, course = school
    await connection.execute(
        "alter table profiles drop column role; alter table profiles add is_pupil boolean not null default true"
    )
    await connection.execute("insert into profiles (full_name) values ('Ada')")
    broken = daemon.told("mapping_broken")
    assert "column role of public.profiles is gone" in broken
    assert "LISTENER_STUDENT_COLUMN" in broken
    wait_until(lambda: "column role of public.profiles is gone" in daemon.get("/readyz")[1], "it says what is gone")
    assert daemon.role == "leading"
    daemon.shows("listener_mapping_broken", 1)
    for command in ("status", "diagnose"):
        answer = listener(database.url, command, check=False)
        assert answer.returncode == 1
        assert "role" in answer.stdout
        assert "listener install" in answer.stdout
    await connection.execute("insert into enrollments (user_id, course_id) select id, $1 from profiles", course)
    await eventually(connection, COUNT, course, equals=1)
    await connection.execute("insert into profiles (full_name) values ('Grace')")

    listener(database.url, "install", student_predicate="is_pupil")
    await eventually(connection, COUNT, course, equals=2)
    daemon.told("mapping_mended")
    daemon.wait_ready("leading").shows("listener_mapping_broken", 0)
    await connection.execute("insert into profiles (full_name) values ('Mary'), ('Jean')")
    await eventually(connection, COUNT, course, equals=4)
    assert len(daemon.events("mapping_broken")) == 1, "told once, not with each heartbeat"


async def test_a_key_of_another_type_is_told_and_install_converts_the_feed(
    make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess]
) -> None:
    numbered = await anyio.to_thread.run_sync(make_database, "integer")
    app: Connection = await asyncpg.connect(numbered.url)
    course = await app.fetchval(COURSE)
    await app.execute("insert into profiles (role) values ('student')")
    await app.execute(
        """
        alter table enrollments alter user_id type bigint, alter course_id type bigint;
        alter table profiles alter id type bigint;
        alter table courses alter id type bigint;
        """
    )
    await app.execute("insert into profiles (role) values ('student')")
    daemon = start_daemon(numbered, **QUICK)
    told = daemon.told("mapping_broken")
    assert "is of type bigint now, not integer" in told
    assert "set to" not in told, "the names are the same, and no setting is needed"
    listener(numbered.url, "install")
    await eventually(app, COUNT, course, equals=2)
    await app.execute("insert into profiles (id, role) values (5000000000, 'student')")
    await eventually(app, COUNT, course, equals=3)
    await app.close()


async def test_what_cannot_be_looked_at_is_not_taken_for_mended(
    database: Database, connection: Connection, school: tuple[DaemonProcess, object]
) -> None:
    daemon, _ = school
    await connection.execute(
        """
        alter table profiles drop constraint profiles_role_check;
        create type grade as enum ('pupil');
        alter table profiles alter role type grade using null;
        """
    )
    daemon.told("mapping_broken")
    migration: Connection = await asyncpg.connect(database.url)
    await migration.execute("begin; lock table profiles in access exclusive mode")
    beats = daemon.metric("listener_heartbeat_seconds_count")
    wait_until(lambda: daemon.metric("listener_heartbeat_seconds_count") > beats + 3, "it has looked three times")
    assert not daemon.events("mapping_mended")
    assert "mapping_broken" in daemon.get("/readyz")[1]
    await migration.execute("commit")
    await migration.close()
    await connection.execute("alter type grade add value 'student'")
    daemon.told("mapping_mended")


async def test_what_is_written_while_triggers_are_off_is_made_good_when_they_are_on_again(
    connection: Connection, school: tuple[DaemonProcess, object]
) -> None:
    daemon, course = school
    await connection.execute("alter table profiles disable trigger all")
    await connection.execute("insert into profiles (role) values ('student')")
    told_off = "select count(*) from listener.blind_note where operation = 'disabled'"
    await eventually(connection, told_off, equals=3)
    assert "trigger listener_insert on public.profiles is missing or disabled" in daemon.told("mapping_broken")
    await connection.execute("insert into profiles (role) values ('student')")
    assert "triggers_missing" in daemon.get("/readyz")[1]
    daemon.shows("listener_mapping_broken", 0)
    await connection.execute("alter table profiles enable trigger all")
    await eventually(connection, COUNT, course, equals=2)
    daemon.told("mapping_mended")
    wait_until(lambda: "triggers_missing" not in daemon.get("/readyz")[1], "nothing is off")


async def test_triggers_that_are_off_on_one_partition_alone_are_told(connection: Connection) -> None:
    await connection.execute(
        """
        alter table profiles rename to old_profiles;
        create table profiles (id uuid, role text) partition by hash (id);
        create table profiles_0 partition of profiles for values with (modulus 1, remainder 0);
        update listener.binding
        set table_oid = 'profiles'::regclass, kind = 'p'
        where schema_name = 'public' and table_name = 'profiles';
        """
    )
    text = sql.read("schema/adapter/triggers", "row")
    for operation in ("insert", "update"):
        names = {"trigger": f"listener_{operation}", "table": "profiles", "function": "note_watched_1"}
        await connection.execute(sql.render(text, names | {"operation": operation}))
    missing = "select name, table_oid::regclass::text from listener.missing_triggers()"
    assert await connection.fetch(missing) == []
    await connection.execute("alter table profiles_0 disable trigger listener_update")
    assert [tuple(row) for row in await connection.fetch(missing)] == [("listener_update", "profiles_0")]


async def test_rows_that_are_hidden_from_the_owner_of_the_functions_are_told(
    database: Database, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    """As if nobody were a student: no statement fails."""
    await connection.execute(
        "do $$ begin create role lms_owner login; exception when duplicate_object then null; end $$"
    )
    await connection.execute(
        """
        alter schema listener owner to lms_owner;
        alter table profiles owner to lms_owner;
        """
    )
    functions = await connection.fetch(
        "select oid::regprocedure::text as name from pg_proc where pronamespace = 'listener'::regnamespace"
    )
    for function in functions:
        await connection.execute(f"alter function {function['name']} owner to lms_owner")
    relations = await connection.fetch(
        "select oid::regclass::text as name from pg_class where relnamespace = 'listener'::regnamespace"
        " and relkind in ('r', 'v')"
    )
    for relation in relations:
        await connection.execute(f"alter table {relation['name']} owner to lms_owner")
    await connection.execute("grant all on enrollments, courses to lms_owner")
    problems = "select array_agg(problem) from listener.binding_problems()"
    assert await connection.fetchval(problems) is None
    assert await connection.fetchval("select listener.is_bound()")
    daemon = start_daemon(As(database.server, database.name, "lms_owner"), **QUICK).wait_ready("leading")
    await connection.execute(
        "alter table profiles enable row level security; alter table profiles force row level security"
    )
    assert not await connection.fetchval("select listener.is_bound()")
    assert await connection.fetchval(problems) == [
        "row-level security hides rows of public.profiles from lms_owner, whose functions read it"
    ]
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    await connection.execute("insert into profiles (role) values ('student')")
    way_out = "alter table public.profiles no force row level security"
    assert f"`{way_out}`" in daemon.told("mapping_broken")
    # One that starts under it does as well.
    assert daemon.stop() == 0
    daemon = start_daemon(As(database.server, database.name, "lms_owner"), **QUICK).wait_ready("leading")
    assert f"`{way_out}`" in daemon.told("mapping_broken")
    await connection.execute(way_out)
    daemon.told("mapping_mended")
    await eventually(connection, "select count(*) from enrollments", equals=1, seconds=30)


async def test_a_rule_of_postgres_on_a_table_is_told_at_install_and_by_the_daemon_with_the_way_out(
    connection: Connection, database: Database, school: tuple[DaemonProcess, object]
) -> None:
    daemon, course = school
    await connection.execute(
        "create table seen (id uuid);"
        "create rule note_it as on insert to enrollments do also insert into seen values (new.user_id)"
    )
    await connection.execute("insert into profiles (role) values ('student')")
    way_out = "drop rule note_it on public.enrollments"
    assert way_out in daemon.told("mapping_broken")
    for command in ("install", "status"):
        assert way_out in " ".join(listener(database.url, command, check=False).stdout.split())
    await connection.execute(way_out)
    daemon.told("mapping_mended")
    listener(database.url, "pending", "retry")
    await eventually(connection, COUNT, course, equals=1)
