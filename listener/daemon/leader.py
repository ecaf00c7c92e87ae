"""The main loop: react, do the chores that are due, and wait for news."""

import time
from collections.abc import Callable
from contextlib import suppress

import anyio
import asyncpg

from listener.daemon.chores import Chores
from listener.daemon.doorbell import Doorbell
from listener.daemon.following import Following
from listener.daemon.pace import Pace
from listener.daemon.squatting import Squatting
from listener.database.connection import Connection
from listener.database.executors import (
    BATCH_SECONDS,
    PATIENT_SHARE,
    SINGLE_SECONDS,
    Executors,
    LimitedExecutor,
    StatementLimit,
    TimedExecutor,
)
from listener.database.rows import only_row
from listener.feed.leadership import APPLICATION_NAME
from listener.feed.registry import ENROLL
from listener.instruments.instruments import Instruments
from listener.instruments.lookout import Lookout
from listener.reactions.batch_size import BatchSizes
from listener.reactions.installed import INSTALLED_SECONDS
from listener.reactions.runner import Reactions
from listener.repair.auditor import Auditor
from listener.settings import Settings

STRANGER_LOOK_SECONDS = 1.0
"""Pause between looks for a stranger at the bell, while the bell is not ours."""

UNRUNG_LOOK_SECONDS = 0.25
"""Pause between looks where writers cannot ring: NOTIFY would make PREPARE TRANSACTION fail."""


SESSION = "select current_setting('max_prepared_transactions') = '0', current_setting('session_replication_role')"
NAME = "select set_config('application_name', $1, false)"


class Leader:
    """Leads on a connection with a tuned, listening session that holds the leader's lock."""

    def __init__(
        self,
        connection: Connection,
        doorbell: Doorbell,
        settings: Settings,
        instruments: Instruments,
        executors: Executors | None = None,
        auditor: Auditor | None = None,
        squatting: Squatting | None = None,
        lookout: Lookout | None = None,
        sizes: BatchSizes | None = None,
    ) -> None:
        """`executors` run the reactions, if not on the connection itself. `auditor` finds changes written without a
        note. `sizes` are the batch sizes of earlier connections."""
        self._doorbell = doorbell
        self._state = instruments.state
        self._connection = connection
        within = (connection, settings.statement_seconds, instruments.state.progressed)
        limit = None
        if executors is not None:
            of_chores = executors.patient
        else:
            of_chores = TimedExecutor(*within)
            limit = StatementLimit(connection, PATIENT_SHARE * settings.statement_seconds)
            executors = Executors(
                patient=LimitedExecutor(*within, limit.longest, limit),
                single=LimitedExecutor(*within, min(SINGLE_SECONDS, limit.longest), limit),
                batches=LimitedExecutor(*within, BATCH_SECONDS, limit),
                installed=LimitedExecutor(*within, INSTALLED_SECONDS, limit),
            )
        following = Following(executors.patient, instruments)
        sizes = sizes or BatchSizes(settings.batch_size)
        self._reactions = Reactions(executors, instruments, sizes, following.follow)
        self._chores = Chores(
            connection,
            of_chores,
            doorbell,
            settings,
            instruments,
            following,
            self._reactions,
            auditor,
            squatting or Squatting(instruments),
            lookout or Lookout(instruments.state),
            limit,
        )
        self._pace = Pace(time.monotonic())
        self._ringing = True
        self._strangers_at = float("-inf")
        self._rung = False
        """Whether a writer rang, or may have gone unheard, since the last look at the feed."""

    async def main_loop(self, stopping: Callable[[], bool], settled: Callable[[], None] = lambda: None) -> None:
        """React until `stopping`; `settled` is called when everything has worked. Raises Fenced, Deaf, WrongVersion, or
        the connection's errors."""
        self._ringing, self._chores.replication_role = await only_row(self._connection, SESSION)
        await self._look_for_strangers()  # before a heartbeat arms the bell
        while not stopping():
            self._state.progressed()
            started = time.monotonic()
            handled = await self._reactions.run_due()
            if handled:
                now = time.monotonic()
                self._pace.changed(now, now - started, self._reactions.waited, self._reactions.round_trip)
                self._chores.rows_have_changed()
            await self._keep_name()
            self._look_for_blind_notes(handled=handled)
            await self._chores.run_due()
            settled()
            if not stopping():
                with suppress(asyncpg.QueryCanceledError):  # the limit of a batch was for the bell, too: look again
                    await self._wait()
        self._reactions.report.flush(final=True)

    async def _keep_name(self) -> None:
        """Others know the leader by the session's name, which a trigger of the LMS's may have changed: the server tells
        the driver of each change."""
        name = getattr(self._connection.get_settings(), "application_name", APPLICATION_NAME)
        if self._doorbell.hears and name != APPLICATION_NAME:
            await self._connection.fetchval(NAME, APPLICATION_NAME)

    def _look_for_blind_notes(self, *, handled: bool) -> None:
        """A ring with nothing new in the feed may mean a blind note: bring the heartbeat forward. (A change of courses
        is noted in the feed as well.)"""
        in_vain = self._rung and not handled and ENROLL not in self._state.paused_now()
        if self._reactions.take_courses_changed() or in_vain:
            self._chores.look_soon()
        self._rung = False

    async def _wait(self) -> None:
        if self._doorbell.held:
            await self._wait_for_ring()
        elif not self._pace.is_quiet(time.monotonic()):
            await self._look_again()
        elif await self._doorbell.hold():
            self._reactions.news()  # the last look: writers that did not ring are done, and can be seen
            self._rung = True
        else:
            self._pace.bell_refused()
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
        if self._strangers_at <= time.monotonic():
            await self._look_for_strangers()
        await anyio.sleep(min(self._pace.look_pause, self._next_due()))
        self._reactions.news()

    async def _look_for_strangers(self) -> None:
        self._strangers_at = time.monotonic() + STRANGER_LOOK_SECONDS
        if await self._doorbell.look_for_strangers():
            self._chores.stranger_at_the_bell()

    def _next_due(self) -> float:
        return min(self._reactions.wait(), self._chores.wait())
