"""An outage's line in the log says why."""

import asyncio
from collections.abc import Callable

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.process import DaemonProcess

END = """
select count(pg_terminate_backend(pid))
from pg_stat_activity
where application_name = 'listener' and datname = current_database()
"""


async def test_a_session_that_somebody_ended_is_told_as_such_and_each_line_says_of_which_database(
    database: Database, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(database, heartbeat_seconds=2).wait_ready("leading")
    assert await connection.fetchval(END) == 1
    error = await asyncio.to_thread(daemon.told, "connection_lost")
    assert "this session was ended while it was idle" in error or "terminating connection" in error
    for line in daemon.events():
        assert line["database"].endswith(f"/{database.name}")
        assert line["instance"].endswith(f":{daemon.port}")
    assert "+g" in daemon.events("starting")[0]["version"]
