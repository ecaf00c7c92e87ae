"""The audit of students: the number, missed students, and students astray by a change that no trigger could see."""

import time

from listener import sql
from listener.database.connection import Connection
from listener.database.rows import only_row
from listener.instruments.instruments import Instruments
from listener.instruments.state import Courses
from listener.logs import Event
from listener.mapping.mapping import Mapping

REMEMBERED = 1000
"""Profiles noted by an audit, and looked for at the next."""

SHOWN = 20
"""Courses on the status page."""

COUNTED_LATE_SECONDS = 30.0
"""Within this time Postgres has counted written rows."""

AUDIT = "select * from listener.audit_students($1, $2, $3, $4)"


class StudentsAudit:
    def __init__(self, instruments: Instruments) -> None:
        self._metrics, self._state, self._log = instruments.metrics, instruments.state, instruments.log
        self._missed = 0
        self._missing_in_a_row = 0
        self._noted: list[str] = []
        self._written: list[tuple[float, dict[str, int]]] = []
        """Monotonic seconds of audits, and the rows that had been written into each table."""

    def begin(self) -> None:
        """This daemon leads from now on: old knowledge may be wrong."""
        self._missed = 0
        self._missing_in_a_row = 0
        self._noted = []
        self._written = []
        self._state.courses = None

    async def look(self, connection: Connection, mapping: Mapping) -> tuple[int, int, int]:
        """Numbers of students, missed students, and noted students, in a transaction that reads whole tables. `mapping`
        is installed now: the rule may differ from the last audit's."""
        row = await only_row(connection, AUDIT, notes_who_is_astray(mapping), self._noted, REMEMBERED, SHOWN)
        courses = Courses(tuple(row["shown_courses"]), row["courses"], time.time())
        self._state.courses = None if mapping.only_on_joining else courses
        self._noted = row["noted_ids"]
        await self._tell_unseen(connection, mapping, row["unseen"])
        self._metrics.students.set(row["students"])
        self._metrics.students_without_enrollment.set(row["without_enrollment"])
        if row["missed"] and row["missed"] != self._missed:
            self._log.warning(Event.STUDENTS_MISSED, count=row["missed"])
        self._missed = row["missed"]
        self._tell_missing(row["wanted_missing"])
        return row["students"], row["missed"], row["noted"]

    async def _tell_unseen(self, connection: Connection, mapping: Mapping, unseen: int) -> None:
        """Students who are astray without a note, under a rule that notes should tell everything of: a route has missed
        a change, or somebody has written past the triggers."""
        if mapping.only_on_joining or mapping.is_looked_after or mapping.observes:
            return
        tables = dict.fromkeys([*(each.table for each in mapping.watched), mapping.enrollment_table])
        names = [each.schema for each in tables], [each.name for each in tables], [each.label for each in tables]
        rows = {
            row["label"]: row["rows"] for row in await connection.fetch(sql.read("repair/audit", "written"), *names)
        }
        now = time.monotonic()
        long_ago = [each for each in self._written if each[0] < now - COUNTED_LATE_SECONDS]
        before = long_ago[-1][1] if long_ago else {}
        self._written = [*long_ago[-1:], *(each for each in self._written if each not in long_ago), (now, rows)]
        written = [label for label, count in rows.items() if count != before.get(label)] or [*rows]
        self._state.audit.found_now("route_missed", unseen, written)
        if unseen:
            self._metrics.route_missed.inc(unseen)
            self._log.warning(Event.ROUTE_MISSED, students=unseen, tables=written)

    def _tell_missing(self, missing: int) -> None:
        """Reported when found twice in a row."""
        self._metrics.wanted_missing.set(missing)
        self._missing_in_a_row = self._missing_in_a_row + 1 if missing else 0
        self._state.audit.found_now("wanted_missing", missing if self._missing_in_a_row > 1 else 0)
        if self._missing_in_a_row == 2:
            self._log.warning(Event.WANTED_MISSING, count=missing)


def notes_who_is_astray(mapping: Mapping) -> bool:
    """Whether the audit notes profiles that are astray. (Without writing, each audit would find the same. The built-in
    rule is about new students alone: a student who was enrolled and is no longer is left alone.)"""
    return not mapping.only_on_joining and mapping.enrolls and not mapping.observes
