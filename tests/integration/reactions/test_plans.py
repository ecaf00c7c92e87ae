"""A batch reads what is new by key: never a whole table or index, however large they are."""

import json
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from listener import sql
from listener.connection import Connection, tune
from listener.feed.consumer import Consumer
from listener.reactions.counting import RETRY_COUNTS
from listener.reactions.enrolling import RETRY_EACH, RETRY_TOGETHER
from listener.reactions.reaction import Reaction
from tests.conftest import Database
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
select name, 1, pg_current_snapshot() from unnest(array['enroll', 'count']) as name;
"""

ENROLL, COUNT = Reaction.load("enroll"), Reaction.load("count")

STATEMENTS: dict[str, tuple[str, str]] = {
    "enroll": (ENROLL.together._statement, "'enroll', 2000, 20"),
    "enroll_each": (ENROLL.each._statement, "'enroll', 2000, 20"),
    "count": (COUNT.together._statement, "'count', 2000, 20"),
    "count_each": (COUNT.each._statement, "'count', 2000, 20"),
    "retry_each": (RETRY_EACH, "200, 20"),
    "retry_together": (RETRY_TOGETHER, "2000, 20"),
    "retry_count": (RETRY_COUNTS, "200, 20"),
    "purge": (sql.read("feed/purge"), "array['enroll', 'count'], '5', 5000, 3600"),
    "purge_checkpoints": (sql.read("feed/purge_checkpoints"), "'enroll', 0, 5000, 3600"),
    "look": ("select exists (select from listener.unhandled($1, 1))", "'enroll'"),
}

BIG = {"change", "profiles", "enrollments"}


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
    return list(nodes(json.loads(answer)[0]["Plan"]))


@pytest.mark.parametrize("name", STATEMENTS)
async def test_large_tables_are_read_by_key(session: Connection, name: str) -> None:
    text, arguments = STATEMENTS[name]
    reads = [node for node in await explain(session, text, arguments) if node.get("Relation Name") in BIG]
    kinds = {"Index Scan", "Index Only Scan", "Bitmap Heap Scan", "ModifyTable", "Tid Scan"}
    wrong = [
        node
        for node in reads
        if node["Node Type"] not in kinds or (node["Node Type"].startswith("Index") and "Index Cond" not in node)
    ]
    assert not wrong, json.dumps(wrong)


async def test_an_idle_look_reads_hardly_a_page(session: Connection) -> None:
    text, arguments = STATEMENTS["enroll"]
    plan = await explain(session, text, arguments, "analyze", "buffers", "timing off")
    assert plan[0]["Shared Hit Blocks"] + plan[0]["Shared Read Blocks"] < 20


async def test_a_batch_of_a_transaction_cut_in_two_does_not_walk_the_rest_of_it(session: Connection) -> None:
    """Each of many batches of one huge transaction costs the same."""
    transaction = session.transaction()
    await transaction.start()
    await session.execute(
        """
        insert into listener.checkpoint (consumer, seq, handled)
        select 'cut', 0, format('%1$s:%1$s:', max(xid))::pg_snapshot
        from listener.change
        """
    )
    consumer = Consumer("cut", "{{feed}} select batch_summary.* from batch_summary where batch_summary.changes > 0")
    for _ in range(50):
        batch = await consumer.react(session, 100)
        assert batch is not None
        assert batch.notes_left
    plan = await explain(session, consumer._statement, "'cut', 100", "analyze", "timing off")
    walked = sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in plan
        if node.get("Relation Name") == "change"
    )
    assert 100 <= walked <= 300
    await transaction.rollback()


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
        await connection.execute(sql.read("session/whole_tables"))
        for text in (sql.read("repair/students"), "select count(distinct id) from listener.course_drift"):
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
    text, arguments = STATEMENTS["count"]
    plan = await explain(connection, text, arguments, "analyze", "timing off")
    visited = sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in plan
        if node["Node Type"] == "CTE Scan"
    )
    assert courses < visited < 30 * courses
    assert await connection.fetchval("select sum(enrollments) from public.courses") == courses
    await connection.close()


async def test_no_plan_is_compiled_while_tables_are_read_as_a_whole(connection: Connection) -> None:
    """Without nested loops every plan would look dear enough (up to version 17), and compiling it takes seconds."""
    async with connection.transaction():
        await connection.execute("set local jit = on")
        await connection.execute(sql.read("session/whole_tables"))
        assert await connection.fetchval("show jit") == "off"
