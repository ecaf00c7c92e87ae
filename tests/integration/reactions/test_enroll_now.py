"""`listener.enroll_now()`: what the rule wants is done in the caller's own transaction, or left to the daemon."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import all_handled, eventually
from tests.support.process import DaemonProcess, listener
from tests.support.refusing import refuse

NOW = "select listener.enroll_now($1)"
SETTLED = "select listener.settled($1)"
SIGN_UP = "insert into profiles (role) values ('student') returning id"
COURSES_OF = "select count(*) from enrollments where user_id = $1"
STEP = "select * from listener.step()"
WAITING = "select reason from listener.pending_enrollment where profile_id = $1"
COUNTS = "select array_agg(enrollments order by title) from courses"
CAUSES = """
create table causes (id bigint generated always as identity, cause text);
create function tell() returns trigger language plpgsql as $$
begin
    insert into causes (cause) values (current_setting('listener.cause', true));
    return null;
end $$;
create trigger tell after insert on enrollments for each row execute function tell();
"""


async def sign_up(connection: Connection) -> tuple[Any, bool]:
    """In one transaction; the profile, and what was answered."""
    async with connection.transaction():
        profile = await connection.fetchval(SIGN_UP)
        return profile, await connection.fetchval(NOW, profile)


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Connection]:
    """One more session."""
    connection: Connection = await connect(database.url)
    yield connection
    connection.terminate()


@pytest.mark.usefixtures("course")
async def test_it_is_there_when_the_sign_up_commits_and_not_if_it_does_not(
    connection: Connection, other: Connection
) -> None:
    transaction = connection.transaction()
    await transaction.start()
    gone = await connection.fetchval(SIGN_UP)
    assert await connection.fetchval(NOW, gone)
    assert await connection.fetchval(COURSES_OF, gone) == 1
    assert await other.fetchval("select count(*) from enrollments") == 0
    await transaction.rollback()
    profile, done = await sign_up(connection)
    assert done
    assert [row["user_id"] for row in await other.fetch("select user_id from enrollments")] == [profile]


@pytest.mark.usefixtures("course")
async def test_the_daemon_finds_it_done_and_counts_it(
    connection: Connection, database: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    profile, _ = await sign_up(connection)
    assert await connection.fetchval(COUNTS) == [0]
    assert not await connection.fetchval(SETTLED, profile)
    daemon = start_daemon(database).wait_ready("leading")
    await all_handled(connection)
    await eventually(connection, COUNTS, equals=[1])
    assert await connection.fetchval(SETTLED, profile)
    assert await connection.fetchval(COURSES_OF, profile) == 1
    assert daemon.metric("listener_enrollments_created_total") == 0


async def test_who_is_nobody_s_student_is_left_alone(connection: Connection, course: None) -> None:
    teacher = await connection.fetchval("insert into profiles (role) values ('teacher') returning id")
    assert await connection.fetchval(NOW, teacher)
    assert await connection.fetchval(COURSES_OF, teacher) == 0
    assert await connection.fetchval("select listener.settled(gen_random_uuid())") is None


REFUSALS = {
    "error": refuse(),
    "assertion": refuse(code="P0004"),
    "cancel": refuse(code="57014"),
    "check": "alter table enrollments add check (status = 'paid')",
    "deferred key": "alter table enrollments add column term bigint default 7;"
    "create table terms (id bigint primary key);"
    "alter table enrollments add foreign key (term) references terms deferrable initially deferred",
    "swallowed": "create function swallow() returns trigger language plpgsql as 'begin return null; end';"
    "create trigger swallow before insert on enrollments for each row execute function swallow()",
    "thrown out": "create function throw() returns trigger language plpgsql as"
    " 'begin delete from enrollments where id = new.id; return null; end';"
    "create trigger throw after insert on enrollments for each row execute function throw()",
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.usefixtures("course")
async def test_a_refusal_does_not_fail_the_sign_up_who_waits_as_always(connection: Connection, refusal: str) -> None:
    await connection.execute(refusal)
    profile, done = await sign_up(connection)
    assert not done
    assert await connection.fetchval(COURSES_OF, profile) == 0
    await connection.fetchrow(STEP)
    assert await connection.fetchval(WAITING, profile) == "failed"
    assert not await connection.fetchval(NOW, profile)
    assert not await connection.fetchval(SETTLED, profile)
    unhandled = "select count(*) from listener.unhandled('enroll') where profile_ids is not null"
    assert await connection.fetchval(unhandled) == 0


async def test_a_profile_that_is_not_there_is_not_said_to_be_done(connection: Connection, course: None) -> None:
    assert await connection.fetchval(NOW, uuid4()) is None
    assert await connection.fetchval(NOW, None) is None
    await connection.execute("""
        create table told (done boolean);
        create function too_early() returns trigger language plpgsql as $$
        begin
            insert into told values (listener.enroll_now(new.id));
            return new;
        end $$;
        create trigger too_early before insert on profiles for each row execute function too_early();
    """)
    await connection.fetchval(SIGN_UP)
    assert await connection.fetchval("select array_agg(done) from told") == [None]
    notes = "select count(*) from listener.change where source = 'profiles'"
    assert await connection.fetchval(notes) == 1, "as without it"


async def test_no_course_yet_is_for_the_daemon_too(connection: Connection) -> None:
    profile, done = await sign_up(connection)
    assert not done
    await connection.fetchrow(STEP)
    assert await connection.fetchval(WAITING, profile) == "no_course"
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    assert await connection.fetchval(NOW, profile)
    assert await connection.fetchval(COURSES_OF, profile) == 1
    await connection.fetchrow(STEP)
    await connection.fetchrow(STEP)
    assert await connection.fetchval(WAITING, profile) is None
    assert await connection.fetchval(SETTLED, profile)


@pytest.mark.usefixtures("course")
async def test_who_was_set_aside_and_is_enrolled_now_waits_no_more(
    connection: Connection, other: Connection, database: Database
) -> None:
    """By the note that is there, or by one that is made for that: no row that the daemon needs is locked meanwhile."""
    await connection.execute(refuse())
    profile, refused, later = [(await sign_up(connection))[0] for _ in range(3)]
    await connection.fetchrow(STEP)
    await connection.execute("drop function refuse cascade")
    await connection.execute("update listener.pending_enrollment set next_attempt_at = now() + interval '1 hour'")
    async with connection.transaction():
        assert await connection.fetchval(NOW, profile)
        await other.execute("set lock_timeout = 1; select from listener.pending_enrollment for update")
    await connection.execute(refuse(f"new.user_id = '{refused}'"))
    await connection.execute("update profiles set role = 'teacher' where id = any ($1)", [refused, later])
    await connection.execute("update profiles set role = 'student' where id = any ($1)", [refused, later])
    await connection.fetchrow(STEP)
    assert [await connection.fetchval(WAITING, each) for each in (profile, refused, later)] == [None, "failed", None]
    assert [await connection.fetchval(COURSES_OF, each) for each in (profile, refused, later)] == [1, 0, 1]
    assert await connection.fetchval(SETTLED, profile)
    listed = (await asyncio.to_thread(listener, database.url, "pending")).stdout
    assert str(refused) in listed
    assert str(profile) not in listed


@pytest.mark.usefixtures("course")
async def test_a_profile_that_nobody_has_noted_is_told_to_the_daemon(connection: Connection) -> None:
    """As one that signed up while its trigger was disabled, and is refused now."""
    await connection.execute(refuse("exists (select from profiles where id = new.user_id and full_name = 'late')"))
    await connection.execute("alter table profiles disable trigger user")
    late = "insert into profiles (role, full_name) values ('student', 'late') returning id"
    profile = await connection.fetchval(late)
    await connection.execute("alter table profiles enable trigger user")
    assert not await connection.fetchval(NOW, profile)
    await connection.fetchrow(STEP)
    assert await connection.fetchval(WAITING, profile) == "failed"


@pytest.mark.usefixtures("course")
async def test_what_is_paused_waits(connection: Connection, database: Database) -> None:
    await asyncio.to_thread(listener, database.url, "pause", "enroll")
    profile, done = await sign_up(connection)
    assert (done, await connection.fetchval(COURSES_OF, profile)) == (False, 0)
    await asyncio.to_thread(listener, database.url, "resume", "enroll")
    await connection.fetchrow(STEP)
    assert await connection.fetchval(COURSES_OF, profile) == 1


@pytest.mark.parametrize("actions", ["observe", "count"])
async def test_it_does_nothing_where_nobody_is_to_be_enrolled(
    make_database: Callable[..., Database], actions: str
) -> None:
    database = make_database(installed=False)
    await asyncio.to_thread(listener, database.url, "install", actions=actions)
    connection: Connection = await connect(database.url)
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    profile, done = await sign_up(connection)
    assert (done, await connection.fetchval(COURSES_OF, profile)) == (False, 0)
    await connection.close()


@pytest.mark.usefixtures("course")
async def test_without_a_key_that_says_once_it_is_left_to_the_daemon(connection: Connection) -> None:
    await connection.execute("alter table enrollments drop constraint enrollments_user_id_course_id_key")
    profile, done = await sign_up(connection)
    assert (done, await connection.fetchval(COURSES_OF, profile)) == (False, 0)
    for unusable in (
        "create unique index odd on enrollments (user_id, course_id) where status = 'active'",
        "create unique index odd on enrollments (user_id, course_id, status)",
        "alter table enrollments add constraint odd unique (user_id, course_id) deferrable",
    ):
        await connection.execute(unusable)
        assert not await connection.fetchval(NOW, profile), unusable
        drop = "alter table enrollments drop constraint" if "constraint" in unusable else "drop index"
        await connection.execute(f"{drop} odd")
    await connection.execute("create unique index on enrollments (user_id)")
    assert await connection.fetchval(NOW, profile)


@pytest.mark.usefixtures("course")
async def test_nobody_waits_for_the_course_while_the_caller_s_transaction_goes_on(
    connection: Connection, other: Connection
) -> None:
    await other.execute("set lock_timeout = 1")
    async with connection.transaction():
        profile = await connection.fetchval(SIGN_UP)
        assert await connection.fetchval(NOW, profile)
        await other.execute("update courses set title = title, enrollments = enrollments")
        await other.execute(SIGN_UP)
        enrolled = await other.fetch(STEP)
        assert enrolled[0]["enrolled"] == 1, enrolled
        moved = await other.fetch(STEP)
        assert moved[0]["moved"] == 1, moved
    await other.fetchrow(STEP)
    await other.fetchrow(STEP)
    assert await other.fetchval(COUNTS) == [2]


@pytest.mark.usefixtures("course")
async def test_a_course_or_a_lock_that_somebody_holds_is_not_waited_for(
    connection: Connection, other: Connection, database: Database
) -> None:
    async with other.transaction():
        await other.execute("select from courses for update")
        profile, done = await sign_up(connection)
    assert not done
    async with other.transaction():
        await other.execute("lock table enrollments in share mode")
        async with asyncio.timeout(5):
            assert not await connection.fetchval(NOW, profile)
    assert await connection.fetchval(NOW, profile)


@pytest.mark.usefixtures("course")
async def test_somebody_who_enrolled_the_same_profile_at_the_same_moment_is_seen(
    connection: Connection, other: Connection
) -> None:
    profile = await connection.fetchval(SIGN_UP)
    transaction = other.transaction()
    await transaction.start()
    assert await other.fetchval(NOW, profile)
    asked = asyncio.create_task(connection.fetchval(NOW, profile))
    blocked = "select exists (select from pg_locks where not granted and pid = $1)"
    await eventually(other, blocked, connection.get_server_pid(), equals=True)
    await transaction.commit()
    assert await asked
    assert await connection.fetchval(COURSES_OF, profile) == 1


@pytest.mark.usefixtures("course")
async def test_the_cause_is_told_and_the_caller_s_own_setting_stays(connection: Connection) -> None:
    await connection.execute(CAUSES)
    async with connection.transaction():
        await connection.execute("set local listener.cause = 'mine'")
        profile = await connection.fetchval(SIGN_UP)
        assert await connection.fetchval(NOW, profile)
        assert await connection.fetchval("select current_setting('listener.cause')") == "mine"
        assert await connection.fetchval("select current_setting('search_path')") != "pg_catalog, pg_temp"
    assert await connection.fetchval("select array_agg(cause) from causes") == ["sign_up"]


@pytest.mark.usefixtures("course")
async def test_it_can_be_called_by_a_trigger_of_the_lms_s(connection: Connection) -> None:
    await connection.execute(CAUSES)
    await connection.execute(
        "create function joined() returns trigger language plpgsql as"
        " 'begin perform listener.enroll_now(new.id); return null; end';"
        "create trigger joined after insert on profiles for each row execute function joined()"
    )
    await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 20)")
    assert await connection.fetchval("select count(*) from enrollments") == 20
    assert await connection.fetchval("select array_agg(distinct cause) from causes") == ["sign_up"]
    await connection.fetchrow(STEP)
    await connection.fetchrow(STEP)
    assert await connection.fetchval(COUNTS) == [20]


@pytest.mark.usefixtures("course")
async def test_the_caller_s_own_deferred_keys_stay_as_they_are(connection: Connection) -> None:
    """As where an ORM makes every key so."""
    await connection.execute(
        "alter table enrollments alter constraint enrollments_user_id_fkey deferrable initially deferred;"
        "alter table enrollments alter constraint enrollments_course_id_fkey deferrable initially deferred;"
        "create table orders (id bigint primary key);"
        "create table items (order_id bigint references orders deferrable initially deferred)"
    )
    async with connection.transaction():
        await connection.execute("insert into items values (1)")
        profile = await connection.fetchval(SIGN_UP)
        assert await connection.fetchval(NOW, profile)
        await connection.execute("insert into items values (2)")
        await connection.execute("insert into enrollments (user_id, course_id) values (gen_random_uuid(), null)")
        await connection.execute("delete from enrollments where course_id is null; insert into orders values (1), (2)")
    assert await connection.fetchval(COURSES_OF, profile) == 1


@pytest.mark.usefixtures("course")
async def test_a_caller_s_cancel_is_the_caller_s(connection: Connection) -> None:
    await connection.execute(
        "create function nap() returns trigger language plpgsql as 'begin perform pg_sleep(60); return new; end';"
        "create trigger nap before insert on enrollments for each row execute function nap()"
    )
    await connection.execute("set statement_timeout = 100")
    with pytest.raises(asyncpg.QueryCanceledError):
        await sign_up(connection)


@pytest.mark.usefixtures("course")
async def test_what_was_done_is_in_the_history(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    await asyncio.to_thread(listener, database.url, "install", history_days=7)
    connection: Connection = await connect(database.url)
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    profile, done = await sign_up(connection)
    await connection.fetchrow(STEP)
    rows = await connection.fetch("select profile_id, done, cause from listener.history")
    assert (done, [tuple(row) for row in rows]) == (True, [(profile, "enrolled", "sign_up")])
    await connection.close()


LEAVES: dict[str, Any] = {
    "wanted_query": "select profiles.id, courses.id from profiles cross join courses where profiles.role = 'student'",
    "on_leave": "suspend",
    "inactive_value": "left",
}


async def test_seats_and_leaving_are_the_daemon_s(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    database.server.psql(database.name, "alter table courses add column seats integer")
    await asyncio.to_thread(listener, database.url, "install", course_seats="seats", **LEAVES)
    connection: Connection = await connect(database.url)
    await connection.execute("insert into courses (title, seats) values ('few', 1), ('many', null)")
    titles = "select array_agg(title order by title) from enrollments inner join courses on courses.id = course_id"
    first, done = await sign_up(connection)
    assert (done, await connection.fetchval(titles)) == (False, ["many"])
    assert await connection.fetchval("select count(*) from listener.waiting") == 0
    second, _ = await sign_up(connection)
    for _ in range(3):
        await connection.fetchrow(STEP)
    assert await connection.fetchval(titles) == ["few", "many", "many"]
    assert await connection.fetchval(WAITING, second) == "full"
    async with connection.transaction():
        await connection.execute("update profiles set role = 'teacher' where id = $1", first)
        assert await connection.fetchval(NOW, first)
        assert await connection.fetchval("select count(*) from enrollments where status = 'left'") == 0
        other: Connection = await connect(database.url)
        await other.execute("set lock_timeout = 1; select from listener.brake for update")
        await other.close()
    await connection.fetchrow(STEP)
    assert await connection.fetchval("select count(*) from enrollments where status = 'left'") == 2
    await connection.execute("update profiles set role = 'student' where id = $1", first)
    assert not await connection.fetchval(NOW, first)
    left = "select array_agg(title) from enrollments inner join courses on courses.id = course_id where user_id = $1"
    assert await connection.fetchval(f"{left} and enrollments.status = 'active'", first) == ["many"]
    await connection.close()


@pytest.mark.usefixtures("course")
async def test_a_rename_that_is_not_followed_yet_fails_no_sign_up(connection: Connection) -> None:
    await connection.execute("alter table profiles rename column role to kind")
    async with connection.transaction():
        profile = await connection.fetchval("insert into profiles (kind) values ('student') returning id")
        assert not await connection.fetchval(NOW, profile)
    await connection.fetchrow(STEP)  # it follows
    assert await connection.fetchval(NOW, profile)
    assert await connection.fetchval(COURSES_OF, profile) == 1
