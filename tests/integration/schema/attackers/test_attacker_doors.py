"""Somebody with the password of the daemon's role can call a few doors, and nothing behind them."""

import asyncpg
import pytest

from listener.catalogue.rights import doors
from tests.integration.schema.attackers.conftest import Ground
from tests.support.eventually import eventually
from tests.support.planted import DAEMON, LEAVES, MALLORY, ONE, OWNER, ROWS, SAMPLES
from tests.support.process import DaemonProcess, listener

SETTINGS = {
    "default": {},
    "query": LEAVES,
    "seats": LEAVES | {"course_seats": "seats"},
    "observe": {"actions": "observe"},
    "no column": {"actions": "enroll"},
}

EVERYTHING = """
select
    proc.oid::regprocedure::text as signature,
    proc.proname::text as name,
    proc.prosecdef as is_definer,
    proc.prorettype = 'trigger'::regtype as is_trigger,
    coalesce(array_to_string(proc.proconfig, ' '), '') as settings,
    array(
        select coalesce(role.rolname::text, 'public')
        from aclexplode(coalesce(proc.proacl, acldefault('f', proc.proowner))) as entry
        left join pg_roles as role on role.oid = entry.grantee
        where entry.grantee <> proc.proowner
    ) as others,
    array(select format_type(given.type, null) from unnest(proc.proargtypes) as given(type)) as types
from pg_proc as proc
where proc.pronamespace = 'listener'::regnamespace
"""

FOR_ANYBODY = ("profile_enrollment_sync_status",)
"""What stands under a view that an owner may open: it does not have its owner's rights."""

CAST = """
create function pg_temp.taken() returns boolean language plpgsql as $$
begin
    if current_user <> 'lms_daemon' then
        perform pg_catalog.nextval('alarm.rung');
    end if;
    return true;
end $$;
create type pg_temp.mine as (role text);
create function pg_temp.as_text(pg_temp.mine) returns text language plpgsql as
$$ begin perform pg_temp.taken(); return 'student'; end $$;
create cast (pg_temp.mine as text) with function pg_temp.as_text(pg_temp.mine) as implicit;
create temporary table trap (id uuid default gen_random_uuid(), role pg_temp.mine);
"""


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("installer", [None, OWNER], ids=["superuser", "owner"])
@pytest.mark.half
async def test_nobody_but_the_owner_may_call_anything_and_the_daemon_s_role_only_doors(
    ground: Ground, settings: dict[str, str], installer: str | None
) -> None:
    await ground.connection.execute(
        f"alter default privileges grant execute on functions to {MALLORY};"
        f"alter default privileges for role {OWNER} grant execute on functions to {MALLORY};"
        f"alter default privileges for role {OWNER} grant all on tables to {MALLORY}"
    )
    ground.install(installer, **settings)
    for function in await ground.connection.fetch(EVERYTHING):
        others = set(function["others"])
        if function["name"].startswith(FOR_ANYBODY):
            assert others <= {"public"}, function["signature"]
            assert not function["is_definer"], function["signature"]
        elif function["name"] in doors():
            assert others <= {DAEMON}, function["signature"]
            assert not {"anyelement", "record", "anyarray"} & set(function["types"]), function["signature"]
            assert not function["is_trigger"], function["signature"]
        else:
            assert others == set(), function["signature"]
        if function["is_definer"]:
            assert "search_path=pg_catalog, pg_temp" in function["settings"], function["signature"]
    writing = await ground.connection.fetch(
        "select relname from pg_class"
        " where relnamespace = 'listener'::regnamespace and relkind in ('r', 'v', 'S') and ("
        f" has_table_privilege('{DAEMON}', oid, 'insert, update, delete, truncate, trigger, references')"
        f" or has_table_privilege('{MALLORY}', oid, 'select, insert, update, delete'))"
    )
    assert writing == []
    may_use = "select has_schema_privilege($1, 'listener', 'usage')"
    assert not await ground.connection.fetchval(may_use, MALLORY)


async def test_what_an_earlier_version_granted_is_taken_back(ground: Ground) -> None:
    ground.install()
    await ground.connection.execute(
        f"set role {OWNER}; grant all on all functions in schema listener to {DAEMON}, public;"
        f"grant all on all tables in schema listener to {DAEMON} with grant option; reset role;"
        f"set role {DAEMON}; grant select, insert on listener.change to {MALLORY}; reset role"
    )
    ground.install(student_values="student,pupil")
    for function in await ground.connection.fetch(EVERYTHING):
        if function["name"] not in doors() and not function["name"].startswith(FOR_ANYBODY):
            assert function["others"] == [], function["signature"]
    for role in (DAEMON, MALLORY):
        allowed = f"select has_table_privilege('{role}', 'listener.change', 'insert, update, delete')"
        assert not await ground.connection.fetchval(allowed)


@pytest.mark.parametrize("settings", [{}, LEAVES], ids=["default", "query"])
async def test_no_trigger_function_of_ours_runs_on_a_table_of_the_daemon_s_role(
    ground: Ground, settings: dict[str, str]
) -> None:
    ground.install(**settings)
    thief = await asyncpg.connect(ground.url(DAEMON))
    try:
        await thief.execute(CAST)
        for function in await ground.connection.fetch(EVERYTHING):
            if not function["is_trigger"]:
                continue
            try:
                await thief.execute(
                    "create trigger trap before insert on trap for each row execute function"
                    f" listener.{function['name']}(); insert into trap (role) values (row('student'))"
                )
            except asyncpg.PostgresError:
                continue
            await thief.execute("drop trigger trap on trap")
        assert await ground.taken() == []
    finally:
        thief.terminate()


