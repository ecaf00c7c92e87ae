"""Short waits for locks, repeated: while we wait for a table, whoever comes next waits behind us."""

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import asyncpg

from listener.connection import Connection
from listener.errors import Busy, InTheWay

Answer = TypeVar("Answer")

LOCK_MILLISECONDS = 200
"""How long others may have to wait behind our wait for a table's lock, at a time."""

BUSY_SECONDS = 60.0
"""How long it is tried again and again."""


async def set_lock_timeout(connection: Connection) -> None:
    """Give up each wait for a lock after LOCK_MILLISECONDS."""
    await connection.execute(f"set lock_timeout = '{LOCK_MILLISECONDS}ms'")


async def patiently(work: Callable[[], Awaitable[Answer]]) -> Answer:
    """Do `work` again and again until it gets its locks and is in nobody's way. Raises Busy after BUSY_SECONDS."""
    give_up_at = anyio.current_time() + BUSY_SECONDS
    while True:
        try:
            return await work()
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, InTheWay) as error:
            if anyio.current_time() > give_up_at:
                raise Busy(seconds=BUSY_SECONDS) from error
        await anyio.sleep(random.uniform(0.1, 0.5))  # noqa: S311
