"""How the rules that install found are written, what they match, and that people read them plainly."""

import json
from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import discover, look
from listener.inspection import matching
from listener.row_text import over
from listener.schema import install
from tests.conftest import Database
from tests.support.connecting import connect, parsed
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


async def test_a_rule_of_our_own_goes_on_working_when_the_columns_type_changes(plain_lms: Connection) -> None:
    mapping = await discover(plain_lms)
    assert mapping.is_student == """{row}."role" in ('student')"""
    assert mapping.is_active == """{row}."status" in ('active')"""
    assert mapping.is_available == """{row}."status" in ('published')"""
    assert mapping.course_order == """{row}."price" nulls last, {row}."created_at" nulls last"""
    await plain_lms.execute("insert into profiles (role) values ('student'), ('admin'), (null)")
    students = f"select count(*) from profiles where {mapping.is_student.replace('{row}', 'profiles')}"
    await plain_lms.execute("create type kind as enum ('student', 'admin')")
    for kind in ("text", "varchar(20)", "kind", "char(20)"):
        await plain_lms.execute("alter table profiles drop constraint if exists profiles_role_check")
        await plain_lms.execute(f"alter table profiles alter column role type {kind} using role::text::{kind}")
        assert await plain_lms.fetchval(students) == 1, kind


async def test_a_column_that_ignores_case_has_a_rule_that_does(plain_lms: Connection) -> None:
    await plain_lms.execute(CITEXT)
    await plain_lms.execute("alter table profiles drop constraint profiles_role_check")
    await plain_lms.execute("alter table profiles alter column role type citext")
    await plain_lms.execute("insert into profiles (role) values ('Student'), ('STUDENT'), ('admin')")
    mapping = await discover(plain_lms, {"student_values": "student"})
    students = f"select count(*) from profiles where {mapping.is_student.replace('{row}', 'profiles')}"
    async with plain_lms.transaction():
        await plain_lms.execute("set local search_path = pg_catalog, pg_temp")
        assert await plain_lms.fetchval(students.replace("from profiles", "from public.profiles")) == 2


async def test_only_what_the_user_wrote_is_written_down_as_postgres_writes_it(plain_lms: Connection) -> None:
    mapping = await discover(plain_lms, {"student_predicate": "role = 'pupil'"})
    assert mapping.is_student == "({row}.role = 'pupil'::text)"
    assert mapping.is_active == """{row}."status" in ('active')"""


async def test_people_read_it_plainly(plain_lms: Connection) -> None:
    await plain_lms.execute("""alter table courses rename price to "Price" """)
    found = {what: text for what, text, _, _ in (await look(plain_lms)).lines()}
    assert found["students"] == "role in ('student')"
    assert found["active"] == "status in ('active')"
    assert found["default course"] == """first by "Price" nulls last, created_at nulls last"""


async def test_a_value_that_looks_like_a_row_is_a_value(plain_lms: Connection) -> None:
    await plain_lms.execute("alter table profiles drop constraint profiles_role_check")
    await plain_lms.execute("insert into profiles (role) values ('{row}'), ('{row}.role'), ('student')")
    mapping = await discover(plain_lms, {"student_values": "{row}"})
    students = f"select array_agg(profiles.role) from public.profiles where {over(mapping.is_student, 'profiles')}"
    assert await plain_lms.fetchval(students) == ["{row}"]


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
@pytest.mark.half
async def test_a_rule_that_matches_nobody_or_everybody_is_told_with_numbers(
    make_database: Callable[..., Database], profiles: int, students: int, said: str | None
) -> None:
    database = make_database(installed=False)
    connection = await connect(database.url)
    await connection.execute(NUMBERS.replace("$1", str(profiles)).replace("$2", str(students)))
    await connection.close()
    for _ in ("installed", "already installed"):
        lines = listener(database.url, "install").stdout.splitlines()
        after = [line for line in lines if "profiles match" in line]
        assert after == ([] if said is None else [f"{said} If that is wrong, set LISTENER_STUDENT_PREDICATE"])


async def test_of_a_large_table_only_some_pages_are_looked_at(plain_lms: Connection) -> None:
    await plain_lms.execute(
        "insert into profiles (role) select 'teacher' from generate_series(1, 60000); analyze profiles"
    )
    await install.install(plain_lms, await install.plan(plain_lms, {}))
    mapping = await discover(plain_lms)
    query = matching.query(mapping, 60000)
    plan = await plain_lms.fetchval(f"explain (analyze, costs off, timing off, summary off, format json) {query}")
    text = json.dumps(parsed(plan))
    assert "Sample Scan" in text
    assert '"Seq Scan"' not in text
    said = await matching.remark(plain_lms, mapping)
    assert said is not None
    assert said.startswith("0 of 10,000 profiles that were looked at match")


async def test_nobody_waits_long_for_that_remark(plain_lms: Connection) -> None:
    await install.install(plain_lms, await install.plan(plain_lms, {}))
    await plain_lms.execute("insert into profiles (role) values ('student')")
    await plain_lms.execute("""
        create or replace function listener.students(among uuid[] default null) returns setof uuid
        language sql as 'select pg_sleep(60); select null::uuid'
    """)
    assert await matching.remark(plain_lms, await discover(plain_lms)) is None
    assert await plain_lms.fetchval("show statement_timeout") == "0"
