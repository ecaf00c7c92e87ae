"""What is said of a schema leads on: each message is tried by doing what it says."""

import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import discover, look
from listener.errors import Forced, WrongSetting
from tests.support.guessing import COURSES, ENROLLED, PEOPLE, told

CLASSES = "create table classes (id integer primary key, course_id integer references courses);"


async def test_a_class_that_must_be_there_is_what_people_are_enrolled_in(empty_database: Connection) -> None:
    said = await told(
        empty_database,
        PEOPLE + COURSES + CLASSES,
        "create table attendance (user_id integer references users, course_id integer references courses)",
        "create table enrollments (student_id integer references users, class_id integer not null references classes,"
        " original_course_id integer)",
    )
    assert "people are enrolled in public.classes (class_id)" in said
    assert "Set LISTENER_COURSE_TABLE=public.classes:" in said
    mapping = await discover(empty_database, {"course_table": "public.classes"})
    assert (mapping.enrollment_table.name, mapping.enrollment_course) == ("enrollments", "class_id")
    # A column that is set is looked for where it can be meant.
    mapping = await discover(empty_database, {"enrollment_course": "class_id", "enrollment_table": "enrollments"})
    assert (mapping.enrollment_table.name, mapping.enrollment_course) == ("enrollments", "class_id")
    mapping = await discover(empty_database, {"enrollment_course": "class_id", "enrollment_profile": "student_id"})
    assert mapping.enrollment_table.name == "enrollments"
    with pytest.raises(WrongSetting, match=r"public.enrollments has no column 'nothing'"):
        await discover(empty_database, {"enrollment_course": "nothing"})


async def test_what_must_be_there_is_offered_beside_what_may_be(empty_database: Connection) -> None:
    said = await told(
        empty_database,
        PEOPLE + COURSES + CLASSES,
        "create table pathways (id integer primary key);",
        "create table enrollments (user_id integer references users, class_id integer references classes,"
        " pathway_id integer not null references pathways)",
    )
    assert "LISTENER_COURSE_TABLE=public.classes or public.pathways" in said
    mapping = await discover(empty_database, {"course_table": "public.pathways"})
    assert mapping.enrollment_course == "pathway_id"


async def test_teachers_are_no_courses(empty_database: Connection) -> None:
    said = await told(
        empty_database,
        PEOPLE + COURSES,
        "create table faculty (id integer primary key);",
        "create table faculty_student_enrollments (student_id integer references users, faculty_id integer references"
        " faculty)",
    )
    assert "LISTENER_COURSE_TABLE" not in said
    await empty_database.execute(ENROLLED)
    assert (await discover(empty_database)).enrollment_table.name == "enrollments"


async def test_keys_of_several_columns_are_named(empty_database: Connection) -> None:
    await empty_database.execute(
        PEOPLE + "create table courses (part integer, id integer, primary key (part, id));"
        "create table enrollments (user_id integer references users, course_id integer)"
    )
    settings = {
        "enrollment_table": "enrollments",
        "enrollment_course": "course_id",
        "enrollment_profile": "user_id",
        "course_table": "courses",
        "profile_table": "users",
    }
    said = await told(empty_database, settings=settings)
    assert "no column of public.courses is that and unique by itself: its key is (part, id)" in said
    await empty_database.execute("alter table courses add unique (id)")
    assert (await discover(empty_database, settings)).course_key == "id"


async def test_values_that_sound_like_it_are_offered(empty_database: Connection) -> None:
    said = await told(
        empty_database,
        COURSES,
        "create table users (id integer primary key, role text check (role in ('platform_student', 'no_student')));",
        ENROLLED,
    )
    assert "Set LISTENER_STUDENT_VALUES=platform_student (or" in said
    mapping = await discover(empty_database, {"student_values": "platform_student"})
    assert "'platform_student'" in mapping.is_student


@pytest.mark.parametrize(
    ("key", "more", "reason"),
    [
        ("uuid", "", "neither price nor date: the first by id, which is any one (LISTENER_DEFAULT_COURSE or"),
        ("integer", "", "neither price nor date: the first by id"),
        ("integer", ", price numeric", "the cheapest by price, then the first by id"),
        ("integer", ", created_at timestamptz", "no price: the oldest first"),
    ],
)
async def test_the_order_is_told_as_it_is(empty_database: Connection, key: str, more: str, reason: str) -> None:
    await empty_database.execute(
        f"{PEOPLE} create table courses (id {key} primary key{more});"
        f"create table enrollments (user_id integer references users, course_id {key} references courses,"
        " status text default 'active')"
    )
    found = await look(empty_database)
    reasons = {choice.what: choice.reason for choice in found.choices}
    assert reasons["default course"].startswith(reason)
    assert reasons["active"] == "status: the default says so"


async def test_keys_of_several_columns_of_people_are_named_too(empty_database: Connection) -> None:
    said = await told(
        empty_database,
        "create table users (part integer, id integer, role text check (role in ('student')), primary key (part, id));"
        + COURSES
        + "create table enrollments (part integer, user_id integer, course_id integer references courses,"
        " foreign key (part, user_id) references users)",
    )
    assert "id is not unique by itself, and no other column is: the key is (part, id). Make one unique, then" in said
    await empty_database.execute("alter table users add unique (id)")
    assert (await discover(empty_database)).profile_key == "id"


