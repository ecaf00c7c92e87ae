"""A leader's duties on a timer: the heartbeat, the database's figures, and the purge of the feed."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from listener import sql
from listener.catalogue import installation
from listener.daemon.doorbell import Doorbell
from listener.daemon.following import Following
from listener.daemon.news import InstalledReactions, Pauses
from listener.daemon.squatting import Squatting
from listener.database.connection import Connection
from listener.database.driver_errors import INTERRUPTED
from listener.database.executors import BATCH_SECONDS, StatementLimit
from listener.database.rows import Executor, only_row
from listener.database.session import PATH
from listener.errors import NoCheckpoints, ReadOnly, SessionChanged
from listener.feed.purge import Purge
from listener.instruments.instruments import Instruments
from listener.instruments.lookout import Lookout
from listener.instruments.sampler import Sampler
from listener.logs import Event
from listener.reactions.runner import Reactions
from listener.repair.auditor import Auditor
from listener.settings import Settings

PURGE_PAUSE = 300.0
PURGE_STEP_PAUSE = 0.05
INTERRUPTED_PAUSE = 1.0
LOOK_PAUSE = 1.0
"""Least seconds from a heartbeat to an early heartbeat."""

QUEUE_FULL = (
    "the server's queue of notifications is full: a session that listens has a transaction open for long "
    "(`select * from pg_stat_activity order by xact_start`: end it)"
)

DUE_PAUSE = 60.0
"""Longest time between two looks at what time makes due, if anything will be; the shortest, where writers may have made
something due before, is LOOK_PAUSE."""
DUE = "select * from listener.note_due($1)"

HEARTBEAT = sql.read("daemon/heartbeat")
TRUSTING_HEARTBEAT = sql.render(sql.read("daemon/trusting_heartbeat"), {"heartbeat": HEARTBEAT})

TRUST_PAUSE = 60.0
"""Seconds between two records of the time at which all names were right: a migration makes the audit look back that
far."""


@dataclass
class Chore:
    do: Callable[[], Awaitable[float]]
    """Returns the seconds until due again."""
    due_at: float = float("-inf")
    takes_long: bool = False
    """It did not end within the session's limit for statements: from now on the limit is lifted for it."""


