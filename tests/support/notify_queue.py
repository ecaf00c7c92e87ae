"""A server whose queue of notifications is soon full."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.own_server import server_with_lms
from tests.support.postgres import at_hand

FIRST_WITH_A_SMALL_QUEUE = 17
"""The version that `max_notify_queue_pages` came with."""

PAYLOAD = "x" * 7900
"""Nearly a page of the queue."""


@contextmanager
def small_queue(version: int) -> Iterator[Database]:
    """The plain LMS, installed, on a server of its own, of this version or a later one. Its queue holds half a
    megabyte, not 8 GB. Skips the test where no server has such a setting."""
    version = max(version, *at_hand())
    if version < FIRST_WITH_A_SMALL_QUEUE:
        pytest.skip(f"max_notify_queue_pages came with Postgres {FIRST_WITH_A_SMALL_QUEUE}")
    with server_with_lms(version, max_notify_queue_pages="64") as database:
        yield database


async def fill(connection: Connection) -> None:
    """Notify until the queue takes no more."""
    for number in range(1000):
        try:
            await connection.execute(f"notify other, '{number} {PAYLOAD}'")
        except asyncpg.ProgramLimitExceededError:
            return
    raise AssertionError("it is not full")
