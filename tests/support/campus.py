"""A school where one query says who should be where: courses for all, by payment, by organisation, in time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.process import listener

TABLES = """
alter table courses add plan text not null default 'free', add starts_at timestamptz not null default '2000-01-01';
create table organisations (id bigint primary key, plan text not null);
alter table profiles add organisation_id bigint references organisations;
create index on profiles (organisation_id);
create table payments (
    id bigint primary key generated always as identity,
    profile_id uuid references profiles,
    plan text
);
create index on payments (profile_id);
"""

BY_PLAN = """
select profiles.id, courses.id
from profiles cross join courses
where profiles.role = 'student' and courses.plan = 'free' and courses.status = 'published'
union
select payments.profile_id, courses.id
from payments inner join courses on courses.plan = payments.plan
union
select profiles.id, courses.id
from profiles
inner join organisations on organisations.id = profiles.organisation_id
inner join courses on courses.plan = organisations.plan
"""

FROM_A_DAY_ON = """
select profiles.id, courses.id
from profiles cross join courses
where profiles.role = 'student' and courses.starts_at <= now()
"""

SUSPEND = {"on_leave": "suspend", "inactive_value": "inactive", "brake": "none"}


def rule(database: Database, query: str = BY_PLAN, **settings: object) -> None:
    """Make this query the rule: the first, or another one."""
    listener(database.url, "install", "--yes", check=True, wanted_query=query, **settings)


@asynccontextmanager
async def school(database: Database, query: str = BY_PLAN, **settings: object) -> AsyncIterator[Connection]:
    """A connection to a school with the query for a rule; `database` has the plain tables, and nothing installed."""
    connection: Connection = await asyncpg.connect(database.url)
    try:
        await connection.execute(TABLES)
        rule(database, query, **settings)
        yield connection
    finally:
        connection.terminate()


async def course(connection: Connection, plan: str = "free", starts: str = "2000-01-01") -> str:
    """The key of a new course."""
    statement = "insert into courses (title, plan, starts_at) values ('a', $1, $2::text::timestamptz) returning id"
    return str(await connection.fetchval(statement, plan, starts))
