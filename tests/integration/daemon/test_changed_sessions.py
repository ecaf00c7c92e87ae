"""A trigger of the LMS's runs in the daemon's session, and may change that session: nobody is left behind for it."""

from collections.abc import Callable

from listener.database.connection import Connection
from listener.database.locks import LEADER_LOCK, LOCK_CLASS
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener

TRIGGER = """
create function do_as_told() returns trigger language plpgsql as $$
begin
    execute coalesce((select full_name from profiles where id = new.user_id), 'select');
    return new;
end $$;
create trigger do_as_told before insert on enrollments for each row execute function do_as_told();
"""

KEEPS_THE_SESSION = (
    "set application_name = 'lms'",
    "set statement_timeout = 1",
    "set lock_timeout = 0",
    "discard plans",
    "set constraints all deferred",
    "create temp table courses (id integer)",
    "set client_min_messages = debug5",
    "set listener.cause = 'x'",
)

LOSES_THE_SESSION = (
    "select pg_advisory_unlock_all()",
    "set session_replication_role = replica",
    "reset all",
    "unlisten *",
    "set default_transaction_read_only = on",
    "deallocate all",
)

LEADER = f"""
select session.pid
from pg_locks
inner join pg_stat_activity as session on session.pid = pg_locks.pid
where
    locktype = 'advisory' and classid = {LOCK_CLASS} and objid = {LEADER_LOCK} and objsubid = 2 and granted
    and database = (select oid from pg_database where datname = current_database())
    and application_name = 'listener'
"""


async def test_a_trigger_that_changes_the_daemon_s_session_leaves_nobody_behind(
    database: Database, connection: Connection, course: None, start_daemon: Callable[..., DaemonProcess]
) -> None:
    await connection.execute(TRIGGER)
    daemon = start_daemon(database, heartbeat_seconds=0.5, audit_seconds=1).wait_ready("leading")
    sign_up = "insert into profiles (role, full_name) values ('student', $1), ('student', null)"
    for number, told in enumerate((*KEEPS_THE_SESSION, *LOSES_THE_SESSION), 1):
        before = await connection.fetchval(LEADER) or 0
        await connection.execute(sign_up, told)
        await eventually(connection, "select count(*) from enrollments", equals=2 * number, seconds=30)
        its_name = f"select exists ({LEADER})"
        if told in LOSES_THE_SESSION:
            its_name = f"select exists ({LEADER} and session.pid <> {before})"
        await eventually(connection, its_name, equals=True, seconds=30)
        await eventually(connection, "select enrollments from courses", equals=2 * number, seconds=30)
    daemon.wait_ready("leading")
    assert "has changed the lock of leadership" in daemon.text()
    assert listener(database.url, "status", check=False).returncode == 0
