"""The leader's audit: every few minutes reads whole tables, and repairs wrong counts.

A trigger that could not read a row took a blind note. The audit makes blind notes good, as soon as the leader asks.
Under a rule by query the audit notes profiles that are not where the query wants them: because of time, tables without
triggers, or a change that a route has missed. The audit has a short-lived connection of its own, so no reaction waits,
and reads a single snapshot without a lock.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import asyncpg

from listener import sql
from listener.catalogue import installation, takeover
from listener.database.connection import Connection, close, connect
from listener.database.driver_errors import CONNECTION_ERRORS, CONNECTION_OVER, INTERRUPTED
from listener.database.executors import retried_if_replaced
from listener.database.lock_watch import reading_whole_tables
from listener.database.patience import Trouble
from listener.database.rows import only_row
from listener.errors import InTheWay, ListenerError
from listener.instruments.instruments import Instruments
from listener.instruments.problems import MOST_EXAMPLES
from listener.logs import Event
from listener.mapping import brake, forgetting
from listener.mapping.mapping import Mapping
from listener.reasons import reason
from listener.repair import count_repair
from listener.repair.students_audit import StudentsAudit
from listener.settings import Settings

FIRST_SECONDS = 2.0

FAILURES: tuple[type[Exception], ...] = (*CONNECTION_ERRORS, ListenerError)
"""An audit could not be done; the leader works on. (A setting is wrong while the file of the URL is exchanged.)"""

BUSY_SECONDS = 10.0
"""Pause after an audit that met a locked row, or gave way to a migration."""

AGAIN_SECONDS = 0.1
"""Least pause after blind notes could not be made good; doubled for each failure in a row."""

MOST_TOLD = 20

BUSY_SHARE = 20
"""An audit is followed by a pause so many times as long."""

OVERDUE = 3
"""After so many times LISTENER_AUDIT_SECONDS without a complete audit, an audit is missed."""

MAKE_GOOD_SHARE = 3
"""The same after blind notes were made good: more may come, and students wait for each."""

LIMITS = """
set local lock_timeout = '200ms';
set local statement_timeout = '10min';
select set_config(name, '0', true) from pg_catalog.pg_settings where name = 'transaction_timeout';
"""
"""transaction_timeout is of Postgres 17: the database's or the role's would end the session."""

MAKE_GOOD_STUDENTS = "select * from listener.make_good_students()"
COUNT_MADE = "select listener.count_made()"
FORGET_DELETED = "select listener.forget_deleted()"
MAKE_GOOD_COUNTS = "select * from listener.make_good_counts()"


class Auditor:
    def __init__(
        self,
        settings: Settings,
        instruments: Instruments,
        wake: Callable[[], None],
        turns: anyio.CapacityLimiter | None = None,
    ) -> None:
        """`wake` has the leader look at the feed. `turns`: one for each audit that may be at work in this process."""
        self._settings = settings
        self._metrics, self._log, self._audits = instruments.metrics, instruments.log, instruments.state.audit
        self._titles, self._spans = instruments.state.titles, instruments.spans
        self._wake = wake
        self._turns = turns or anyio.CapacityLimiter(1)
        self._asked = anyio.Event()
        self._hurries = False
        self._students = StudentsAudit(instruments)
        self._failures = 0
        self._trouble = Trouble()
        self._repairs_in_a_row: dict[tuple[str, str], int] = {}
        self._refused = 0
        """Courses whose repair the LMS refused at the last audit."""
        self._returned = False
        self._foreign: tuple[str, ...] = ()

    async def run(self, scope: anyio.CancelScope) -> None:
        """Until `scope` is cancelled."""
        self._students.begin()
        self._audits.errors.clear()
        self._audits.found.clear()
        self._audits.expected_by = time.monotonic() + OVERDUE * self._settings.audit_seconds
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
                async with self._turns:
                    await self._try(self._make_good_now)
                self._asked = anyio.Event()
                if self._hurries:
                    self._hurries, due_at = False, started
                ended = time.monotonic()
                rested_at = ended + MAKE_GOOD_SHARE * (ended - started)
                if self._failures:
                    rested_at = ended + min(BUSY_SECONDS, AGAIN_SECONDS * 2 ** min(self._failures, 10))
            else:
                async with self._turns:
                    pause = await self._try(self._audit)
                due_at = time.monotonic() + pause

    def make_good(self) -> None:
        self._asked.set()

    def audit_soon(self) -> None:
        """Rows have come or gone without a trigger."""
        self._hurries = True
        self._asked.set()

    async def _try(self, work: Callable[[Connection], Awaitable[bool]]) -> float:
        """Work on a separate connection; returns the seconds until the next audit."""
        started = time.monotonic()
        try:
            done = await retried_if_replaced(lambda: self._connected(work))
        except InTheWay:
            return min(BUSY_SECONDS, self._settings.audit_seconds)
        except FAILURES as error:
            self._metrics.errors.labels("audit").inc()
            if self._trouble.is_news(error):
                self._audits.errors[work.__name__] = reason(error)
                self._log.warning(Event.AUDIT_FAILED, error=reason(error))
            self._failures += 1
            if isinstance(error, asyncpg.LockNotAvailableError):
                return min(BUSY_SECONDS, self._settings.audit_seconds)
        else:
            self._failures = 0
            self._trouble.is_over()
            self._audits.errors.pop(work.__name__, None)
            if not done:
                return min(BUSY_SECONDS, self._settings.audit_seconds)
        pause = max(self._settings.audit_seconds, BUSY_SHARE * (time.monotonic() - started))
        if work == self._audit and not self._failures:
            self._audits.expected_by = time.monotonic() + pause + (OVERDUE - 1) * self._settings.audit_seconds
        return pause

    async def _connected(self, work: Callable[[Connection], Awaitable[bool]]) -> bool:
        connection = await connect(self._settings.url(), application_name="listener-audit")
        try:
            return await work(connection)
        except BaseException:
            connection.terminate()
            raise
        finally:
            await close(connection)

    @asynccontextmanager
    async def _whole_tables(self, connection: Connection) -> AsyncIterator[None]:
        async with reading_whole_tables(connection, self._settings.url(), limits=LIMITS):
            yield

    async def _audit(self, connection: Connection) -> bool:
        """False if put off, while a backlog is drained."""
        if await connection.fetchval(sql.read("repair/audit", "draining")):
            return False
        installed = await installation.recorded(connection)
        if installed is None or installed.version != installation.VERSION or installed.bound is None:
            return False  # the next heartbeat tells
        mapping = installed.mapping
        started = time.monotonic()
        self._metrics.audits.inc()
        failed: asyncpg.PostgresError | None = None
        students = missed = 0
        try:
            async with self._whole_tables(connection):
                students, missed, noted = await self._students.look(connection, mapping)
            if noted:
                self._wake()
                if mapping.is_looked_after:
                    self._log.info(Event.LOOKED_AFTER, students=noted)
            if brake.count_for(mapping):
                async with self._whole_tables(connection):
                    await connection.execute(COUNT_MADE)
            if forgetting.days_of(mapping) is not None:
                async with self._whole_tables(connection):
                    forgotten = await connection.fetchval(FORGET_DELETED)
                if forgotten:
                    self._log.info(Event.FORGOTTEN, students=forgotten)
        except (*CONNECTION_OVER, *INTERRUPTED):
            raise
        except asyncpg.PostgresError as error:
            failed = error  # the rule's affair: counts are repaired all the same
        await self._look_for_triggers(connection, mapping)
        async with self._whole_tables(connection):
            counts = await only_row(connection, sql.read("repair/audit", "counts"))
        self._metrics.course_count_drift.set(counts["drifted"])
        if not counts["paused"]:
            repairs: list[count_repair.CountRepair] = []
            if counts["drifted"] or counts["parked"]:
                async with self._whole_tables(connection):
                    repairs = await count_repair.repair_counts(connection)
            self._repaired(repairs, counts["drifted"])
        if failed is not None:
            raise failed
        self._metrics.last_audit.set_to_current_time()
        seconds = time.monotonic() - started
        found = {"students": students, "missing": missed, "drifted": counts["drifted"]}
        self._log.debug(Event.AUDITED, **found, milliseconds=round(seconds * 1000))
        self._spans.record("audit", seconds, found)
        return True

    async def _make_good_now(self, connection: Connection) -> bool:
        failed: asyncpg.PostgresError | None = None
        students = {"notes": 0, "students": 0}
        try:
            async with self._whole_tables(connection):
                students = dict(await only_row(connection, MAKE_GOOD_STUDENTS))
        except (*CONNECTION_OVER, *INTERRUPTED):
            raise
        except asyncpg.PostgresError as error:
            failed = error  # the rule's affair: counts are made good all the same
        self._wake()
        async with self._whole_tables(connection):
            counts = await only_row(connection, MAKE_GOOD_COUNTS)
            repairs = await count_repair.repair_counts(connection)
        self._wake()
        if students["notes"] or counts["notes"]:
            self._log.info(Event.MADE_GOOD, students=students["students"], counts=len(repairs))
        if failed is not None:
            raise failed
        return True

    async def _look_for_triggers(self, connection: Connection, mapping: Mapping) -> None:
        """Log triggers that were taken over, and that a migration created again. The triggers are left alone."""
        found = await takeover.existing(connection, mapping)
        names = tuple(sorted(str(each) for each in found if each.is_enabled))
        self._metrics.foreign_triggers.set(len(names))
        self._audits.found_now("foreign_triggers", len(names), names[:MOST_EXAMPLES])
        if names and names != self._foreign:
            self._log.warning(Event.TRIGGERS_CAME_BACK, triggers=names, mend="listener install --take-over")
        self._foreign = names

    def _repaired(self, repairs: list[count_repair.CountRepair], drifted: int) -> None:
        """Report repairs, of so many courses that were off: the LMS may refuse some. A count that is off again at the
        next audit is reported once more, and then only counted."""
        refused = max(0, drifted - len({each.course_id for each in repairs}))
        refused_again, self._refused = min(refused, self._refused), refused
        self._metrics.course_count_drift.set(refused)
        self._metrics.count_corrections.inc(len(repairs))
        before = self._repairs_in_a_row
        self._repairs_in_a_row = {
            (each.course_id, each.count_column): before.get((each.course_id, each.count_column), 0) + 1
            for each in repairs
        }
        again = [f"{course_id}: {column}" for (course_id, column), times in self._repairs_in_a_row.items() if times > 1]
        returning = len(again) + refused_again
        self._metrics.drift_returning.set(returning)
        self._audits.found_now("drift_returns", returning, again[:MOST_EXAMPLES])
        news = [each for each in repairs if (each.course_id, each.count_column) not in before]
        for repair in news[:MOST_TOLD]:
            self._log.warning(
                Event.DRIFT_REPAIRED,
                **self._titles.beside({"course_id": repair.course_id}),
                count_column=repair.count_column,
                drift=repair.expected - (repair.current or 0),
            )
        if len(news) > MOST_TOLD:
            self._log.warning(Event.DRIFT_REPAIRED, count=len(news) - MOST_TOLD)
        if returning and not self._returned:
            self._log.warning(Event.DRIFT_RETURNS, count=returning)
        self._returned = returning > 0
