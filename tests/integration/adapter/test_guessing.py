"""What install makes of a schema, and what it asks because nothing there says it."""

import json
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from listener.adapter import install, matching
from listener.adapter.discovery import discover, look
from listener.connection import Connection
from listener.errors import ListenerError, Undecided, WrongSetting
from tests.conftest import Database
from tests.support.process import listener

CITEXT = """
create type citext;
create function citext_in(cstring) returns citext language internal immutable strict as 'textin';
create function citext_out(citext) returns cstring language internal immutable strict as 'textout';
create type citext (input = citext_in, output = citext_out, category = 'S', collatable = true);
create cast (citext as text) without function as implicit;
create cast (text as citext) without function as assignment;
"""
"""The type as the extension of that name makes it, which not every server has at hand."""


@pytest.fixture
async def school(make_database: Callable[..., Database]) -> AsyncIterator[Connection]:
    """A connection to a database with the plain LMS schema."""
    connection: Connection = await asyncpg.connect(make_database(installed=False).url)
    yield connection
    connection.terminate()


@pytest.fixture
async def nothing(make_database: Callable[..., Database]) -> AsyncIterator[Connection]:
    """A connection to a database with nothing in it."""
    connection: Connection = await asyncpg.connect(make_database(empty=True).url)
    yield connection
    connection.terminate()


async def test_a_rule_of_our_own_goes_on_working_when_the_columns_type_changes(school: Connection) -> None:
    mapping = await discover(school)
    assert mapping.is_student == """{row}."role" in ('student')"""
    assert mapping.is_active == """{row}."status" in ('active')"""
    assert mapping.is_available == """{row}."status" in ('published')"""
    assert mapping.course_order == """{row}."price" nulls last, {row}."created_at" nulls last"""
    await school.execute("insert into profiles (role) values ('student'), ('admin'), (null)")
    students = f"select count(*) from profiles where {mapping.is_student.replace('{row}', 'profiles')}"
    await school.execute("create type kind as enum ('student', 'admin')")
    for kind in ("text", "varchar(20)", "kind", "char(20)"):
        await school.execute("alter table profiles drop constraint if exists profiles_role_check")
        await school.execute(f"alter table profiles alter column role type {kind} using role::text::{kind}")
        assert await school.fetchval(students) == 1, kind


async def test_a_column_that_ignores_case_has_a_rule_that_does(school: Connection) -> None:
    await school.execute(CITEXT)
    await school.execute("alter table profiles drop constraint profiles_role_check")
    await school.execute("alter table profiles alter column role type citext")
    await school.execute("insert into profiles (role) values ('Student'), ('STUDENT'), ('admin')")
    mapping = await discover(school, {"student_values": "student"})
    students = f"select count(*) from profiles where {mapping.is_student.replace('{row}', 'profiles')}"
    async with school.transaction():
        await school.execute("set local search_path = pg_catalog, pg_temp")
        assert await school.fetchval(students.replace("from profiles", "from public.profiles")) == 2


async def test_only_what_the_user_wrote_is_written_down_as_postgres_writes_it(school: Connection) -> None:
    mapping = await discover(school, {"student_predicate": "role = 'pupil'"})
    assert mapping.is_student == "({row}.role = 'pupil'::text)"
    assert mapping.is_active == """{row}."status" in ('active')"""


async def test_people_read_it_plainly(school: Connection) -> None:
    await school.execute("""alter table courses rename price to "Price" """)
    found = {what: text for what, text, _, _ in (await look(school)).lines()}
    assert found["students"] == "role in ('student')"
    assert found["active"] == "status in ('active')"
    assert found["default course"] == """first by "Price" nulls last, created_at nulls last"""


async def test_no_value_speaks_of_a_row(school: Connection) -> None:
    with pytest.raises(WrongSetting, match=r"LISTENER_STUDENT_VALUES: no value may have .row. in it"):
        await discover(school, {"student_values": "{row}"})


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
async def test_a_table_that_refers_twice_to_courses_does_not_stop_the_search(nothing: Connection, other: str) -> None:
    await nothing.execute(f"{PEOPLE} {COURSES} create table course_{other} ({TWICE[other]})")
    assert "enrollments table" in await told(nothing)
    await nothing.execute(ENROLLED)
    assert (await discover(nothing)).enrollment_table.name == "enrollments"


