"""With a large backlog, many who were set aside and much in quarantine, a statement looks once at what it must look at:
four times as much of everything is four times the rows and pages, not sixteen; and a batch does not notice. However
little memory a statement may have, and whatever was known of the tables when it was planned. Counted, not timed.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import asyncpg
import pytest
import pytest_asyncio

from listener import sql
from listener.adapter import preview as previewing
from listener.adapter import rendering
from listener.adapter.discovery import discover
from listener.adapter.install import VERSION, Installation
from listener.adapter.mapping import Mapping
from listener.connection import Connection, few_rows
from listener.reactions.counting import RETRY_COUNTS
from listener.reactions.enrolling import RETRY_EACH, RETRY_TOGETHER
from listener.reactions.reaction import Reaction
from listener.repair import restructure, structure
from tests.conftest import Database, install_script
from tests.support import lms
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

FINDINGS = sorted(file.stem for file in (sql.folder() / "repair" / "findings").glob("*.sql") if file.stem != "orphans")
ORPHANS = ("enrollments_of_nobody", "enrollments_of_no_course")

ENROLL, COUNT = Reaction.load("enroll"), Reaction.load("count")
CONSUMERS = "array['enroll', 'count']"
WHOLE = sql.read("session/whole_tables")
BY_KEY = few_rows("local")
"""What the daemon's session is set to."""


@dataclass(frozen=True)
class Case:
    """A statement and its arguments."""

    text: str
    arguments: str = ""
    settings: str = BY_KEY
    """As it is run."""
    bounded: bool = True
    """Whether it handles no more than a batch, or looks at no more than a few."""

    def prepare(self, name: str) -> str:
        return f'prepare "{name}" as {self.text}'

    def execute(self, name: str) -> str:
        return f'execute "{name}"' + (f"({self.arguments})" if self.arguments else "")


def daemon() -> dict[str, Case]:
    """Of the daemon's own session."""
    return {
        "enroll": Case(ENROLL.together._statement, "'enroll', 200, 20"),
        "enroll_each": Case(ENROLL.each._statement, "'enroll', 200, 20"),
        "count": Case(COUNT.together._statement, "'count', 200, 20"),
        "count_each": Case(COUNT.each._statement, "'count', 200, 20"),
        "enroll_few": Case(sql.read("reactions/enroll_few"), "200, 20"),
        "count_few": Case(sql.read("reactions/count_few"), "200, 20"),
        "retry_enroll_each": Case(RETRY_EACH, "200, 20"),
        "retry_enroll_together": Case(RETRY_TOGETHER, "200, 20"),
        "retry_count": Case(RETRY_COUNTS, "20, 20"),
        "purge": Case(sql.read("feed/purge"), f"{CONSUMERS}, '5', 500, 60"),
        "purge_of_nothing": Case(sql.read("feed/purge"), f"{CONSUMERS}, '5', 500, 7200"),
        "purge_checkpoints": Case(sql.read("feed/purge_checkpoints"), "'enroll', 0, 500, 0"),
        "purge_checkpoints_of_nothing": Case(sql.read("feed/purge_checkpoints"), "'enroll', 0, 500, 3600"),
        "sample": Case(sql.read("monitor/sample"), f"{CONSUMERS}, 100"),
        "heartbeat": Case(sql.read("daemon/heartbeat")),
        "trust_notes": Case(sql.read("daemon/trust_notes")),
        "is_restored": Case(sql.read("repair/is_restored"), CONSUMERS),
    }


