"""Two databases with a large backlog, many who were set aside and much in quarantine, one four times as large."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from listener.database.connection import Connection
from listener.discovery.discovery import discover
from tests.conftest import Database, install_script
from tests.support import lms
from tests.support.backlog.statements import Case, daemon, others
from tests.support.connecting import connect
from tests.support.plans import Explained, Explaining, instrument
from tests.support.postgres import Server

SMALL, LONG_SMALL = 2_000, 250_000
"""Of everything, in the smaller one of two databases; four times as much in the larger one."""

MEMORY = ("64kB", "4MB")

State = Literal["analyzed", "unknown", "empty"]
"""What was known of the tables when a statement was planned: all, nothing, or that they were empty (the daemon's
statements are planned once)."""

# As after an outage. Without triggers and foreign keys, which would tidy up.
FILL = """
set session_replication_role = replica;
insert into courses (id, title, price)
select number, 'course', number from generate_series(1, {rows} / 10) as number;
insert into people select number as id from generate_series(1, 3 * {rows}) as number;
-- Who is enrolled, who has signed up since, who was set aside, and who was missed.
insert into profiles (id, role) select number, 'student' from generate_series(1, 3 * {rows} + {rows} / 10) as number;
insert into enrollments (user_id, course_id)
select number, 1 + number % ({rows} / 10) from generate_series(1, {rows}) as number;
insert into listener.change (xid, source, operation, profile_ids, at)
select (pg_current_xact_id()::text::bigint + 1 + number / 10)::text::xid8, 'profiles', 'insert', array[{rows} + number],
    now() - interval '1 hour'
from generate_series(1, {rows}) as number;
insert into listener.change (xid, source, operation, course_id, delta, at)
select (pg_current_xact_id()::text::bigint + 1 + number / 10)::text::xid8, 'enrollments', 'insert',
    1 + number % ({rows} / 10), 1, now() - interval '1 hour'
from generate_series(1, {rows}) as number;
-- Who is fresh: each in a transaction with one profile.
insert into listener.change (xid, source, operation, profile_ids, course_id, delta)
select (pg_current_xact_id()::text::bigint + {rows} + number)::text::xid8, 'profiles', 'insert', array[{rows} + number],
    1 + number, 1
from generate_series(1, 60) as number;
insert into listener.pending_enrollment (profile_id, reason, next_attempt_at)
select
    2 * {rows} + number,
    case when number % 2 = 0 then 'failed' else 'no_course' end,
    case
        when number % 2 = 1 then 'infinity'
        when number % 8 = 0 then now() - interval '1 hour'
        else now() + interval '1 hour'
    end
from generate_series(1, {rows}) as number;
-- Made by the listener, and held by the brake.
insert into listener.made_enrollment (profile_id, course_id, held_since)
select number, 1 + number % ({rows} / 10), now() - interval '1 hour' from generate_series(1, {rows}) as number;
-- An LMS of so many courses finds the cheapest by an index.
create index on courses (price, created_at, id);
-- Of courses whose row is held, and of courses that are gone.
insert into listener.pending_count (course_id, delta, next_attempt_at)
select number, 1, now() + interval '1 hour' * (case when number % 4 = 0 then -1 else 1 end)
from generate_series(1, {rows} / 10 + {rows} / 40) as number;
insert into listener.quarantine (source, reason, content)
select 'enrollments', '', '{{}}' from generate_series(1, {rows});
insert into listener.blind_note (xid, source, operation, sqlstate)
select number::text::xid8, (array['profiles', 'courses'])[1 + number % 2], 'insert', ''
from generate_series(1, {rows}) as number;
-- Handled is what was there before all of this.
insert into listener.checkpoint (consumer, seq, handled, at)
select checkpoint.consumer, number, checkpoint.handled, now() - interval '1 minute'
from listener.checkpoint
cross join generate_series(1, {rows}) as number
where checkpoint.seq = 0;
"""


@dataclass
class Large:
    """The databases, small and large, and the sessions whose statements were planned already."""

    rows: int
    memory: tuple[str, ...]
    databases: list[Database] = field(default_factory=list)
    cases: dict[str, Case] = field(default_factory=dict)
    prepared: dict[str, list[str]] = field(default_factory=dict)
    """By database: a function asks for tables by their numbers."""
    planned: dict[tuple[str, str], Explaining] = field(default_factory=dict)
    """By database and memory."""

    async def run(self, database: Database, memory: str, name: str) -> Explained:
        """Explain a case as it is run, and take it back."""
        case = self.cases[name]
        session = self.planned.get((database.name, memory))
        connection: Connection | None = None
        if session is None:
            connection = await connect(database.url)
            session = await begin(connection, memory, self.prepared[database.name])
            await connection.execute(case.prepare(name))
        last = self.rows if database is self.databases[0] else 4 * self.rows
        try:
            return await explain(session, case, case.execute(name).replace("{last}", str(3 * last)))
        finally:
            if connection is not None:
                connection.terminate()


async def begin(connection: Connection, memory: str, prepared: list[str]) -> Explaining:
    """A session in which statements are explained, with so much memory."""
    await connection.execute(f"set search_path = public; set work_mem = '{memory}'")
    # With workers a plan hands rows on once more than without, and only the larger one would have them.
    await connection.execute("set max_parallel_workers_per_gather = 0")
    return await Explaining.begin(connection, prepared)


async def explain(session: Explaining, case: Case, execute: str) -> Explained:
    """Explain a case as it is run, in a session that is there already, and take it back."""
    transaction = session.connection.transaction()
    await transaction.start()
    try:
        await session.connection.execute(case.settings or "select")
        return await session.run(execute)
    finally:
        await transaction.rollback()


UNWATCHED = """
do $$
declare
    each regclass;
begin
    for each in
        select oid
        from pg_class
        where relkind = 'r' and relnamespace in ('public'::regnamespace, 'listener'::regnamespace)
    loop
        execute format('alter table %s set (autovacuum_enabled = off)', each);
    end loop;
end;
$$;
vacuum analyze;
"""


@asynccontextmanager
async def filled(server: Server, state: State, *, long: bool) -> AsyncIterator[Large]:
    """Two databases, one with four times as much of everything."""
    made = Large(LONG_SMALL, MEMORY) if long else Large(SMALL, MEMORY[:1])
    for size, rows in (("small", made.rows), ("large", 4 * made.rows)):
        database = Database(server, f"backlog_{state}_{size}")
        made.databases.append(database)
        server.psql("postgres", f"create database {database.name}")
        server.psql(database.name, lms.schema("bigint") + "create table people (id bigint);")
        server.psql(database.name, await asyncio.to_thread(install_script, database.url))
        server.psql(database.name, UNWATCHED)
        connection: Connection = await connect(database.url)
        made.cases = daemon() | others(await discover(connection))
        made.prepared[database.name] = await instrument(connection)
        await connection.close()
        if state == "empty":
            for memory in made.memory:
                made.planned[database.name, memory] = await plan(database, memory, made.prepared[database.name])
        server.psql(database.name, FILL.format(rows=rows))
        if state == "analyzed":
            server.psql(database.name, "vacuum analyze")
    yield made
    for session in made.planned.values():
        session.connection.terminate()
    for database in made.databases:
        server.psql("postgres", f"drop database {database.name} with (force)")


async def plan(database: Database, memory: str, prepared: list[str]) -> Explaining:
    """A daemon's session, with all of its statements planned."""
    session = await begin(await connect(database.url), memory, prepared)
    for name, case in daemon().items():
        await session.connection.execute(case.prepare(name))
        await explain(session, case, case.execute(name))
    return session
