"""Whatever migrations do to the tables that a query of who should be where reads, nothing is refused because of it."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.beside import ATTEMPT, rolled_back
from tests.support.wanted import watched
from tests.support.wanted.watched import SCHOOL

READ = {
    "organisations": ("id", "plan"),
    "profiles": ("id", "role", "organisation_id"),
    "courses": ("id", "plan", "published"),
    "payments": ("payer", "paid"),
}
"""What the query reads."""

DONE, SAID_AFTER = 90, 3000
"""At least so many migrations, and so many statements after them, the LMS itself does not refuse."""

TYPES = {"id": "numeric", "role": "varchar(50)", "plan": "varchar(50)", "published": "text", "paid": "text"}


def ddl() -> Iterator[tuple[str, ...]]:
    """What migrations do to these tables and columns."""
    for table, columns in READ.items():
        on = f"alter table {table}"
        for name in columns:
            yield (f"{on} rename {name} to renamed",)
            yield (f"{on} drop column {name} cascade",)
            yield (f"{on} drop column {name} cascade", f"{on} add column {name} text")
            yield (f"{on} alter column {name} drop default", f"{on} alter column {name} type text using {name}::text")
            yield (
                f"{on} alter column {name} drop default",
                f"{on} alter column {name} type {TYPES.get(name, 'integer')}",
            )
            yield (f"{on} rename {name} to renamed", f"{on} add column {name} jsonb")
        yield (f"{on} add column added text default 'x'",)
        yield (f"{on} rename to renamed",)
        yield ("create schema moved", f"{on} set schema moved")
        yield (f"drop table {table} cascade",)
        yield (f"drop table {table} cascade", f"create table {table} (id bigint, {columns[-1]} text)")
        yield (f"{on} rename to renamed", f"create table {table} (like renamed including all)")
        yield (f"{on} rename to renamed", f"create view {table} as select * from renamed")
        yield (f"create table child () inherits ({table})", f"insert into child select * from {table}")
        yield (f"{on} enable row level security", f"{on} force row level security")
        yield (f"{on} disable trigger user",)
        yield (f"{on} replica identity full", f"{on} set unlogged", f"alter index {table}_pkey rename to renamed")
        yield (f"create rule changed as on update to {table} do also notify changed",)
    yield ("drop table payments, profiles, organisations, courses cascade",)


COLUMNS = """
select format('%I.%I', namespace.nspname, class.relname) as name, array_agg(quote_ident(attribute.attname)) as columns
from pg_attribute as attribute
join pg_class as class on class.oid = attribute.attrelid
join pg_namespace as namespace on namespace.oid = class.relnamespace
where
    namespace.nspname in ('public', 'moved') and class.relkind = 'r' and class.relname not like 'enrollments'
    and attribute.attnum > 0 and not attribute.attisdropped
group by 1
order by 1
"""


async def everyday(connection: Connection) -> list[str]:
    """What an LMS says to whatever tables there are now."""
    statements = [
        "insert into profiles (organisation_id) values (2)",
        "insert into payments (payer, paid) values (2, true)",
        "insert into organisations (plan) values ('gold')",
    ]
    for table, columns in await connection.fetch(COLUMNS):
        statements += [f"update {table} set {name} = {name}" for name in columns]
        statements += [f"update {table} set {name} = null" for name in columns]
        statements += [f"insert into {table} default values", f"insert into {table} select * from {table} limit 1"]
        statements += [f"delete from {table}", f"truncate {table} cascade"]
    return statements


@dataclass
class Pair:
    """The same school with the listener, and without."""

    listener: Connection
    without: Connection

    async def outcomes(self, statements: list[str], *, keep: bool) -> list[list[list[str]]]:
        """What comes of these statements in each: (sqlstate, rows or message)."""
        query = "select pg_temp.attempt(statement, $2) from unnest($1::text[]) as statement"
        return [[row[0] for row in await each.fetch(query, statements, keep)] for each in (self.listener, self.without)]


@pytest.fixture
def school(make_database: Callable[..., Database]) -> Database:
    """A school with the listener, and a query."""
    return watched.school(make_database(empty=True))


@pytest.fixture
async def pair(school: Database, make_database: Callable[..., Database]) -> AsyncIterator[Pair]:
    plain = make_database(empty=True)
    plain.server.psql(plain.name, SCHOOL)
    connections: list[Connection] = []
    for database in (school, plain):
        each: Connection = await asyncpg.connect(database.url, statement_cache_size=0)
        await each.execute(ATTEMPT)
        connections.append(each)
    yield Pair(*connections)
    for each in connections:
        each.terminate()


async def test_no_migration_of_a_watched_table_is_refused_and_no_statement_after_it_fails(pair: Pair) -> None:
    wrong, done, said_after = [], 0, 0
    for statements in ddl():
        async with rolled_back(pair.listener, pair.without):
            ours, theirs = await pair.outcomes(list(statements), keep=True)
            wrong += [
                f"{statements}: {one}, not {other}" for one, other in zip(ours, theirs, strict=True) if one != other
            ]
            await pair.listener.fetch("select * from listener.follow()")
            await pair.listener.fetch("select * from listener.binding_problems()")
            said = await everyday(pair.without)
            done += all(not code for code, _ in theirs)
            ours, theirs = await pair.outcomes(said, keep=False)
            said_after += sum(not code for code, _ in theirs)
            wrong += [
                f"{statements}; {each}: {one}, not {other}"
                for each, one, other in zip(said, ours, theirs, strict=True)
                if one != other
            ]
    assert not wrong, "\n".join(wrong)
    assert done >= DONE
    assert said_after >= SAID_AFTER
