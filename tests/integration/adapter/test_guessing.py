"""What install makes of a schema, and what it asks because nothing there says it."""

from collections.abc import Callable

import pytest

from listener.adapter import install
from listener.adapter.discovery import discover, look
from listener.connection import Connection
from listener.errors import ListenerError, Undecided
from tests.conftest import Database

PEOPLE = "create table users (id integer primary key generated always as identity, role text default 'student');"
COURSES = "create table courses (id integer primary key generated always as identity, title text);"
ENROLLED = """create table enrollments (
    user_id integer not null references users, course_id integer not null references courses
);"""


async def told(connection: Connection, *statements: str, settings: dict[str, str] | None = None) -> str:
    """What is said of a schema that is not understood."""
    for statement in statements:
        await connection.execute(statement)
    with pytest.raises(ListenerError) as error:
        await look(connection, settings)
    said = str(error.value)
    assert "\n" not in said
    return said


TWICE = {
    "prerequisites": "course_id integer references courses, prerequisite_course_id integer references courses",
    "plain_names": "course integer references courses, course_id integer references courses",
    "duplications": "source_course_id integer references courses, target_course_id integer references courses,"
    " duplicated_by integer references users",
    "copies": "source_course_id integer references courses, target_course_id integer references courses,"
    " user_id integer references users",
    "assessments": "user_id integer, course_link text, course_title text",
}


@pytest.mark.parametrize("other", TWICE)
async def test_a_table_that_refers_twice_to_courses_does_not_stop_the_search(
    empty_database: Connection, other: str
) -> None:
    await empty_database.execute(f"{PEOPLE} {COURSES} create table course_{other} ({TWICE[other]})")
    assert "enrollments table" in await told(empty_database)
    await empty_database.execute(ENROLLED)
    assert (await discover(empty_database)).enrollment_table.name == "enrollments"


async def test_an_enrollment_with_two_courses_is_of_the_one_that_is_plainly_called_so(
    empty_database: Connection,
) -> None:
    await empty_database.execute(PEOPLE + COURSES + ENROLLED)
    await empty_database.execute("alter table enrollments add previous_course_id integer references courses")
    assert (await discover(empty_database)).enrollment_course == "course_id"


async def test_where_no_column_is_plainly_the_course_of_the_enrollments_no_lesser_table_takes_their_place(
    empty_database: Connection,
) -> None:
    said = await told(
        empty_database,
        PEOPLE + COURSES,
        "create table enrollments (user_id integer references users, first_course_id integer references courses,"
        " second_course_id integer references courses);",
        "create table course_members (user_id integer references users, course_id integer references courses);",
    )
    assert said.startswith("cannot tell which column of public.enrollments is the course: first_course_id ")
    assert said.endswith("Set LISTENER_ENROLLMENT_COURSE.")


async def test_a_table_that_only_refers_to_both_is_named_but_not_taken(empty_database: Connection) -> None:
    said = await told(
        empty_database,
        PEOPLE + COURSES,
        "create table bookmarks (user_id integer references users, course_id integer references courses,"
        " unique (user_id, course_id));",
    )
    assert said == (
        "cannot find the enrollments table: no table that refers to both people and courses is named for enrollments"
        " (these refer to both: public.bookmarks); set LISTENER_ENROLLMENT_TABLE."
    )
    assert (await discover(empty_database, {"enrollment_table": "bookmarks"})).enrollment_table.name == "bookmarks"


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
        " Set LISTENER_ACTIVE_VALUES (or LISTENER_ENROLLMENT_STATUS=none: all are)."
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
        " Set LISTENER_STUDENT_VALUES (or LISTENER_STUDENT_PREDICATE=true: everyone is)."
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
        "cannot tell who is a student: public.users.role_id refers to public.roles. Set LISTENER_STUDENT_PREDICATE"
        " to a condition on role_id (or LISTENER_STUDENT_PREDICATE=true: everyone is)."
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
        " Set LISTENER_STUDENT_TABLE=public.memberships if it does (or LISTENER_STUDENT_PREDICATE=true: everyone is)."
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
    assert said.endswith("Set LISTENER_PUBLISH_PREDICATE (`true` is all of them).")
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


