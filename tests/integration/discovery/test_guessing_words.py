"""Which word means a student, an active enrollment, a published course; and what install asks if nothing says it."""

import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import discover, look
from listener.errors import Questions
from listener.schema import install
from tests.support.guessing import COURSES, ENROLLED, PEOPLE, told


@pytest.mark.parametrize(
    ("column", "rows", "seen"),
    [
        ("text", (), "may be any text, and no row has a value yet"),
        ("text default 'PENDING'", (), "has no such value, only PENDING"),
        ("text", ("waiting", "waiting", "gone"), "has no such value, only waiting, gone"),
        ("text", ("inactive", "unenrolled"), "has no such value, only inactive, unenrolled"),
        ("text", ("actve",), "has no such value, only actve"),
        ("text check (status in ('not_started', 'completed'))", (), "has no such value, only not_started, completed"),
    ],
)
async def test_where_nothing_says_which_status_is_active_install_asks(
    empty_database: Connection, column: str, rows: tuple[str, ...], seen: str
) -> None:
    await empty_database.execute(PEOPLE + COURSES + ENROLLED)
    await empty_database.execute(f"alter table enrollments add status {column}")
    await empty_database.execute("insert into users default values; insert into courses default values")
    await empty_database.executemany("insert into enrollments values (1, 1, $1)", [(row,) for row in rows])
    assert await told(empty_database) == (
        f"cannot tell which enrollments are active: public.enrollments.status {seen}."
        " Set LISTENER_ACTIVE_VALUES (or LISTENER_ENROLLMENT_STATUS=none: all are);"
        " or --accept-guesses: every enrollment counts."
    )
    given = "completed" if "check" in column else "Going On"
    mapping = await discover(empty_database, {"active_values": given})
    assert mapping.active_values == (given,)


@pytest.mark.parametrize(
    ("column", "rows", "written"),
    [
        ("text default 'ACTIVE'", (), "ACTIVE"),
        ("text default 'PENDING'", ("PENDING", "Active"), "Active"),
        ("text", ("Active", "active", "active"), "active"),
        ("text check (status in ('Pending', 'Enrolled'))", (), "Enrolled"),
        ("text check (status in ('PENDING', 'COMPLETED', 'FAILED'))", (), "COMPLETED"),
    ],
)
async def test_what_is_written_is_a_word_of_the_lms_s_own_in_its_own_letters(
    empty_database: Connection, column: str, rows: tuple[str, ...], written: str
) -> None:
    await empty_database.execute(PEOPLE + COURSES + ENROLLED)
    await empty_database.execute(f"alter table enrollments add status {column}")
    await empty_database.execute("insert into users default values; insert into courses default values")
    await empty_database.executemany("insert into enrollments values (1, 1, $1)", [(row,) for row in rows])
    assert (await discover(empty_database)).active_values[0] == written


@pytest.mark.parametrize(
    ("column", "rows", "seen"),
    [
        ("text", (), "may be any text, and no row has a value yet"),
        ("text default 'PENDING'", (), "has no such value, only PENDING"),
        ("text", ("nonstudent", "boss"), "has no such value, only boss, nonstudent"),
        (
            "text check (role in ('" + "','".join(f"r{number}" for number in range(14)) + "'))",
            (),
            f"has no such value, only {', '.join(f'r{number}' for number in range(12))} and 2 more",
        ),
    ],
)
async def test_where_nothing_says_what_a_student_is_install_asks(
    empty_database: Connection, column: str, rows: tuple[str, ...], seen: str
) -> None:
    await empty_database.execute(PEOPLE + COURSES + ENROLLED)
    await empty_database.execute(f"alter table users drop role; alter table users add role {column}")
    await empty_database.executemany("insert into users (role) values ($1)", [(row,) for row in rows])
    assert await told(empty_database) == (
        f"cannot tell who is a student: public.users.role {seen}."
        " Set LISTENER_STUDENT_VALUES (or LISTENER_STUDENT_PREDICATE=true: everyone is);"
        " or --accept-guesses: everyone is a student."
    )
    assert (await discover(empty_database, {"student_predicate": "true"})).is_student == "true"