@dataclass
class Chores:
    connection: Connection
    executor: Executor
    doorbell: Doorbell
    settings: Settings
    instruments: Instruments
    following: Following
    reactions: Reactions
    auditor: Auditor | None
    squatting: Squatting
    lookout: Lookout
    limit: StatementLimit | None = None
    """That of the session, if it has one. Chores are mostly short, and to set a limit costs as much as a heartbeat: it
    is lifted only for those that were interrupted before."""
    looked_until: datetime | None = None
    """What was due before, by the server's clock, is noted. None if the rule looks at no clock, and at first."""
    replication_role: str | None = None
    """That of the session, before any trigger of the LMS's ran there."""

    def __post_init__(self) -> None:
        consumers = self.reactions.consumers
        self._state, self._metrics = self.instruments.state, self.instruments.metrics
        self._pauses = Pauses(self.reactions, self.instruments)
        self._installed = InstalledReactions(self.executor, self.reactions, self.instruments)
        self._sampler = Sampler(self.executor, self.connection, consumers, self.instruments.log)
        self._purge = Purge(consumers, self.settings.retention_seconds)
        self._queue_is_full = self._knows_titles = False
        self._trust_at = self._beat_at = float("-inf")
        self._beat = Chore(self._heartbeat)
        self._purging = Chore(self._purge_step, time.monotonic() + PURGE_STEP_PAUSE)
        self._sampling = Chore(self._sample)
        self._due = Chore(self._note_due)
        self._looked_at = float("-inf")
        self._chores = (self._beat, self._due, self._sampling, self._purging)

    async def run_due(self) -> None:
        """Raises Deaf, ReadOnly, NoCheckpoints, SessionChanged, WrongVersion, or the connection's errors."""
        if self.doorbell.take_told_to_look():
            self._beat.due_at = float("-inf")
            self.reactions.try_again()
        due = [chore for chore in self._chores if chore.due_at <= time.monotonic()]
        if not due:
            return
        for chore in due:
            if self.limit is not None and chore.takes_long:
                await self.limit.lift()
            try:
                pause = await chore.do()
            except INTERRUPTED:  # another session alters our table, or cancelled the chore: the connection works
                self._metrics.errors.labels("chore").inc()
                chore.takes_long = True
                pause = INTERRUPTED_PAUSE
            chore.due_at = time.monotonic() + pause
        if self.limit is not None:  # now, and not at a sign-up
            await self.limit.be(BATCH_SECONDS)

    def look_soon(self) -> None:
        """Bring the heartbeat forward, which finds blind notes."""
        self._beat.due_at = min(self._beat.due_at, max(time.monotonic(), self._beat_at + LOOK_PAUSE))

    def rows_have_changed(self) -> None:
        """Some may be due before those that are known; or there is another rule."""
        pause = DUE_PAUSE if self.looked_until is None else LOOK_PAUSE
        self._due.due_at = min(self._due.due_at, max(time.monotonic(), self._looked_at + pause))

    def stranger_at_the_bell(self) -> None:
        """Report a new stranger at once."""
        if not any(each.lock == "bell" for each in self._state.squatters):
            self._sampling.due_at = float("-inf")

    def wait(self) -> float:
        """Seconds until a chore is due."""
        now = time.monotonic()
        return min(max(0.0, chore.due_at - now) for chore in self._chores)

    async def _heartbeat(self) -> float:
        trusts = self._trust_at <= time.monotonic() and not self.following.broken
        seconds, row = await self.doorbell.heartbeat(
            self.settings.heartbeat_seconds, TRUSTING_HEARTBEAT if trusts else HEARTBEAT, arms=True
        )
        self._state.heartbeat_at = self._beat_at = time.monotonic()
        self._metrics.heartbeat_seconds.observe(seconds)
        self._metrics.last_heartbeat.set_to_current_time()
        self._metrics.notifications.inc(self.doorbell.take_count())
        self._tell_of_the_queue()
        if row is not None:
            installation.check_version(row["version"] or 0)  # no row: nothing is installed
            if row["read_only"]:
                raise ReadOnly
            if not row["has_checkpoints"]:
                raise NoCheckpoints
            self._check_session(row)
            if row["news"]:
                self.reactions.news()
            if await self._installed.learn(row["reactions"]):
                self._sampler.consumers = self.reactions.consumers
                self._purge = Purge(self.reactions.consumers, self.settings.retention_seconds)
                self._purging.due_at = time.monotonic()  # notes that were kept for a removed consumer
            self.reactions.behind(row["behind"])
            self._pauses.learn(row["paused"])
            self._metrics.blind_notes.set(row["blind_notes"])
            if not row["bound"] or self.following.broken:
                await self.following.follow()
            elif trusts:
                self._trust_at = time.monotonic() + TRUST_PAUSE
            if not self.following.broken:
                await self._look_after(row)
        return self.settings.heartbeat_seconds

    def _check_session(self, row: asyncpg.Record) -> None:
        """Raises SessionChanged. (Behind a transaction pooler there is no session of ours.)"""
        if not self.doorbell.hears:
            return
        for what, is_ours in (
            ("the lock of leadership", row["holds_lead"]),
            ("session_replication_role", row["replication_role"] == self.replication_role),
            ("search_path", row["search_path"] == PATH),
        ):
            if not is_ours:
                raise SessionChanged(what=what)

    async def _look_after(self, row: asyncpg.Record) -> None:
        """Rows that came or went without a note."""
        if row["partitions_changed"]:
            await self.executor.fetchrow("select listener.follow_partitions()")
        if self.auditor is not None and row["partitions_changed"]:
            self.auditor.audit_soon()
        if self.auditor is not None and row["blind_notes"]:
            self.auditor.make_good()

    async def _note_due(self) -> float:
        row = await only_row(self.executor, DUE, self.looked_until)
        self.looked_until, self._looked_at = row["until"], time.monotonic()
        return float("inf") if row["next_in"] is None else min(max(row["next_in"], 0.0) + 0.001, DUE_PAUSE)

    async def _sample(self) -> float:
        self._metrics.samples.inc()
        look = await self._sampler.take()
        if look is None:
            self._metrics.errors.labels("sample").inc()
            self._sampling.takes_long = True
        else:
            sample = look.sample
            self._metrics.sampled(sample)
            self._state.sampled(sample)
            self.squatting.saw(sample.squatters)
            await self.doorbell.queue_is(sample.notify_queue_usage)
            self._tell_of_the_queue()
            self.reactions.attempts_due(sample.next_student_in, sample.next_count_in)
            self.reactions.transaction_is_open(sample.oldest_transaction_seconds)
            await self.lookout.leads(look, self.reactions.blocked(), self._sampler)
            await self._learn_titles()
        return self.settings.sample_seconds

    async def _learn_titles(self) -> None:
        titles = self._state.titles
        if not self._knows_titles:
            await titles.begin(self.executor)
        self._knows_titles = True
        await titles.learn(self.executor)

    def _tell_of_the_queue(self) -> None:
        """Once, when the queue becomes full and when it no longer is."""
        if self.doorbell.is_full is self._queue_is_full:
            return
        self._queue_is_full = self.doorbell.is_full
        self._metrics.polling.set(self._queue_is_full)
        if self._queue_is_full:
            self._state.warning = QUEUE_FULL
            self.instruments.log.warning(Event.POLLING, reason=QUEUE_FULL)
        else:
            self._state.warning = None
            self.instruments.log.info(Event.RINGING)

    async def _purge_step(self) -> float:
        more = await self._purge.step(self.executor)
        return PURGE_STEP_PAUSE if more else PURGE_PAUSE
