"""The leader's audit: every few minutes the tables are looked at as a whole, and counts that are off are repaired.

Where a trigger could not read a row, it noted only that something happened (a blind note). Who was not enrolled or
counted for that is found here, too, as soon as the leader asks. Where the rule depends on time, or reads tables that
are not watched, the audit is the timer by which such changes are found.

It has a short-lived connection of its own, so that no reaction waits for it, and reads one snapshot without a lock.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import asyncpg

from listener import sql
from listener.adapter import install, takeover
from listener.adapter.mapping import Mapping
from listener.connection import Connection, close, connect, reason
from listener.errors import CONNECTION_ERRORS, InTheWay
from listener.lock_watch import reading_whole_tables
from listener.logs import Event, Logger
from listener.monitor.metrics import Metrics
from listener.monitor.state import State
from listener.repair import count_repair
from listener.repair.students_audit import StudentsAudit
from listener.settings import Settings

FIRST_SECONDS = 2.0
"""Pause before the first audit of a new leader: first things first."""

BUSY_SECONDS = 10.0
"""Pause after an audit that could not repair, because somebody held a row, or that gave way to a migration."""

AGAIN_SECONDS = 0.1
"""Least pause after something could not be made good; it doubles with each failure in a row."""

MOST_TOLD = 20
"""Repairs that get a log line each."""

BUSY_SHARE = 20
"""An audit that takes long is followed by a pause so many times as long."""

MAKE_GOOD_SHARE = 3
"""The same, when blind notes were made good: they may keep coming, and somebody waits for each."""

LIMITS = """
set local lock_timeout = '200ms';
set local statement_timeout = '10min';
"""


class Auditor:
    """Audits while this daemon leads."""

    def __init__(
        self, settings: Settings, metrics: Metrics, state: State, log: Logger, wake: Callable[[], None]
    ) -> None:
        """`wake` tells the leader that something new is in the feed."""
        self._settings = settings
        self._metrics = metrics
        self._log = log
        self._wake = wake
        self._asked = anyio.Event()
        self._students = StudentsAudit(metrics, state, log)
        self._failures = 0
        self._repairs_in_a_row: dict[tuple[str, str], int] = {}
        self._foreign: tuple[str, ...] = ()

    async def run(self, scope: anyio.CancelScope) -> None:
        """Audit again and again until `scope` is cancelled."""
        self._students.begin()
        with scope:
            await self._run()

    async def _run(self) -> None:
        due_at = time.monotonic() + min(FIRST_SECONDS, self._settings.audit_seconds)
        rested_at = time.monotonic()
        while True:
            with anyio.move_on_after(max(0.0, due_at - time.monotonic())):
                await self._asked.wait()
                await anyio.sleep(max(0.0, rested_at - time.monotonic()))
            if self._asked.is_set() and time.monotonic() >= rested_at:
                started = time.monotonic()
                await self._try(self._make_good_now)
                self._asked = anyio.Event()
                ended = time.monotonic()
                rested_at = ended + MAKE_GOOD_SHARE * (ended - started)
                if self._failures:
                    rested_at = ended + min(BUSY_SECONDS, AGAIN_SECONDS * 2 ** min(self._failures, 10))
            else:
                due_at = time.monotonic() + await self._try(self._audit)

    def make_good(self) -> None:
        """There are blind notes, and the tables can be read again: see to it as soon as possible."""
        self._asked.set()

    async def _try(self, work: Callable[[Connection], Awaitable[bool]]) -> float:
        """Do it on a connection of its own; the seconds until the next audit."""
        started = time.monotonic()
        try:
            connection = await connect(self._settings.url(), application_name="listener-audit")
            try:
                done = await work(connection)
            except BaseException:
                connection.terminate()
                raise
            finally:
                await close(connection)
        except InTheWay:
            return min(BUSY_SECONDS, self._settings.audit_seconds)
        except CONNECTION_ERRORS as error:
            self._metrics.errors.labels("audit").inc()
            if not self._failures:
                self._log.warning(Event.AUDIT_FAILED, error=reason(error))
            self._failures += 1
            if isinstance(error, asyncpg.LockNotAvailableError):
                return min(BUSY_SECONDS, self._settings.audit_seconds)
        else:
            self._failures = 0
            if not done:
                return min(BUSY_SECONDS, self._settings.audit_seconds)
        return max(self._settings.audit_seconds, BUSY_SHARE * (time.monotonic() - started))

    @asynccontextmanager
    async def _whole_tables(self, connection: Connection) -> AsyncIterator[None]:
        async with reading_whole_tables(connection, self._settings.url(), limits=LIMITS):
            yield

    async def _audit(self, connection: Connection) -> bool:
        """One audit; False if it was put off, because a backlog is being drained."""
        if await connection.fetchval(sql.read("repair/draining")):
            return False
        installed = await install.recorded(connection)
        if installed is None or installed.version != install.VERSION or installed.now is None:
            return False  # the next heartbeat tells of it
        mapping = installed.mapping
        started = time.monotonic()
        self._metrics.audits.inc()
        async with self._whole_tables(connection):
            students, missed, noted = await self._students.look(connection, mapping)
        if noted:
            self._wake()
            self._log.info(Event.LOOKED_AFTER, students=noted)
        await self._look_for_triggers(connection, mapping)
        async with self._whole_tables(connection):
            counts = await connection.fetchrow(sql.read("repair/counts"))
        assert counts is not None
        self._metrics.course_count_drift.set(counts["drifted"])
        if not counts["paused"]:
            repairs: list[count_repair.CountRepair] = []
            if counts["drifted"] or counts["parked"]:
                async with self._whole_tables(connection):
                    repairs = await count_repair.repair_counts(connection)
            self._repaired(repairs)
        self._metrics.last_audit.set_to_current_time()
        self._log.debug(
            Event.AUDITED,
            students=students,
            missing=missed,
            drifted=counts["drifted"],
            milliseconds=round((time.monotonic() - started) * 1000),
        )
        return True

    async def _make_good_now(self, connection: Connection) -> bool:
        """Enroll and count what triggers could only note blindly."""
        async with self._whole_tables(connection):
            students = await connection.fetchrow(sql.read("repair/make_good_students"))
        self._wake()
        async with self._whole_tables(connection):
            counts = await connection.fetchrow(sql.read("repair/make_good_counts"))
            repairs = await count_repair.repair_counts(connection)
        self._wake()
        assert students is not None
        assert counts is not None
        if students["notes"] or counts["notes"]:
            self._log.info(Event.MADE_GOOD, students=students["students"], counts=len(repairs))
        return True

    async def _look_for_triggers(self, connection: Connection, mapping: Mapping) -> None:
        """A migration may create a trigger again that was taken over. That is logged; the trigger is left alone."""
        found = await takeover.existing(connection, mapping)
        names = tuple(sorted(str(each) for each in found if each.is_enabled))
        self._metrics.foreign_triggers.set(len(names))
        if names and names != self._foreign:
            self._log.warning(Event.TRIGGERS_CAME_BACK, triggers=names, mend="listener install --take-over")
        self._foreign = names

    def _repaired(self, repairs: list[count_repair.CountRepair]) -> None:
        """Tell what was repaired. A drift that is back at the next audit is told once more, and then counted only."""
        self._metrics.course_count_drift.set(0)
        self._metrics.count_corrections.inc(len(repairs))
        before = self._repairs_in_a_row
        self._repairs_in_a_row = {
            (each.course_id, each.count_column): before.get((each.course_id, each.count_column), 0) + 1
            for each in repairs
        }
        returning = sum(times > 1 for times in self._repairs_in_a_row.values())
        self._metrics.drift_returning.set(returning)
        news = [each for each in repairs if (each.course_id, each.count_column) not in before]
        for repair in news[:MOST_TOLD]:
            self._log.warning(
                Event.DRIFT_REPAIRED,
                course_id=repair.course_id,
                count_column=repair.count_column,
                drift=repair.expected - (repair.current or 0),
            )
        if len(news) > MOST_TOLD:
            self._log.warning(Event.DRIFT_REPAIRED, count=len(news) - MOST_TOLD)
        if returning and not any(times > 1 for times in before.values()):
            self._log.warning(Event.DRIFT_RETURNS, count=returning)
