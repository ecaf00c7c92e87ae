"""Somebody with SQL of his own and rights on the LMS's tables alone: nothing is his to read, take over or hold up."""

from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener

LOOT = """
create temporary table loot (taken_by name);
grant all on loot to public;
"""

TRAP = """
create function pg_temp.trap_{kind}(caught pg_catalog.{kind}) returns boolean language plpgsql as $$
begin
    insert into pg_temp.loot values (current_user);
    return true;
end $$;
create domain pg_temp.{kind} as pg_catalog.{kind} check (pg_temp.trap_{kind}(value));
"""

# They fit better than Postgres's own, which take any type.
OVERLOADS = (
    ("unnest", "uuid[]", "setof uuid"),
    ("cardinality", "uuid[]", "integer"),
    ("format", "text, text", "text"),
    ("format", "text, text, text", "text"),
    ("lower", "varchar", "text"),
    ("to_jsonb", "uuid", "jsonb"),
    ("to_jsonb", "uuid[]", "jsonb"),
)

HOSTILE = {
    "default_transaction_isolation": "serializable",
    "search_path": "pg_temp, public",
    "lock_timeout": "1ms",
    "plan_cache_mode": "force_generic_plan",
    "enable_indexscan": "off",
    "row_security": "on",
    "check_function_bodies": "off",
    "quote_all_identifiers": "on",
    "backslash_quote": "on",
    "standard_conforming_strings": "on",
    "transform_null_equals": "on",
    "plpgsql.variable_conflict": "use_variable",
    "extra_float_digits": "-15",
    "datestyle": "german",
    "client_encoding": "latin1",
    "bytea_output": "escape",
}


@pytest.fixture
async def attacker(database: Database) -> AsyncIterator[Connection]:
    """A session of a role that may write what an app's users may write."""
    psql = database.server.psql
    create = "create role attacker login; exception when duplicate_object then null;"
    psql("postgres", f"do $$ begin {create} end $$")
    psql(database.name, "grant select, insert, update, delete, truncate on profiles, enrollments, courses to attacker")
    connection: Connection = await asyncpg.connect(database.server.url(database.name, user="attacker"))
    yield connection
    connection.terminate()


async def write_everything(attacker: Connection) -> None:
    """Each way to change each of the three tables."""
    await attacker.execute(
        """
        insert into courses (title, price, enrollments) values ('mine', 0, 7);
        insert into profiles (role) values ('student');
        insert into profiles (role) select 'student' from pg_catalog.generate_series(1, 150);
        update profiles set role = 'nobody';
        update profiles set role = 'student';
        insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles, courses;
        update enrollments set status = 'left';
        update enrollments set status = 'active';
        update courses set id = pg_catalog.gen_random_uuid();
        update courses set status = 'draft';
        update courses set status = 'published';
        delete from enrollments;
        truncate enrollments;
        delete from courses;
        truncate courses cascade;
        """
    )


async def test_types_of_his_own_do_not_run_with_the_owners_rights(attacker: Connection) -> None:
    await attacker.execute(LOOT)
    for kind in ("uuid", "text", "int8", "int4", "xid8", "pg_snapshot", "bool"):
        await attacker.execute(TRAP.format(kind=kind))
    await write_everything(attacker)
    assert await attacker.fetch("select taken_by from loot where taken_by <> 'attacker'") == []


