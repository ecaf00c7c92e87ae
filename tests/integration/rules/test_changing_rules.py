"""A rule is exchanged for another: what was set before, for the rule that was, is forgotten; all else still holds."""

from collections.abc import Callable

import pytest

from listener.catalogue import installation
from listener.mapping.mapping import Mapping
from listener.schema import install
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.process import listener

QUERY = "select profiles.id, courses.id from profiles cross join courses where profiles.role = 'student'"


@pytest.fixture
def lms(make_database: Callable[..., Database]) -> Database:
    return make_database(installed=False)


async def installed(database: Database, **settings: str) -> Mapping:
    """What is installed after an installation with these settings."""
    connection = await connect(database.url)
    try:
        await install.install(connection, await install.plan(connection, settings))
        return (await installation.require(connection)).mapping
    finally:
        await connection.close()


async def test_a_query_takes_the_place_of_the_rule_that_was_set(lms: Database) -> None:
    await installed(lms, student_predicate="role = 'pupil'", course_order="title", enrollment_status="none")
    mapping = await installed(lms, wanted_query=QUERY)
    assert mapping.wanted_query is not None
    assert mapping.settings == {"wanted_query": QUERY, "enrollment_status": "none"}


async def test_the_query_holds_until_it_is_told_otherwise(lms: Database) -> None:
    await installed(lms, wanted_query=QUERY, on_leave="remove")
    mapping = await installed(lms, statistics="none")
    assert mapping.wanted_query is not None
    assert mapping.on_leave == "remove"


async def test_none_goes_back_to_students_in_the_default_course(lms: Database) -> None:
    before = await installed(lms)
    await installed(lms, wanted_query=QUERY, on_leave="remove", watch="profiles(id)")
    mapping = await installed(lms, wanted_query="none")
    assert mapping == before
    triggers = lms.server.psql(lms.name, "select tgname from pg_trigger where tgname like 'listener_watch%'")
    assert triggers == ""


async def test_what_was_renamed_meanwhile_is_found_and_the_mended_query_is_taken(lms: Database) -> None:
    await installed(lms, wanted_query=QUERY)
    lms.server.psql(lms.name, "alter table profiles rename column role to kind; alter table courses rename to classes")
    mended = QUERY.replace("role", "kind").replace("courses", "classes")
    mapping = await installed(lms, wanted_query=mended)
    assert mapping.course_table.name == "classes"
    assert [each.columns for each in mapping.watched if each.table.name == "profiles"] == [("id", "kind")]


async def test_a_new_rule_has_everyone_looked_at_and_the_same_rule_nobody(lms: Database) -> None:
    looked = "select count(*) from listener.blind_note where source = 'profiles' and operation = 'install'"
    await installed(lms, wanted_query=QUERY)
    assert lms.server.psql(lms.name, looked) == "1\n"
    await installed(lms, wanted_query=QUERY, statistics="none")
    assert lms.server.psql(lms.name, looked) == "1\n"
    await installed(lms, on_leave="remove")
    assert lms.server.psql(lms.name, looked) == "2\n"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (QUERY, []),
        (
            QUERY.replace("'student'", "'nobody'"),
            ["0 of 3 profiles are in the query of LISTENER_WANTED_QUERY: nobody is enrolled"],
        ),
    ],
)
async def test_a_query_that_names_nobody_is_told(lms: Database, query: str, said: list[str]) -> None:
    lms.server.psql(lms.name, "insert into profiles (role) select 'student' from generate_series(1, 3)")
    lms.server.psql(lms.name, "insert into courses (title) values ('a')")
    lines = listener(lms.url, "install", wanted_query=query).stdout.splitlines()
    assert [line for line in lines if " profiles " in line and line[0].isalnum()] == said
