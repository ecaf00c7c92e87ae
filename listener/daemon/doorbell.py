"""The doorbell: writers wake a sleeping daemon, at no cost while the daemon is busy or gone.

A daemon that *holds the bell* (an exclusive advisory lock) is rung by every writer: by NOTIFY, at the commit. While no
daemon holds the bell, writers share the lock until their transactions end, and do not ring. So a daemon that gets the
bell knows: every writer in flight will ring, and all other writes are visible. After a further look at the feed,
nothing can be missed. Any login may take that lock. So writers ring only while the bell is *armed*: by a number that
writers read when the lock is held, and that strangers cannot write. Each heartbeat of a leader arms the bell for a
while. A leader that sees a stranger at the bell disarms the bell, and looks for changes on a timer meanwhile.
"""

import math
import time
from typing import ClassVar

import anyio
import asyncpg

from listener import sql
from listener.database.connection import Connection
from listener.database.executors import retried_if_replaced
from listener.database.locks import BELL_LOCK, CHANNEL, LOCK_CLASS, LOOK
from listener.database.rows import only_row
from listener.errors import Deaf

HEARTBEAT = "heartbeat"

ARMED_HEARTBEATS = 3
"""For so many heartbeats writers still ring for a silent daemon."""

ARMED_SECONDS = 60
"""The same in seconds, before the first heartbeat."""

REST_SECONDS = 60.0
"""The bell is left alone for so long after a stranger was last seen there."""

FULL = 0.9
"""Fullest queue of notifications in which writers ring: a writer that finds the queue full cannot commit."""

MOST_DAEMONS = 1000
"""Remembered daemons: any login may send heartbeats."""


class Doorbell:
    hears: ClassVar[bool] = True
    """Whether a ring means that a writer rang."""

    def __init__(self, connection: Connection, pid: int | None = None) -> None:
        """`pid` is the session's backend, if a pooler tells the connection another pid."""
        self._connection = connection
        self._pid = connection.get_server_pid() if pid is None else pid
        self._event = anyio.Event()
        self._rung = False
        self._own_heartbeat = anyio.Event()
        self.held = False
        self._armed = False
        self._armed_seconds = ARMED_SECONDS
        self._rests_until = float("-inf")
        self._heard = 0
        self.is_full = False
        """Whether the queue of notifications is full, or nearly: then no writer rings."""
        self._told_to_look = False
        self.heartbeats_heard: dict[int, float] = {}
        """Backend pid of each other daemon, and the time of the last heartbeat (monotonic seconds)."""

    async def listen(self) -> None:
        """Begin to hear. Call before the first look at the feed."""
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
        heard, self._heard = self._heard, 0
        return heard

    def take_told_to_look(self) -> bool:
        """Whether a command, since the last call, asked for an early heartbeat."""
        told, self._told_to_look = self._told_to_look, False
        return told

    def wake(self) -> None:
        """End a wait, as a ring does."""
        self._rung = True
        self._event.set()

    @property
    def rests(self) -> bool:
        """Whether a stranger was at the bell shortly before: then no writer rings."""
        return time.monotonic() < self._rests_until

    async def look_for_strangers(self) -> bool:
        """Whether a session that is no daemon holds the bell, or waits for the bell. If so, disarm the bell."""
        if not await self._asked(sql.read("daemon/doorbell", "strangers")):
            return False
        self._rests_until = time.monotonic() + REST_SECONDS
        if self._armed:
            self._armed = False
            await self._asked("select listener.arm_bell(0)")
        return True

    async def _asked(self, query: str, *args: object) -> bool:
        """For a statement that may run twice."""
        answer = await retried_if_replaced(lambda: self._connection.fetchval(query, *args), self._connection)
        return bool(answer)

    async def hold(self) -> bool:
        """Try to get the bell. False while a writer is in flight that will not ring, or while the bell rests."""
        if self.rests or self.is_full:
            return False
        if not self._armed:  # first: a writer that finds us at the bell must find the bell armed
            self._armed = await self._asked("select listener.arm_bell($1)", self._armed_seconds)
            if not self._armed:
                return False
        if not self.held:
            self.held = bool(
                await self._connection.fetchval("select pg_try_advisory_lock($1, $2)", LOCK_CLASS, BELL_LOCK)
            )
        return self.held

    async def release(self) -> None:
        """From now on writers do not ring."""
        if self.held:
            self.held = False
            await self._connection.fetchval("select pg_advisory_unlock($1, $2)", LOCK_CLASS, BELL_LOCK)

    async def line(self) -> int:
        """Number of writers, in all databases, that wait for the lock of NOTIFY, which is held until the commit is
        done."""
        return int(await self._connection.fetchval(sql.read("daemon/doorbell", "writers_in_line")))

    async def wait(self, seconds: float) -> bool:
        """Wait for a ring; False after `seconds` of silence. A ring between two waits ends the second at once."""
        if not self._rung:
            self._event = anyio.Event()
            with anyio.move_on_after(seconds):
                await self._event.wait()
        rung, self._rung = self._rung, False
        return rung

    async def heartbeat(
        self, limit: float, query: str = "select true", *, arms: bool = False
    ) -> tuple[float, asyncpg.Record | None]:
        """Ring and hear the ring: only this proves that the path works. Returns the seconds for that, and the row of
        `query`, which travels along. With `arms`, writers ring for the next heartbeats. Raises Deaf after `limit`
        seconds, the time between two heartbeats; and asyncpg's errors if the connection is closed before. While the
        queue of notifications is full nothing is rung, and only the query is run."""
        if self.is_full:
            looked = await self._look(query)
            if self.is_full:
                return looked
        try:
            return await self._ring(limit, query, arms=arms)
        except asyncpg.ProgramLimitExceededError:
            self.is_full = True
            return await self._look(query)

    async def queue_is(self, usage: float) -> None:
        """Of the queue of notifications, from 0 to 1."""
        if usage >= FULL and not self.is_full:
            self.is_full = True
            await self._look("select")

    async def _look(self, query: str) -> tuple[float, asyncpg.Record]:
        started = time.perf_counter()
        statement = sql.render(sql.read("daemon/doorbell", "look"), {"query": query})
        row = await retried_if_replaced(lambda: only_row(self._connection, statement), self._connection)
        self._armed = False
        await self.release()
        self.is_full = row["queue_usage"] >= FULL
        return time.perf_counter() - started, row

    async def _ring(self, limit: float, query: str, *, arms: bool) -> tuple[float, asyncpg.Record | None]:
        self._own_heartbeat = anyio.Event()
        arms = arms and not self.rests
        self._armed_seconds = math.ceil(ARMED_HEARTBEATS * limit)
        armed_for = self._armed_seconds if arms else None
        started = time.perf_counter()
        with anyio.move_on_after(limit):
            statement = sql.render(sql.read("daemon/doorbell", "ring"), {"query": query})
            row = await retried_if_replaced(
                lambda: only_row(self._connection, statement, CHANNEL, HEARTBEAT, armed_for), self._connection
            )
            self._armed = row["armed"] and (self._armed or arms)
            if arms and not self._armed:
                await self.release()
            await self._own_heartbeat.wait()
            if self._connection.is_closed():
                raise asyncpg.ConnectionDoesNotExistError("the connection was closed before the heartbeat came back")
            return time.perf_counter() - started, row
        raise Deaf(seconds=limit)
