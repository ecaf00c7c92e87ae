"""Why one profile is, or is not, enrolled: what `listener explain` says, read by key."""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import asyncpg

from listener import sql
from listener.adapter import install, rendering
from listener.adapter.mapping import Mapping
from listener.adapter.problems import describe
from listener.adapter.renaming import COLUMN
from listener.connection import Connection, reason, tune_transaction
from listener.errors import MayNot, NotAKey, Outdated, UnknownProfile
from listener.patience import patiently
from listener.settings import PREFIX

COUNTS = PREFIX + "COUNT_COLUMNS"


class Verdict(StrEnum):
    """How a profile stands. The words are for machines, and stay."""

    ENROLLED = "enrolled"
    NOT_A_STUDENT = "not_a_student"
    WAITS = "waits"
    """A student who could not be enrolled yet; `reason` says why."""
    ON_ITS_WAY = "on_its_way"
    """Noted, and not yet handled."""
    MISSED = "missed"
    """A student of whom nothing knows."""
    NOT_DONE_HERE = "enrolling_not_done_here"
    ONLY_OBSERVED = "only_observed"
    UNKNOWN = "unknown"
    """What would have to be known could not be read."""


@dataclass(frozen=True)
class Enrollment:
    """One enrollment of the profile."""

    course: str
    status: str | None
    active: bool
    since: str | None
    """As JSON has dates and times; None where the LMS keeps none."""


@dataclass(frozen=True)
class Pending:
    """Why it was set aside. `reason` is `no_course`, `course_locked` or `failed`."""

    reason: str
    error: str | None
    attempts: int
    since: datetime
    next_attempt_at: datetime | None
    """None: as soon as there is a course."""


@dataclass(frozen=True)
class Noted:
    """Notes that wait, and when the oldest was taken."""

    waiting: int
    oldest_at: datetime | None


@dataclass(frozen=True)
class Seen:
    """What was found about one profile. None: it could not be read, and `unread` says why."""

    is_student: bool | None
    rule_rows: tuple[dict[str, Any], ...] | None
    """What the columns that the rule reads hold, by row; asked only of who is no student."""
    enrollments: tuple[Enrollment, ...] | None
    default_course: str | None
    has_default_course: bool | None
    """Whether there is a course that a new student lands in now."""
    pending: Pending | None
    notes: Noted
    blind_notes: Noted
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """Why a profile is, or is not, enrolled."""

    profile: str
    rule: str
    """Who is a student, in words."""
    actions: str
    seen: Seen
    problems: tuple[dict[str, str], ...] = ()
    """What a migration took away that cannot be done without."""
    doubts: tuple[str, ...] = field(default=())
    """Why this may not be all there is to say."""

    @property
    def mapping_broken(self) -> str | None:
        """What is gone, and what to do about it."""
        return "; ".join(map(describe, self.problems)) or None

    @property
    def incomplete(self) -> tuple[str, ...]:
        """Why the answer may not be all there is to say; empty if it is."""
        broken = [] if self.mapping_broken is None else [f"the mapping is broken: {self.mapping_broken}"]
        blind = [BLIND] if self.seen.blind_notes.waiting else []
        return (*broken, *blind, *self.doubts, *self.seen.unread)

    @property
    def verdict(self) -> Verdict:
        """How the profile stands."""
        return self._decided[0]

    @property
    def reason(self) -> str | None:
        """What it waits for, in a word that stays; None if it does not wait."""
        return self._decided[1]

    @property
    def _decided(self) -> tuple[Verdict, str | None]:
        seen = self.seen
        if seen.enrollments:
            return Verdict.ENROLLED, None
        if self.actions == "count":
            return Verdict.NOT_DONE_HERE, None
        if seen.is_student is False:
            return Verdict.NOT_A_STUDENT, None
        if seen.is_student is None or seen.enrollments is None:
            return Verdict.UNKNOWN, None
        if self.actions == "observe":
            return Verdict.ONLY_OBSERVED, None
        if seen.pending is not None:
            return Verdict.WAITS, seen.pending.reason
        # A note is handled although a trigger is missing or no count can be moved, but not without the tables' columns.
        if any(each["setting"] not in ("", COUNTS) for each in self.problems):
            return Verdict.WAITS, "mapping_broken"
        if seen.notes.waiting:
            return Verdict.ON_ITS_WAY, None
        if self.problems:
            return Verdict.WAITS, "mapping_broken"
        # Who signed up while a name was another one may be noted blindly, or not noted yet.
        if self.incomplete:
            return Verdict.ON_ITS_WAY, "noted_blindly"
        return Verdict.MISSED, None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        seen = asdict(self.seen)
        del seen["unread"]
        return {
            "profile": self.profile,
            "verdict": self.verdict.value,
            "reason": self.reason,
            "rule": self.rule,
            "actions": self.actions,
            **seen,
            "mapping_broken": self.mapping_broken,
            "complete": not self.incomplete,
            "incomplete_because": list(self.incomplete),
        }


BLIND = "notes taken blindly, which name nobody, wait to be made good"
RENAMED = (
    "something was renamed and is not followed yet: a daemon does so within a heartbeat, `listener sync` if none runs"
)
BUSY = "a migration holds a table, so that it could not be seen if anything is gone"


