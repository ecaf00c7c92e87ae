"""A server that crashes before a batch is on its disk: what is taken back, and who has acted on it by then.

The process that writes the log of what was committed is held, so that nothing gets there but by a commit that waits for
it; and is killed, as the kernel does when memory runs out, which takes the whole server down.
"""

import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database, install_script
from tests.support import lms
from tests.support.eventually import eventually
from tests.support.postgres import Server, wait_until
from tests.support.process import DaemonProcess

QUEUE = """
create table job (token uuid primary key default gen_random_uuid(), profile_id uuid not null, taken boolean);

create function queue_jobs() returns trigger language plpgsql as $$
begin
    insert into public.job (profile_id) select user_id from made;
    return null;
end $$;

create trigger queue_jobs after insert on enrollments referencing new table as made
for each statement when (current_setting('listener.at_work', true) = 'on') execute function queue_jobs();
"""
READS = "select token from job"
TAKES = "update job set taken = true returning token"


@pytest.fixture
def server_to_crash(postgres_version: int) -> Iterator[Server]:
    """One with the LMS, that writes to its disk when a commit waits for it, and otherwise late."""
    server = Server(postgres_version, settings={"autovacuum": "off", "bgwriter_lru_maxpages": "0"})
    server.create()
    server.start()
    server.psql("postgres", "create database lms")
    server.psql("lms", lms.schema() + QUEUE + "insert into courses (title, price) values ('a', 0);")
    server.psql("lms", install_script(server.url("lms")))
    yield server
    server.destroy()


@asynccontextmanager
async def application(server: Server) -> AsyncIterator[Connection]:
    """A connection of the LMS's own, which finds its tables by its own search_path."""
    connection: Connection = await asyncpg.connect(server.url("lms"))
    try:
        yield connection
    finally:
        connection.terminate()


@pytest.mark.parametrize(
    ("acts", "durable", "acts_twice"),
    [(READS, False, True), (READS, True, False), (TAKES, False, False)],
    ids=["reads", "reads_what_is_durable", "takes_by_a_commit"],
)
@pytest.mark.half
async def test_what_a_crash_of_the_server_takes_back_was_acted_on_only_by_who_did_not_wait_for_the_disk(
    server_to_crash: Server,
    start_daemon: Callable[..., DaemonProcess],
    acts: str,
    durable: bool,
    acts_twice: bool,
) -> None:
    server = server_to_crash
    daemon = start_daemon(Database(server, "lms"), durable=durable, heartbeat_seconds=1).wait_ready("leading")
    wait_until(lambda: daemon.metric("listener_last_audit_timestamp_seconds") > 0, "nothing else is under way")
    async with application(server) as connection:
        walwriter = await connection.fetchval("select pid from pg_stat_activity where backend_type = 'walwriter'")
        os.kill(walwriter, signal.SIGSTOP)
        await connection.execute("insert into profiles (role) values ('student')")
        await eventually(connection, "select count(*) from job", equals=1)
        acted_on = await connection.fetchval(acts)
        os.kill(walwriter, signal.SIGKILL)
    wait_until(lambda: "reinitializing" in server.log(), "the server has crashed")
    wait_until(server.answers, "the server is back")
    async with application(server) as connection:
        await eventually(connection, "select count(*) from job", equals=1)
        assert await connection.fetchval("select count(*) from enrollments") == 1
        assert (await connection.fetchval(READS) != acted_on) is acts_twice
