"""Nothing of somebody else's is met by what is installed; and the LMS's own triggers find what they name."""

import asyncpg
import pytest

from tests.integration.schema.attackers.conftest import Ground
from tests.support.eventually import eventually
from tests.support.planted import DAEMON, LEAVES, MALLORY, OWNER, ROWS, calls, planted
from tests.support.process import DaemonProcess, listener

OF_THE_LMS = f"""
set role {OWNER};
create table public.logged (what text);
create sequence public.codes;
create function public.next_code() returns bigint language plpgsql as $$ begin return nextval('codes'); end $$;
create function public.shout(word text) returns text language plpgsql immutable as $$ begin return upper(word); end $$;
create function public.shouted(word text) returns text language plpgsql immutable as
$$ begin return shout(word); end $$;
create function public.write_it_down() returns trigger language plpgsql as $$
begin
    insert into logged values (tg_name || ' ' || lower(tg_op));
    return new;
end $$;
alter table public.enrollments add code bigint default public.next_code();
alter table public.enrollments add loud text generated always as (public.shouted(status::text)) stored;
create trigger before_statement before insert or update on public.enrollments
for each statement execute function public.write_it_down();
create trigger before_row before insert or update on public.enrollments
for each row execute function public.write_it_down();
create trigger after_row after insert or update on public.enrollments
for each row execute function public.write_it_down();
create trigger after_statement after insert or update on public.enrollments
for each statement execute function public.write_it_down();
create constraint trigger deferred after insert or update on public.enrollments
deferrable initially deferred for each row execute function public.write_it_down();
create trigger counted before update on public.courses
for each row execute function public.write_it_down();
create constraint trigger counted_deferred after update on public.courses
deferrable initially deferred for each row execute function public.write_it_down();
reset role;
"""

ALL = ("after_row", "after_statement", "before_row", "before_statement", "deferred")


@pytest.mark.parametrize(
    "settings", [{}, LEAVES, LEAVES | {"course_seats": "seats"}], ids=["default", "query", "seats"]
)
@pytest.mark.half
async def test_nothing_that_is_planted_in_an_open_schema_is_met(ground: Ground, settings: dict[str, str]) -> None:
    ground.install(**settings)
    await ground.mallory.execute(planted("public"))
    process = DaemonProcess(ground.url(DAEMON), {"heartbeat_seconds": 1}, cold=False)
    try:
        process.wait_ready("leading")
        await ground.connection.execute(ROWS)
        await eventually(ground.connection, "select count(*) from public.enrollments", equals=1)
        await eventually(ground.connection, "select enrollments::int from public.courses", equals=1)
        await ground.connection.execute("set search_path = pg_catalog")
        await ground.connection.execute("update public.profiles set role = 'teacher'")
        await ground.connection.execute("update public.courses set status = 'draft'; delete from public.enrollments")
        await eventually(ground.connection, "select enrollments::int from public.courses", equals=0)
    finally:
        process.clean_up()
    for call in await calls(ground.connection):
        try:
            await ground.connection.execute(call)
        except asyncpg.PostgresError:
            continue
    assert await ground.taken() == []


@pytest.mark.parametrize("command", ["diagnose", "sync", "status", "pending", "install", "uninstall"])
@pytest.mark.half
async def test_no_command_of_the_owner_s_meets_what_is_planted(ground: Ground, command: str) -> None:
    ground.install(OWNER)
    await ground.mallory.execute(planted("public"))
    await ground.connection.execute(ROWS)
    listener(ground.url(OWNER), command, check=False)
    assert await ground.taken() == []


@pytest.mark.parametrize("settings", [{}, LEAVES], ids=["default", "query"])
async def test_the_lms_s_triggers_find_what_they_name(ground: Ground, settings: dict[str, str]) -> None:
    await ground.connection.execute(OF_THE_LMS)
    ground.install(**settings)
    process = DaemonProcess(ground.url(DAEMON), {"heartbeat_seconds": 1}, cold=False)
    try:
        process.wait_ready("leading")
        await ground.connection.execute(ROWS)
        await eventually(ground.connection, "select enrollments::int from public.courses", equals=1)
        row = await ground.connection.fetchrow("select code, loud from public.enrollments")
        assert row is not None
        assert tuple(row) == (1, "ACTIVE")
        logged = await ground.connection.fetch("select distinct what from public.logged order by what")
        expected = {f"{name} insert" for name in ALL} | {"counted update", "counted_deferred update"}
        assert expected <= {each["what"] for each in logged}
        assert process.events("student_pending") == []
    finally:
        process.clean_up()


async def test_public_is_not_searched_where_no_table_of_the_lms_is_and_others_may_create(ground: Ground) -> None:
    await ground.connection.execute(
        f"create schema school authorization {OWNER}; alter table public.profiles set schema school;"
        "alter table public.courses set schema school; alter table public.enrollments set schema school;"
        f"set role {OWNER}; create function school.ask() returns trigger language plpgsql as"
        " $$ begin perform lowest(1); return new; end $$;"
        "create function school.lowest(numeric) returns numeric language sql as 'select $1';"
        "create trigger ask before insert on school.enrollments for each row execute function school.ask(); reset role"
    )
    ground.install()
    await ground.mallory.execute(
        "create function public.lowest(integer) returns integer language plpgsql as"
        " $$ begin perform alarm.ring('lowest'); return 1; end $$"
    )
    process = DaemonProcess(ground.url(DAEMON), {"heartbeat_seconds": 1}, cold=False)
    try:
        process.wait_ready("leading")
        await ground.connection.execute(ROWS.replace("public.", "school."))
        await eventually(ground.connection, "select count(*) from school.enrollments", equals=1)
    finally:
        process.clean_up()
    assert await ground.taken() == []


async def test_an_open_schema_is_told_with_the_command_that_closes_it(ground: Ground) -> None:
    done = listener(ground.url(OWNER), "install")
    line = "everybody may create in schema public"
    assert line in done.stdout
    assert 'revoke create on schema "public" from public' in done.stdout
    told = listener(ground.url(OWNER), "diagnose", "--json", check=False).stdout
    assert line in told
    await ground.connection.execute('revoke create on schema "public" from public')
    assert line not in listener(ground.url(OWNER), "install").stdout
    assert line not in listener(ground.url(OWNER), "diagnose", "--json", check=False).stdout
    await ground.connection.execute(f"grant create on schema public to {MALLORY}")
    assert f"{MALLORY} may create in schema public" in listener(ground.url(OWNER), "install").stdout
