"""The owner of the LMS's tables has no more rights because somebody mightier installs or removes the listener."""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.integration.schema.attackers.conftest import Ground
from tests.support.eventually import eventually
from tests.support.planted import DAEMON, LEAVES, MALLORY, OWNER, ROWS
from tests.support.process import DaemonProcess, listener

RING = """
create function public.rings() returns trigger language plpgsql as
$$ begin perform alarm.ring_for_superusers(tg_name); return new; end $$;
create trigger rings before insert or update or delete on public.enrollments
for each row execute function public.rings();
create trigger rings before update on public.courses for each row execute function public.rings();
"""

RING_FOR_SUPERUSERS = """
create function alarm.ring_for_superusers(what text) returns boolean language plpgsql as $$
begin
    begin
        execute 'reset role';
        execute 'reset session authorization';
    exception when others then
        null;
    end;
    if (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
        perform pg_catalog.nextval('alarm.rung');
        insert into alarm.taken values (current_user, what);
    end if;
    return true;
end $$;
"""

OWNERS = """
select distinct kind || pg_get_userbyid(owner)
from (
    select 'schema ' as kind, nspowner as owner from pg_namespace where nspname = 'listener'
    union all
    select 'relation ', relowner from pg_class where relnamespace = 'listener'::regnamespace
    union all
    select 'function ', proowner from pg_proc where pronamespace = 'listener'::regnamespace
    union all
    select 'type ', typowner from pg_type where typnamespace = 'listener'::regnamespace
    union all
    select 'view ', relowner from pg_class where relname = 'profile_enrollment_sync_status'
    union all
    select 'statistics ', proowner from pg_proc where proname = 'get_enrollment_statistics'
) as made
order by 1
"""

ALL_OF = [f"{kind} {OWNER}" for kind in ("function", "relation", "schema", "statistics", "type", "view")]

SWAPPED = """
do $$
declare
    name text;
begin
    for name in
        select oid::regprocedure::text from pg_proc
        where pronamespace = 'listener'::regnamespace and prorettype = 'boolean'::regtype and pronargs = 0
    loop
        execute format('create or replace function %s returns boolean language plpgsql as '
            '$f$ begin perform alarm.ring_for_superusers(''swapped''); return true; end $f$', name);
    end loop;
end $$;
create or replace function listener.unread_by_query() returns text language plpgsql as
$f$ begin perform alarm.ring_for_superusers('swapped'); return null; end $f$;
create or replace function listener.cluster_identifier() returns bigint language plpgsql as
$f$ begin perform alarm.ring_for_superusers('swapped'); return null; end $f$;
"""

TABLES = ("profiles", "courses", "enrollments")

COMMANDS = ("install", "diagnose", "sync", "status", "pending", "uninstall", "run")


async def owners(connection: Connection) -> list[str]:
    return [row[0] for row in await connection.fetch(OWNERS)]


@pytest.mark.parametrize("settings", [{}, LEAVES], ids=["default", "query"])
async def test_a_trigger_of_the_owner_s_does_not_run_as_the_superuser_who_installed(
    ground: Ground, settings: dict[str, str]
) -> None:
    await ground.connection.execute(RING_FOR_SUPERUSERS + f"set role {OWNER}; {RING} reset role")
    ground.install(**settings)
    process = DaemonProcess(ground.url(DAEMON), {"heartbeat_seconds": 1}, cold=False)
    try:
        process.wait_ready("leading")
        await ground.connection.execute(f"set role {OWNER}; {ROWS} reset role")
        await eventually(ground.connection, "select enrollments::int from public.courses", equals=1)
    finally:
        process.clean_up()
    assert await ground.taken() == []


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.half
async def test_no_command_of_a_superuser_s_runs_what_the_owner_swapped(ground: Ground, command: str) -> None:
    ground.install()
    await ground.connection.execute(RING_FOR_SUPERUSERS + f"set role {OWNER}; {SWAPPED} reset role")
    more: dict[str, Any] = {"http_port": 0} if command == "run" else {}
    done = listener(ground.database.url, command, check=False, **more)
    assert "raceback" not in done.stderr
    assert await ground.taken() == []
    if command not in ("install", "uninstall"):
        assert done.returncode == 2
        assert f"connect as {OWNER}" in done.stderr
        assert command == "run" or len(done.stderr.strip().splitlines()) == 1


