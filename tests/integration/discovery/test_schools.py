"""Which columns say the school of a person and of a course; what is asked where nothing leads from one to the other."""

import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import discover
from listener.errors import WrongSetting
from tests.support.guessing import COURSES, ENROLLED, PEOPLE, told

ORGS = "create table orgs (id integer primary key); create table schools (id integer primary key);"
MEMBERS = "create table {name} (person integer references users, {person} integer references users, {more});"


@pytest.fixture
async def school(empty_database: Connection) -> Connection:
    """A plain school, and tables of schools."""
    await empty_database.execute(PEOPLE + COURSES + ENROLLED + ORGS)
    return empty_database


@pytest.mark.parametrize(
    ("person", "course"),
    [
        ("org_id integer references orgs", "organization_id integer references orgs"),
        ("tenant_id uuid", "tenant_id uuid"),
        ('"schoolId" integer references schools', '"schoolId" integer references schools'),
        ("escola_id integer", "escola_id bigint"),
        ("tenant text", "tenant text"),
    ],
)
async def test_by_a_column_of_people_and_of_courses(school: Connection, person: str, course: str) -> None:
    await school.execute(f"alter table users add {person}; alter table courses add {course}")
    tenant = (await discover(school)).tenant
    assert tenant is not None
    names = (person.split()[0].strip('"'), course.split()[0].strip('"'))
    assert (tenant.table.name, tenant.person, tenant.column, tenant.course_column) == ("users", "id", *names)
    assert (await discover(school, {"tenant": "none"})).tenant is None
    assert (await discover(school, {"default_course": "1"})).tenant is None


@pytest.mark.parametrize(
    "columns",
    ["school_year integer", "account_type text", "created_by_org_id integer"],
)
async def test_a_column_that_is_no_key_of_a_school_is_none(school: Connection, columns: str) -> None:
    await school.execute(f"alter table users add {columns}; alter table courses add {columns}")
    assert (await discover(school)).tenant is None


@pytest.mark.parametrize("name", ["org_members", "user_organizations", "memberships", "school_students", "membros"])
async def test_by_a_table_of_members(school: Connection, name: str) -> None:
    await school.execute(
        "alter table courses add org_id integer references orgs;"
        f"create table {name} (user_id integer references users, invited_by integer references users,"
        " organization integer references orgs, role text check (role in ('admin', 'student')),"
        " status text check (status in ('invited', 'active')), deleted_at timestamptz)"
    )
    await school.execute("alter table users alter role drop default, drop role")
    settings = {"student_predicate": "true"}
    tenant = (await discover(school, settings)).tenant
    assert tenant is not None
    assert (tenant.table.name, tenant.person, tenant.column) == (name, "user_id", "organization")
    condition = tenant.condition.replace('{row}."', "").replace('"', "")
    assert condition == "deleted_at is null and (status is null or status in ('active')) and role in ('student')"


async def test_by_the_table_of_roles_each_role_is_in_its_school(empty_database: Connection) -> None:
    await empty_database.execute("create table users (id integer primary key)" + ";" + COURSES + ENROLLED + ORGS)
    await empty_database.execute(
        "alter table courses add org_id integer references orgs;"
        "create table user_roles (user_id integer references users, org_id integer references orgs,"
        " role text check (role in ('student', 'teacher')));"
        "create table org_users (user_id integer references users, org_id integer references orgs)"
    )
    tenant = (await discover(empty_database)).tenant
    assert tenant is not None
    assert (tenant.table.name, tenant.condition) == ("user_roles", "true")


async def test_two_ways_are_asked_about_and_each_can_be_set(school: Connection) -> None:
    said = await told(
        school,
        "alter table users add org_id integer references orgs; alter table courses add org_id integer references orgs;"
        "create table org_members (user_id integer references users, org_id integer references orgs)",
    )
    assert said == (
        "cannot tell which school a person is in: public.users.org_id and public.org_members.org_id say it. Set"
        " LISTENER_TENANT=public.users.org_id=public.courses.org_id or"
        " LISTENER_TENANT=public.org_members(user_id).org_id=public.courses.org_id"
        " (or LISTENER_TENANT=none: all students land in the same course);"
        " or --accept-guesses: all students land in the same course."
    )
    for way, table in (
        ("public.users.org_id=public.courses.org_id", "users"),
        ("public.org_members(user_id).org_id=public.courses.org_id", "org_members"),
        ("org_members.org_id = courses.org_id", "org_members"),
    ):
        tenant = (await discover(school, {"tenant": way})).tenant
        assert tenant is not None
        assert tenant.table.name == table
    # The school that is looked at now is one of those that one is a member of.
    await school.execute("alter table users rename org_id to current_org_id")
    tenant = (await discover(school)).tenant
    assert tenant is not None
    assert tenant.table.name == "org_members"