async def test_functions_of_his_own_do_not_run_with_the_daemons_rights(
    database: Database, attacker: Connection, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    await connection.execute("grant create on schema public to attacker; create table loot (taken_by name, what text)")
    await connection.execute("grant all on loot to public")
    for name, given, returns in OVERLOADS:
        await attacker.execute(
            f"""
            create function public.{name}({given}) returns {returns} language plpgsql as $$
            begin
                insert into public.loot values (current_user, '{name}');
                return{"" if returns.startswith("setof") else " null"};
            end $$
            """
        )
    daemon = start_daemon(database, heartbeat_seconds=1).wait_ready("leading")
    await attacker.execute("insert into courses (title) values ('a'); insert into profiles (role) values ('student')")
    await eventually(connection, "select count(*) from enrollments", equals=1)
    await eventually(connection, "select enrollments from courses", equals=1)
    assert await connection.fetch("select taken_by, what from loot where taken_by <> 'attacker'") == []
    assert daemon.events("connection_lost") == []


async def test_no_setting_of_his_session_loses_a_note(attacker: Connection, connection: Connection) -> None:
    for name, value in HOSTILE.items():
        await attacker.execute(f"set {name} = '{value}'")
    await attacker.execute("insert into public.courses (title) values ('a')")
    await attacker.execute("insert into public.profiles (role) values ('student')")
    await attacker.execute(
        "insert into public.enrollments (user_id, course_id) select p.id, c.id from public.profiles p, public.courses c"
    )
    noted = await connection.fetch("select source, sum(delta)::int as delta from listener.change group by 1 order by 1")
    assert [tuple(row) for row in noted] == [("courses", None), ("enrollments", 1), ("profiles", None)]
    assert await connection.fetchval("select count(*) from listener.course_drift") == 0


async def test_he_can_neither_read_nor_fake_a_note(attacker: Connection, connection: Connection) -> None:
    await attacker.execute("create temporary table mine (id uuid, role text)")
    functions = await connection.fetch(
        "select proname as name, prorettype = 'trigger'::regtype as is_trigger from pg_proc"
        " where pronamespace = 'listener'::regnamespace"
    )
    tables = await connection.fetch(
        "select relname as name from pg_class where relnamespace = 'listener'::regnamespace"
    )
    attempts = [f"select * from listener.{table['name']}" for table in tables]
    attempts += [
        f"create trigger fake before insert on mine for each row execute function listener.{function['name']}()"
        if function["is_trigger"]
        else f"select listener.{function['name']}()"
        for function in functions
    ]
    attempts.append("create function listener.mine() returns int language sql as 'select 1'")
    for attempt in attempts:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await attacker.execute(attempt)


async def test_locks_and_rings_of_his_only_delay(
    database: Database, attacker: Connection, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(database, heartbeat_seconds=1).wait_ready("leading")
    await connection.execute("insert into courses (title) values ('a')")
    locks = (
        "select pg_try_advisory_lock_shared(classid::bigint::int, objid::bigint::int),"
        " pg_try_advisory_lock(classid::bigint::int, objid::bigint::int)"
        " from pg_locks where locktype = 'advisory' and objsubid = 2"
    )
    holds = (locks, "select pg_notify('listener', 'heartbeat') from generate_series(1, 1000)", "listen listener")
    for signed_up, hold in enumerate(holds, start=1):
        await attacker.execute(hold)
        for payload in ("heartbeat", "", "x" * 7000, "\n", "{'"):
            await attacker.fetchval("select pg_notify('listener', $1)", payload)
        await connection.execute("insert into profiles (role) values ('student')")
        await eventually(connection, "select count(*) from enrollments", equals=signed_up)
        await eventually(connection, "select enrollments from courses", equals=signed_up)
    assert daemon.events("connection_lost") == []
    assert daemon.events("heartbeat_missed") == []


LONGEST = "select string_agg(md5(random()::text || n), '') from generate_series(1, 83) as n"


@pytest.fixture
def text_database(make_database: Callable[..., Database]) -> Database:
    """Keys are whatever somebody signs up with."""
    return make_database("text")


async def test_the_longest_key_there_can_be_holds_nobody_up(
    text_database: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    connection = await asyncpg.connect(text_database.url)
    try:
        daemon = start_daemon(text_database, heartbeat_seconds=1).wait_ready("leading")
        for length in range(2650, 2705, 2):
            try:
                await connection.execute(
                    f"insert into profiles (id, role) select left(({LONGEST}), {length}), 'student'"
                )
            except asyncpg.ProgramLimitExceededError:
                break
        await connection.execute("insert into profiles (id, role) values (E'it''s\\n\"me\"\\x1b[31m', 'student')")
        await connection.execute("insert into profiles (id, role) values ('', 'student')")
        await eventually(connection, "select count(*) > 20 from listener.pending_enrollment", equals=True)
        waiting = "select count(*) from profiles where id not in (select profile_id from listener.pending_enrollment)"
        await eventually(connection, waiting, equals=0)
        await connection.execute("insert into courses (id, title) values (repeat('c', 40), 'a')")
        await eventually(connection, "select count(*) >= 2 from enrollments where length(user_id) < 100", equals=True)
        assert daemon.events("connection_lost") == []
    finally:
        connection.terminate()


async def test_a_key_that_is_markup_or_moves_the_cursor_is_shown_as_it_is(text_database: Database) -> None:
    connection = await asyncpg.connect(text_database.url)
    try:
        await connection.execute("alter table profiles disable trigger user; alter table courses disable trigger user")
        await connection.execute("insert into profiles (id, role) values (E'[/x] \\x1b[2J\\nall is well', 'student')")
        await connection.execute("insert into courses (id, title, enrollments) values (E'[/y] \\x1b[2J', 'a', 7)")
        await connection.execute("alter table profiles enable trigger user; alter table courses enable trigger user")
        await connection.execute(
            "insert into listener.pending_enrollment (profile_id, reason, error, next_attempt_at)"
            " values (E'[/z] \\x1b[2J', 'failed', E'[/e] \\x1b[2J', now())"
        )
        for command, status in (("diagnose", 1), ("pending", 0), ("sync", 0)):
            done = listener(text_database.url, command, check=False)
            assert done.returncode == status, done.stderr
            assert "\x1b" not in done.stdout
            assert "\nall is well" not in done.stdout
            assert "[/" in done.stdout
            if command == "pending":
                await connection.execute("delete from listener.pending_enrollment")
    finally:
        connection.terminate()