CLASSES = (
    "create table classes (id integer primary key generated always as identity, course_id integer references courses);"
)


async def test_enrollments_in_a_class_of_a_course_are_said_to_be_that_and_can_be_served(
    empty_database: Connection, make_database: Callable[..., Database]
) -> None:
    said = await told(
        empty_database,
        PEOPLE + COURSES + CLASSES,
        "create table tenants (id integer primary key);",
        "create table enrollments (user_id integer references users, class_id integer references classes,"
        " tenant_id integer references tenants, unique (user_id, class_id));",
        "create table course_progress (user_id integer references users, course_id integer references courses);",
    )
    assert said == (
        "cannot tell the course of public.enrollments: people are enrolled in public.classes (class_id), which refers"
        " to public.courses (course_id). Set LISTENER_COURSE_TABLE=public.classes: new students then land in one of"
        " those, each with its own count. Or set LISTENER_ENROLLMENT_TABLE to a table that refers to courses."
    )
    assert said == await told(empty_database, settings={"enrollment_table": "enrollments"})
    await install.install(empty_database, await install.plan(empty_database, {"course_table": "public.classes"}))
    await empty_database.execute("insert into courses default values; insert into classes (course_id) values (1)")
    assert await empty_database.fetchval("select listener.default_course_id()") == 1


async def test_enrollments_in_something_that_is_called_by_another_name_are_said_to_be_that(
    empty_database: Connection,
) -> None:
    said = await told(
        empty_database,
        PEOPLE,
        "create table cohorts (id integer primary key);",
        "create table enrollments (user_id integer references users, cohort_id integer references cohorts);",
    )
    assert "people are enrolled in public.cohorts (cohort_id). Set LISTENER_COURSE_TABLE=public.cohorts" in said
    assert (await discover(empty_database, {"course_table": "cohorts"})).enrollment_course == "cohort_id"


async def test_enrollments_in_courses_win_over_those_in_classes(empty_database: Connection) -> None:
    await empty_database.execute(PEOPLE + COURSES + CLASSES + ENROLLED)
    await empty_database.execute(
        "create table class_enrollments (user_id integer references users, class_id integer references classes)"
    )
    assert (await discover(empty_database)).enrollment_table.name == "enrollments"


@pytest.mark.parametrize(
    "keys",
    [
        "term_id uuid, primary key (user_id, course_id, term_id)",
        "term_id uuid primary key references terms",
    ],
)
async def test_a_key_that_refers_to_something_is_not_made_up(empty_database: Connection, keys: str) -> None:
    said = await told(
        empty_database,
        PEOPLE + COURSES,
        "create table terms (id uuid primary key);",
        f"create table enrollments (user_id integer references users, course_id integer references courses, {keys});",
    )
    assert said.startswith("cannot tell what to put into public.enrollments (term_id): ")


async def test_what_was_known_once_is_not_asked_again(plain_lms: Connection) -> None:
    await install.install(plain_lms, await install.plan(plain_lms, {}))
    await plain_lms.execute("alter table profiles drop constraint profiles_role_check")
    await plain_lms.execute("alter table enrollments alter column status set default 'PENDING'")
    assert "LISTENER_STUDENT_VALUES" in await told(plain_lms)
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


async def test_a_key_that_was_made_up_is_asked_for_once_it_is_of_another_type(plain_lms: Connection) -> None:
    await plain_lms.execute(
        "alter table enrollments alter column id drop identity if exists, alter column id drop default"
    )
    await plain_lms.execute("alter table enrollments alter column id type text using id::text")
    planned = await install.plan(plain_lms, {})
    assert planned.mapping.extra_values == {"id": "(gen_random_uuid())::text"}
    await install.install(plain_lms, planned)
    assert (await install.plan(plain_lms, {})).is_done
    await plain_lms.execute("alter table enrollments alter column id type jsonb using to_jsonb(id)")
    with pytest.raises(Undecided, match="LISTENER_ENROLLMENT_VALUES='id=…'"):
        await install.plan(plain_lms, {})