async def test_an_enrollment_with_two_courses_is_of_the_one_that_is_plainly_called_so(nothing: Connection) -> None:
    await nothing.execute(PEOPLE + COURSES + ENROLLED)
    await nothing.execute("alter table enrollments add previous_course_id integer references courses")
    assert (await discover(nothing)).enrollment_course == "course_id"


async def test_where_no_column_is_plainly_the_course_of_the_enrollments_no_lesser_table_takes_their_place(
    nothing: Connection,
) -> None:
    said = await told(
        nothing,
        PEOPLE + COURSES,
        "create table enrollments (user_id integer references users, first_course_id integer references courses,"
        " second_course_id integer references courses);",
        "create table course_members (user_id integer references users, course_id integer references courses);",
    )
    assert said.startswith("cannot tell which column of public.enrollments is the course: first_course_id ")
    assert said.endswith("Set LISTENER_ENROLLMENT_COURSE.")


async def test_a_table_that_only_refers_to_both_is_named_but_not_taken(nothing: Connection) -> None:
    said = await told(
        nothing,
        PEOPLE + COURSES,
        "create table bookmarks (user_id integer references users, course_id integer references courses,"
        " unique (user_id, course_id));",
    )
    assert said == (
        "cannot find the enrollments table: no table that refers to both people and courses is named for enrollments"
        " (these refer to both: public.bookmarks); set LISTENER_ENROLLMENT_TABLE."
    )
    assert (await discover(nothing, {"enrollment_table": "bookmarks"})).enrollment_table.name == "bookmarks"


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
    nothing: Connection, column: str, rows: tuple[str, ...], seen: str
) -> None:
    await nothing.execute(PEOPLE + COURSES + ENROLLED)
    await nothing.execute(f"alter table enrollments add status {column}")
    await nothing.execute("insert into users default values; insert into courses default values")
    await nothing.executemany("insert into enrollments values (1, 1, $1)", [(row,) for row in rows])
    assert await told(nothing) == (
        f"cannot tell which enrollments are active: public.enrollments.status {seen}."
        " Set LISTENER_ACTIVE_VALUES (or LISTENER_ENROLLMENT_STATUS=none: all are)."
    )
    given = "completed" if "check" in column else "Going On"
    mapping = await discover(nothing, {"active_values": given})
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
    nothing: Connection, column: str, rows: tuple[str, ...], written: str
) -> None:
    await nothing.execute(PEOPLE + COURSES + ENROLLED)
    await nothing.execute(f"alter table enrollments add status {column}")
    await nothing.execute("insert into users default values; insert into courses default values")
    await nothing.executemany("insert into enrollments values (1, 1, $1)", [(row,) for row in rows])
    assert (await discover(nothing)).active_values[0] == written


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
    nothing: Connection, column: str, rows: tuple[str, ...], seen: str
) -> None:
    await nothing.execute(PEOPLE + COURSES + ENROLLED)
    await nothing.execute(f"alter table users drop role; alter table users add role {column}")
    await nothing.executemany("insert into users (role) values ($1)", [(row,) for row in rows])
    assert await told(nothing) == (
        f"cannot tell who is a student: public.users.role {seen}."
        " Set LISTENER_STUDENT_VALUES (or LISTENER_STUDENT_PREDICATE=true: everyone is)."
    )
    assert (await discover(nothing, {"student_predicate": "true"})).is_student == "true"


async def test_a_role_that_is_not_a_word_does_not_make_everyone_a_student(nothing: Connection) -> None:
    said = await told(
        nothing,
        "create table roles (id integer primary key, name text);",
        PEOPLE + COURSES + ENROLLED,
        "alter table users drop role; alter table users add role_id integer references roles;",
    )
    assert said == (
        "cannot tell who is a student: public.users.role_id refers to public.roles. Set LISTENER_STUDENT_PREDICATE"
        " to a condition on role_id (or LISTENER_STUDENT_PREDICATE=true: everyone is)."
    )
    await nothing.execute("alter table users drop role_id; alter table users add role smallint")
    assert "public.users.role is smallint" in await told(nothing)
    assert (await discover(nothing, {"student_predicate": "role = 3"})).is_student == "({row}.role = 3)"


