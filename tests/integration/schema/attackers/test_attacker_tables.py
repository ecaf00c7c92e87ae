"""A table that took the name of one of the LMS's, or was given to somebody else, is not read and not written."""

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.integration.schema.attackers.conftest import Ground
from tests.support.planted import LEAVES, MALLORY, ONE, OWNER, ROWS, calls
from tests.support.process import listener

TABLES = ("profiles", "courses", "enrollments")

TRIGGER = """
create function public.mine() returns trigger language plpgsql as
$$ begin perform alarm.ring(tg_table_name || '''s trigger'); return new; end $$;
create trigger mine before insert or update or delete on public.{table}
for each row execute function public.mine();
create trigger mine_too before insert or update or delete on public.{table}
for each statement execute function public.mine();
"""

POLICY = """
alter table public.{table} enable row level security;
alter table public.{table} force row level security;
create policy mine on public.{table} using (alarm.ring('a policy of {table}'));
"""


async def drop(ground: Ground, table: str) -> str:
    """The owner's migration drops it; its columns, to make it again."""
    columns = await ground.connection.fetchval(
        "select string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' order by attnum)"
        " from pg_attribute where attrelid = ($1::text)::regclass and attnum > 0",
        f"public.{table}",
    )
    await ground.connection.execute(f"drop table public.{table} cascade")
    return str(columns)


QUICK = """
create function alarm.quick(what text) returns boolean language plpgsql immutable as
$$ begin perform alarm.ring(what); return true; end $$;
grant execute on function alarm.quick(text) to public;
"""
"""A function that Postgres calls while it plans a statement."""

WHILE_PLANNED = {
    "a default": "create table public.{table} ({columns}, quick boolean default alarm.quick('a default'))",
    "an index": "create table public.{table} ({columns}); create index on public.{table} ({key})"
    " where alarm.quick('an index')",
    "a policy": "create table public.{table} ({columns}); alter table public.{table} enable row level security;"
    " alter table public.{table} force row level security;"
    " create policy quick on public.{table} using (alarm.quick('a policy'))",
    "a view": "create table alarm.behind ({columns}); grant all on alarm.behind to public;"
    " create view public.{table} as select behind.* from alarm.behind where alarm.quick('a view')",
    "a view of a function": "create table alarm.behind ({columns}); grant all on alarm.behind to public;"
    " create view public.{table} as select behind.* from alarm.quick('its function') as quick, alarm.behind",
}


async def run_everything(connection: Connection) -> None:
    """Each function of ours; what it raises does not matter here."""
    for call in await calls(connection):
        try:
            await connection.execute(call)
        except asyncpg.PostgresError:
            continue


@pytest.mark.parametrize("settings", [{}, LEAVES], ids=["default", "query"])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.half
async def test_a_table_made_again_by_somebody_else_is_neither_read_nor_written(
    ground: Ground, table: str, settings: dict[str, str]
) -> None:
    ground.install(**settings)
    await ground.connection.execute(ROWS)
    columns = await drop(ground, table)
    await ground.mallory.execute(f"create table public.{table} ({columns}); grant all on public.{table} to public")
    await ground.mallory.execute(TRIGGER.format(table=table) + POLICY.format(table=table))
    await run_everything(ground.connection)
    assert await ground.taken() == []


@pytest.mark.parametrize("settings", [{}, LEAVES], ids=["default", "query"])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.half
async def test_a_view_made_in_its_place_is_not_read(ground: Ground, table: str, settings: dict[str, str]) -> None:
    ground.install(**settings)
    columns = await drop(ground, table)
    key = "user_id" if table == "enrollments" else "id"
    await ground.mallory.execute(
        f"create table alarm.behind ({columns}); insert into alarm.behind ({key}) values ('{ONE}')"
    )
    await ground.mallory.execute(
        f"create view public.{table} as select * from alarm.behind where alarm.ring('a view {table}');"
        f"grant all on public.{table}, alarm.behind to public"
    )
    await run_everything(ground.connection)
    assert await ground.taken() == []


@pytest.mark.parametrize("kind", WHILE_PLANNED)
@pytest.mark.parametrize(
    ("table", "settings"), [("profiles", {}), ("courses", LEAVES), ("enrollments", {}), ("enrollments", LEAVES)]
)
@pytest.mark.quarter
async def test_nor_does_a_kept_plan_that_is_made_new_for_it_call_a_function_of_theirs(
    ground: Ground, table: str, kind: str, settings: dict[str, str]
) -> None:
    """The name becomes another table's behind the back of a session that has worked for a while."""
    ground.install(**settings)
    await ground.connection.execute(ROWS)
    await ground.mallory.execute(QUICK)
    await run_everything(ground.connection)
    columns = await drop(ground, table)
    key = "user_id" if table == "enrollments" else "id"
    await ground.mallory.execute(WHILE_PLANNED[kind].format(table=table, columns=columns, key=key))
    await ground.mallory.execute(f"grant all on public.{table} to public")
    assert await ground.taken() == []  # what the attacker's own statement called was the attacker's right
    await run_everything(ground.connection)
    assert await ground.taken() == []


@pytest.mark.parametrize("table", ["courses", "enrollments"])
async def test_a_table_given_to_somebody_else_is_not_written_and_that_is_told(ground: Ground, table: str) -> None:
    ground.install()
    await ground.connection.execute(ROWS)
    await ground.connection.execute(f"alter table public.{table} owner to {MALLORY}")
    await ground.mallory.execute(TRIGGER.format(table=table))
    await run_everything(ground.connection)
    assert await ground.taken() == []
    problems = await ground.connection.fetch("select problem from listener.binding_problems()")
    assert f"public.{table} belongs to {MALLORY} now, not to {OWNER}" in [row["problem"] for row in problems]
    assert not await ground.connection.fetchval("select listener.is_bound()")


async def test_a_renamed_owner_is_the_same(ground: Ground) -> None:
    await ground.connection.execute("create role before_it_was_renamed login")
    try:
        for table in TABLES:
            await ground.connection.execute(f"alter table public.{table} owner to before_it_was_renamed")
        ground.install()
        await ground.connection.execute("alter role before_it_was_renamed rename to renamed")
        assert await ground.connection.fetchval("select listener.is_bound()")
        await ground.connection.execute("alter role renamed rename to before_it_was_renamed")
    finally:
        listener(ground.database.url, "uninstall")
        await ground.connection.execute(f"reassign owned by before_it_was_renamed to {OWNER}")
        await ground.connection.execute("drop owned by before_it_was_renamed; drop role before_it_was_renamed")


async def test_the_owner_s_own_table_in_its_place_is_followed(ground: Ground) -> None:
    ground.install()
    columns = await drop(ground, "courses")
    await ground.connection.execute(
        f"set role {OWNER}; create table public.courses ({columns}); reset role;"
        f"insert into public.courses (id, title, status, enrollments) values (gen_random_uuid(), 'a', 'published', 0)"
    )
    await ground.connection.execute("select * from listener.follow()")
    assert await ground.connection.fetchval("select listener.is_bound()")