async def test_the_owner_of_forced_row_level_security_is_told_what_to_do(empty_database: Connection) -> None:
    role = await empty_database.fetchval("select 'owner_' || current_database()")
    await empty_database.execute(f"create role {role}")
    await empty_database.execute(
        f"grant create on schema public to {role}; set role {role}; {PEOPLE}{COURSES}{ENROLLED};"
        "alter table users enable row level security, force row level security"
    )
    with pytest.raises(Forced) as error:
        await discover(empty_database)
    assert "row-level security is forced on public.users" in str(error.value)
    await empty_database.execute(str(error.value).split("`")[1])
    assert (await discover(empty_database)).profile_table.name == "users"
    await empty_database.execute(f"reset role; drop owned by {role}; drop role {role}")


async def test_a_status_that_is_asked_about_is_asked_about_once(empty_database: Connection) -> None:
    said = await told(
        empty_database,
        PEOPLE + COURSES,
        "create table enrollments (user_id integer references users, course_id integer references courses,"
        " status varchar(30) not null)",
    )
    assert "LISTENER_ACTIVE_VALUES" in said
    assert "LISTENER_ENROLLMENT_VALUES" not in said
    assert (await discover(empty_database, {"active_values": "active"})).active_values == ("active",)
    said = await told(empty_database, settings={"accept_guesses": "*"})
    assert "what to put into public.enrollments (status)" in said
    said = await told(empty_database, settings={"enrollment_status": "none"})
    assert "LISTENER_ENROLLMENT_VALUES='status=…'" in said
    settings = {"enrollment_status": "none", "enrollment_values": "status='enrolled'"}
    assert (await discover(empty_database, settings)).extra_values.keys() == {"status"}


async def test_a_role_in_the_course_is_asked_about_once(empty_database: Connection) -> None:
    said = await told(
        empty_database,
        PEOPLE + COURSES,
        "create table enrollments (user_id integer references users, course_id integer references courses,"
        " rol text not null check (rol in ('alumno', 'profesor')))",
    )
    assert said.count("LISTENER_ENROLLMENT_VALUES") == 1
    mapping = await discover(empty_database, {"enrollment_values": said.split('"')[1]})
    assert mapping.extra_values == {"rol": "'alumno'::text"}


async def test_teachers_in_a_table_of_their_own_are_no_students(empty_database: Connection) -> None:
    said = await told(
        empty_database,
        "create table users (id integer primary key, name text);" + COURSES + ENROLLED,
        "create table teachers (user_id integer primary key references users)",
    )
    assert "public.teachers has rows of some who may be none. Set LISTENER_STUDENT_VIEW to a query" in said
    query = "select id from users where not exists (select from teachers where user_id = users.id)"
    assert (await discover(empty_database, {"student_view": query})).student_view is not None
    assert (await discover(empty_database, {"student_predicate": "true"})).is_student == "true"


async def test_tables_that_inherit_are_told(empty_database: Connection) -> None:
    said = await told(
        empty_database,
        COURSES,
        "create table people (id integer primary key); create table students (primary key (id)) inherits (people);"
        "create table enrollments (person_id integer, course_id integer references courses)",
    )
    assert "public.students inherit from public.people, and what is written there fires no trigger of it" in said
    assert "LISTENER_PROFILE_TABLE" in said
    for table in ("students", "people"):
        assert (await discover(empty_database, {"profile_table": table})).profile_table.name == table


async def test_keys_of_two_types_are_named(empty_database: Connection) -> None:
    said = await told(
        empty_database,
        "create table users (id uuid primary key, role text default 'student');" + COURSES,
        "create table enrollments (user_id text, course_id integer)",
        settings={"enrollment_table": "enrollments"},
    )
    settings = {"enrollment_table": "enrollments"}
    names = {"course_table": "courses", "enrollment_course": "course_id", "profile_table": "users"}
    for name, value in (names | {"enrollment_profile": "user_id"}).items():
        assert f"LISTENER_{name.upper()}" in said
        settings[name] = value
        said = await told(empty_database, settings=settings)
    assert "user_id is text, and public.users.id is uuid: they cannot be compared. Give both the same type" in said
    await empty_database.execute("alter table enrollments alter user_id type uuid using user_id::uuid")
    assert (await discover(empty_database, settings)).profile_key_type == "uuid"


async def test_nothing_is_written_into_a_status_that_is_computed(empty_database: Connection) -> None:
    said = await told(
        empty_database,
        PEOPLE + COURSES,
        "create table enrollments (user_id integer references users, course_id integer references courses,"
        " resting date, status text generated always as (case when resting is null then 'on' else 'off' end) stored)",
    )
    assert "LISTENER_ACTIVE_VALUES" in said
    mapping = await discover(empty_database, {"active_values": "on"})
    assert (mapping.enrollment_status, mapping.active_values) == (None, ())
    assert "'on'" in mapping.is_active