async def test_an_index_or_a_type_of_the_owner_s_does_not_run_while_a_superuser_installs(ground: Ground) -> None:
    await ground.connection.execute(
        RING_FOR_SUPERUSERS
        + f"""
        set role {OWNER};
        create function public.folded(integer) returns boolean language plpgsql immutable as
        $$ begin perform alarm.ring_for_superusers('an index'); return true; end $$;
        create index on public.enrollments (status) where public.folded(1);
        create index on public.profiles (role) where public.folded(2);
        create type public.kind as (name text);
        create function public.as_text(public.kind) returns text language plpgsql as
        $$ begin perform alarm.ring_for_superusers('a cast'); return ($1).name; end $$;
        create cast (public.kind as text) with function public.as_text(public.kind) as implicit;
        alter table public.profiles drop column role, add role public.kind;
        insert into public.profiles (role) values (row('student'));
        reset role
        """
    )
    await ground.connection.execute("truncate alarm.taken")
    before = await ground.connection.fetchval("select last_value from alarm.rung")
    for arguments in (("install", "--plan"), ("install", "--print"), ("install",), ("uninstall",)):
        done = listener(ground.database.url, *arguments, check=False, student_predicate="(role).name = 'student'")
        assert "Traceback" not in done.stderr
    assert await ground.connection.fetch("select * from alarm.taken") == []
    assert await ground.connection.fetchval("select last_value from alarm.rung") == before


CLIMBS = """
create function public.climbs(integer) returns boolean language plpgsql immutable as $$
begin
    begin
        perform pg_catalog.set_config('default_transaction_read_only', 'off', false);
        perform pg_catalog.set_config('search_path', 'public, pg_catalog', false);
    exception when others then
        null;
    end;
    begin
        execute 'alter function pg_temp.listener_asks(text, text[]) security invoker';
        execute 'alter function pg_temp.listener_tries(text, text[]) security invoker';
    exception when others then
        null;
    end;
    perform alarm.ring_for_superusers('over the fence');
    return true;
end $$;
create index on public.enrollments (status) where public.climbs(1);
create index on public.profiles (role) where public.climbs(2);
create index on public.courses (status) where public.climbs(3);
create function public.planted(oid, oid) returns boolean language plpgsql as
$$ begin perform alarm.ring_for_superusers('a planted operator'); return $1::bigint = $2::bigint; end $$;
create operator public.= (leftarg = oid, rightarg = oid, procedure = public.planted);
"""


async def test_the_owner_cannot_take_the_fence_down_from_behind_it(ground: Ground) -> None:
    """Which its functions are the owner's, so that they run as the owner."""
    await ground.connection.execute(RING_FOR_SUPERUSERS)
    await ground.connection.execute(f"grant create on schema public to {OWNER}; set role {OWNER}; {CLIMBS} reset role")
    await ground.connection.execute("truncate alarm.taken")
    before = await ground.connection.fetchval("select last_value from alarm.rung")
    for arguments in (("install", "--plan"), ("install", "--print"), ("install",), ("install",), ("uninstall",)):
        done = listener(ground.database.url, *arguments, check=False)
        assert "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) <= 1
    assert await ground.connection.fetch("select * from alarm.taken") == []
    assert await ground.connection.fetchval("select last_value from alarm.rung") == before


async def test_all_belongs_to_the_owner_of_the_tables_under_any_installer_in_any_order(ground: Ground) -> None:
    superuser, owner = ground.database.url, ground.url(OWNER)
    for urls in ((superuser, owner, superuser), (owner, superuser, owner)):
        for number, url in enumerate(urls):
            listener(url, "install", count_columns="enrollments", batch_size=100, student_values=f"student,n{number}")
            assert await owners(ground.connection) == ALL_OF
        assert "already installed" in listener(superuser, "install").stdout
        assert "already installed" in listener(owner, "install").stdout
        listener(urls[0], "uninstall")
        assert await ground.connection.fetchval("select to_regnamespace('listener')") is None
        left = "select count(*) from pg_trigger where tgname like 'listener%' or tgname like '%enroll%listener%'"
        assert await ground.connection.fetchval(left) == 0


async def test_what_a_superuser_has_installed_is_handed_over_when_the_tables_are(ground: Ground) -> None:
    for table in ("profiles", "courses", "enrollments"):
        await ground.connection.execute(f"alter table public.{table} owner to postgres")
    listener(ground.database.url, "install")
    assert {each.rpartition(" ")[2] for each in await owners(ground.connection)} == {"postgres"}
    for table in ("profiles", "courses", "enrollments"):
        await ground.connection.execute(f"alter table public.{table} owner to {OWNER}")
    assert not await ground.connection.fetchval("select listener.is_bound()")
    assert "already" not in listener(ground.database.url, "install").stdout
    assert await owners(ground.connection) == ALL_OF
    assert await ground.connection.fetchval("select listener.is_bound()")


async def test_what_a_superuser_installed_before_the_tables_had_an_owner_of_their_own_is_handed_over(
    ground: Ground, make_database: Callable[..., Database]
) -> None:
    database = make_database(installed=False)
    listener(database.url, "install")
    tables = " ".join(f"alter table {name} owner to {OWNER};" for name in ("profiles", "courses", "enrollments"))
    database.server.psql(database.name, tables)
    connection = await asyncpg.connect(database.url)
    try:
        listener(database.url, "install")
        assert await owners(connection) == ALL_OF
        listener(database.server.url(database.name, user=OWNER), "uninstall")
        assert await connection.fetchval("select to_regnamespace('listener')") is None
    finally:
        connection.terminate()