async def test_a_role_that_is_not_a_word_does_not_make_everyone_a_student(empty_database: Connection) -> None:
    said = await told(
        empty_database,
        "create table roles (id integer primary key, name text);",
        PEOPLE + COURSES + ENROLLED,
        "alter table users drop role; alter table users add role_id integer references roles;",
    )
    assert said == (
        "cannot tell who is a student: public.users.role_id refers to public.roles, which says no name of a role yet."
        " Set LISTENER_STUDENT_PREDICATE to a condition on role_id (or LISTENER_STUDENT_PREDICATE=true: everyone is);"
        " or --accept-guesses: everyone is a student."
    )
    await empty_database.execute("alter table users drop role_id; alter table users add role smallint")
    assert "public.users.role is smallint" in await told(empty_database)
    assert (await discover(empty_database, {"student_predicate": "role = 3"})).is_student == "({row}.role = 3)"


async def test_a_role_that_another_table_gives_is_asked_about(empty_database: Connection) -> None:
    said = await told(
        empty_database,
        PEOPLE + COURSES + ENROLLED,
        "alter table users drop role;",
        "create table messages (user_id integer references users, role text default 'student');",
        "create table memberships (user_id integer references users, role text check (role in ('boss', 'student')));",
    )
    assert said == (
        "cannot tell who is a student: no column of the profiles says so, and public.memberships.role may."
        " Set LISTENER_STUDENT_TABLE=public.memberships if it does (or LISTENER_STUDENT_PREDICATE=true: everyone is);"
        " or --accept-guesses: everyone is a student."
    )
    mapping = await discover(empty_database, {"student_table": "memberships"})
    assert (mapping.student_table.name, mapping.student_key) == ("memberships", "user_id")


async def test_a_table_of_roles_decides_where_the_profiles_column_says_nothing(empty_database: Connection) -> None:
    await empty_database.execute(PEOPLE + COURSES + ENROLLED)
    await empty_database.execute("""
        alter table users drop role;
        alter table users add type text;
        create table user_roles (user_id integer references users, role text check (role in ('admin', 'student')));
    """)
    mapping = await discover(empty_database)
    assert (mapping.student_table.name, mapping.is_student) == ("user_roles", """{row}."role" in ('student')""")


@pytest.mark.parametrize(
    ("column", "seen"), [("text", "may be any text, and no row has a value yet"), ("text default 'wip'", "only wip")]
)
async def test_where_nothing_says_which_courses_are_published_install_asks(
    empty_database: Connection, column: str, seen: str
) -> None:
    said = await told(empty_database, PEOPLE, COURSES, f"alter table courses add status {column};", ENROLLED)
    assert said.startswith("cannot tell which courses are published: public.courses.status ")
    assert seen in said
    assert said.endswith(
        "Set LISTENER_PUBLISH_PREDICATE (`true` is all of them);"
        " or --accept-guesses: students may land in every course."
    )
    assert (await discover(empty_database, {"publish_predicate": "true"})).is_available == "true"


SUPABASE = """
create schema auth;
create table auth.users (
    id uuid primary key default gen_random_uuid(), role varchar(255), email text, deleted_at timestamptz
);
create table courses (id integer primary key generated always as identity);
create table enrollments (user_id uuid references auth.users, course_id integer references courses);
"""


async def test_the_role_that_the_api_gives_is_not_the_school_s(empty_database: Connection) -> None:
    await empty_database.execute(SUPABASE)
    for role in (None, "authenticated", "student"):
        await empty_database.execute("insert into auth.users (role) values ($1)", role)
        mapping = await discover(empty_database)
        assert (mapping.profile_table.label, mapping.is_student) == ("auth.users", '{row}."deleted_at" is null')
    await empty_database.execute(
        "create table user_roles (user_id uuid references auth.users, role text default 'student')"
    )
    assert (await discover(empty_database)).student_table.name == "user_roles"
    mapping = await discover(empty_database, {"student_table": "auth.users", "student_column": "role"})
    assert mapping.is_student.startswith("""{row}."role" in ('student')""")


async def test_what_was_known_once_is_not_asked_again(plain_lms: Connection) -> None:
    await install.install(plain_lms, await install.plan(plain_lms, {}))
    await plain_lms.execute("alter table profiles drop constraint profiles_role_check")
    await plain_lms.execute("alter table enrollments alter column status set default 'PENDING'")
    with pytest.raises(Questions, match="LISTENER_STUDENT_VALUES"):
        await look(plain_lms)
    await install.install(plain_lms, await install.plan(plain_lms, {}))
    for _ in range(2):
        planned = await install.plan(plain_lms, {})
        assert planned.is_done
        assert (planned.mapping.is_student, planned.mapping.active_values) == (
            "({row}.role = 'student'::text)",
            ("active",),
        )
    assert (
        await install.plan(plain_lms, {"student_values": "pupil"})
    ).mapping.is_student == """{row}."role" in ('pupil')"""
