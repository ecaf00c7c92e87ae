"""Installing in each of its ways comes to the same."""

import re
from collections.abc import Callable
from functools import partial

import pytest

from listener.errors import WrongSetting
from listener.schema import install
from tests.conftest import Database
from tests.integration.schema.test_schemas import SCHEMAS, supabase_roles
from tests.support.connecting import connect
from tests.support.dumping import dump_schema
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener


@pytest.mark.parametrize("name", ["plain", "camel_case", "supabase", "partitioned"])
@pytest.mark.half
def test_the_printed_script_installs_the_same(name: str, make_database: Callable[..., Database]) -> None:
    databases = make_database(empty=True), make_database(empty=True)
    for database in databases:
        supabase_roles(database.server)
        database.server.psql(database.name, (SCHEMAS / f"{name}.sql").read_text())
    listener(databases[0].url, "install")
    script = listener(databases[1].url, "install", "--print").stdout
    databases[1].server.psql(databases[1].name, script)
    assert without_numbers(dump_schema(databases[0])) == without_numbers(dump_schema(databases[1]))
    record = "select version, fingerprint, mapping from listener.installation"
    assert databases[0].server.psql(databases[0].name, record) == databases[1].server.psql(databases[1].name, record)
    assert "already installed" in listener(databases[1].url, "install").stdout


def without_numbers(text: str) -> str:
    """A dump without the tables' oids, which no two databases share."""
    text = re.sub(r"\b\d+::oid\b", "number::oid", text)
    return re.sub(r"((?:as_bound|expect)\('[^']*', )\d+", r"\1oid", text)


async def test_settings_are_remembered_by_the_next_install(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    connection = await connect(database.url)
    try:
        await install.install(connection, await install.plan(connection, {"count_columns": "students"}))
        plan = await install.plan(connection, {})
        assert plan.is_done
        assert plan.mapping.count_columns == ("students",)
        plan = await install.plan(connection, {"count_rows": "all"})
        assert not plan.is_done
        assert plan.mapping.count_columns == ("students",)
        rule = {"wanted_query": "select profiles.id, courses.id from profiles cross join courses"}
        assert (await install.plan(connection, rule)).outcome == "changed schema listener"
        await connection.execute("drop function listener.forget_deleted")
        assert (await install.plan(connection, {})).outcome == "mended schema listener"
    finally:
        await connection.close()


def test_what_nobody_set_and_is_there_no_longer_is_asked_for_not_blamed(make_database: Callable[..., Database]) -> None:
    """The enum that said who is a student lost the value that did, and something else was renamed."""
    database = make_database(installed=False)
    psql = partial(database.server.psql, database.name)
    psql(
        "create type role as enum ('student', 'teacher');"
        "alter table profiles drop constraint profiles_role_check;"
        "alter table profiles alter role drop default, alter role type role using 'student'"
    )
    listener(database.url, "install")
    psql(
        "alter table profiles rename id to pid;"
        "create type part as enum ('alumnus', 'staff');"
        "alter table profiles alter role type part using null;"
        "select listener.follow()"
    )
    said = listener(database.url, "install", check=False)
    assert said.returncode != 0
    assert "cannot tell who is a student: " in said.stderr
    assert "is not understood" not in said.stderr
    listener(database.url, "install", student_predicate="role = 'alumnus'")


@pytest.mark.parametrize(
    ("actions", "enrolls", "counts"), [("both", 1, 1), ("enroll", 1, 0), ("count", 0, 0), ("observe", 0, 0)]
)
async def test_only_what_was_asked_for_is_done(
    actions: str,
    enrolls: int,
    counts: int,
    make_database: Callable[..., Database],
    start_daemon: Callable[..., DaemonProcess],
) -> None:
    database = make_database(installed=False)
    connection = await connect(database.url)
    try:
        await install.install(connection, await install.plan(connection, {"actions": actions}))
        daemon = start_daemon(database).wait_ready("leading")
        await connection.execute("insert into courses (title, price) values ('a', 1)")
        await connection.execute("insert into profiles (role) values ('student')")
        if actions == "count":
            await connection.execute(
                "insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles, courses"
            )
            enrolls = counts = 1
        handled = "select count(*)::integer from listener.unhandled('enroll') union all select count(*)::integer from "
        await eventually(
            connection, f"select max(count) from ({handled} listener.unhandled('count')) as left_over", equals=0
        )
        await eventually(connection, "select enrollments from courses", equals=counts)
        assert await connection.fetchval("select count(*) from enrollments") == enrolls
        assert await connection.fetch("select * from listener.course_drift") == []
        live = await connection.fetchval("select active_enrollments from listener.course_live_count")
        assert live == enrolls
        told = [bool(line.get("observing")) for line in daemon.events("student_enrolled")]
        assert told == {"both": [False], "enroll": [False], "count": [], "observe": [True]}[actions]
        assert daemon.stop() == 0
    finally:
        await connection.close()


async def test_queries_written_by_hand_say_who_is_a_student_and_where_students_land(
    make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess]
) -> None:
    database = make_database(installed=False)
    settings = {
        "student_view": "select id from profiles join paid on paid.profile_id = profiles.id where role = 'student'",
        "default_course_view": "select id from courses where title = 'chosen'",
    }
    connection = await connect(database.url)
    try:
        await connection.execute("create table paid (profile_id uuid primary key)")
        await install.install(connection, await install.plan(connection, settings))
        start_daemon(database).wait_ready("leading")
        await connection.execute("insert into courses (title, price) values ('cheap', 1), ('chosen', 100)")
        await connection.execute(
            "with signed_up as (insert into profiles (role) values ('student'), ('admin') returning id)"
            " insert into paid select id from signed_up"
        )
        await connection.execute("insert into profiles (role) values ('student')")
        chosen = "select count(*) from enrollments join courses on courses.id = course_id where title = 'chosen'"
        await eventually(connection, chosen, equals=1)
        await eventually(connection, "select enrollments from courses where title = 'chosen'", equals=1)
        assert await connection.fetchval("select count(*) from enrollments") == 1
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("select id, role from profiles", "must have one column of type uuid, not uuid, text"),
        ("select role from profiles", "must have one column of type uuid, not text"),
        ("delete from profiles returning id", "is not understood"),
        ("select id from profiles; drop table profiles", "is not understood"),
    ],
)
async def test_a_query_by_hand_must_be_one_of_the_right_column(
    make_database: Callable[..., Database], query: str, words: str
) -> None:
    connection = await connect(make_database(installed=False).url)
    try:
        with pytest.raises(WrongSetting, match=words) as caught:
            await install.plan(connection, {"student_view": query})
        assert str(caught.value).startswith("LISTENER_STUDENT_VIEW: ")
    finally:
        await connection.close()