async def explain(connection: Connection, profile: str) -> Explanation:
    """Look at one profile, in one snapshot. Changes nothing.

    Raises UnknownProfile, NotAKey, NotInstalled, WrongVersion, Outdated, MayNot, Busy.
    """
    try:
        return await patiently(lambda: _explain(connection, profile))
    except asyncpg.InsufficientPrivilegeError as error:
        raise MayNot(
            role=await connection.fetchval("select session_user"),
            action=f"look at schema listener ({reason(error)})",
            mend="connect as the role that installed it, or as one of `listener install --grant-to`",
        ) from error


async def _explain(connection: Connection, profile: str) -> Explanation:
    installed = await install.require(connection)
    mapping = installed.mapping
    async with connection.transaction():  # not read-only: the probes plan statements that write, of no row
        await tune_transaction(connection)
        schema = await connection.fetchrow(sql.read("monitor/explained_installation"))
        found = await connection.fetchrow(sql.read("adapter/problems"))
    assert schema is not None
    assert found is not None
    if schema["lacking"] is not None:
        raise Outdated(function=schema["lacking"])
    problems: list[dict[str, str]] = [] if schema["is_to_follow"] else json.loads(found["problems"])
    doubts = [RENAMED] if schema["is_to_follow"] else [] if found["complete"] or problems else [BUSY]
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await tune_transaction(connection)
        look = Look(connection, mapping, await _key(connection, mapping, profile))
        seen = await look.at_it()
    return Explanation(
        profile=look.profile,
        rule=dict(mapping.described())["students"],
        actions=mapping.actions,
        seen=seen,
        problems=tuple(problems),
        doubts=tuple(doubts),
    )


async def _key(connection: Connection, mapping: Mapping, profile: str) -> str:
    """The key as Postgres writes it. Raises NotAKey."""
    try:
        async with connection.transaction():
            text = sql.render(sql.read("monitor/explained_key"), {"profile_key_type": mapping.profile_key_type})
            return str(await connection.fetchval(text, profile))
    except (asyncpg.DataError, UnicodeEncodeError) as error:
        raise NotAKey(
            profile=profile,
            key=mapping.profile_key,
            table=mapping.profile_table.label,
            type=mapping.profile_key_type,
        ) from error


class Look:
    """One look at one profile, in a transaction that is open. What cannot be read is left out, and said."""

    def __init__(self, connection: Connection, mapping: Mapping, profile: str) -> None:
        self.profile = profile
        self._connection = connection
        self._mapping = mapping
        self._values = rendering.placeholders(mapping) | {"rule_columns": _rule_columns(mapping)}
        self._unread: list[str] = []

    async def at_it(self) -> Seen:
        """All that is to be seen. Raises UnknownProfile."""
        is_there = await self._value("explained_presence", "whether the profile is there")
        if is_there is False:
            table = self._mapping.profile_table.label
            raise UnknownProfile(profile=self.profile, key=self._mapping.profile_key, table=table)
        is_student = await self._value("explained_student", "whether it is a student")
        enrollments = await self._rows("explained_enrollments", "its enrollments", self.profile)
        waiting = await self._connection.fetchrow(self._text("explained_waiting"), self.profile)
        assert waiting is not None
        courses = await self._rows("explained_course", "where a new student lands")
        course = courses[0][0] if courses else None
        return Seen(
            is_student=is_student,
            rule_rows=await self._rule_rows() if is_student is False else None,
            enrollments=None if enrollments is None else tuple(Enrollment(**dict(row)) for row in enrollments),
            default_course=course,
            has_default_course=None if courses is None else course is not None,
            pending=_pending(waiting),
            notes=Noted(waiting["notes"], waiting["oldest_at"]),
            blind_notes=Noted(waiting["blind_notes"], waiting["oldest_blind_at"]),
            unread=tuple(self._unread),
        )

    async def _rule_rows(self) -> tuple[dict[str, Any], ...] | None:
        """Nothing, where a query by hand is all that says who is a student.

        With the rights of whoever asks. The daemon's own role has none on the LMS's tables, and is not given any for
        this: the rule may read an address, or whatever else the LMS keeps of people."""
        if not self._values["rule_columns"] and self._mapping.role_table is None:
            return None
        what = "what the columns that the rule reads hold"
        hidden = await self._rows("explained_hidden", what, str(self._mapping.student_table))
        if hidden is None:
            return None
        if hidden[0][0]:
            self._unread.append(f"{what} could not be read: row-level security hides rows from this role")
            return None
        rows = await self._rows("explained_rule", what, self.profile)
        return None if rows is None else tuple(json.loads(row["columns"]) for row in rows)

    async def _value(self, name: str, what: str) -> bool | None:
        rows = await self._rows(name, what, self.profile)
        return None if rows is None else rows[0][0]

    async def _rows(self, name: str, what: str, *args: object) -> list[asyncpg.Record] | None:
        """What a query answers; None if it cannot work now, which is then said."""
        try:
            async with self._connection.transaction():
                return await self._connection.fetch(self._text(name), *args)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            raise
        except asyncpg.PostgresError as error:  # a name that is gone, a right that is missing, a rule that fails
            self._unread.append(f"{what} could not be read: {reason(error)}")
            return None

    def _text(self, name: str) -> str:
        return sql.render(sql.read(f"monitor/{name}"), self._values)


def _pending(row: asyncpg.Record) -> Pending | None:
    if row["reason"] is None:
        return None
    return Pending(**{name: row[name] for name in ("reason", "error", "attempts", "since", "next_attempt_at")})


def _rule_columns(mapping: Mapping) -> str:
    """The columns that the rule for students reads; none, if it only asks for a row."""
    return ", ".join(dict.fromkeys(f"student.{name}" for name in COLUMN.findall(mapping.is_student)))
