"""A batch reads what is new by key: never a whole table or index, however large they are."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import pytest

from listener import sql
from listener.database.connection import Connection, tune
from listener.feed import purge
from listener.feed.consumer import InstalledConsumer, statement
from listener.reactions.counting import PASSING, RETRY_COUNTS
from listener.reactions.enrolling import RETRY_EACH, RETRY_TOGETHER
from listener.reactions.reaction import BuiltIn
from tests.conftest import Database
from tests.support.connecting import parsed
from tests.support.plans import Explaining, instrument, nodes

ROWS = 100_000

FILL = f"""
insert into courses (title, price) select 'course ' || number, number from generate_series(1, 100) as number;
insert into profiles (role) select 'student' from generate_series(1, {ROWS});
insert into enrollments (user_id, course_id)
select profiles.id, first_course.id
from profiles
cross join (select id from courses order by price limit 1) as first_course;
insert into listener.change (source, operation, course_id, delta)
select 'enrollments', 'insert', first_course.id, 0
from (select id from courses order by price limit 1) as first_course
cross join generate_series(1, {ROWS});
insert into listener.checkpoint (consumer, seq, handled)
select name, 1, pg_current_snapshot() from unnest(array['enroll', 'count', 'seen', 'cut']) as name;
insert into listener.reaction (name, text, hash) values ('seen', '', ''), ('cut', '', '');
"""

ENROLL, COUNT = BuiltIn("enroll"), BuiltIn("count")
DO_NOTHING = "{{feed}} select batch_summary.* from batch_summary where batch_summary.changes > 0"

STATEMENTS: dict[str, tuple[str, str]] = {
    "enroll": (ENROLL.together._statement, "2000, 20"),
    "enroll_each": (ENROLL.each._statement, "2000, 20"),
    "count": (COUNT.together._statement, "2000, 20"),
    "count_each": (COUNT.each._statement, "2000, 20"),
    "retry_each": (RETRY_EACH, "200, 20"),
    "retry_together": (RETRY_TOGETHER, "2000, 20"),
    "retry_count": (RETRY_COUNTS, "200, 20"),
    "pass_over": (PASSING, "5000"),
    "purge": (purge.NOTES, "'5', 5000, 3600"),
    "purge_checkpoints": (purge.CHECKPOINTS, "'enroll', 0, 5000, 3600"),
    "installed": (statement(DO_NOTHING), "'seen', 2000"),
    "look": ("select exists (select from listener.unhandled($1, 1))", "'enroll'"),
}

BIG = {"change", "profiles", "enrollments"}
OUTSIDE = {"installed", "look"}
"""What is no function."""

NEWS = """
insert into public.profiles (role) select 'student' from generate_series(1, 10);
update public.enrollments set status = 'cancelled' where id in (select id from public.enrollments order by id limit 10);
insert into listener.pending_enrollment (profile_id, reason, next_attempt_at)
select id, 'failed', now() from (select id from public.profiles limit 10) as first;
insert into listener.pending_count (course_id, delta, next_attempt_at) select id, 1, now() from public.courses
"""


@pytest.fixture(scope="module")
def filled(servers: Callable[..., Any], postgres_version: int, templates: Callable[..., str]) -> Any:
    """A database with many rows, all of them handled."""
    server = servers(postgres_version)
    server.psql("postgres", f"create database plans template {templates(server, 'uuid', True)}")
    server.psql("plans", FILL)
    server.psql("plans", "vacuum analyze")
    yield Database(server, "plans")
    server.psql("postgres", "drop database plans with (force)")


@pytest.fixture
async def session(filled: Database) -> Any:
    connection = await asyncpg.connect(filled.url)
    await tune(connection)
    yield connection
    await connection.close()


async def explain(connection: Connection, text: str, arguments: str, *options: str) -> list[dict[str, Any]]:
    """The plan's nodes, as the daemon's session makes it."""
    await connection.execute(f"prepare statement as {text}")
    answer = await connection.fetchval(
        f"explain ({', '.join(['format json', *options])}) execute statement({arguments})"
    )
    await connection.execute("deallocate statement")
    return list(nodes(parsed(answer)[0]["Plan"]))


@pytest.fixture(scope="module")
def told(filled: Database) -> Iterator[tuple[Database, list[str]]]:
    """A copy of it, with some news, whose functions tell their plans; and what a session must prepare for that."""
    copy = Database(filled.server, "plans_told")
    filled.server.copy(filled.name, copy.name)
    filled.server.psql(copy.name, NEWS)

    async def prepare() -> list[str]:
        connection = await asyncpg.connect(copy.url)
        prepared = await instrument(connection)
        await connection.close()
        return prepared

    yield copy, asyncio.run(prepare())
    filled.server.psql("postgres", f"drop database {copy.name} with (force)")


@pytest.mark.parametrize("name", STATEMENTS)
async def test_large_tables_are_read_by_key(told: tuple[Database, list[str]], name: str) -> None:
    """Also by the functions that do the work."""
    database, prepared = told
    text, arguments = STATEMENTS[name]
    connection = await asyncpg.connect(database.url)
    await tune(connection)
    session = await Explaining.begin(connection, prepared)
    await connection.execute(f"prepare statement as {text}")
    await connection.execute("begin")
    explained = await session.run(f"execute statement({arguments})")
    await connection.execute("rollback")
    await connection.close()
    assert name in OUTSIDE or explained.inner
    reads = [node for node in explained.nodes if node.get("Relation Name") in BIG]
    kinds = {"Index Scan", "Index Only Scan", "Bitmap Heap Scan", "ModifyTable", "Tid Scan"}
    wrong = [
        node
        for node in reads
        if node["Node Type"] not in kinds or (node["Node Type"].startswith("Index") and "Index Cond" not in node)
    ]
    assert not wrong, json.dumps(wrong)


async def test_an_idle_look_reads_hardly_a_page(session: Connection) -> None:
    text, arguments = STATEMENTS["enroll"]
    assert await ENROLL.together.react(session, 2000, 20) is None  # what it is planned by has been read
    plan = await explain(session, text, arguments, "analyze", "buffers", "timing off")
    assert plan[0]["Shared Hit Blocks"] + plan[0]["Shared Read Blocks"] < 20


async def test_a_batch_of_a_transaction_cut_in_two_does_not_walk_the_rest_of_it(
    told: tuple[Database, list[str]],
) -> None:
    """Each of many batches of one huge transaction costs the same."""
    database, prepared = told
    connection = await asyncpg.connect(database.url)
    await tune(connection)
    session = await Explaining.begin(connection, prepared)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(
        """
        insert into listener.checkpoint (consumer, seq, handled)
        select 'cut', 2, format('%1$s:%1$s:', huge.xid)::pg_snapshot
        from (select change.xid from listener.change group by change.xid order by count(*) desc limit 1) as huge
        """
    )
    consumer = InstalledConsumer("cut", DO_NOTHING)
    for _ in range(50):
        batch = await consumer.react(connection, 100)
        assert batch is not None
        assert batch.notes_left
    await connection.execute(f"prepare statement as {consumer._statement}")
    explained = await session.run("execute statement('cut', 100)")
    walked = sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in explained.nodes
        if node.get("Relation Name") == "change"
    )
    assert 100 <= walked <= 300
    await transaction.rollback()
    await connection.close()


ENROLLED_LONG_AGO = """
set session_replication_role = replica;
insert into profiles (role) select 'student' from generate_series(1, 50000);
insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles cross join courses
on conflict do nothing;
"""

TOUCHED = (
    "select sum(idx_tup_read)::bigint from pg_stat_user_indexes where relname in ('profiles', 'enrollments', 'change')"
)


async def index_entries_read(connection: Connection) -> int:
    """Entries of the large tables' indexes that were read so far, by all sessions."""
    await connection.execute("select pg_stat_clear_snapshot(), pg_stat_force_next_flush()")
    return int(await connection.fetchval(TOUCHED))


