"""A server whose queue of notifications is soon full."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from listener.database.connection import Connection
from tests.conftest import Database, install_script
from tests.support import lms
from tests.support.postgres import Server, at_hand

FIRST_WITH_A_SMALL_QUEUE = 17
"""The version that `max_notify_queue_pages` came with."""

PAYLOAD = "x" * 7900
"""Nearly a page of the queue."""


def version_for(version: int) -> int | None:
    """This version, or a later one at hand; None if none has such a queue."""
    found = max(version, max(at_hand()))
    return found if found >= FIRST_WITH_A_SMALL_QUEUE else None


@contextmanager
def small_queue(version: int) -> Iterator[Database]:
    """The plain LMS, installed, on a server of its own. Its queue holds half a megabyte, not 8 GB."""
    server = Server(version, settings={"max_notify_queue_pages": "64"})
    server.create()
    server.start()
    try:
        server.psql("postgres", "create database lms")
        server.psql("lms", lms.schema())
        server.psql("lms", install_script(server.url("lms")))
        yield Database(server, "lms")
    finally:
        server.destroy()


async def fill(connection: Connection) -> None:
    """Notify until the queue takes no more."""
    for number in range(1000):
        try:
            await connection.execute(f"notify other, '{number} {PAYLOAD}'")
        except asyncpg.ProgramLimitExceededError:
            return
    raise AssertionError("it is not full")
