"""A mistake in a setting is one clear line, exit status 2, and nothing has changed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from listener.errors import ListenerError
from listener.schema import install
from listener.settings import MAPPING
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.process import listener

INJECTIONS = (
    "x'); drop table profiles; --",
    'x"; drop table profiles; --',
    "true); drop table profiles; select (true",
    "true) union select (true",
    "exists (select pg_sleep(100))",
    "{row}.id is null",
)

MISTAKES = {
    "no such table": ({"enrollment_table": "enrolments"}, "LISTENER_ENROLLMENT_TABLE: there is no table 'enrolments'"),
    "a view": ({"profile_table": "people"}, "is not a table: triggers need one"),
    "no such column": ({"student_column": "rôle"}, "profiles has no column 'rôle', only id, role"),
    "not SQL": ({"student_predicate": "role is is"}, "LISTENER_STUDENT_PREDICATE: 'role is is' is not understood: "),
    "not a condition": ({"student_predicate": "role"}, "must be type boolean"),
    "another table's column": ({"student_predicate": "title = 'a'"}, 'column "title" does not exist'),
    "a value that cannot be": ({"student_values": "pupil"}, "role may not be pupil, only student, admin"),
    "no such course key": ({"default_course": "first"}, "'first' is no integer"),
    "not an order": ({"course_order": "title sideways"}, "LISTENER_COURSE_ORDER: 'title sideways' is not understood"),
    "a text as count": ({"count_columns": "title"}, "title cannot hold a count"),
    "half a value": ({"enrollment_values": "status"}, "'status' is not column=expression"),
    "a value of another type": (
        {"enrollment_values": "note=now(); score='high'"},
        "score: \"'high'\" is not understood",
    ),
}


@pytest.fixture
def lms(make_database: Callable[..., Database]) -> Database:
    database = make_database(empty=True)
    database.server.psql(
        database.name,
        """
        create table profiles (id integer primary key, role text check (role in ('student', 'admin')));
        create table courses (id integer primary key, title text, price integer, enrollments integer);
        create table enrollments (
            user_id integer references profiles,
            course_id integer references courses,
            status text check (status in ('active', 'left')),
            note text,
            score integer,
            primary key (user_id, course_id)
        );
        create view people as select * from profiles;
        """,
    )
    return database


async def refusal(database: Database, settings: dict[str, str]) -> str:
    """What install says about these settings."""
    connection = await connect(database.url)
    try:
        with pytest.raises(ListenerError) as caught:
            await install.plan(connection, settings)
        assert not connection.is_in_transaction()
        assert await connection.fetchval("select to_regnamespace('listener') is null and to_regclass('profiles') > 0")
        assert caught.value.exit_status == 2
        return str(caught.value)
    finally:
        await connection.close()


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_mistake_is_one_clear_line(lms: Database, mistake: str) -> None:
    settings, words = MISTAKES[mistake]
    said = await refusal(lms, settings)
    assert words in said
    assert "\n" not in said


@pytest.mark.parametrize("name", [name for name in MAPPING if name not in ("count_rows", "actions", "statistics")])
@pytest.mark.quarter
async def test_an_injection_is_refused_in_every_setting(lms: Database, name: str) -> None:
    for text in INJECTIONS:
        settings = {name: f"note={text}" if name == "enrollment_values" else text}
        if name == "student_key":
            settings["student_table"] = "enrollments"
        said = await refusal(lms, settings)
        assert "\n" not in said


async def test_values_with_quotes_are_only_values(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    connection = await connect(database.url)
    try:
        await connection.execute("alter table profiles drop constraint profiles_role_check")
        values = "x'); drop table profiles; --"
        await install.install(connection, await install.plan(connection, {"student_values": values}))
        await connection.execute("insert into profiles (role) values ($1), ('student')", values)
        assert await connection.fetchval("select count(*) from listener.student") == 1
    finally:
        await connection.close()


def test_the_command_says_it_in_one_line(lms: Database) -> None:
    done = listener(lms.url, "install", "--student-predicate", "role = ", check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("listener: LISTENER_STUDENT_PREDICATE: 'role =' is not understood")
    done = listener(lms.url, "install", "--grant-to", "nobody-of-that-name", check=False)
    assert done.returncode == 2
    assert done.stderr == "listener: there is no role 'nobody-of-that-name' to grant to: create it first.\n"


def test_what_pending_does_is_one_of_three_words(lms: Database) -> None:
    done = listener(lms.url, "pending", "everything", check=False)
    said = "listener: `listener pending` takes list, retry or drop, not 'everything'.\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_a_fleet_of_no_school_is_a_mistake(tmp_path: Path) -> None:
    done = listener("", "fleet", "status", "--fleet", str(tmp_path), check=False)
    said = f"listener: LISTENER_FLEET: {tmp_path} holds no school: a file NAME.env for each.\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_a_default_course_that_is_not_there_is_said(make_database: Callable[..., Database]) -> None:
    database, key = make_database(installed=False), "00000000-0000-0000-0000-000000000000"
    database.server.psql(database.name, "insert into courses (title) values ('a')")
    database.server.psql(database.name, "insert into profiles (role) values ('student')")
    said = listener(database.url, "install", "--plan", "--default-course", key).stdout
    assert f"no course is open to them now: they wait for one, '{key}'::uuid\n" in said


def test_a_choice_by_hand_can_be_taken_back_and_who_waited_is_enrolled(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    nowhere, everybody = "00000000-0000-0000-0000-000000000000", "select id from profiles"
    listener(database.url, "install", default_course=nowhere, student_view=everybody)
    database.server.psql(database.name, "insert into courses (title, price) values ('a', 0)")
    database.server.psql(database.name, "insert into profiles (role) values ('student'), ('teacher')")
    assert "enrolled 0" in listener(database.url, "sync", check=False).stdout
    listener(database.url, "install", default_course="none", student_view="none")
    database.server.psql(database.name, "select listener.step()")
    assert database.server.psql(database.name, "select count(*) from enrollments").strip() == "1"


def test_of_two_that_install_at_once_one_is_told_so_in_a_line(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    with ThreadPoolExecutor(4) as pool:
        ends = list(pool.map(lambda _: listener(database.url, "install", check=False), range(4)))
    assert any(each.returncode == 0 for each in ends)
    for each in ends:
        said = "listener: another session installed schema listener at the same moment: run `listener install` again.\n"
        assert (each.returncode, each.stderr) in {(0, ""), (2, said)}
    assert "already installed" in listener(database.url, "install").stdout
