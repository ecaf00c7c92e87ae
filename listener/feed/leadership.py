"""Leading: a daemon holds a session-level advisory lock until the session ends, so no two daemons lead.

Any login may take that lock. A session that could not do a daemon's work is passed over at once; a session that could
but is no daemon, after a while: then the daemons agree on a deputy by another number (`listener.lead`). Two leaders
could not apply a note twice: the checkpoint's key, not the lock, prevents that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from listener import sql
from listener.database.connection import Connection
from listener.database.locks import LEADER_LOCK, LOCK_CLASS
from listener.feed import squatters
from listener.feed.squatters import Squatter

APPLICATION_NAME = "listener"


@dataclass(frozen=True)
class Holder:
    """The session that holds the lead; None stands for facts that this role may not see."""

    pid: int
    role: str | None
    application_name: str | None
    active: bool | None
    """Whether the server runs a statement of the session."""
    seconds: float | None
    """Since the statement began or ended; None as well where activities are not tracked."""
    transaction: str | None
    """The number of the session's transaction, where activities are not tracked."""

    @property
    def is_daemon(self) -> bool:
        return self.application_name == APPLICATION_NAME

    def as_squatter(self) -> Squatter:
        """For a session that does not do the work."""
        mend = f"select pg_terminate_backend({self.pid})"
        return Squatter("leader", self.pid, None, self.role, self.application_name, mend)


class Leadership:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._passed_over: list[int] = []
        self._silent_daemons: list[int] = []
        self._held: int | None = None

    async def acquire(self) -> bool:
        """Try to lead; never waits, because a wait would hold a snapshot open."""
        self._held = await self._connection.fetchval("select listener.lead(true, $1)", self._passed_over)
        return self._held is not None

    @property
    def is_deputy(self) -> bool:
        """Whether we lead without the leader's lock."""
        return self._held is not None and self._held != LEADER_LOCK

    async def release(self) -> None:
        if self._held is not None:
            await self._connection.fetchval("select pg_advisory_unlock($1, $2)", LOCK_CLASS, self._held)
            self._held = None

    async def holder(self) -> Holder | None:
        """The session that leads, or None. A session that is not entitled to the lock does not count."""
        row = await self._connection.fetchrow(sql.read("feed/leadership", "holder"), self._passed_over)
        return None if row is None else Holder(**dict(row))

    async def squatters(self) -> list[Squatter]:
        return await squatters.look(self._connection)

    async def depose(self, pid: int) -> bool:
        """End the holder's session; False if the holder has changed, or the session may not be ended."""
        try:
            return bool(await self._connection.fetchval(sql.read("feed/leadership", "depose"), pid))
        except asyncpg.InsufficientPrivilegeError:
            return False

    def pass_over(self, holder: Holder) -> bool:
        """Ignore the holder's lock from now on: a deputy may lead. False if ignored already."""
        if holder.pid in self._passed_over:
            return False
        self._passed_over.append(holder.pid)
        if holder.is_daemon:
            self._silent_daemons.append(holder.pid)
        return True

    def is_heard_again(self, heard: Mapping[int, float], since: float) -> bool:
        """Whether a daemon that was passed over for silence has sent a heartbeat after `since`: that daemon leads, so
        no second leader is needed. `heard` are the times of the last heartbeats, by pid."""
        return any(heard.get(pid, since) > since for pid in self._silent_daemons)