def others(mapping: Mapping) -> dict[str, Case]:
    """Of the audit and the commands, each of which has a connection of its own, and of those who look at the views."""
    values = rendering.placeholders(mapping) | {"referred_table": "public.people", "referred_key": '{row}."id"'}

    def whole(name: str, arguments: str = "") -> Case:
        return Case(sql.render(sql.read(name), values), arguments, WHOLE, bounded=False)

    def plain(text: str, arguments: str = "", *, bounded: bool = True) -> Case:
        return Case(text, arguments, "", bounded)

    found = {
        "restart_feed": Case(sql.read("repair/restart_feed"), CONSUMERS, BY_KEY + WHOLE, bounded=False),
        "draining": plain(sql.read("repair/draining")),
        "handled": plain(sql.read("repair/handled"), f"{CONSUMERS}, pg_current_snapshot()::text"),
        "status": plain(sql.read("monitor/status"), f"1, array[1, 2]::bigint[], 'x', {CONSUMERS}"),
        "sample_of_status": plain(sql.read("monitor/sample"), f"{CONSUMERS}, 100"),
        "replay_look": plain(sql.read("feed/replay_look"), "'count', now() - interval '1 day'", bounded=False),
        "replay": plain(
            sql.read("feed/replay"), "'count', now(), '3', pg_current_snapshot()::text, 'listener', 'pause'"
        ),
        "statistics": plain(sql.read("monitor/statistics"), bounded=False),
        "drift": plain("select count(distinct id) from listener.course_drift", bounded=False),
        "pending": plain(sql.read("repair/pending"), "100", bounded=False),
        "pending_retry": plain(sql.read("repair/pending_retry"), "null", bounded=False),
        "pending_drop": plain(sql.read("repair/pending_drop"), "null", bounded=False),
        "course_live_count": plain("select * from listener.course_live_count", bounded=False),
        "sync_status": plain("select * from profile_enrollment_sync_status", bounded=False),
        "get_enrollment_statistics": plain("select * from get_enrollment_statistics()", bounded=False),
    }
    for name in ("students", "repair_counts", "make_good_students", "make_good_counts", "settle_abandoned_counts"):
        found[name] = whole(f"repair/{name}")
    places = [f"({page},{row})" for page in range(10) for row in range(1, 101)]
    for code in restructure.ASTRAY:
        found[f"astray_{code}"] = plain(restructure.astray_statement(mapping, code), bounded=False)
        chosen = f"array{places}, 'enrollments'::regclass"
        found[f"quarantine_{code}"] = Case(restructure.quarantine_statement(mapping, code, chosen=True), chosen)
        found[f"quarantine_all_{code}"] = plain(restructure.quarantine_statement(mapping, code), bounded=False)
    for name in FINDINGS:
        found[name] = whole(f"repair/findings/{name}")
    for code in ORPHANS:
        text = sql.render(sql.read("repair/findings/orphans"), values | structure.reference(mapping, code))
        found[code] = Case(text, "", WHOLE, bounded=False)
    found["astray_next"] = whole("repair/astray_next", "'{last}', 100")
    found["astray_still"] = whole("repair/astray_still", "array['{last}']")
    found["note_profiles"] = plain(sql.render(sql.read("repair/note_profiles"), values), "array['{last}']")
    this = Installation(VERSION, "", None)
    for name, more in (
        ("preview", previewing.placeholders(mapping, this)),
        ("preview_of_installed", previewing.placeholders_of_installed(mapping)),
    ):
        found[name] = Case(sql.render(sql.read("adapter/preview/movements"), more), "5", WHOLE, bounded=False)
    found["note_missing"] = plain(sql.render(sql.read("repair/note_missing"), values), "'{last}', 100")
    found["still_unenrolled"] = plain(sql.render(sql.read("repair/still_unenrolled"), values), "array['{last}']")
    return found


# Those that write much come last: what is taken back stays behind as dead rows, which whoever follows must step over.
# (Without a VACUUM, for it would count the rows of a table of which nothing is to be known.)
NAMES = (
    *(
        "draining",
        "handled",
        "status",
        "sample_of_status",
        "replay_look",
        "replay",
        "statistics",
        "drift",
        "pending",
        "course_live_count",
    ),
    *("sync_status", "get_enrollment_statistics", "students", "note_missing", "still_unenrolled"),
    *("astray_next", "astray_still", "note_profiles", "preview", "preview_of_installed"),
    *FINDINGS,
    *ORPHANS,
    *daemon(),
    *(f"{name}_{code}" for name in ("astray", "quarantine", "quarantine_all") for code in restructure.ASTRAY),
    *("pending_drop", "make_good_counts", "repair_counts", "make_good_students", "pending_retry", "restart_feed"),
    "settle_abandoned_counts",
)


@dataclass
class Large:
    """The databases, small and large, and the sessions whose statements were planned already."""

    rows: int
    memory: tuple[str, ...]
    databases: list[Database] = field(default_factory=list)
    cases: dict[str, Case] = field(default_factory=dict)
    prepared: list[str] = field(default_factory=list)
    planned: dict[tuple[str, str], Explaining] = field(default_factory=dict)
    """By database and memory."""

    async def run(self, database: Database, memory: str, name: str) -> Explained:
        """Explain a case as it is run, and take it back."""
        case = self.cases[name]
        session = self.planned.get((database.name, memory))
        connection: Connection | None = None
        if session is None:
            connection = await asyncpg.connect(database.url)
            session = await begin(connection, memory, self.prepared)
            await connection.execute(case.prepare(name))
        last = self.rows if database is self.databases[0] else 4 * self.rows
        try:
            return await explain(session, case, case.execute(name).replace("{last}", str(3 * last)))
        finally:
            if connection is not None:
                connection.terminate()


async def begin(connection: Connection, memory: str, prepared: list[str]) -> Explaining:
    await connection.execute(f"set search_path = public; set work_mem = '{memory}'")
    # With workers a plan hands rows on once more than without, and only the larger one would have them.
    await connection.execute("set max_parallel_workers_per_gather = 0")
    return await Explaining.begin(connection, prepared)