async def test_tables_believed_to_be_empty_are_still_read_by_key(database: Database) -> None:
    """With statistics from before the first student, a batch once read all enrollments for each of its students."""
    if database.server.version < 15:
        pytest.skip("statistics cannot be flushed at will before Postgres 15")
    tables = ("profiles", "enrollments", "courses", "listener.change")
    unwatched = [f"alter table {table} set (autovacuum_enabled = off);" for table in tables]
    database.server.psql(database.name, "\n".join(unwatched))
    database.server.psql(database.name, "vacuum analyze")
    database.server.psql(database.name, "insert into courses (title, price) values ('course', 0)")
    connection = await asyncpg.connect(database.url, statement_cache_size=10)
    await tune(connection)
    sign_up = "insert into public.profiles (role) select 'student' from generate_series(1, {})"
    for _ in range(2):
        await connection.execute(sign_up.format(10))
        assert await ENROLL.together.react(connection, 2000, 20) is not None
    database.server.psql(database.name, ENROLLED_LONG_AGO)
    await connection.execute(sign_up.format(2000))
    before = await index_entries_read(connection)
    batch = await ENROLL.together.react(connection, 3000, 20)
    assert batch is not None
    assert batch.result["enrolled"] == 2000
    # Of each student: its note, its profile (by the view and the foreign key), and what is unique in its enrollment.
    assert await index_entries_read(connection) - before < 6 * 2000
    await connection.close()


