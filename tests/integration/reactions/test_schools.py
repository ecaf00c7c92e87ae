"""Many schools in one database: a student lands in a course of the same school, whichever way leads to it."""

from collections.abc import Callable

import pytest

from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener

SCHOOLS = """
create table organizations (id integer primary key, name text);
create table courses (
    id bigint primary key generated always as identity, title text, organization_id integer references organizations,
    published boolean not null default true, enrollments integer not null default 0
);
create table profiles (
    id bigint primary key generated always as identity, role text default 'student'{profile}
);
create table enrollments (
    user_id bigint references profiles, course_id bigint references courses, organization_id integer not null,
    unique (user_id, course_id)
);
{more}
insert into organizations values (1, 'one'), (2, 'two'), (3, 'three');
insert into courses (title, organization_id) values ('one', 1), ('two', 2), ('another of one', 1);
"""
BY_PROFILE = SCHOOLS.format(profile=", organization_id integer references organizations", more="")
BY_MEMBERSHIP = SCHOOLS.format(
    profile="",
    more="""create table organization_members (
        user_id bigint references profiles, organization_id integer references organizations, left_at timestamptz,
        primary key (user_id, organization_id)
    );""",
)
LANDED = """
select array_agg(user_id || ' in ' || course_id || ' of ' || organization_id order by user_id, course_id)
from enrollments
"""
WAITING = "select array_agg(profile_id || ' ' || reason order by profile_id) from listener.pending_enrollment"


@pytest.mark.parametrize("type_of_people", ["integer", "bigint"])
async def test_by_a_column_of_the_profiles(
    type_of_people: str, make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess]
) -> None:
    database = make_database(empty=True)
    app = await connect(database.url)
    profile = f", organization_id {type_of_people} references organizations"
    await app.execute(SCHOOLS.format(profile=profile, more=""))
    said = listener(database.url, "install", check=True).stdout
    assert "public.profiles.organization_id = public.courses.organization_id" in " ".join(said.split())
    assert await app.fetch("select * from listener.binding_problems()") == []
    daemon = start_daemon(database)
    daemon.wait_ready("leading")
    await app.execute("insert into profiles (organization_id) values (1), (2), (3), (null), (1)")
    await eventually(app, LANDED, equals=["1 in 1 of 1", "2 in 2 of 2", "5 in 1 of 1"])
    await eventually(app, WAITING, equals=["3 no_course"])
    assert await app.fetchval("select array_agg(error) from listener.wanted_past_errors('{1,2,3,5}')") == [None]
    assert "enrolled, in a course of" not in listener(database.url, "explain", "3", check=True).stdout
    # A person moves to another school, and one who was in none joins one.
    await app.execute("update profiles set organization_id = 2 where id in (1, 4)")
    landed = ["1 in 1 of 1", "1 in 2 of 2", "2 in 2 of 2", "4 in 2 of 2", "5 in 1 of 1"]
    await eventually(app, LANDED, equals=landed)
    # A course becomes another school's: who waits there lands in it, and its old school's land in another.
    await app.execute("update courses set organization_id = 3 where id = 1")
    await eventually(app, LANDED, equals=[*landed[:3], "3 in 1 of 3", landed[3], landed[4], "5 in 3 of 1"])
    await eventually(app, "select count(*) from listener.pending_enrollment", equals=0)
    assert (await app.fetchval("select array_agg(enrollments order by id) from courses")) is not None
    await eventually(app, "select array_agg(enrollments order by id) from courses", equals=[3, 3, 1])
    await app.close()


async def test_by_memberships_each_school_has_its_own(
    make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess]
) -> None:
    database = make_database(empty=True)
    app = await connect(database.url)
    await app.execute(BY_MEMBERSHIP)
    listener(database.url, "install", check=True)
    start_daemon(database).wait_ready("leading")
    await app.execute(
        "insert into profiles (role) values ('student'), ('teacher'), ('student');"
        "insert into organization_members values (1, 1), (1, 2), (2, 1), (3, 3);"
        "insert into organization_members values (3, 2, now())"
    )
    await eventually(app, LANDED, equals=["1 in 1 of 1", "1 in 2 of 2"])
    await eventually(app, WAITING, equals=["3 no_course"])
    await app.execute("insert into organization_members values (1, 3)")
    await eventually(app, WAITING, equals=["1 no_course", "3 no_course"])
    assert "waits: there is no course to be had" in listener(database.url, "explain", "1", check=True).stdout
    await app.execute("insert into courses (title, organization_id) values ('three', 3)")
    await eventually(app, LANDED, equals=["1 in 1 of 1", "1 in 2 of 2", "1 in 4 of 3", "3 in 4 of 3"])
    await app.execute("update organization_members set left_at = null")
    await app.execute("update profiles set role = 'student' where id = 2")
    await app.execute("update organization_members set organization_id = 2 where user_id = 2")
    await eventually(app, "select count(*) from enrollments where user_id = 3", equals=2)
    await eventually(app, "select count(*) from enrollments where user_id = 2 and course_id = 2", equals=1)
    await eventually(app, "select count(*) from listener.pending_enrollment", equals=0)
    assert (await app.fetchval("select count(*) from listener.wanted_missing")) == 0
    await app.close()


