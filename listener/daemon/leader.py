"""The leader's loop on one connection: react, do the chores that are due, and wait for news."""

import time
from collections.abc import Callable

import anyio

from listener.connection import Connection, LimitedExecutor, TimedExecutor
from listener.daemon.chores import Chores
from listener.daemon.doorbell import Doorbell
from listener.daemon.following import Following
from listener.daemon.pace import Pace
from listener.feed.consumer import Executor
from listener.feed.registry import ENROLL
from listener.logs import Logger
from listener.monitor.metrics import Metrics
from listener.monitor.state import State
from listener.reactions.runner import INSTALLED_SECONDS, Reactions
from listener.settings import Settings

UNRUNG_LOOK_SECONDS = 0.25
"""Pause between looks where writers cannot ring: NOTIFY would make a transaction that is to be prepared fail."""


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
        executors: tuple[Executor, Executor] | None = None,
        make_good: Callable[[], None] = lambda: None,
    ) -> None:
        """`executors` are what runs the statements, and what runs those that were installed, where it is not the
        connection itself. `make_good` is called when there are blind notes, and the adapter works."""
        self._doorbell = doorbell
        self._state = state
        self._connection = connection
        executor, limited = executors or (
            TimedExecutor(connection, settings.statement_seconds, state.progressed),
            LimitedExecutor(connection, settings.statement_seconds, state.progressed, INSTALLED_SECONDS),
        )
        following = Following(executor, metrics, state, log)
        self._reactions = Reactions(
            executor, metrics, log, settings.batch_size, state.activity, following.follow, limited
        )
        self._chores = Chores(
            connection, executor, doorbell, settings, state, metrics, log, following, self._reactions, make_good
        )
        self._pace = Pace(time.monotonic())
        self._ringing = True
        self._rung = False
        """Whether somebody rang, or may have gone unheard, since the feed was looked at."""

    async def lead(self, stopping: Callable[[], bool], settled: Callable[[], None] = lambda: None) -> None:
        """React until `stopping`; `settled` is called once everything has worked once.

        Raises Fenced, Deaf, WrongVersion, or whatever the connection raises.
        """
        self._ringing = await self._connection.fetchval("show max_prepared_transactions") == "0"
        while not stopping():
            self._state.progressed()
            started = time.monotonic()
            handled = await self._reactions.run_due()
            if handled:
                now = time.monotonic()
                self._pace.changed(now, now - started, self._reactions.waited, self._reactions.round_trip)
            self._look_for_blind_notes(handled=handled)
            await self._chores.run_due()
            settled()
            if not stopping():
                await self._wait()
        self._reactions.report.flush(final=True)

    def _look_for_blind_notes(self, *, handled: bool) -> None:
        """If somebody rang, and it was not about what the feed holds, it may have been about everyone. (A course that
        changes is noted in the feed all the same.)"""
        in_vain = self._rung and not handled and ENROLL not in self._state.paused_now()
        if self._reactions.take_courses_changed() or in_vain:
            self._chores.look_soon()
        self._rung = False

    async def _wait(self) -> None:
        if self._doorbell.held:
            await self._wait_for_ring()
        elif self._pace.is_quiet(time.monotonic()):
            if await self._doorbell.hold():
                self._reactions.news()  # the last look: writers who did not ring are done, and can be seen
                self._rung = True
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
        self._rung = self._doorbell.hears
        crowded = self._pace.rang(time.monotonic())
        if crowded or self._pace.suspects_line(time.monotonic()):
            await self._reactions.run_due()  # first the reaction, then the round trip to let go
            if crowded or self._pace.line_is(await self._doorbell.line(), time.monotonic()):
                await self._doorbell.release()

    async def _look_again(self) -> None:
        await anyio.sleep(min(self._pace.look_pause, self._next_due()))
        self._reactions.news()

    def _next_due(self) -> float:
        return min(self._reactions.wait(), self._chores.wait())
