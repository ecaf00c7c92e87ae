"""The leader's loop on one connection: react, wait for news, and the chores in between."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

from listener import sql
from listener.adapter import install
from listener.connection import Connection, TimedExecutor
from listener.daemon.doorbell import Doorbell
from listener.daemon.following import Following
from listener.daemon.pace import Pace
from listener.errors import ReadOnly
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
TRUST_PAUSE = 60.0
"""Seconds between two records of since when every name is right: so much more is looked at after a migration."""

UNRUNG_LOOK_SECONDS = 0.25
"""Pause between looks where writers cannot ring: NOTIFY would make a transaction that is to be prepared fail."""


@dataclass
class Chore:
    """Something done every so often."""

    do: Callable[[], Awaitable[float]]
    """Does it, and returns the seconds until it is due again."""
    due_at: float = float("-inf")


class Leader:
    """Leads on a connection whose session is tuned, listening, and holds the leader's lock."""

    def __init__(
        self,
        connection: Connection,
        doorbell: Doorbell,
        settings: Settings,
        state: State,
        metrics: Metrics,
        log: Logger,
        executor: Executor | None = None,
        make_good: Callable[[], None] = lambda: None,
    ) -> None:
        """`executor` is what runs the statements, where it is not the connection itself. `make_good` is called when
        there are blind notes, and the adapter works."""
        self._doorbell = doorbell
        self._settings = settings
        self._state = state
        self._metrics = metrics
        self._log = log
        self._connection = connection
        self._executor = executor or TimedExecutor(connection, settings.statement_seconds, state.progressed)
        self._make_good = make_good
        self._following = Following(self._executor, metrics, state, log)
        self._reactions = Reactions(
            self._executor, metrics, log, settings.batch_size, state.activity, self._following.follow
        )
        self._sampler = Sampler(self._executor, connection, self._reactions.consumers, log)
        self._purge = Purge(self._reactions.consumers, settings.retention_seconds)
        self._pace = Pace(time.monotonic())
        self._ringing = True
        self._trust_at = float("-inf")
        self._chores = (
            Chore(self._heartbeat),
            Chore(self._sample),
            Chore(self._purge_step, time.monotonic() + PURGE_STEP_PAUSE),
        )

    async def lead(self, stopping: Callable[[], bool], settled: Callable[[], None] = lambda: None) -> None:
        """React until `stopping`; `settled` is called once everything has worked once.

        Raises Fenced, Deaf, WrongVersion, or whatever the connection raises.
        """
        self._ringing = await self._connection.fetchval("show max_prepared_transactions") == "0"
        while not stopping():
            self._state.progressed()
            started = time.monotonic()
            if await self._reactions.run_due():
                now = time.monotonic()
                self._pace.changed(now, now - started, self._reactions.waited)
            for chore in self._chores:
                if chore.due_at <= time.monotonic():
                    chore.due_at = time.monotonic() + await chore.do()
            settled()
            if not stopping():
                await self._wait()
        self._reactions.report.flush(final=True)

    async def _wait(self) -> None:
        if self._doorbell.held:
            await self._wait_for_ring()
        elif self._pace.is_quiet(time.monotonic()):
            if await self._doorbell.hold():
                self._reactions.news()  # the last look: writers who did not ring are done, and can be seen
            else:
                self._pace.bell_refused()
                await self._look_again()
        else:
            await self._look_again()

    async def _wait_for_ring(self) -> None:
        longest = self._next_due() if self._ringing else min(UNRUNG_LOOK_SECONDS, self._next_due())
        rung = await self._doorbell.wait(longest)
        if rung or not self._ringing:
            self._reactions.news()
        if not rung:
            return
        crowded = self._pace.rang(time.monotonic())
        if crowded or self._pace.suspects_line(time.monotonic()):
            await self._reactions.run_due()  # first the reaction, then the round trip to let go
            if crowded or self._pace.line_is(await self._doorbell.line(), time.monotonic()):
                await self._doorbell.release()

    async def _look_again(self) -> None:
        await anyio.sleep(min(self._pace.look_pause, self._next_due()))
        self._reactions.news()

    def _next_due(self) -> float:
        now = time.monotonic()
        chores = min(max(0.0, chore.due_at - now) for chore in self._chores)
        return min(self._reactions.wait(), chores)

    async def _heartbeat(self) -> float:
        seconds, row = await self._doorbell.heartbeat(self._settings.heartbeat_seconds, sql.read("daemon/heartbeat"))
        self._state.heartbeat_at = time.monotonic()
        self._metrics.heartbeat_seconds.observe(seconds)
        self._metrics.last_heartbeat.set_to_current_time()
        self._metrics.notifications.inc(self._doorbell.take_count())
        if row is not None:
            install.check_version(row["version"])
            if row["read_only"]:
                raise ReadOnly
            if row["news"]:
                self._reactions.news()
            self._metrics.blind_notes.set(row["blind_notes"])
            if not row["bound"] or self._following.broken:
                await self._following.follow()
            elif self._trust_at <= time.monotonic():
                self._trust_at = time.monotonic() + TRUST_PAUSE
                await self._executor.fetchrow(sql.read("daemon/trust"))
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
        return self._settings.sample_seconds

    async def _purge_step(self) -> float:
        more = await self._purge.step(self._executor)
        return PURGE_STEP_PAUSE if more else PURGE_PAUSE