@pytest.mark.parametrize("role", [DAEMON, MALLORY])
@pytest.mark.parametrize("settings", [{}, LEAVES], ids=["default", "query"])
async def test_every_function_that_is_no_door_refuses(ground: Ground, role: str, settings: dict[str, str]) -> None:
    ground.install(**settings)
    await ground.connection.execute(ROWS)
    thief = await asyncpg.connect(ground.url(role))
    try:
        for function in await ground.connection.fetch(EVERYTHING):
            is_open = role == DAEMON and (function["name"] in doors() or function["name"].startswith(FOR_ANYBODY))
            if function["is_trigger"] or is_open:
                continue
            samples = (SAMPLES.get(kind, "null") for kind in function["types"])
            given = ", ".join(each.replace("null::public.", "null::") for each in samples)
            with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedFunctionError)):
                await thief.execute(f"select * from listener.{function['name']}({given})")
    finally:
        thief.terminate()


async def test_a_thief_of_the_daemon_s_password_forges_no_count_no_enrollment_and_no_ledger(ground: Ground) -> None:
    ground.install(**LEAVES)
    await ground.connection.execute(ROWS)
    thief = await asyncpg.connect(ground.url(DAEMON))
    attempts = (
        f"insert into listener.change (source, operation, course_id, delta) values ('courses', 'x', '{ONE}', 1000)",
        f"insert into listener.made_enrollment (profile_id, course_id) values ('{ONE}', '{ONE}')",
        "update listener.made_enrollment set taken_back_at = now()",
        "delete from listener.change",
        "update listener.checkpoint set handled = pg_current_snapshot()",
        f"insert into listener.pending_count (course_id, delta, next_attempt_at) values ('{ONE}', 7, now())",
        f"select * from listener.move_counts(array['{ONE}']::uuid[], array[1000]::bigint[])",
        f"select listener.repair_count('{ONE}', 'enrollments', 1000)",
        f"select * from listener.settle(array['{ONE}']::uuid[])",
        "select * from listener.restart_feed(array['enroll'])",
        "select listener.bind()",
        "insert into listener.adapter (position, name, definition) values (0, 'x', 'select 1')",
        "update listener.binding set name = 'x'",
    )
    try:
        for attempt in attempts:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await thief.execute(attempt)
        await thief.execute("select * from listener.purge('0', 1000, 0)")
        await thief.execute("select * from listener.restart_if_restored()")
        assert await ground.connection.fetchval("select count(*) from listener.unhandled('enroll')") > 0
    finally:
        thief.terminate()


DEFERRED = """
create function pg_temp.late() returns trigger language plpgsql as
$$ begin perform alarm.ring('deferred'); return null; end $$;
create temporary table mine (id integer);
create constraint trigger late after insert on mine
deferrable initially deferred for each row execute function pg_temp.late();
"""
ENDS_WITH_CHECKS = ("enroll(100)", "count(100)", "retry_enroll(100)", "retry_count(100)", "repair_counts()")


@pytest.mark.parametrize("door", ENDS_WITH_CHECKS)
async def test_what_a_thief_has_deferred_does_not_run_with_the_owner_s_rights(ground: Ground, door: str) -> None:
    """Before Postgres 18 what is deferred runs with the rights of the function that has it run."""
    ground.install()
    await ground.connection.execute(ROWS)
    if door != "enroll(100)":
        await ground.connection.execute("select * from listener.enroll(100)")
    if door == "repair_counts()":
        await ground.connection.execute("update public.courses set enrollments = 7")
    thief = await asyncpg.connect(ground.url(DAEMON))
    try:
        await thief.execute(DEFERRED)
        for attempt in (
            f"begin; insert into mine values (1); select * from listener.{door}; commit",
            f"begin; insert into mine values (1); savepoint a; select * from listener.{door}; commit",
            f"with written as (insert into mine values (1) returning id) select * from written, listener.{door}",
        ):
            try:
                await thief.execute(attempt)
            except asyncpg.InsufficientPrivilegeError:
                await thief.execute("rollback")
        assert await ground.taken() == []
        await thief.execute(f"select * from listener.{door}")
    finally:
        thief.terminate()


@pytest.mark.parametrize("settings", [{}, LEAVES], ids=["default", "query"])
@pytest.mark.half
async def test_the_daemon_s_role_needs_no_other_schema_and_does_all_of_the_work(
    ground: Ground, settings: dict[str, str]
) -> None:
    await ground.connection.execute(
        f"create schema school authorization {OWNER}; alter table public.profiles set schema school;"
        "alter table public.courses set schema school; alter table public.enrollments set schema school;"
        "revoke all on schema public from public"
    )
    ground.install(**{name: value.replace("public.", "school.") for name, value in settings.items()})
    rows = ROWS.replace("public.", "school.")
    process = DaemonProcess(ground.url(DAEMON), {"heartbeat_seconds": 1, "audit_seconds": 1}, cold=False)
    try:
        process.wait_ready("leading")
        await ground.connection.execute(rows)
        await eventually(ground.connection, "select count(*) from school.enrollments", equals=1)
        await eventually(ground.connection, "select enrollments::int from school.courses", equals=1)
        await ground.connection.execute("update school.courses set enrollments = 7")
        await eventually(ground.connection, "select enrollments::int from school.courses", equals=1)
        await ground.connection.execute("alter table school.profiles rename column role to kind")
        await ground.connection.execute("alter table school.profiles rename column kind to role")
        await ground.connection.execute("insert into school.profiles default values")
        await eventually(ground.connection, "select count(*) from school.enrollments", equals=2)
        assert process.events("connection_lost") == []
        for command in (("status",), ("pause", "enroll"), ("resume", "enroll")):
            listener(ground.url(DAEMON), *command)
    finally:
        process.clean_up()
