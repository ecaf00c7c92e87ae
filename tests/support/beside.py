"""One database with the listener, and the same one without: whatever is said to both has the same outcome."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import anyio

from listener.database.connection import Connection
from listener.repair import count_repair
from listener.schema import install
from tests.conftest import Database
from tests.support import catalogue
from tests.support.connecting import connect
from tests.support.lms_statements import Lms, Statements

# Statements are tried in a block of their own; of those that are not to be kept, only the outcome remains.
ATTEMPT = """
create function pg_temp.attempt(statement text, keep boolean) returns text[] language plpgsql as $$
declare
    done bigint;
begin
    execute statement;
    get diagnostics done = row_count;
    if not keep then
        raise exception using errcode = 'KEEP0', message = done::text;
    end if;
    return array['', done::text];
exception when others then
    return case when sqlstate = 'KEEP0' then array['', sqlerrm] else array[sqlstate, sqlerrm] end;
end;
$$;
"""

TRIGGERS = "select tgrelid::regclass::text, tgname::text from pg_trigger where tgname = any ($1::text[])"


@dataclass
class Beside:
    """One database with the listener, and the same one without."""

    lms: Lms
    listener: Connection
    without: Connection
    taken_over: list[str]
    found: list[str] = field(default_factory=list)
    """What was wrong."""

    async def both(self, statements: list[str], *, role: str, keep: bool = True) -> list[tuple[str, str]]:
        """Try the same statements in both. The outcomes without the listener."""
        outcomes: list[list[tuple[str, str]]] = [[], []]

        async def attempt(number: int, connection: Connection) -> None:
            await connection.execute(f"set local role {role}")
            query = "select pg_temp.attempt(statement, $2) from unnest($1::text[]) as statement"
            outcomes[number] = [tuple(row[0]) for row in await connection.fetch(query, statements, keep)]

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(attempt, 0, self.listener)
            tasks.start_soon(attempt, 1, self.without)
        for statement, (code, told), (expected, expected_told) in zip(statements, *outcomes, strict=True):
            # A session that ran a function of the LMS's when a column had another type fails in a way of its own.
            remembers = "when preparing the plan" in expected_told
            if code and code != expected and not remembers:
                self.found.append(f"{statement}: {code} {told} (without the listener: {expected or 'done'})")
        for statement, (code, done), (expected, expected_done) in zip(statements, *outcomes, strict=True):
            if not code and (expected or done != expected_done):
                self.found.append(f"{statement}: {done} rows (without the listener: {expected} {expected_done})")
        return outcomes[1]

    async def tables(self) -> tuple[catalogue.LmsTable, ...]:
        """The tables as they are now, without the listener."""
        return await catalogue.tables(self.without)


@asynccontextmanager
async def rolled_back(*connections: Connection) -> AsyncIterator[None]:
    """A transaction, or a savepoint, of which nothing remains."""
    transactions = [connection.transaction() for connection in connections]
    for transaction in transactions:
        await transaction.start()
    try:
        yield
    finally:
        for transaction in reversed(transactions):
            await transaction.rollback()


@asynccontextmanager
async def committed(*connections: Connection) -> AsyncIterator[None]:
    """A transaction in each of them."""
    async with AsyncExitStack() as stack:
        for connection in connections:
            await stack.enter_async_context(connection.transaction())
        yield


async def beside(pair: tuple[Database, Database], settings: dict[str, str]) -> Beside:
    """Seed the one database, copy it, and install the listener in the copy."""
    with_listener, without = pair
    server = without.server
    connection = await connect(without.url)
    await connection.execute("set role lms_owner")
    plan = await install.plan(connection, settings, take_over=True)
    lms = Lms(plan.mapping, await catalogue.tables(connection))
    statements = Statements(lms, lms.tables)
    mapping = lms.mapping
    if mapping.taken_over:
        profile, key = mapping.profile_table, mapping.profile_key
        enrolled = f'select "{mapping.enrollment_profile}" from {mapping.enrollment_table}'
        await connection.execute(f'delete from {profile} where "{key}" not in ({enrolled})')
    for taken in mapping.taken_over:
        await connection.execute(f'alter table {taken.table} disable trigger "{taken.trigger}"')
    for statement in [*statements.course(1), *statements.sign_up(1), *statements.sign_up(2)]:
        await connection.execute(statement)
    for statement in [*statements.enroll(1, 1), *statements.enroll(2, 2)]:
        await connection.execute(statement)
    await connection.close()
    server.psql("postgres", f"create database {with_listener.name} template {without.name} owner lms_owner")
    for taken in mapping.taken_over:
        server.psql(with_listener.name, f'alter table {taken.table} enable trigger "{taken.trigger}"')
    connections = []
    for database in pair:
        each: Connection = await connect(database.url, statement_cache_size=0)
        await each.execute(ATTEMPT)
        connections.append(each)
    await connections[0].execute("set role lms_owner")
    plan = await install.plan(connections[0], settings, take_over=True, grant_to=("lms_daemon",))
    assert await install.install(connections[0], plan)
    await count_repair.repair_counts(connections[0])
    await connections[0].execute("reset role")
    taken_over = [each.trigger for each in plan.mapping.taken_over]
    return Beside(lms, connections[0], connections[1], taken_over)
