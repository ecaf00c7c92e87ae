"""One session at work: it takes its program's steps, and is blocked now and then."""

import asyncio
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import asyncpg

from listener.database.connection import Connection
from listener.database.locks import CHANNEL
from tests.support.interleavings.steps import Kind, Session, Step

POLL_SECONDS = 0.001
LONGEST_POLL_SECONDS = 0.01
LONGEST_SECONDS = 20.0
STOPPED_AT = 4242
"""The class of the locks by which sessions are stopped inside of a statement."""

KEY = re.compile(r"\{key\}(?: \+ (\d+))?")
LOOK = "select proof.look()"
BLOCKED = "select pg_blocking_pids($1) where pg_isolation_test_session_is_blocked($1, $2)"
"""By whom; no row if it is not."""
ANY_ROW = "select * from "
KEEPS = "set_config("
BELL = {"has_bell", "had_bell"}

REFUSED = (
    asyncpg.UniqueViolationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.UndefinedColumnError,
)
KILLED = (asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError, asyncpg.InterfaceError)
"""What comes of the statement in hand of a session that is ended."""
"""What may come of a statement beside others: then its transaction is rolled back."""

SHOWN = (
    "changes",
    "enrolled",
    "removed",
    "held",
    "pending",
    "moved",
    "parked",
    "tried",
    "notes",
    "leads",
    "has_bell",
    "problem",
)
"""What is told of a row."""


class Violation(Exception):
    """Something that must hold does not."""


class Actor:
    """A session of the program that runs, and its connection."""

    def __init__(self, number: int, session: Session, connection: Connection) -> None:
        self.number = number
        self.session = session
        self.join(connection)
        self.begin(0)

    def join(self, connection: Connection) -> None:
        """Work on this connection from now on."""
        self.connection = connection
        self.pid = connection.get_server_pid()
        connection.add_log_listener(self.hear)

    async def leave(self) -> None:
        """The connection is somebody else's from now on."""
        self.connection.remove_log_listener(self.hear)
        await self.connection.remove_listener(CHANNEL, self.ring)

    def begin(self, key: int) -> None:
        """From the first step on. (The key is given as the first step is taken.)"""
        self.place = 0
        self.key = key
        self.is_open = False
        self.is_failed = False
        self.did_nothing = True
        self.stops = False
        self.looks = True
        self.had_no_effect = False
        self.blockers = frozenset[int]()
        self.task: asyncio.Task[None] | None = None
        self.told = ""
        self.row: dict[str, Any] = {}
        self.holds_bell = False
        self.is_asleep = False
        self.was_rung = False
        self.is_killed = False

    @property
    def next(self) -> Step | None:
        if self.is_killed or self.place >= len(self.session.steps):
            return None
        return self.session.steps[self.place]

    @property
    def is_ready(self) -> bool:
        step = self.next
        return step is not None and (self.task is None or (self.stops and step.kind is Kind.GO))

    @property
    def has_no_effect(self) -> bool:
        """Whether the next step ends a transaction that did nothing, or goes on where nobody has stopped."""
        step = self.next
        if step is None or self.task is not None:
            return False
        return step.kind is Kind.GO or (step.is_end and self.did_nothing)

    def texts(self, step: Step) -> list[str]:
        """What it sends."""
        return [KEY.sub(lambda found: str(self.key + int(found[1] or 0)), text) for text in step.statements]

    async def send(self, step: Step) -> None:
        """Take a step that is not GO or SLEEP, in one message; the rest of a transaction that has failed is left out.
        Raises Violation if something is wrong once its transaction is over."""
        self.row, self.wrote = {}, True
        if self.is_failed and not step.is_end:
            self.told = "left out: the transaction has failed"
            return
        if step.time_passes and not self.is_open:
            await self.connection.execute("call proof.time_passes()")
        try:
            await self.connection.execute("; ".join(self._message(step)))
        except asyncpg.RaiseError as error:
            raise Violation(str(error)) from None
        except REFUSED as error:
            self.told = f"{error.sqlstate}: {error}"
            await self.connection.execute("rollback")
            self.is_failed = self.is_open = self.is_open or step.stays_open
            self.did_nothing = True
            return
        self.holds_bell = self.row.get("has_bell", self.holds_bell and "had_bell" not in self.row)
        self.told = "rolled back" if self.is_failed else tell(self.row)
        wrote_nothing = step.kind is Kind.LOOK and not self.wrote
        self.did_nothing = self.did_nothing and wrote_nothing
        # (Its session may keep what it has seen, or the bell.)
        keeps = step.time_passes or self.row.keys() & BELL or any(KEEPS in text for text in step.statements)
        self.had_no_effect = wrote_nothing and not keeps
        self.is_open = step.stays_open
        if not self.is_open:
            self.is_failed, self.did_nothing = False, True

    def _message(self, step: Step) -> Iterator[str]:
        if self.is_failed or step.kind is Kind.ROLLBACK:
            yield "rollback"
            return
        if not self.is_open and not step.is_end:
            yield "begin"
        if step.gives_up:
            yield "set local lock_timeout = '10ms'"
        if step.stops_at is not None:
            yield f"set local proof.stop = '{step.stops_at}'; set local proof.session = {self.number}"
        for text in self.texts(step):
            rows = text.startswith(ANY_ROW) and step.kind is not Kind.WRITE
            yield f"select proof.tell(told) from ({text}) as told" if rows else text
        if step.kind is Kind.LOOK:
            yield "select proof.tell_wrote()"
        if step.stays_open:
            if step.gives_up:
                yield "set local lock_timeout = 0"
            if step.stops_at is not None:
                yield "set local proof.stop = ''"
        else:
            if not step.is_end:
                yield "commit"
            if self.looks:
                yield LOOK

    async def die(self) -> None:
        """Its session has been ended."""
        if self.task is not None:
            with suppress(*KILLED):
                await self.task
        self.task, self.is_killed, self.told = None, True, "is killed"
        self.is_open = self.holds_bell = self.is_asleep = False
        self.connection.terminate()

    def hear(self, _connection: object, message: Any) -> None:
        """The row of a statement comes as a notice."""
        if message.message.startswith("{"):
            told = json.loads(message.message)
            if told.keys() == {"wrote"}:
                self.wrote = told["wrote"]
            else:
                self.row = told

    def ring(self, *_: object) -> None:
        """A writer rang, or a command asked to look."""
        self.was_rung = True

    async def overslept(self) -> bool:
        """Whether it sleeps, nobody rang, and there is something to do. (What was sent is here before an answer is.)"""
        query = "select exists (select from listener.unhandled('enroll') where profile_ids is not null)"
        return self.is_asleep and await self.connection.fetchval(query) and not self.was_rung


