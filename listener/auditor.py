"""The leader's audit: every few minutes the tables are looked at as a whole, and counts that are off are repaired.

It has a short-lived connection of its own, so that no reaction waits for it, and reads one snapshot without a lock.
"""

import time

import anyio
import asyncpg

from listener import audit, sql
from listener.connection import close, connect, reason
from listener.errors import CONNECTION_ERRORS
from listener.logs import Event, Logger
from listener.metrics import Metrics
from listener.settings import Settings

FIRST_SECONDS = 2.0
"""Pause before the first audit of a new leader: first things first."""

BUSY_SECONDS = 10.0
"""Pause after an audit that could not repair, because somebody held a row."""

MOST_TOLD = 20
"""Repairs that get a log line each."""

BUSY_SHARE = 20
"""An audit that takes long is followed by a pause so many times as long."""

LIMITS = """
set local lock_timeout = '200ms';
set local statement_timeout = '10min';
"""


class Auditor:
    """Audits while this daemon leads."""

    def __init__(self, settings: Settings, metrics: Metrics, log: Logger) -> None:
        self._settings = settings
        self._metrics = metrics
        self._log = log
        self._missed = 0
        self._failing = False
        self._limits = LIMITS + sql.read("audit/whole_tables")

    async def run(self, scope: anyio.CancelScope) -> None:
        """Audit again and again until `scope` is cancelled."""
        with scope:
            pause = min(FIRST_SECONDS, self._settings.audit_seconds)
            while True:
                await anyio.sleep(pause)
                pause = await self._try()

    async def _try(self) -> float:
        """One audit; the seconds until the next one."""
        started = time.monotonic()
        self._metrics.audits.inc()
        try:
            await self._audit(started)
        except CONNECTION_ERRORS as error:
            self._metrics.errors.labels("audit").inc()
            if not self._failing:
                self._log.warning(Event.AUDIT_FAILED, error=reason(error))
            self._failing = True
            if isinstance(error, asyncpg.LockNotAvailableError):
                return min(BUSY_SECONDS, self._settings.audit_seconds)
        else:
            self._failing = False
        return max(self._settings.audit_seconds, BUSY_SHARE * (time.monotonic() - started))

    async def _audit(self, started: float) -> None:
        connection = await connect(self._settings.url(), application_name="listener-audit")
        try:
            async with connection.transaction(isolation="read_committed"):
                await connection.execute(self._limits)
                students = await connection.fetchrow(sql.read("audit/students"))
            assert students is not None
            self._metrics.students.set(students["students"])
            self._metrics.students_without_enrollment.set(students["without_enrollment"])
            self._tell_missed(students["missed"])
            async with connection.transaction(isolation="read_committed"):
                await connection.execute(self._limits)
                drifted = await connection.fetchval("select count(distinct id) from listener.course_drift")
            self._metrics.course_count_drift.set(drifted)
            repairs: list[audit.CountRepair] = []
            if drifted:
                async with connection.transaction(isolation="read_committed"):
                    await connection.execute(self._limits)
                    repairs = await audit.repair_counts(connection)
                self._repaired(repairs)
        except BaseException:
            connection.terminate()
            raise
        finally:
            await close(connection)
        self._metrics.last_audit.set_to_current_time()
        self._log.debug(
            Event.AUDITED,
            students=students["students"],
            missing=students["missed"],
            drifted=drifted,
            milliseconds=round((time.monotonic() - started) * 1000),
        )

    def _tell_missed(self, missed: int) -> None:
        if missed and missed != self._missed:
            self._log.warning(Event.STUDENTS_MISSED, count=missed)
        self._missed = missed

    def _repaired(self, repairs: list[audit.CountRepair]) -> None:
        self._metrics.course_count_drift.set(0)
        self._metrics.count_corrections.inc(len(repairs))
        for repair in repairs[:MOST_TOLD]:
            self._log.warning(
                Event.DRIFT_REPAIRED,
                course_id=repair.course_id,
                count_column=repair.count_column,
                drift=repair.expected - (repair.current or 0),
            )
        if len(repairs) > MOST_TOLD:
            self._log.warning(Event.DRIFT_REPAIRED, count=len(repairs) - MOST_TOLD)
