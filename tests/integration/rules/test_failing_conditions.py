"""What a person wrote runs in our triggers: a condition's function, a cast, a number of seats. Whatever it raises, the
LMS's statement goes on and is noted; a cancel, and a time limit that has passed, are those of its own session."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial

import anyio
import asyncpg
import pytest

from listener.database.connection import Connection
from listener.schema import install
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import eventually

FAULTS = ("raise", "assert", "divide", "code of its own")

SCHOOL = """
create function public.fault() returns void language plpgsql as $$
begin
    case current_setting('app.fault', true)
        when 'raise' then raise exception 'no';
        when 'assert' then assert false, 'no';
        when 'divide' then perform 1 / 0;
        when 'code of its own' then raise exception 'no' using errcode = 'LX001';
        when 'slow' then perform pg_sleep(20);
        else null;
    end case;
end;
$$;
create function public.is_sound(text) returns boolean language plpgsql as $$
begin perform public.fault(); return true; end;
$$;
create function public.seats_of(integer) returns integer language plpgsql as $$
begin perform public.fault(); return $1; end;
$$;
create function public.key_of(text) returns bigint language plpgsql as $$
begin perform public.fault(); return pg_catalog.int8in(pg_catalog.textout($1)); end;
$$;
create cast (text as bigint) with function public.key_of(text);

create table profiles (id bigint primary key, role text);
create table courses (
    id bigint primary key, title text, shown boolean, seats integer, enrollments integer not null default 0
);
create table enrollments (
    user_id bigint references profiles on delete cascade,
    course_id bigint references courses on delete cascade,
    status text not null default 'active',
    unique (user_id, course_id)
);
create table tickets (id integer primary key, person text);
create index on tickets (person);

insert into profiles select n, case when n % 2 = 0 then 'student' else 'guest' end from generate_series(1, 6) as n;
insert into courses select n, 'c' || n, n in (1, 5), 10, 0 from generate_series(1, 5) as n;
insert into enrollments select n, 1 + n % 3 from generate_series(1, 3) as n;
insert into tickets select n, n::text from generate_series(1, 3) as n;
"""

RULE = {
    "student_predicate": "role = 'student' and public.is_sound(role)",
    "publish_predicate": "shown and public.is_sound(title)",
}
QUERY = {
    "wanted_query": """
        select profiles.id, courses.id
        from profiles
        inner join tickets on tickets.person = profiles.id::text
        cross join courses
        where courses.shown
    """,
    "watch": "tickets(person)",
    "on_leave": "remove",
    "course_seats": "public.seats_of(seats)",
}

STATEMENTS = {
    "a student signs up": (RULE, "insert into profiles values (10, 'student')", True),
    "a guest becomes a student": (RULE, "update profiles set role = 'student' where id = 1", True),
    "a student gets another key": (RULE, "update profiles set id = 20 where id = 6", True),
    "an account is deleted": (RULE, "delete from profiles where id = 2", False),
    "a course is made": (RULE, "insert into courses values (10, 'new', true, 1, 5)", False),
    "a course is published": (RULE, "update courses set shown = true where id = 2", True),
    "a course gets another key": (RULE, "update courses set id = 30 where id = 5", False),
    "courses go": (RULE, "truncate courses, enrollments", False),
    "an enrollment is made": (RULE, "insert into enrollments values (5, 1)", False),
    "an enrollment ends": (RULE, "update enrollments set status = 'left'", False),
    "an enrollment goes": (RULE, "delete from enrollments where user_id = 1", False),
    "enrollments go": (RULE, "truncate enrollments", False),
    "a ticket is bought": (QUERY, "insert into tickets values (10, '5')", True),
    "a ticket changes hands": (QUERY, "update tickets set person = '5' where id = 1", True),
    "a ticket is given back": (QUERY, "delete from tickets where id = 1", True),
    "tickets go": (QUERY, "truncate tickets", False),
    "a profile whose enrollment we made goes": (QUERY, "delete from profiles where id = 1", False),
    "a profile gets another key": (QUERY, "update profiles set id = 21 where id = 5", False),
    "a course has more seats": (QUERY, "update courses set seats = 20 where id = 1", True),
    "a course goes": (QUERY, "delete from courses where id = 2", False),
}
"""By what happens: the settings it happens under, the statement, and whether it runs what a person wrote."""

NOTED = """
select
    (select count(*) from listener.change where xid = pg_current_xact_id())
    + (select count(*) from listener.blind_note where xid = pg_current_xact_id())
"""


@dataclass(frozen=True)
class School:
    """An LMS, the connection of an application, and what happens there."""

    database: Database
    app: Connection
    statements: dict[str, tuple[str, bool]]


@pytest.fixture(params=["rule", "query"])
async def school(request: pytest.FixtureRequest, make_database: Callable[..., Database]) -> AsyncIterator[School]:
    database = make_database(empty=True)
    settings = RULE if request.param == "rule" else QUERY
    connection: Connection = await connect(database.url)
    await connection.execute(SCHOOL)
    await install.install(connection, await install.plan(connection, settings))
    statements = {what: (text, runs_it) for what, (under, text, runs_it) in STATEMENTS.items() if under is settings}
    yield School(database, connection, statements)
    connection.terminate()


async def test_no_statement_of_the_lmss_fails_by_what_a_condition_raises_and_each_is_noted(
    school: School,
) -> None:
    connection = school.app
    for what, (statement, runs_it) in school.statements.items():
        for fault in (None, *FAULTS):
            transaction = connection.transaction()
            await transaction.start()
            try:
                await connection.execute(f"set local app.fault = '{fault or ''}'")
                await connection.execute(statement)
                await connection.execute("set local app.fault = ''")
                noted = await connection.fetchval(NOTED)
                blindly = await connection.fetchval(
                    "select count(*) from listener.blind_note where xid = pg_current_xact_id() and sqlstate <> '00000'"
                )
            except asyncpg.PostgresError as error:
                raise AssertionError(f"{what}, {fault}: {error.sqlstate} {error}") from error
            finally:
                await transaction.rollback()
            assert noted or "account" in what or "profile" in what, (what, fault)
            assert not blindly or (fault and runs_it), (what, fault)


async def test_a_time_limit_that_passes_in_a_condition_ends_the_statement(school: School) -> None:
    connection = school.app
    for what, (statement, runs_it) in school.statements.items():
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute("set local app.fault = 'slow'; set local statement_timeout = '150ms'")
            if runs_it:
                with pytest.raises(asyncpg.QueryCanceledError):
                    await connection.execute(statement)
            else:
                await connection.execute(statement)
        except BaseException as error:
            raise AssertionError(what) from error
        finally:
            await transaction.rollback()


async def test_a_cancel_in_a_condition_ends_the_statement(school: School) -> None:
    connection = school.app
    statement = next(text for text, runs_it in school.statements.values() if runs_it)
    pid = await connection.fetchval("select pg_backend_pid()")
    other: Connection = await connect(school.database.url)
    await connection.execute("set app.fault = 'slow'")
    cancel = "select pg_cancel_backend(pid) from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'"
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(eventually, other, cancel, pid, equals=True))
            with pytest.raises(asyncpg.QueryCanceledError):
                await connection.execute(statement)
    finally:
        other.terminate()
