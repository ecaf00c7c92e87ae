"""What a note costs under a query does not depend on how large the tables are that it reads. Counted in pages."""

from collections.abc import Callable, Iterator

import asyncpg
import pytest

from listener import sql
from tests.conftest import Database
from tests.support.connecting import parsed
from tests.support.pages import measure
from tests.support.plans import body, visited
from tests.support.postgres import Server
from tests.support.process import listener

SCHEMA = """
create table organisations (id bigint generated always as identity primary key, plan text not null);
create table profiles (
    id bigint generated always as identity primary key,
    role text not null default 'student',
    organisation_id bigint references organisations
);
create index on profiles (organisation_id);
create table payments (
    id bigint generated always as identity primary key,
    profile_id bigint not null references profiles on delete cascade,
    paid boolean not null
);
create index on payments (profile_id);
create table memberships (
    id bigint generated always as identity primary key,
    profile_id bigint not null references profiles on delete cascade,
    cohort_id bigint not null
);
create index on memberships (profile_id);
create index on memberships (cohort_id);
create table cohorts (id bigint generated always as identity primary key, starts_on date not null);
alter table memberships add foreign key (cohort_id) references cohorts;
create table courses (
    id bigint generated always as identity primary key,
    title text,
    plan text not null,
    enrollments integer not null default 0
);
create table enrollments (
    id bigint generated always as identity primary key,
    profile_id bigint not null references profiles on delete cascade,
    course_id bigint not null references courses,
    status text not null default 'active' check (status in ('active', 'inactive')),
    unique (profile_id, course_id)
);
"""

QUERY = """
select profiles.id, courses.id
from profiles
cross join courses
left join organisations on organisations.id = profiles.organisation_id
where
    profiles.role = 'student'
    and (
        courses.plan = organisations.plan
        or (
            courses.plan = 'paid'
            and (select payments.paid from payments where payments.profile_id = profiles.id limit 1)
        )
        or (
            courses.plan = 'cohort'
            and (
                select true
                from memberships
                inner join cohorts on cohorts.id = memberships.cohort_id
                where memberships.profile_id = profiles.id and cohorts.starts_on < '2030-01-01'
                limit 1
            )
        )
    )
"""

FILL = """
set session_replication_role = replica;
insert into courses (plan) values ('gold'), ('paid'), ('cohort');
insert into organisations (plan) select 'gold' from generate_series(1, {rows});
insert into profiles (organisation_id) select number from generate_series(1, {rows}) as number;
insert into payments (profile_id, paid) select number, true from generate_series(1, {rows}) as number;
insert into cohorts (starts_on) select '2029-01-01' from generate_series(1, {rows});
insert into memberships (profile_id, cohort_id) select number, number from generate_series(1, {rows}) as number;
insert into enrollments (profile_id, course_id) select number, 1 from generate_series(1, {rows}) as number;
insert into listener.made_enrollment (profile_id, course_id, row_key)
select profile_id, course_id, id from enrollments;
{statistics}
"""

SETTLE = "select * from listener.settle(array[7])"
CASES = {
    "somebody joins": ("select", SETTLE, 2),
    "nothing to do": (f"do $$ begin perform {SETTLE.removeprefix('select ')}; end $$", SETTLE, 0),
    "somebody leaves": ("update profiles set role = 'teacher' where id = 7", SETTLE, 1),
    "who is of an organisation": (
        "select",
        "select * from listener.routed('public.organisations (id) > public.profiles (organisation_id, id)', '{7}')",
        1,
    ),
    "who is in a cohort": (
        "select",
        "select * from listener.routed('public.cohorts (id) > public.memberships (cohort_id, profile_id)', '{7}')",
        1,
    ),
}


@pytest.fixture(scope="module", params=["analyzed", "unknown"])
def sized(
    servers: Callable[[int], Server], postgres_version: int, pytestconfig: pytest.Config, request: pytest.FixtureRequest
) -> Iterator[dict[str, Database]]:
    """The same school, small and large; with statistics, or with none, as after a migration that has just filled it."""
    server = servers(postgres_version)
    sizes = {"few": 1_000, "many": 1_000_000 if pytestconfig.getoption("long") else 30_000}
    statistics = "analyze;" if request.param == "analyzed" else ""
    for name, rows in sizes.items():
        server.psql("postgres", f"create database {name}")
        server.psql(name, SCHEMA)
        tables = ["organisations", "profiles", "payments", "cohorts", "memberships", "enrollments"]
        server.psql(name, "".join(f"alter table {table} set (autovacuum_enabled = off);" for table in tables))
        listener(server.url(name), "install", wanted_query=QUERY, on_leave="suspend", inactive_value="inactive")
        server.psql(name, FILL.format(rows=rows, statistics=statistics))
    yield {name: Database(server, name) for name in sizes}
    for name in sizes:
        server.psql("postgres", f"drop database {name} with (force)")


AUDIT = body(
    "audit_students", by_query=True, notes="boolean", noted_before="text[]", most="bigint", most_courses="bigint"
)
LOOKS = {
    "the audit's": (AUDIT, "true, array[]::text[], 10, 20"),
    "what was missed": (body("missed"), ""),
    "status --full's": (sql.read("inspection/status", "statistics"), ""),
}


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.half
async def test_a_look_at_everyone_visits_so_many_more_rows_as_there_are(sized: dict[str, Database], name: str) -> None:
    """And never compares each with each."""
    statement, arguments = LOOKS[name]
    seen = {}
    for size, database in sized.items():
        connection = await asyncpg.connect(database.url)
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(sql.read("database/settings", "whole_tables"))
        await connection.execute(f"prepare look as {statement}")
        execute = f"execute look({arguments})" if arguments else "execute look"
        answer = await connection.fetchval(f"explain (analyze, timing off, format json) {execute}")
        seen[size] = (
            visited(parsed(answer)[0]["Plan"]),
            await connection.fetchval("select count(*) from profiles"),
        )
        await transaction.rollback()
        await connection.close()
    (few, profiles), (many, more_profiles) = seen["few"], seen["many"]
    assert few > profiles
    assert many <= 2 * few * more_profiles / profiles


@pytest.mark.parametrize("name", CASES)
async def test_a_note_costs_as_many_pages_in_large_tables_as_in_small_ones(
    sized: dict[str, Database], name: str
) -> None:
    """But for a level or two that the indexes are higher."""
    before, statement, rows = CASES[name]
    small = await measure(sized["few"], statement, before)
    large = await measure(sized["many"], statement, before)
    assert small.rows == large.rows == rows
    assert large.pages - small.pages <= 30
    small_tables = {"courses", "blind_note", "brake", "brake_use"}
    assert {table for table, times in large.scans.items() if times} <= small_tables