@pytest.mark.parametrize(
    "column",
    [
        "campus_id integer",
        "sede_id integer references sites",
        "unidade text",
        "site uuid",
        "company text",
        "escola text",
    ],
)
async def test_what_may_say_the_school_is_asked_about(school: Connection, column: str) -> None:
    await school.execute("create table sites (id integer primary key)")
    said = await told(school, f"alter table users add {column}; alter table courses add {column}")
    name = column.split()[0]
    assert said.startswith("cannot tell whether each school has its own courses: ")
    tenant = (await discover(school, {"tenant": said.split("LISTENER_TENANT=")[1].split(" ")[0]})).tenant
    assert tenant is not None
    assert (tenant.table.name, tenant.column, tenant.course_column) == ("users", name, name)
    assert (await discover(school, {"tenant": "none"})).tenant is None


async def test_courses_of_schools_and_people_of_none_are_asked_about(school: Connection) -> None:
    said = await told(school, "alter table courses add school_id integer references schools")
    assert "public.courses.school_id says which school a course belongs to" in said
    assert "LISTENER_TENANT=TABLE(PERSON).COLUMN=public.courses.school_id" in said
    assert "LISTENER_TENANT=none" in said
    assert (await discover(school, {"tenant": "none"})).tenant is None
    await school.execute("create table visits (visitor integer references users, place integer references schools)")
    tenant = (await discover(school, {"tenant": "visits(visitor).place=courses.school_id"})).tenant
    assert tenant is not None
    assert (tenant.table.name, tenant.person, tenant.column) == ("visits", "visitor", "place")


@pytest.mark.parametrize(
    "between",
    [
        """create table departments (id integer primary key, school integer references schools);
        alter table courses add department_id integer references departments""",
        "create table course_schools (course_id integer references courses, school_id integer references schools)",
    ],
)
async def test_a_roundabout_way_is_asked_about(school: Connection, between: str) -> None:
    await school.execute("alter table users add school_id integer references schools")
    assert (await discover(school)).tenant is None
    said = await told(school, between)
    assert "public.users.school_id refers to public.schools, and courses lead there by public." in said
    assert (await discover(school, {"tenant": "none"})).tenant is None


async def test_a_roundabout_way_of_people_is_asked_about_and_a_query_goes_it(school: Connection) -> None:
    said = await told(
        school,
        "create table departments (id integer primary key, org_id integer not null references orgs);"
        "create index on departments (org_id); alter table courses add org_id integer references orgs;"
        "alter table users add department_id integer references departments; create index on users (department_id)",
    )
    assert "people lead there by public.departments. Set LISTENER_WANTED_QUERY to a query" in said
    query = """select users.id as profile, courses.id as course from users
        join departments on departments.id = users.department_id join courses on courses.org_id = departments.org_id
        where users.role = 'student'"""
    assert (await discover(school, {"wanted_query": query})).wanted_query is not None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("users.org_id", "is not like"),
        ("users.org_id=orgs.id", "must end in a column of public.courses"),
        ("users.role=courses.org_id", "they cannot be compared"),
        ("users.nothing=courses.org_id", "has no column 'nothing'"),
        ("nothing.org_id=courses.org_id", "there is no table 'nothing'"),
        ("orgs.id=courses.org_id", "must say which column of public.orgs is the person: public.orgs(COLUMN).id="),
    ],
)
async def test_a_way_that_leads_nowhere_is_told(school: Connection, text: str, problem: str) -> None:
    await school.execute("alter table courses add org_id integer references orgs")
    with pytest.raises(WrongSetting) as error:
        await discover(school, {"tenant": text})
    assert problem in str(error.value)


@pytest.mark.parametrize("column", ["org_id integer not null", "organization_id integer references orgs not null"])
async def test_the_enrollment_has_its_courses_school(school: Connection, column: str) -> None:
    name = column.split()[0]
    await school.execute(f"alter table enrollments add {column}; alter table users add org_id integer references orgs")
    await school.execute("alter table courses add org_id integer references orgs")
    mapping = await discover(school)
    assert mapping.course_values == {name: '{row}."org_id"'}
    mapping = await discover(school, {"enrollment_values": f"{name}=7"})
    assert (mapping.course_values, mapping.extra_values) == ({}, {name: "7"})


async def test_values_of_an_enrollment_may_come_from_the_course(school: Connection) -> None:
    await school.execute("alter table enrollments add teacher_id integer not null, add note text")
    await school.execute('alter table courses add teacher_id integer, add "Level" text')
    values = "teacher_id = courses.teacher_id; note = lower(courses.\"Level\") || 'courses.x'"
    mapping = await discover(school, {"enrollment_values": values})
    assert mapping.course_values["teacher_id"] == "{row}.teacher_id"
    assert '{row}."Level"' in mapping.course_values["note"]
    assert "'courses.x'" in mapping.course_values["note"]
    with pytest.raises(WrongSetting, match="is not understood"):
        await discover(school, {"enrollment_values": "teacher_id = courses.teacher_id + role::integer"})