async def test_a_role_that_another_table_gives_is_asked_about(nothing: Connection) -> None:
    said = await told(
        nothing,
        PEOPLE + COURSES + ENROLLED,
        "alter table users drop role;",
        "create table messages (user_id integer references users, role text default 'student');",
        "create table memberships (user_id integer references users, role text check (role in ('boss', 'student')));",
    )
    assert said == (
        "cannot tell who is a student: no column of the profiles says so, and public.memberships.role may."
        " Set LISTENER_STUDENT_TABLE=public.memberships if it does (or LISTENER_STUDENT_PREDICATE=true: everyone is)."
    )
    mapping = await discover(nothing, {"student_table": "memberships"})
    assert (mapping.student_table.name, mapping.student_key) == ("memberships", "user_id")


async def test_a_table_of_roles_decides_where_the_profiles_column_says_nothing(nothing: Connection) -> None:
    await nothing.execute(PEOPLE + COURSES + ENROLLED)
    await nothing.execute("""
        alter table users drop role;
        alter table users add type text;
        create table user_roles (user_id integer references users, role text check (role in ('admin', 'student')));
    """)
    mapping = await discover(nothing)
    assert (mapping.student_table.name, mapping.is_student) == ("user_roles", """{row}."role" in ('student')""")


@pytest.mark.parametrize(
    ("column", "seen"), [("text", "may be any text, and no row has a value yet"), ("text default 'wip'", "only wip")]
)
async def test_where_nothing_says_which_courses_are_published_install_asks(
    nothing: Connection, column: str, seen: str
) -> None:
    said = await told(nothing, PEOPLE, COURSES, f"alter table courses add status {column};", ENROLLED)
    assert said.startswith("cannot tell which courses are published: public.courses.status ")
    assert seen in said
    assert said.endswith("Set LISTENER_PUBLISH_PREDICATE (`true` is all of them).")
    assert (await discover(nothing, {"publish_predicate": "true"})).is_available == "true"


SUPABASE = """
create schema auth;
create table auth.users (
    id uuid primary key default gen_random_uuid(), role varchar(255), email text, deleted_at timestamptz
);
create table courses (id integer primary key generated always as identity);
create table enrollments (user_id uuid references auth.users, course_id integer references courses);
"""


async def test_the_role_that_the_api_gives_is_not_the_school_s(nothing: Connection) -> None:
    await nothing.execute(SUPABASE)
    for role in (None, "authenticated", "student"):
        await nothing.execute("insert into auth.users (role) values ($1)", role)
        mapping = await discover(nothing)
        assert (mapping.profile_table.label, mapping.is_student) == ("auth.users", '{row}."deleted_at" is null')
    await nothing.execute("create table user_roles (user_id uuid references auth.users, role text default 'student')")
    assert (await discover(nothing)).student_table.name == "user_roles"
    mapping = await discover(nothing, {"student_table": "auth.users", "student_column": "role"})
    assert mapping.is_student.startswith("""{row}."role" in ('student')""")


CLASSES = (
    "create table classes (id integer primary key generated always as identity, course_id integer references courses);"
)


