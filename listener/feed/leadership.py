"""Who leads: whoever holds a session-level advisory lock. It ends with its session, so no two ever hold it.

Should the lock be held by a session that is no daemon, the daemons agree on a deputy by a second lock: what keeps
two leaders from applying a note twice is the checkpoint's key, not the lock.
"""

from dataclasses import dataclass

import asyncpg

from listener import sql
from listener.connection import Connection
from listener.locks import DEPUTY_LOCK, LEADER_LOCK, LOCK_CLASS

APPLICATION_NAME = "listener"
"""What a daemon's session calls itself."""


@dataclass(frozen=True)
class Holder:
    """The session that holds the lock; what may not be seen of it is None."""

    pid: int | None
    application_name: str | None
    active: bool | None
    """Whether the server is busy with a statement of its."""
    seconds: float | None
    """How long it has been so."""

    @property
    def is_daemon(self) -> bool:
        """Whether it says so of itself."""
        return self.application_name == APPLICATION_NAME


class Leadership:
    """The leader's lock, seen from one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._locks = [LEADER_LOCK]
        self._held: int | None = None

    async def acquire(self) -> bool:
        """Try to lead; never waits, for a wait would hold a snapshot open."""
        for lock in self._locks:
            if await self._connection.fetchval("select pg_try_advisory_lock($1, $2)", LOCK_CLASS, lock):
                self._held = lock
                return True
        return False

    @property
    def is_deputy(self) -> bool:
        """Whether we lead without the leader's lock."""
        return self._held == DEPUTY_LOCK

    async def release(self) -> None:
        """Give up leadership."""
        if self._held is not None:
            await self._connection.fetchval("select pg_advisory_unlock($1, $2)", LOCK_CLASS, self._held)
            self._held = None

    async def holder(self) -> Holder | None:
        """Whose session holds the lock, or None."""
        row = await self._connection.fetchrow(sql.read("feed/lock_holder"), LOCK_CLASS, self._locks[-1])
        return None if row is None else Holder(**dict(row))

    async def depose(self, pid: int) -> bool:
        """End the holder's session; False if it is not the holder any more, or may not be ended."""
        try:
            return bool(await self._connection.fetchval(sql.read("feed/depose"), LOCK_CLASS, self._locks[-1], pid))
        except asyncpg.InsufficientPrivilegeError:
            return False

    def allow_deputy(self) -> bool:
        """The lock is out of reach: from now on a deputy may lead. False if that was so already."""
        if DEPUTY_LOCK in self._locks:
            return False
        self._locks.append(DEPUTY_LOCK)
        return True