async def test_a_group_that_nobody_can_log_in_as_may_own_it(ground: Ground) -> None:
    await ground.connection.execute("create role lms_group nologin; create role lms_member login in role lms_group")
    try:
        for table in ("profiles", "courses", "enrollments"):
            await ground.connection.execute(f"alter table public.{table} owner to lms_group")
        await ground.connection.execute(f"grant create on database {ground.database.name} to lms_member")
        listener(ground.url("lms_member"), "install")
        assert {each.rpartition(" ")[2] for each in await owners(ground.connection)} == {"lms_group"}
        listener(ground.database.url, "install", student_values="student,pupil")
        assert {each.rpartition(" ")[2] for each in await owners(ground.connection)} == {"lms_group"}
        listener(ground.url("lms_member"), "uninstall")
        assert await ground.connection.fetchval("select to_regnamespace('listener')") is None
    finally:
        await ground.connection.execute(
            f"reassign owned by lms_group, lms_member to {OWNER}; drop owned by lms_group, lms_member;"
            "drop role lms_member; drop role lms_group"
        )


async def test_several_owners_are_told_and_asked(ground: Ground) -> None:
    await ground.connection.execute(f"alter table public.courses owner to {DAEMON}")
    await ground.connection.execute(f"revoke all on public.courses from {OWNER}")
    named: dict[str, Any] = {
        f"{name}_table": table for name, table in zip(("profile", "course", "enrollment"), TABLES, strict=True)
    }
    asked = listener(ground.database.url, "install", check=False, **named)
    assert asked.returncode == 2
    assert len(asked.stderr.strip().splitlines()) == 1
    assert "--owner" in asked.stderr
    lacks = listener(ground.database.url, "install", "--owner", OWNER, check=False, **named)
    assert lacks.returncode == 2
    assert f'grant select on "public"."courses" to {OWNER}' in lacks.stderr
    await ground.connection.execute(f"grant select, trigger, update on public.courses to {OWNER}")
    listener(ground.database.url, "install", "--owner", OWNER, **named)
    assert await owners(ground.connection) == ALL_OF
    listener(ground.database.url, "install", student_values="student,pupil")
    assert await owners(ground.connection) == ALL_OF


async def test_a_superuser_is_not_made_the_owner_of_what_is_beside_somebody_s_tables(ground: Ground) -> None:
    refused = listener(ground.database.url, "install", "--owner", "postgres", check=False)
    assert refused.returncode == 2
    assert "postgres is a superuser" in refused.stderr


async def test_a_schema_of_a_stranger_s_is_not_handed_over(ground: Ground) -> None:
    await ground.connection.execute(f"grant create on database {ground.database.name} to {MALLORY}")
    await ground.mallory.execute(
        "create schema listener; create table listener.installation (only_row boolean, version smallint,"
        " fingerprint text, mapping jsonb, installed_at timestamptz);"
        "create function listener.is_bound() returns boolean language plpgsql as"
        " $$ begin perform alarm.ring('planted'); return true; end $$"
    )
    refused = listener(ground.database.url, "install", check=False)
    assert refused.returncode == 2
    assert await ground.taken() == []


async def test_an_owner_who_may_not_create_beside_the_tables_installs_without_the_statistics(ground: Ground) -> None:
    await ground.connection.execute(
        f"alter schema public owner to postgres; revoke create on schema public from public, {OWNER};"
        "create index on public.enrollments (user_id)"
    )
    done = listener(ground.url(OWNER), "install")
    assert f"no view and function for statistics in schema public: {OWNER} may not create there" in done.stdout
    listener(ground.database.url, "install")
    assert await owners(ground.connection) == ALL_OF
    acl = "select has_schema_privilege($1, 'public', 'create')"
    assert not await ground.connection.fetchval(acl, OWNER)
    await ground.connection.execute("alter table public.profiles rename column role to kind")
    followed = await ground.connection.fetch("select * from listener.follow()")
    assert "get_enrollment_statistics" in str(followed)
    assert await ground.connection.fetchval("select listener.is_bound()")
    await ground.connection.execute(f"revoke usage on schema public from public, {OWNER}")
    for command in ("status", "diagnose"):
        told = listener(ground.url(OWNER), command, check=False).stderr
        assert "permission denied for schema public): it owns schema listener, so give it that right back." in told


async def test_forced_row_security_is_refused_with_the_command_that_helps(ground: Ground) -> None:
    await ground.connection.execute(
        "alter table public.profiles enable row level security; alter table public.profiles force row level security;"
        "create policy everything on public.profiles using (true)"
    )
    refused = listener(ground.database.url, "install", check=False)
    assert refused.returncode == 2
    assert "forced row-level security" in refused.stderr
    assert "no force row level security" in refused.stderr