async def test_enrollments_in_a_class_of_a_course_are_said_to_be_that_and_can_be_served(
    nothing: Connection, make_database: Callable[..., Database]
) -> None:
    said = await told(
        nothing,
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
    assert said == await told(nothing, settings={"enrollment_table": "enrollments"})
    await install.install(nothing, await install.plan(nothing, {"course_table": "public.classes"}))
    await nothing.execute("insert into courses default values; insert into classes (course_id) values (1)")
    assert await nothing.fetchval("select listener.default_course_id()") == 1


async def test_enrollments_in_something_that_is_called_by_another_name_are_said_to_be_that(nothing: Connection) -> None:
    said = await told(
        nothing,
        PEOPLE,
        "create table cohorts (id integer primary key);",
        "create table enrollments (user_id integer references users, cohort_id integer references cohorts);",
    )
    assert "people are enrolled in public.cohorts (cohort_id). Set LISTENER_COURSE_TABLE=public.cohorts" in said
    assert (await discover(nothing, {"course_table": "cohorts"})).enrollment_course == "cohort_id"


async def test_enrollments_in_courses_win_over_those_in_classes(nothing: Connection) -> None:
    await nothing.execute(PEOPLE + COURSES + CLASSES + ENROLLED)
    await nothing.execute(
        "create table class_enrollments (user_id integer references users, class_id integer references classes)"
    )
    assert (await discover(nothing)).enrollment_table.name == "enrollments"


@pytest.mark.parametrize(
    "keys",
    [
        "term_id uuid, primary key (user_id, course_id, term_id)",
        "term_id uuid primary key references terms",
    ],
)
async def test_a_key_that_refers_to_something_is_not_made_up(nothing: Connection, keys: str) -> None:
    said = await told(
        nothing,
        PEOPLE + COURSES,
        "create table terms (id uuid primary key);",
        f"create table enrollments (user_id integer references users, course_id integer references courses, {keys});",
    )
    assert said.startswith("cannot tell what to put into public.enrollments (term_id): ")


async def test_what_was_known_once_is_not_asked_again(school: Connection) -> None:
    await install.install(school, await install.plan(school, {}))
    await school.execute("alter table profiles drop constraint profiles_role_check")
    await school.execute("alter table enrollments alter column status set default 'PENDING'")
    assert "LISTENER_STUDENT_VALUES" in await told(school)
    await install.install(school, await install.plan(school, {}))
    for _ in range(2):
        planned = await install.plan(school, {})
        assert planned.is_done
        assert (planned.mapping.is_student, planned.mapping.active_values) == (
            "({row}.role = 'student'::text)",
            ("active",),
        )
    assert (
        await install.plan(school, {"student_values": "pupil"})
    ).mapping.is_student == """{row}."role" in ('pupil')"""


async def test_a_key_that_was_made_up_is_asked_for_once_it_is_of_another_type(school: Connection) -> None:
    await school.execute(
        "alter table enrollments alter column id drop identity if exists, alter column id drop default"
    )
    await school.execute("alter table enrollments alter column id type text using id::text")
    planned = await install.plan(school, {})
    assert planned.mapping.extra_values == {"id": "(gen_random_uuid())::text"}
    await install.install(school, planned)
    assert (await install.plan(school, {})).is_done
    await school.execute("alter table enrollments alter column id type jsonb using to_jsonb(id)")
    with pytest.raises(Undecided, match="LISTENER_ENROLLMENT_VALUES='id=…'"):
        await install.plan(school, {})


NUMBERS = """
insert into profiles (role)
select case when number <= $2 then 'student' end from generate_series(1, $1) as one(number)
"""


@pytest.mark.parametrize(
    ("profiles", "students", "said"),
    [
        (0, 0, None),
        (1234, 1, None),
        (1234, 0, "0 of 1,234 profiles match the rule for students (role in ('student')): nobody is enrolled."),
        (1234, 1234, "all 1,234 profiles match the rule for students (role in ('student')): everybody is enrolled."),
    ],
)
async def test_a_rule_that_matches_nobody_or_everybody_is_told_with_numbers(
    make_database: Callable[..., Database], profiles: int, students: int, said: str | None
) -> None:
    database = make_database(installed=False)
    connection = await asyncpg.connect(database.url)
    await connection.execute(NUMBERS.replace("$1", str(profiles)).replace("$2", str(students)))
    await connection.close()
    for _ in ("installed", "already installed"):
        lines = listener(database.url, "install").stdout.splitlines()
        after = [line for line in lines if "profiles match" in line]
        assert after == ([] if said is None else [f"{said} LISTENER_STUDENT_PREDICATE says it otherwise"])


async def test_of_a_large_table_only_some_pages_are_looked_at(school: Connection) -> None:
    await school.execute(
        "insert into profiles (role) select 'teacher' from generate_series(1, 60000); analyze profiles"
    )
    await install.install(school, await install.plan(school, {}))
    mapping = await discover(school)
    query = matching.query(mapping, 60000)
    plan = await school.fetchval(f"explain (analyze, costs off, timing off, summary off, format json) {query}")
    text = json.dumps(json.loads(plan))
    assert "Sample Scan" in text
    assert '"Seq Scan"' not in text
    said = await matching.remark(school, mapping)
    assert said is not None
    assert said.startswith("0 of 10,000 profiles that were looked at match")


async def test_nobody_waits_long_for_that_remark(school: Connection) -> None:
    await install.install(school, await install.plan(school, {}))
    await school.execute("insert into profiles (role) values ('student')")
    await school.execute("""
        create or replace function listener.students(among uuid[] default null) returns setof uuid
        language sql as 'select pg_sleep(60); select null::uuid'
    """)
    assert await matching.remark(school, await discover(school)) is None
    assert await school.fetchval("show statement_timeout") == "0"
