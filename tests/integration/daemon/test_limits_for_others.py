"""The time limits that somebody sets for a whole database, or for the daemon's role, are for others."""

from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener
from tests.support.reactions import as_role

WITH_LIMIT_FOR_TRANSACTIONS = 17

SLOW = """
create function be_slow() returns trigger language plpgsql as $$
begin
    perform pg_sleep(1);
    return new;
end $$;
create trigger be_slow before insert on enrollments for each row execute function be_slow();
"""

SLOW_STUDENT = """
create function slow_student(role text) returns boolean language plpgsql as $$
begin
    perform pg_sleep(1);
    return role = 'student';
end $$;
"""


@pytest.mark.parametrize("limit", ["statement_timeout", "transaction_timeout", "idle_session_timeout"])
@pytest.mark.half
async def test_a_batch_or_a_pause_that_takes_longer_is_not_cut_off(
    limit: str, database: Database, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    """Postgres 14 brought the limit for idle sessions, 17 that for transactions."""
    if not await connection.fetchval("select exists (select from pg_settings where name = $1)", limit):
        pytest.skip(f"{limit} came with a later version of Postgres")
    await connection.execute(SLOW)
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    await connection.execute(f"alter database {database.name} set {limit} = '500ms'")
    daemon = start_daemon(database, heartbeat_seconds=2).wait_ready("leading")
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, "select count(*) from enrollments", equals=1)
    await eventually(connection, "select enrollments from courses", equals=1)
    assert daemon.events("connection_lost") == []
    assert daemon.events("reaction_failed") == []


async def test_an_audit_that_takes_longer_is_not_cut_off(
    database: Database, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    if database.server.version < WITH_LIMIT_FOR_TRANSACTIONS:
        pytest.skip("transaction_timeout came with Postgres 17")
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    await connection.execute("insert into profiles (role) values ('student')")
    await connection.execute(SLOW_STUDENT)
    listener(database.url, "install", student_predicate="slow_student(role)")
    await connection.execute(f"alter database {database.name} set transaction_timeout = '500ms'")
    daemon = start_daemon(database, audit_seconds=0.5, log_level="debug").wait_ready("leading")
    wait_until(lambda: bool(daemon.events("audited")), "it has audited")
    assert daemon.events("audit_failed") == []


async def test_with_one_connection_everything_but_the_audit_is_done_and_status_says_so(
    database: Database, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    role = f"lonely_{database.name}"
    await connection.execute(f"create role {role} login connection limit 1")
    listener(database.url, "install", "--grant-to", role)
    start_daemon(as_role(database, role), heartbeat_seconds=1, sample_seconds=0.3, audit_seconds=0.5)
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, "select enrollments from courses", equals=1, seconds=20)
    told = "select examples[1] from listener.problem where code = 'audit_failing'"
    await eventually(connection, told, equals=f'too many connections for role "{role}"', seconds=20)
    done = listener(database.url, "status", check=False)
    assert done.returncode == 1
    assert f'too many connections for role "{role}"' in " ".join(done.stdout.split())
    await connection.execute(f"alter role {role} connection limit 4")
    await eventually(connection, f"select count(*) from ({told}) as problem", equals=0, seconds=30)