def tell(row: dict[str, Any]) -> str:
    """What a statement came to, in short."""
    shown = [f"{name} {row[name]}" for name in SHOWN if row.get(name)]
    who = sorted(f"{each['done']} {each['profile_id']}" for each in row.get("examples") or [])
    return ", ".join([*shown, *who])


class Blocking:
    """Who is blocked, as the server sees it."""

    def __init__(self, control: Connection, actors: Sequence[Actor]) -> None:
        self._control = control
        self._actors = actors
        self.polls = 0

    async def wait(self, actor: Actor) -> None:
        """Until the actor's statement is done, or blocked."""
        task: Any = actor.task
        give_up_at = time.monotonic() + LONGEST_SECONDS
        pause = POLL_SECONDS
        while not task.done():
            await asyncio.wait([task], timeout=pause)
            pause = min(2 * pause, LONGEST_POLL_SECONDS)
            if task.done():
                break
            self.polls += 1
            blockers = await self._control.fetchval(BLOCKED, actor.pid, self._everybody())
            if blockers is not None:
                if not task.done():
                    actor.told, actor.blockers = "waits", frozenset(blockers)
                    return
                break
            if time.monotonic() > give_up_at:
                raise Violation(f"session {actor.number + 1} is neither done nor blocked")
        actor.task = None
        task.result()

    def _everybody(self) -> list[int]:
        return [*(actor.pid for actor in self._actors), self._control.get_server_pid()]

    async def kill(self, actor: Actor, *, look: bool) -> None:
        """End its session, and wait until all that it held is free."""
        await self._control.execute(f"select pg_terminate_backend({actor.pid})")
        while await self._control.fetchval("select exists (select from pg_stat_activity where pid = $1)", actor.pid):  # noqa: ASYNC110 - another process
            await asyncio.sleep(POLL_SECONDS)
        await actor.die()
        await self.go(actor)
        try:
            if look:
                await self._control.execute(LOOK)
        except asyncpg.RaiseError as error:
            raise Violation(str(error)) from None

    async def stop(self, actor: Actor) -> None:
        """From now on it stops at its place."""
        await self._control.fetchval(f"select pg_advisory_lock({STOPPED_AT}, $1)", actor.number)
        actor.stops = True

    async def go(self, actor: Actor) -> None:
        if actor.stops:
            await self._control.fetchval(f"select pg_advisory_unlock({STOPPED_AT}, $1)", actor.number)
            actor.stops = False