@pytest.mark.parametrize("schema", [BY_PROFILE, BY_MEMBERSHIP], ids=["by_profile", "by_membership"])
async def test_the_printed_rule_is_the_rule(
    schema: str, make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess]
) -> None:
    database = make_database(empty=True)
    app = await connect(database.url)
    await app.execute(schema + "create index on enrollments (course_id); create index on courses (organization_id)")
    query = listener(database.url, "rule", check=True).stdout
    assert "organization_id" in query
    listener(database.url, "install", wanted_query=query, wanted_plan="any", enrollment_values="organization_id=1")
    start_daemon(database).wait_ready("leading")
    if schema == BY_PROFILE:
        await app.execute("insert into profiles (organization_id) values (1), (2), (3)")
    else:
        await app.execute("insert into profiles default values; insert into profiles default values;")
        await app.execute("insert into organization_members values (1, 1), (2, 2)")
    pairs = "select array_agg(user_id || ' in ' || course_id order by user_id) from enrollments"
    await eventually(app, pairs, equals=["1 in 1", "2 in 2"])
    await app.close()


async def test_renames_are_followed_and_a_course_that_fails_stops_no_school(
    make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess]
) -> None:
    database = make_database(empty=True)
    app = await connect(database.url)
    await app.execute(BY_MEMBERSHIP)
    await app.execute("alter table courses add level integer default 1")
    listener(database.url, "install", publish_predicate="published and 1 / level > 0")
    start_daemon(database, heartbeat_seconds=0.3).wait_ready("leading")
    await app.execute(
        """
        insert into courses (title, organization_id, level) values ('fails', 1, 0), ('fails', 2, 0);
        alter table organization_members rename organization_id to school_id;
        alter table organization_members rename left_at to gone_at;
        alter table organization_members rename to members;
        alter table courses rename organization_id to school_id;
        insert into profiles default values;
        insert into members values (1, 1), (1, 2);
        """
    )
    await eventually(app, LANDED, equals=["1 in 1 of 1", "1 in 2 of 2"])
    await app.execute("alter table members rename school_id to house_id; alter table courses rename id to number")
    await app.execute("insert into profiles default values; insert into members values (2, 2)")
    await eventually(app, "select count(*) from enrollments where user_id = 2 and course_id = 2", equals=1)
    listener(database.url, "install", check=True)
    assert "already installed" in listener(database.url, "install", check=True).stdout
    await app.execute("insert into profiles default values; insert into members values (3, 1)")
    await eventually(app, "select count(*) from enrollments where user_id = 3 and course_id = 1", equals=1)
    await app.close()


async def test_the_plan_names_each_schools_course(make_database: Callable[..., Database]) -> None:
    database = make_database(empty=True)
    app = await connect(database.url)
    await app.execute(BY_MEMBERSHIP)
    await app.execute(
        "insert into profiles default values; insert into profiles default values;"
        "insert into organization_members values (1, 1), (1, 2), (2, 2), (2, 3)"
    )
    said = listener(database.url, "install", "--plan", check=True).stdout
    assert "course 1 ('one'): 1 would join: 1" in said
    assert "course 2 ('two'): 2 would join: 1, 2" in said
    assert "no course: 1 would join: 2; they would" in said
    listener(database.url, "install", check=True)
    assert "1 student waits" in listener(database.url, "sync", check=False).stdout
    assert await app.fetchval(LANDED) == ["1 in 1 of 1", "1 in 2 of 2", "2 in 2 of 2"]
    await app.close()


@pytest.mark.parametrize("schema", [BY_PROFILE, BY_MEMBERSHIP], ids=["by_profile", "by_membership"])
async def test_a_school_is_asked_for_its_course_once_for_all_of_its_students(
    schema: str, make_database: Callable[..., Database]
) -> None:
    database = make_database(empty=True)
    app = await connect(database.url)
    await app.execute(schema)
    # Said to be stable: the planner moves what is stable to another place, and leaves alone what is volatile.
    await app.execute(
        """
        create sequence looks;
        create function is_open(course bigint) returns boolean language plpgsql stable
        as 'begin return nextval(''public.looks'') > 0; end';
        """
    )
    listener(database.url, "install", publish_predicate="public.is_open(id)")
    column = "organization_id" if schema == BY_PROFILE else "role"
    values = "1 + number % 2" if schema == BY_PROFILE else "'student'"
    await app.execute(f"insert into profiles ({column}) select {values} from generate_series(1, 200) as number")
    if schema == BY_MEMBERSHIP:
        await app.execute("insert into organization_members select id, 1 + id % 2 from profiles")
    for statement, landed in (
        ("select * from listener.wanted_missing", 0),
        ("select * from listener.step()", 200),
        ("select * from listener.wanted_missing", 200),
    ):
        await app.execute("alter sequence looks restart")
        await app.fetch(statement)
        assert await app.fetchval("select last_value from looks") < 30, statement
        assert await app.fetchval("select count(*) from enrollments") == landed
    await app.close()
