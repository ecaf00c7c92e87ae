"""Which tables and columns install takes for what, and what it asks because nothing there says it."""

import re
from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import discover, look
from listener.errors import Questions, Undecided
from listener.schema import install
from tests.conftest import Database
from tests.support.guessing import COURSES, ENROLLED, PEOPLE, told

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


async def test_a_database_without_tables_is_asked_about_as_such(empty_database: Connection) -> None:
    assert "this database has no tables: perhaps it is not the right one" in await told(empty_database)


@pytest.mark.parametrize(
    "names",
    [
        ("school_profile", "school_course", "school_enrollment"),
        ("auth_user", "academy_course", "academy_courseregistration"),
        ("accounts_customuser", "courses_course", "main_studentcourse"),
        ("students_studentprofile", "api_course", "api_enrolment"),
    ],
    ids=" ".join,
)
async def test_the_names_that_django_makes_of_an_app_s_and_a_model_s(
    empty_database: Connection, names: tuple[str, ...]
) -> None:
    flags = "alter table users add is_staff boolean, add is_superuser boolean, add is_active boolean;"
    tables = PEOPLE + flags + COURSES + ENROLLED + "create table django_migrations (app text)"
    for ours, theirs in zip(("users", "courses", "enrollments"), names, strict=True):
        tables = re.sub(rf"\b{ours}\b", theirs, tables)
    await empty_database.execute(tables)
    found = await discover(empty_database)
    assert (found.profile_table.name, found.course_table.name, found.enrollment_table.name) == names
    await empty_database.execute("drop table django_migrations")
    assert "enrollment" in await told(empty_database)


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


async def test_a_school_with_names_of_its_own_is_led_to_by_few_questions_and_its_flag_says_where_students_land(
    empty_database: Connection,
) -> None:
    said = await told(
        empty_database,
        "create table members (handle text primary key, kind text check (kind in ('learner', 'coach', 'staff')));",
        "create table classes (slug text primary key, live boolean, is_default boolean, price integer);",
        "create table class_members (class text references classes, member text references members,"
        " primary key (class, member));",
    )
    assert said == (
        "cannot find the enrollments table: no table refers to both people and courses. public.class_members refers to"
        " people and to public.classes: set LISTENER_COURSE_TABLE=public.classes if that is what people are enrolled"
        " in, or else LISTENER_ENROLLMENT_TABLE."
    )
    settings = {"course_table": "public.classes"}
    with pytest.raises(
        Questions, match=r"(?s)^2 things .*members\.kind .*classes\.live .* or else to a condition on it"
    ):
        await look(empty_database, settings)
    settings |= {"student_predicate": "kind = 'learner'", "publish_predicate": "live"}
    await install.install(empty_database, await install.plan(empty_database, settings))
    await empty_database.execute("insert into classes values ('a', true, null, 0), ('b', true, true, 9)")
    assert await empty_database.fetchval("select listener.default_course_id()") == "b"
    await empty_database.execute("update classes set live = false where slug = 'b'")
    assert await empty_database.fetchval("select listener.default_course_id()") == "a"


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


async def test_enrollments_of_people_under_another_name_are_said_to_be_that(empty_database: Connection) -> None:
    said = await told(
        empty_database,
        PEOPLE + COURSES,
        "create table employees (id integer primary key);",
        "create table enrollments (course_id integer not null references courses,"
        " employee_id integer not null references employees, invited_by integer references users);",
    )
    assert said == (
        "cannot tell the student of public.enrollments: it refers to courses and to public.employees. Set"
        " LISTENER_PROFILE_TABLE=public.employees if people are kept there, or else LISTENER_ENROLLMENT_TABLE."
    )
    asked = await told(empty_database, settings={"enrollment_table": "enrollments"})
    assert asked == said.replace(", or else LISTENER_ENROLLMENT_TABLE", "")
    assert (await discover(empty_database, {"profile_table": "public.employees"})).enrollment_profile == "employee_id"


async def test_a_person_is_found_by_way_of_the_members_of_a_school(empty_database: Connection) -> None:
    await empty_database.execute(
        """
        create table schools (id integer primary key);
        create table profiles (id uuid primary key);
        create table user_roles (user_id uuid references profiles, role text check (role in ('owner', 'support')));
        create table school_memberships (
            school_id integer references schools,
            user_id uuid references profiles,
            role text not null check (role in ('admin', 'student')),
            primary key (school_id, user_id)
        );
        create table courses (id uuid primary key, school_id integer not null references schools);
        alter table courses add unique (school_id, id);
        create table course_memberships (
            school_id integer not null,
            course_id uuid not null,
            user_id uuid not null,
            unique (course_id, user_id),
            foreign key (school_id, course_id) references courses (school_id, id),
            foreign key (school_id, user_id) references school_memberships (school_id, user_id)
        )
        """
    )
    assert (
        "no column of the profiles says so, and public.school_memberships.role may. Set"
        " LISTENER_STUDENT_TABLE=public.school_memberships if it does"
    ) in await told(empty_database)
    mapping = await discover(empty_database, {"student_table": "public.school_memberships"})
    assert (mapping.profile_table.name, mapping.enrollment_profile) == ("profiles", "user_id")