async def explain(session: Explaining, case: Case, execute: str) -> Explained:
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
        connection: Connection = await asyncpg.connect(database.url)
        made.cases = daemon() | others(await discover(connection))
        made.prepared = await instrument(connection)
        await connection.close()
        if state == "empty":
            for memory in made.memory:
                made.planned[database.name, memory] = await plan(database, memory, made.prepared)
        server.psql(database.name, FILL.format(rows=rows))
        if state == "analyzed":
            server.psql(database.name, "vacuum analyze")
    yield made
    for session in made.planned.values():
        session.connection.terminate()
    for database in made.databases:
        server.psql("postgres", f"drop database {database.name} with (force)")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["analyzed", "unknown"])
async def large(
    request: pytest.FixtureRequest, servers: Callable[[int], Server], postgres_version: int
) -> AsyncIterator[Large]:
    """Statements are planned when they are run."""
    async with filled(servers(postgres_version), request.param, long=request.config.getoption("--long")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def planned(
    request: pytest.FixtureRequest, servers: Callable[[int], Server], postgres_version: int
) -> AsyncIterator[Large]:
    """The daemon's statements were planned while the tables were empty."""
    async with filled(servers(postgres_version), "empty", long=request.config.getoption("--long")) as made:
        yield made


async def plan(database: Database, memory: str, prepared: list[str]) -> Explaining:
    """A daemon's session, with all of its statements planned."""
    session = await begin(await asyncpg.connect(database.url), memory, prepared)
    for name, case in daemon().items():
        await session.connection.execute(case.prepare(name))
        await explain(session, case, case.execute(name))
    return session


def pages(explained: Explained) -> int:
    """That were read or written, in tables and in temporary files."""
    kinds = ("Shared Hit", "Shared Read", "Temp Read", "Temp Written")
    return sum(plan.get(f"{kind} Blocks", 0) for plan in explained.plans for kind in kinds)


async def hold(large: Large, name: str) -> None:
    """A case costs no more than four times as much where there is four times as much."""
    for memory in large.memory:
        started = time.perf_counter()
        small, big = [await large.run(database, memory, name) for database in large.databases]
        if large.rows == LONG_SMALL:
            seconds = time.perf_counter() - started
            print(f"{name}, {memory}: {big.visited:,} rows, {pages(big):,} pages; both sizes in {seconds:.2f} s")
        if large.cases[name].bounded:
            assert big.visited <= 1.2 * small.visited + 500
            assert pages(big) <= 1.5 * pages(small) + 100
        else:
            # Of four times as much a plan may sort what another one reads in order, and what fitted into memory may not
            # any more. What compares each with each is sixteen times as much.
            assert big.visited <= 6 * small.visited + 500
            assert pages(big) <= 6 * pages(small) + 2 * large.rows


@pytest.mark.timeout(3600)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", NAMES)
async def test_four_times_as_much_costs_no_more_than_four_times_as_much(large: Large, name: str) -> None:
    await hold(large, name)


@pytest.mark.timeout(3600)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", daemon())
async def test_what_was_planned_on_empty_tables_costs_no_more_either(planned: Large, name: str) -> None:
    await hold(planned, name)


ELSEWHERE = {
    *("daemon", "few_rows", "whole_tables", "by_query"),  # settings
    *(
        "depose",
        "lock_holder",
        "record_cluster",
        "comes_and_goes",
        "follow",
        "problems",
        "in_the_way",
        "writers_in_line",
    ),  # small, or few
    *("pause", "resume", "in_hand", "installed", "moment_of_time", "moment_ago", "replay_lock"),  # as small
    # Of one profile, by key; of the feed they read what waits, once (`test_explain.py` looks at their cost):
    *(file.stem for file in (sql.folder() / "monitor").glob("explained_*.sql")),
    # Where a query says who should be where (`test_wanted_cost.py`):
    *("students_wanted", "statistics_wanted"),
    # Parts of others:
    *("batch_and_checkpoint", "ring_ourselves", "count_each", "count_together", "enroll_each", "enroll_together"),
    *("orphans", "not_tried"),
    *("astray", "astray_orphans", "astray_duplicates", "quarantine", "among", "among_profiles"),
    *("is_astray", "is_astray_and_chosen"),
}


def test_every_statement_is_among_them() -> None:
    rooms = ("session", "feed", "reactions", "monitor", "repair", "daemon")
    files = {file.stem for room in rooms for file in (sql.folder() / room).rglob("*.sql")}
    files |= {file.stem for file in (sql.folder() / "adapter").glob("*.sql")}  # below: what is installed
    measured = {name.removesuffix("_together").removesuffix("_each") for name in NAMES}
    assert files - measured == ELSEWHERE
