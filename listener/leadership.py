"""Who leads: whoever holds a session-level advisory lock. It dies with its connection, so nobody leads twice."""

from listener import sql
from listener.connection import Connection
from listener.mapping import LEADER_LOCK, LOCK_CLASS


class Leadership:
    """The leader's lock, seen from one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def acquire(self) -> bool:
        """Try to lead; never waits, for a wait would hold a snapshot open."""
        return bool(await self._connection.fetchval("select pg_try_advisory_lock($1, $2)", LOCK_CLASS, LEADER_LOCK))

    async def release(self) -> None:
        """Give up leadership."""
        await self._connection.fetchval("select pg_advisory_unlock($1, $2)", LOCK_CLASS, LEADER_LOCK)

    async def leader_pid(self) -> int | None:
        """Backend pid of the leader's connection."""
        pid: int | None = await self._connection.fetchval(sql.read("daemon/leader"), LOCK_CLASS, LEADER_LOCK)
        return pid
