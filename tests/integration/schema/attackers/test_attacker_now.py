"""A role of the app's that may call `listener.enroll_now` gains nothing by it but that the rule is followed at once."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.integration.schema.attackers.conftest import Ground
from tests.integration.schema.attackers.test_attacker_doors import EVERYTHING
from tests.support.connecting import connect
from tests.support.planted import LEAVES, MALLORY, ONE, OWNER, ROWS
from tests.support.process import listener

OPEN = ("enroll_now", "settled", "profile_enrollment_sync_status")
TWO = ONE.replace("1", "2")
NOW = f"select listener.enroll_now('{ONE}')"
MADE = "select count(*) from public.enrollments"

TRIGGERS_OF_THE_LMS = f"""
set role {OWNER};
create function public.count_up() returns trigger language plpgsql as $$
begin
    if to_regclass('scratch') is not null then
        insert into scratch values (1);
    end if;
    return null;
end $$;
create trigger count_up after insert on public.enrollments for each row execute function public.count_up();
alter table public.enrollments alter constraint enrollments_user_id_fkey deferrable initially deferred;
reset role;
"""

TEMPORARY = """
create function pg_temp.ring() returns trigger language plpgsql as
$$ begin perform alarm.ring('temporary table'); return null; end $$;
create temporary table scratch (id integer);
create trigger ring after insert on pg_temp.scratch for each row execute function pg_temp.ring();
grant all on pg_temp.scratch to public;
"""

DEFERRED = """
create function public.ring_late() returns trigger language plpgsql as
$$ begin perform alarm.ring('deferred'); return null; end $$;
create table public.mine (id integer);
create constraint trigger {name} after insert on public.mine
deferrable initially deferred for each row execute function public.ring_late();
"""


@pytest.fixture
async def app(ground: Ground) -> AsyncIterator[Connection]:
    """A session of the attacker's, who may call it; a student is not enrolled yet."""
    await ground.connection.execute(TRIGGERS_OF_THE_LMS)
    ground.install(None, "--grant-now", MALLORY)
    await ground.connection.execute(ROWS)
    connection: Connection = await connect(ground.url(MALLORY))
    yield connection
    connection.terminate()


@pytest.mark.parametrize("settings", [{}, LEAVES], ids=["default", "query"])
async def test_it_opens_these_two_and_nothing_else(ground: Ground, settings: dict[str, str]) -> None:
    for _ in range(2):  # kept by the next installation
        ground.install(None, *(("--grant-now", MALLORY) if _ == 0 else ()), **settings)
        for function in await ground.connection.fetch(EVERYTHING):
            may = await ground.connection.fetchval(
                "select has_function_privilege($1, $2::text, 'execute')", MALLORY, function["signature"]
            )
            assert may == (function["name"] in OPEN), function["signature"]
        settings = {}
    seen = await ground.connection.fetch(
        "select relname from pg_class where relnamespace = 'listener'::regnamespace and relkind in ('r', 'v', 'S')"
        " and has_table_privilege($1, oid, 'select, insert, update, delete, truncate, references, trigger')",
        MALLORY,
    )
    assert seen == []
    printed = listener(ground.database.url, "install", "--print").stdout
    assert "listener.enroll_now(" in printed
    assert f'to "{MALLORY}"' in printed
    listener(ground.database.url, "uninstall")
    assert not await ground.connection.fetchval("select to_regnamespace('listener') is not null")


async def test_whom_the_rule_does_not_want_is_not_enrolled(ground: Ground, app: Connection) -> None:
    await ground.connection.execute("update public.profiles set role = 'teacher'")
    assert await app.fetchval(NOW)
    assert await ground.connection.fetchval(MADE) == 0
    await ground.connection.execute("update public.profiles set role = 'student'")
    await app.execute("set listener.cause = 'undo'")
    assert await app.fetchval(NOW)
    assert await ground.connection.fetchval(MADE) == 1
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("select * from public.enrollments")


async def test_a_temporary_table_of_theirs_is_not_met(ground: Ground, app: Connection) -> None:
    await app.execute(TEMPORARY)
    assert not await app.fetchval(NOW)
    assert await ground.connection.fetchval(MADE) == 0
    assert await ground.taken() == []
    await app.execute("drop table scratch")
    await app.execute("create domain pg_temp.scratch as text")
    assert not await app.fetchval(NOW)
    await app.execute("drop domain pg_temp.scratch")
    assert await app.fetchval(NOW)


@pytest.mark.parametrize("name", ["late", "enrollments_user_id_fkey"])
async def test_what_they_have_deferred_does_not_run_with_the_owner_s_rights(
    ground: Ground, app: Connection, name: str
) -> None:
    """Before Postgres 18 what is deferred runs with the rights of the function that has it run."""
    await app.execute(DEFERRED.format(name=name))
    async with app.transaction():
        await app.execute("insert into public.mine values (1)")
        assert await app.fetchval(NOW) == (name == "late")
    assert await ground.taken() == []


async def test_no_setting_of_theirs_shows_what_runs_inside(ground: Ground, app: Connection) -> None:
    told: list[str] = []
    app.add_log_listener(lambda _connection, message: told.append(str(message)))
    for setting in ("client_min_messages = debug5", "debug_print_plan = on", "debug_print_parse = on"):
        await app.execute(f"set {setting}")
    await ground.connection.execute(
        f"set role {OWNER}; create or replace function public.count_up() returns trigger language plpgsql as"
        " $$ begin raise notice 'secret of %', new.user_id; return null; end $$; reset role"
    )
    assert await app.fetchval(NOW)
    assert [each for each in told if "secret" in each or "enrollments" in each] == []


async def test_a_transaction_of_theirs_that_does_not_end_holds_nobody_else_up(ground: Ground, app: Connection) -> None:
    other = await connect(ground.database.url)
    await other.fetch("select * from listener.step()")
    await other.execute(f"grant insert on public.profiles to {MALLORY}")
    async with app.transaction():
        await app.execute(f"insert into public.profiles (id) values ('{TWO}')")
        assert await app.fetchval(f"select listener.enroll_now('{TWO}')")
        await other.execute("insert into public.profiles default values")
        enrolled = await other.fetch("select * from listener.step()")
        assert enrolled[0]["enrolled"] == 1, enrolled
        moved = await other.fetch("select * from listener.step()")
        assert (moved[0]["moved"], moved[0]["parked"]) == (1, 0), moved
    await other.close()
