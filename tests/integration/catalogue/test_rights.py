"""Sign-ups under row-level security, a daemon with rights on schema `listener` alone, and nothing for anyone else."""

from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.integration.schema.test_schemas import SCHEMAS, supabase_roles
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener

PERSON = "00000000-0000-0000-0000-000000000001"

AS_A_DASHBOARD_OFFERS = """
do $$
declare
    made regclass;
begin
    for made in select oid from pg_class where relnamespace = 'listener'::regnamespace and relkind = 'r' loop
        execute format('alter table %s enable row level security', made);
    end loop;
end;
$$
"""


@pytest.fixture
def supabase(make_database: Callable[..., Database]) -> Database:
    """Row-level security on, `anon` and `authenticated` granted whatever appears, tables owned by no superuser."""
    database = make_database(empty=True)
    supabase_roles(database.server)
    for role in ("lms_owner", "lms_daemon"):
        database.server.psql(
            "postgres",
            f"do $$ begin create role {role} login; exception when duplicate_object then null; end $$",
        )
    database.server.psql(database.name, f"grant create on database {database.name} to lms_owner")
    database.server.psql(database.name, "alter schema public owner to lms_owner")
    database.server.psql(database.name, "set role lms_owner; " + (SCHEMAS / "supabase.sql").read_text())
    return database


def as_role(database: Database, role: str) -> str:
    return database.server.url(database.name, user=role)


@pytest.fixture
async def look(supabase: Database) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(supabase.url)
    yield connection
    connection.terminate()


async def test_sign_ups_under_row_level_security_are_enrolled_by_a_role_without_rights_on_the_tables(
    supabase: Database, look: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    listener(as_role(supabase, "lms_owner"), "install", "--grant-to", "lms_daemon")
    await look.execute(AS_A_DASHBOARD_OFFERS)
    mended = listener(as_role(supabase, "lms_owner"), "install").stdout
    assert mended.endswith("\nmended schema listener\n"), "the daemon would see none of our rows"
    for table in ("profiles", "enrollments", "courses"):
        assert not await look.fetchval("select has_table_privilege('lms_daemon', $1, 'select')", table)
    daemon = DaemonProcess(as_role(supabase, "lms_daemon"), cold=False)
    try:
        daemon.wait_ready("leading")
        await look.execute("insert into auth.users values ($1)", PERSON)
        async with look.transaction():
            await look.execute("set local role authenticated")
            await look.execute(f"set local request.jwt.claim.sub = '{PERSON}'")
            await look.execute("insert into profiles (id, full_name) values ($1, 'A')", PERSON)
        await eventually(look, "select count(*) from enrollments where user_id = $1", PERSON, equals=1)
        await eventually(look, "select max(total_enrollments) from courses", equals=1)
        assert daemon.stop() == 0
    finally:
        daemon.clean_up()


async def test_what_listener_added_is_closed_to_everyone_else(supabase: Database, look: Connection) -> None:
    listener(as_role(supabase, "lms_owner"), "install")
    relations = await look.fetch(
        "select oid::regclass::text as name from pg_class where relkind in ('r', 'v', 'S')"
        " and relnamespace = 'listener'::regnamespace or relname = 'profile_enrollment_sync_status'"
    )
    functions = await look.fetch(
        "select oid::regprocedure::text as name from pg_proc"
        " where (pronamespace = 'listener'::regnamespace or proname = 'get_enrollment_statistics')"
        # It runs with the rights of the role that reads the view over it.
        " and proname <> 'profile_enrollment_sync_status'"
    )
    assert len(relations) > 10
    assert len(functions) > 10
    for role in ("anon", "authenticated", "lms_daemon"):
        assert not await look.fetchval("select has_schema_privilege($1, 'listener', 'usage')", role)
        for relation in relations:
            allowed = "select has_table_privilege($1, $2::text, 'select, insert, update, delete')"
            assert not await look.fetchval(allowed, role, relation["name"]), (role, relation["name"])
        for function in functions:
            allowed = "select has_function_privilege($1, $2::text, 'execute')"
            assert not await look.fetchval(allowed, role, function["name"]), (role, function["name"])


async def test_a_role_without_rights_refuses_to_run_and_says_which_is_missing(
    supabase: Database, look: Connection
) -> None:
    listener(as_role(supabase, "lms_owner"), "install")
    done = listener(as_role(supabase, "lms_daemon"), "run", check=False, http_port=0)
    assert done.returncode == 2
    assert "USAGE on schema listener" in done.stderr.splitlines()[-1]
    assert "--grant-to lms_daemon" in done.stderr.splitlines()[-1]
    listener(as_role(supabase, "lms_owner"), "install", "--grant-to", "lms_daemon")
    await look.execute("revoke execute on function listener.repair_counts() from lms_daemon")
    done = listener(as_role(supabase, "lms_daemon"), "run", check=False, http_port=0)
    assert done.returncode == 2
    assert "EXECUTE on listener.repair_counts" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


async def test_an_owner_who_would_be_blind_may_not_install(supabase: Database, look: Connection) -> None:
    await look.execute("alter table profiles force row level security")
    done = listener(as_role(supabase, "lms_owner"), "install", check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "listener: row-level security is forced on public.profiles, so that it hides rows from lms_owner"
    )


@pytest.mark.parametrize("command", ["diagnose", "sync", "uninstall"])
def test_a_command_that_the_daemon_s_role_may_not_run_says_who_may(supabase: Database, command: str) -> None:
    listener(as_role(supabase, "lms_owner"), "install", "--grant-to", "lms_daemon")
    refused = listener(as_role(supabase, "lms_daemon"), command, check=False)
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert "lms_daemon may not" in refused.stderr
    assert "owner" in refused.stderr
