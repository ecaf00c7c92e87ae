"""What a leader does every so often: the heartbeat, the database's figures, and the purge of the feed."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from listener import sql
from listener.adapter import install
from listener.connection import Connection
from listener.daemon.doorbell import Doorbell
from listener.daemon.following import Following
from listener.daemon.installed import Installed
from listener.daemon.pauses import Pauses
from listener.errors import INTERRUPTED, ReadOnly
from listener.feed.consumer import Executor
from listener.feed.purge import Purge
from listener.logs import Logger
from listener.monitor.metrics import Metrics
from listener.monitor.sample import Sampler
from listener.monitor.state import State
from listener.reactions.runner import Reactions
from listener.settings import Settings

PURGE_PAUSE = 300.0
PURGE_STEP_PAUSE = 0.05
INTERRUPTED_PAUSE = 1.0
LOOK_PAUSE = 1.0
"""Least seconds from a heartbeat to one that comes early."""

TRUST_PAUSE = 60.0
"""Seconds between two records of since when every name is right: so much more is looked at after a migration."""


@dataclass
class Chore:
    """Something done every so often."""

    do: Callable[[], Awaitable[float]]
    """Does it, and returns the seconds until it is due again."""
    due_at: float = float("-inf")


class Chores:
    """The chores of one leader, on its connection."""

    def __init__(
        self,
        connection: Connection,
        executor: Executor,
        doorbell: Doorbell,
        settings: Settings,
        state: State,
        metrics: Metrics,
        log: Logger,
        following: Following,
        reactions: Reactions,
        make_good: Callable[[], None],
    ) -> None:
        """`executor` runs its statements on `connection`. `make_good` is called when there are blind notes, and the
        adapter works."""
        self._executor = executor
        self._doorbell = doorbell
        self._settings = settings
        self._state = state
        self._metrics = metrics
        self._following = following
        self._reactions = reactions
        self._make_good = make_good
        self._pauses = Pauses(reactions, metrics, state, log)
        self._installed = Installed(executor, reactions, metrics, state, log)
        self._sampler = Sampler(executor, connection, reactions.consumers, log)
        self._purge = Purge(reactions.consumers, settings.retention_seconds)
        self._trust_at = float("-inf")
        self._beat_at = float("-inf")
        self._beat = Chore(self._heartbeat)
        self._purging = Chore(self._purge_step, time.monotonic() + PURGE_STEP_PAUSE)
        self._chores = (self._beat, Chore(self._sample), self._purging)

    async def run_due(self) -> None:
        """Do what is due. Raises Deaf, ReadOnly, WrongVersion, or whatever the connection raises."""
        if self._doorbell.take_told_to_look():
            self._beat.due_at = float("-inf")
            self._reactions.try_again()
        for chore in self._chores:
            if chore.due_at <= time.monotonic():
                try:
                    pause = await chore.do()
                except INTERRUPTED:  # by somebody who alters a table of ours, or cancelled it: the connection is sound
                    self._metrics.errors.labels("chore").inc()
                    pause = INTERRUPTED_PAUSE
                chore.due_at = time.monotonic() + pause

    def look_soon(self) -> None:
        """There may be a blind note, of which a heartbeat tells: let the next one come early."""
        self._beat.due_at = min(self._beat.due_at, max(time.monotonic(), self._beat_at + LOOK_PAUSE))

    def wait(self) -> float:
        """Seconds until something is due."""
        now = time.monotonic()
        return min(max(0.0, chore.due_at - now) for chore in self._chores)

    async def _heartbeat(self) -> float:
        seconds, row = await self._doorbell.heartbeat(self._settings.heartbeat_seconds, sql.read("daemon/heartbeat"))
        self._state.heartbeat_at = self._beat_at = time.monotonic()
        self._metrics.heartbeat_seconds.observe(seconds)
        self._metrics.last_heartbeat.set_to_current_time()
        self._metrics.notifications.inc(self._doorbell.take_count())
        if row is not None:
            install.check_version(row["version"])
            if row["read_only"]:
                raise ReadOnly
            if row["news"]:
                self._reactions.news()
            if await self._installed.learn(row["reactions"]):
                self._sampler.consumers = self._reactions.consumers
                self._purge = Purge(self._reactions.consumers, self._settings.retention_seconds)
                self._purging.due_at = time.monotonic()  # what was kept for one that is gone
            self._reactions.behind(row["behind"])
            self._pauses.learn(row["paused"])
            self._metrics.blind_notes.set(row["blind_notes"])
            if not row["bound"] or self._following.broken:
                await self._following.follow()
            elif self._trust_at <= time.monotonic():
                self._trust_at = time.monotonic() + TRUST_PAUSE
                await self._executor.fetchrow(sql.read("daemon/trust_notes"))
            if row["blind_notes"] and not self._following.broken:
                self._make_good()
        return self._settings.heartbeat_seconds

    async def _sample(self) -> float:
        self._metrics.samples.inc()
        sample = await self._sampler.take()
        if sample is None:
            self._metrics.errors.labels("sample").inc()
        else:
            self._metrics.sampled(sample)
            self._state.sampled(sample)
            self._reactions.attempts_due(sample.next_student_in, sample.next_count_in)
            self._reactions.transaction_is_open(sample.oldest_transaction_seconds)
        return self._settings.sample_seconds

    async def _purge_step(self) -> float:
        more = await self._purge.step(self._executor)
        return PURGE_STEP_PAUSE if more else PURGE_PAUSE
