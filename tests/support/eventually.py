"""Waiting for what a database should come to say."""

import anyio

from listener.database.connection import Connection
from tests.support.postgres import pause_after

LOCKED_HERE = "database = (select oid from pg_database where datname = current_database())"
"""Of `pg_locks`: in this database. The tests' server has others, and copies of one template share their oids."""

AUDITED_SECONDS = 60.0
"""Longest wait for an audit: one that took a second, on a busy machine, is followed by a pause of twenty."""


async def eventually(connection: Connection, query: str, *args: object, equals: object, seconds: float = 10.0) -> None:
    """Ask until `query` answers `equals`; fail with the last answer after `seconds`."""
    answer: object = None
    began = anyio.current_time()
    with anyio.move_on_after(seconds):
        while True:
            answer = await connection.fetchval(query, *args)
            if answer == equals:
                return
            await anyio.sleep(pause_after(anyio.current_time() - began))
    raise AssertionError(f"after {seconds:g} s {query!r} says {answer!r}, not {equals!r}")


async def all_handled(connection: Connection, *consumers: str) -> None:
    """Wait until `enroll`, `count` and then these `consumers` have handled every note, also of enrollments just made.

    A purge finds nothing that must stay only then, and the next one is minutes away.
    """
    for consumer in ("enroll", "count", *consumers):
        await eventually(connection, "select count(*) from listener.unhandled($1)", consumer, equals=0)
