"""Beside a table of roles: who was suspended lands once that is over, and so does who is given the role back."""

from listener.database.connection import Connection
from listener.schema import install

SCHOOL = """
create table users (id integer primary key, is_suspended boolean not null default false);
create table roles (id integer primary key, name text);
create table user_roles (user_id integer references users, role_id integer references roles, revoked_at timestamptz);
create table courses (id integer primary key, title text);
create table enrollments (
    user_id integer references users, course_id integer references courses, primary key (user_id, course_id)
);
insert into roles values (1, 'teacher'), (2, 'student');
insert into courses values (1, 'Welcome');
"""
ENROLLED = "select array_agg(user_id order by user_id) from enrollments"


async def landed(connection: Connection) -> list[int] | None:
    await connection.fetch("select * from listener.step()")
    found: list[int] | None = await connection.fetchval(ENROLLED)
    return found


async def test_they_land_when_they_are_back(empty_database: Connection) -> None:
    await empty_database.execute(SCHOOL)
    await install.install(empty_database, await install.plan(empty_database, {}))
    await empty_database.execute("insert into users values (1, false), (2, false), (3, true), (4, false)")
    await empty_database.execute(
        "insert into user_roles values (1, 2, null), (2, 1, null), (3, 2, null), (4, 2, now())"
    )
    assert await landed(empty_database) == [1]
    await empty_database.execute("update users set is_suspended = false")
    assert await landed(empty_database) == [1, 3]
    await empty_database.execute("update user_roles set revoked_at = null")
    assert await landed(empty_database) == [1, 3, 4]
    await empty_database.execute("update user_roles set role_id = 2")
    assert await landed(empty_database) == [1, 2, 3, 4]
