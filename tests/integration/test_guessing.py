"""What install makes of a schema, and what it asks because nothing there says it."""

from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from listener.connection import Connection
from listener.discovery import discover, look
from listener.errors import WrongSetting
from tests.conftest import Database

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