async def test_the_audit_reads_each_table_once_even_if_believed_to_be_empty(database: Database) -> None:
    """It once compared every student with every enrollment."""
    database.server.psql(database.name, "vacuum analyze")
    connection = await asyncpg.connect(database.url)
    await connection.execute(
        """
        alter table profiles set (autovacuum_enabled = off);
        alter table enrollments set (autovacuum_enabled = off);
        insert into courses (title) values ('a');
        insert into profiles (role) select 'student' from generate_series(1, 100);
        insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles cross join courses
        """
    )
    session = await Explaining.begin(connection, await instrument(connection))
    async with connection.transaction():
        await connection.execute(sql.read("database/settings", "whole_tables"))
        for text in ("select * from listener.astray_at_once()", "select count(distinct id) from listener.course_drift"):
            plan = (await session.run(text)).nodes
            enrollments = [node for node in plan if node.get("Relation Name") == "enrollments"]
            assert [node["Actual Loops"] for node in enrollments] == [1]
            looped = [
                node
                for node in plan
                # Each course is joined with the names of its count columns, which is no table.
                if node["Node Type"] == "Nested Loop" and node["Plans"][1]["Node Type"] != "Values Scan"
                if enrollments[0] in nodes(node)
            ]
            assert not looped, json.dumps(looped)
    await connection.close()


async def test_a_batch_of_many_courses_does_not_compare_each_with_each(database: Database) -> None:
    """Without hash joins, what was locked was once matched to what was to move by a nested loop."""
    courses = 1000
    connection = await asyncpg.connect(database.url)
    await tune(connection)
    await connection.execute(
        f"""
        insert into public.courses (title) select 'course' from generate_series(1, {courses});
        insert into public.profiles (role) values ('teacher');
        insert into public.enrollments (user_id, course_id)
        select profiles.id, courses.id from public.profiles cross join public.courses;
        """
    )
    session = await Explaining.begin(connection, await instrument(connection))
    text, arguments = STATEMENTS["count"]
    await connection.execute(f"prepare statement as {text}")
    explained = await session.run(f"execute statement({arguments})")
    visited = sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in explained.nodes
        if node["Node Type"] in ("CTE Scan", "Function Scan")
    )
    assert courses < visited < 30 * courses
    assert await connection.fetchval("select sum(enrollments) from public.courses") == courses
    await connection.close()


async def test_no_plan_is_compiled_while_tables_are_read_as_a_whole(connection: Connection) -> None:
    """Without nested loops every plan would look dear enough (up to version 17), and compiling it takes seconds."""
    async with connection.transaction():
        await connection.execute("set local jit = on")
        await connection.execute(sql.read("database/settings", "whole_tables"))
        assert await connection.fetchval("show jit") == "off"
