"""Somebody drops or renames what is the listener's own: no statement of the LMS's fails for it, `status` says so, and
`listener install` makes it again."""

from collections.abc import Callable

import asyncpg
import pytest

from tests.conftest import Database
from tests.support.beside import rolled_back
from tests.support.connecting import connect
from tests.support.process import listener

NAMED = """
with recursive part as (
    select oid, 1 as depth
    from pg_proc
    where pronamespace = 'listener'::regnamespace and prorettype = 'trigger'::regtype
    union
    select named.oid, part.depth + 1
    from part
    inner join pg_proc as proc on proc.oid = part.oid
    cross join lateral regexp_matches(proc.prosrc, 'listener\\.(\\w+)', 'g') as found
    inner join (
        select oid, proname as name from pg_proc where pronamespace = 'listener'::regnamespace
        union all
        select oid, relname from pg_class where relnamespace = 'listener'::regnamespace
    ) as named on named.name = found[1]
    where part.depth < $1
)
select distinct
    case class.relkind when 'S' then 'sequence' when 'v' then 'view' when 'r' then 'table' else 'function' end as kind,
    coalesce(class.oid::regclass::text, proc.oid::regprocedure::text) as name
from part
left join pg_class as class on class.oid = part.oid
left join pg_proc as proc on proc.oid = part.oid
where part.depth > 1
order by name
"""
"""What the functions of triggers name, to a depth of $1, which is all that an LMS's statement can meet."""

ROWS = """
insert into courses (title, price) values ('a', 1);
insert into profiles (role) values ('student'), ('guest');
insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles, courses where role = 'guest';
select setval('listener.bell', 9999999999);
"""

STATEMENTS = (
    "insert into profiles (role) values ('student')",
    "update profiles set role = case role when 'guest' then 'student' else 'guest' end",
    "update profiles set id = gen_random_uuid()",
    "insert into courses (title, price) values ('b', 2)",
    "update courses set status = case when title = 'b' then 'draft' else 'published' end",
    "update courses set id = gen_random_uuid()",
    "insert into enrollments (user_id, course_id) select p.id, c.id from profiles p, courses c on conflict do nothing",
    "update enrollments set status = 'left'",
    "delete from enrollments",
    "delete from courses where title = 'b'",
    "delete from profiles where role = 'student'",
    "truncate profiles, courses, enrollments",
)

BY_QUERY = {
    "wanted_query": "select p.id, c.id from profiles p cross join courses c where p.role = 'student'",
    "wanted_plan": "any",
    "on_leave": "remove",
    "count_columns": "none",
}


@pytest.fixture(params=[pytest.param({}, id="plain"), pytest.param(BY_QUERY, id="by_query", marks=pytest.mark.long)])
def lms(make_database: Callable[..., Database], request: pytest.FixtureRequest) -> Database:
    """An LMS with the listener; with the default rule, or with a query and all that goes with it."""
    database = make_database(installed=not request.param)
    if request.param:
        listener(database.url, "install", check=True, **request.param)
    return database


async def test_no_statement_of_the_lms_fails_for_a_part_that_is_gone(
    lms: Database, request: pytest.FixtureRequest
) -> None:
    app = f"app_{lms.name}"
    dba = await connect(lms.url)
    bell = await connect(lms.url)
    try:
        await dba.execute(f"create role {app}; grant all on all tables in schema public to {app}; {ROWS}")
        await bell.execute("select pg_advisory_lock(1279873876, 2)")  # so that writers ring
        long = request.config.getoption("--long")
        parts = await dba.fetch(NAMED, 20 if long else 3)
        names = {each["name"] for each in parts}
        assert {"listener.ring()", "listener.bell", "listener.change", "listener.blind_note"} <= names
        gone = [f"drop {kind} {name} cascade" for kind, name in parts]
        gone += [f"alter {kind} {name} rename to is_gone" for kind, name in parts if kind != "function" or long]
        gone += ["alter schema listener rename to gone", "drop schema listener cascade"]
        failed = []
        for each in gone:
            async with rolled_back(dba):
                await dba.execute(each)
                await dba.execute(f"set local role {app}")
                for statement in STATEMENTS:
                    try:
                        async with dba.transaction():
                            await dba.execute(statement)
                    except asyncpg.PostgresError as error:
                        failed.append(f"{each}: {statement}: {error}")
        assert not failed, "\n".join(failed)
    finally:
        await dba.close()
        await bell.close()


def test_a_part_that_is_gone_is_told_and_made_again_by_install(database: Database) -> None:
    server = database.server
    server.psql(database.name, "drop function listener.ring(); drop sequence listener.bell")
    seen = listener(database.url, "status", check=False)
    for name in ("ring", "bell"):
        assert f"listener.{name} is gone, which functions of the listener's name: run `listener install`" in seen.stdout
    assert "mended schema listener" in listener(database.url, "install").stdout
    assert "mapping_broken" not in listener(database.url, "status", check=False).stdout
    server.psql(database.name, "alter table listener.change rename to is_gone")
    done = listener(database.url, "install", check=False)
    assert done.returncode == 2
    assert 'is gone: relation "listener.change" does not exist (42P01). Bring it back; or run `' in done.stderr


def test_a_trigger_that_took_the_name_of_ours_is_told_and_ours_is_back_once_it_is_gone(database: Database) -> None:
    server = database.server
    server.psql(
        database.name,
        "create function nothing() returns trigger language plpgsql as 'begin return null; end';"
        "drop trigger listener_insert on profiles;"
        "create trigger listener_insert after insert on profiles for each row execute function nothing()",
    )
    seen = listener(database.url, "status", check=False).stdout
    assert "on public.profiles, whose name another trigger has (drop that), is missing or disabled: run" in seen
    assert "triggers_missing" in seen
    assert listener(database.url, "install", check=False).returncode == 2
    server.psql(database.name, "drop trigger listener_insert on profiles")
    assert "mended schema listener" in listener(database.url, "install").stdout
    assert "triggers_missing" not in listener(database.url, "status", check=False).stdout
