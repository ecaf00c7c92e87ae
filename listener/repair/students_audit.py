"""What the audit says of students: how many there are, who of them was missed, and who is astray by a change that no
trigger could see."""

import json
import time

from listener import sql
from listener.adapter.mapping import Mapping
from listener.connection import Connection
from listener.logs import Event, Logger
from listener.monitor.metrics import Metrics
from listener.monitor.state import Courses, State

REMEMBERED = 1000
"""Profiles that were noted by one audit, and are looked for at the next."""

SHOWN = 20
"""Courses that the status page shows."""

BY_QUERY = sql.render(sql.read("repair/students_wanted"), {"astray": sql.read("monitor/astray")})


class StudentsAudit:
    """One leader's look at the students, again and again."""

    def __init__(self, metrics: Metrics, state: State, log: Logger) -> None:
        self._metrics = metrics
        self._state = state
        self._log = log
        self._missed = 0
        self._missing_in_a_row = 0
        self._noted: list[str] = []

    def begin(self) -> None:
        """This daemon leads from now on: what it knew may be long ago."""
        self._missed = 0
        self._missing_in_a_row = 0
        self._noted = []
        self._state.courses = None

    async def look(self, connection: Connection, mapping: Mapping) -> tuple[int, int, int]:
        """How many students there are, how many of them were missed, and how many were noted, in a transaction that
        reads tables as a whole. `mapping` is what is installed now: it may be another rule than at the last audit."""
        if mapping.wanted_query is None:
            row = await connection.fetchrow(sql.read("repair/students"))
            noted: list[str] = []
            courses = None
        else:
            row = await connection.fetchrow(BY_QUERY, notes_who_is_astray(mapping), self._noted, REMEMBERED, SHOWN)
            assert row is not None
            noted = row["noted_ids"]
            courses = Courses(tuple(json.loads(row["shown_courses"])), row["courses"], time.time())
        assert row is not None
        self._state.courses = courses
        self._noted = noted
        self._metrics.students.set(row["students"])
        self._metrics.students_without_enrollment.set(row["without_enrollment"])
        if row["missed"] and row["missed"] != self._missed:
            self._log.warning(Event.STUDENTS_MISSED, count=row["missed"])
        self._missed = row["missed"]
        self._tell_missing(row["wanted_missing"])
        return row["students"], row["missed"], row["noted"]

    def _tell_missing(self, missing: int) -> None:
        """Once is an accident; twice in a row is told, once."""
        self._metrics.wanted_missing.set(missing)
        self._missing_in_a_row = self._missing_in_a_row + 1 if missing else 0
        if self._missing_in_a_row == 2:
            self._log.warning(Event.WANTED_MISSING, count=missing)


def notes_who_is_astray(mapping: Mapping) -> bool:
    """Whether the audit is what finds some of the changes. (Where nothing may be written, each audit would find the
    same again.)"""
    return mapping.is_looked_after and mapping.enrolls and not mapping.observes
