"""Virtual columns (Postgres 18) are computed when they are read, and may fail then. No statement of the LMS's fails
because something of ours reads one; and no rule stands on one, since no trigger is given its value."""

from collections.abc import AsyncIterator, Callable

import pytest

from listener.database.connection import Connection
from listener.errors import WrongSetting
from listener.schema import install
from tests.conftest import Database
from tests.support.connecting import connect

FIRST = 18

SCHOOL = """
create table profiles (
    id bigint primary key,
    role text,
    per integer not null default 1,
    share integer generated always as (100 / per) virtual,
    is_pupil boolean generated always as (role = 'pupil') virtual
){profiles};
create table courses (
    id bigint primary key,
    title text not null,
    status text not null default 'published',
    seats integer not null default 10,
    enrollments integer not null default 0,
    per integer not null default 1,
    share integer generated always as (100 / per) virtual,
    places integer generated always as (seats * 2) virtual
);
create table enrollments (
    user_id bigint references profiles on update cascade on delete cascade,
    course_id bigint references courses on update cascade on delete cascade,
    status text not null default 'active',
    per integer not null default 1,
    share integer generated always as (100 / per) virtual,
    unique (user_id, course_id)
){enrollments}
"""
PLAIN = SCHOOL.format(profiles="", enrollments="")
PARTITIONED = SCHOOL.format(
    profiles=" partition by range (id); create table everybody partition of profiles default",
    enrollments=" partition by hash (user_id);"
    " create table everything partition of enrollments for values with (modulus 1, remainder 0)",
)
ROWS = """
insert into courses (id, title) values (1, 'a'), (2, 'b');
insert into profiles (id, role) values (1, 'guest'), (2, 'student'), (3, 'guest');
insert into enrollments (user_id, course_id) values (1, 1), (1, 2);
"""

ROLE = {"student_values": "student"}
QUERY = {
    "wanted_query": "select profiles.id, courses.id from profiles cross join courses where profiles.role = 'student'",
    "on_leave": "remove",
    "course_seats": "seats",
}

STATEMENTS = {
    "insert into profiles (id, role, per) values (10, 'student', 0)": True,
    "insert into courses (id, title, per) values (10, 'c', 0)": True,
    "insert into enrollments (user_id, course_id, per) values (2, 1, 0)": True,
    "update profiles set role = 'student', per = 0 where id = 3": True,
    "update courses set status = 'draft', per = 0 where id = 2": False,
    "update courses set status = 'published' where id = 2": False,
    "update enrollments set status = 'left', per = 0 where user_id = 1 and course_id = 1": True,
    "delete from enrollments where per = 0": True,
    "delete from courses where per = 0": False,
    "delete from profiles where per = 0": False,
}
"""What happens in rows with a virtual column that cannot be computed; whether it is noted under any rule."""


@pytest.fixture
async def app(make_database: Callable[..., Database]) -> AsyncIterator[Connection]:
    database = make_database(empty=True)
    if database.server.version < FIRST:
        pytest.skip(f"Postgres {database.server.version} has no virtual columns")
    connection: Connection = await connect(database.url)
    yield connection
    connection.terminate()


@pytest.mark.parametrize("settings", [ROLE, QUERY], ids=["role", "query"])
@pytest.mark.parametrize("school", [PLAIN, PARTITIONED], ids=["plain", "partitioned"])
async def test_a_column_that_cannot_be_computed_fails_no_statement_and_each_is_noted(
    app: Connection, school: str, settings: dict[str, str]
) -> None:
    await app.execute(f"{school};{ROWS}")
    await install.install(app, await install.plan(app, settings))
    for statement, is_news in STATEMENTS.items():
        async with app.transaction():
            before = await app.fetchval("select count(*) from listener.change where xid = pg_current_xact_id()")
            await app.execute(statement)
            after = await app.fetchval("select count(*) from listener.change where xid = pg_current_xact_id()")
            assert after > before or not is_news, statement
    assert await app.fetchval("select count(*) from listener.blind_note where sqlstate <> '00000'") == 0


@pytest.mark.parametrize("school", [PLAIN, PARTITIONED], ids=["plain", "partitioned"])
async def test_an_update_is_noted_only_if_it_is_news(app: Connection, school: str) -> None:
    await app.execute(f"{school};{ROWS}")
    await install.install(app, await install.plan(app, ROLE))
    await app.execute(
        "update profiles set per = 2; update courses set per = 2; update enrollments set per = 2;"
        "update profiles set role = 'guest' where id = 2; update courses set status = 'draft' where id = 2"
    )
    assert await app.fetch("select source, operation from listener.change") == []


@pytest.mark.parametrize(
    ("settings", "named", "column"),
    [
        ({"student_predicate": "is_pupil"}, "LISTENER_STUDENT_PREDICATE", "is_pupil"),
        ({"publish_predicate": "share > 1", **ROLE}, "LISTENER_PUBLISH_PREDICATE", "share"),
        (QUERY | {"course_seats": "places"}, "LISTENER_COURSE_SEATS", "places"),
        (QUERY | {"course_seats": "places + 1"}, "LISTENER_COURSE_SEATS", "places"),
        (QUERY | {"watch": "profiles(share)"}, "LISTENER_WATCH", "share"),
    ],
)
async def test_a_rule_on_a_virtual_column_is_refused(
    app: Connection, settings: dict[str, str], named: str, column: str
) -> None:
    await app.execute(PLAIN)
    with pytest.raises(WrongSetting, match=f"{named}: .*{column} is a virtual"):
        await install.plan(app, settings)


async def test_a_query_over_a_virtual_column_is_followed_by_what_it_is_computed_from(app: Connection) -> None:
    await app.execute(f"{PLAIN};{ROWS}")
    query = "select profiles.id, courses.id from profiles cross join courses where profiles.is_pupil"
    await install.install(app, await install.plan(app, {"wanted_query": query}))
    await app.execute("update profiles set per = 2")
    assert await app.fetch("select source from listener.change") == []
    await app.execute("update profiles set role = 'pupil' where id = 2")
    assert await app.fetchval("select array_agg(change.profile_ids) from listener.change") == [[2]]
