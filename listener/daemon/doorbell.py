"""The doorbell: how writers wake a listening daemon, at no cost to them while it is busy or gone.

A daemon that *holds the bell* (an exclusive advisory lock) is rung by every writer, with NOTIFY, which is sent when
the writer's transaction commits. While nobody holds it, writers share it until their transaction ends, and nobody
rings; so whoever gets hold of the bell knows that no writer is in flight who did not ring, and that all who are done
can be seen. One look at the feed after that, and nothing can be missed.
"""

import time
from typing import ClassVar

import anyio
import asyncpg

from listener import sql
from listener.connection import Connection
from listener.errors import Deaf
from listener.locks import BELL_LOCK, CHANNEL, LOCK_CLASS, LOOK

HEARTBEAT = "heartbeat"

MOST_DAEMONS = 1000
"""Senders of heartbeats that are remembered: anybody may send them."""


class Doorbell:
    """The bell, on one connection."""

    hears: ClassVar[bool] = True
    """Whether a ring means that somebody rang."""

    def __init__(self, connection: Connection, pid: int | None = None) -> None:
        """`pid` is the session's backend, where a pooler makes the connection say another."""
        self._connection = connection
        self._pid = connection.get_server_pid() if pid is None else pid
        self._event = anyio.Event()
        self._rung = False
        self._own_heartbeat = anyio.Event()
        self.held = False
        self._heard = 0
        self._told_to_look = False
        self.heartbeats_heard: dict[int, float] = {}
        """Backend pid of each other daemon that was heard, and when (monotonic seconds)."""

    async def listen(self) -> None:
        """Start to hear. Do this before the feed is read for the first time."""
        await self._connection.add_listener(CHANNEL, self._hear)
        self._connection.add_termination_listener(self._hang_up)

    def _hear(self, _connection: object, pid: int, _channel: str, payload: object) -> None:
        self._heard += 1
        if payload == HEARTBEAT:
            if pid == self._pid:
                self._own_heartbeat.set()
            else:
                if len(self.heartbeats_heard) >= MOST_DAEMONS:
                    self.heartbeats_heard.clear()
                self.heartbeats_heard[pid] = time.monotonic()
        else:
            self._told_to_look = self._told_to_look or payload == LOOK
            self.wake()

    def _hang_up(self, _connection: object) -> None:
        self.wake()
        self._own_heartbeat.set()

    def take_count(self) -> int:
        """Notifications heard since this was last asked."""
        heard, self._heard = self._heard, 0
        return heard

    def take_told_to_look(self) -> bool:
        """Whether somebody, since this was last asked, wanted us to look at once at what only heartbeats tell."""
        told, self._told_to_look = self._told_to_look, False
        return told

    def wake(self) -> None:
        """End a wait, as if somebody had rung."""
        self._rung = True
        self._event.set()

    async def hold(self) -> bool:
        """Try to get hold of the bell. False while a writer is in flight who will not ring."""
        if not self.held:
            self.held = bool(
                await self._connection.fetchval("select pg_try_advisory_lock($1, $2)", LOCK_CLASS, BELL_LOCK)
            )
        return self.held

    async def release(self) -> None:
        """Let go: writers no longer ring."""
        if self.held:
            self.held = False
            await self._connection.fetchval("select pg_advisory_unlock($1, $2)", LOCK_CLASS, BELL_LOCK)

    async def line(self) -> int:
        """How many writers, of all databases, wait for the lock that every NOTIFY holds until its commit is done."""
        return int(await self._connection.fetchval(sql.read("daemon/writers_in_line")))

    async def wait(self, seconds: float) -> bool:
        """Wait to be rung; False after `seconds` of silence. A ring between two waits ends the second at once."""
        if not self._rung:
            self._event = anyio.Event()
            with anyio.move_on_after(seconds):
                await self._event.wait()
        rung, self._rung = self._rung, False
        return rung

    async def heartbeat(self, limit: float, query: str = "select true") -> tuple[float, asyncpg.Record | None]:
        """Ring ourselves and hear it: the only proof that the path works. Returns the seconds it took, and the row of
        `query`, which travels along. Raises Deaf if nothing is heard within `limit` seconds."""
        self._own_heartbeat = anyio.Event()
        started = time.perf_counter()
        with anyio.move_on_after(limit):
            statement = sql.render(sql.read("daemon/ring_ourselves"), {"query": query})
            row = await self._connection.fetchrow(statement, CHANNEL, HEARTBEAT)
            await self._own_heartbeat.wait()
            if not self._connection.is_closed():
                return time.perf_counter() - started, row
        raise Deaf(seconds=limit)
