"""Looks at one profile for `listener explain`, by key, and changes nothing."""

import json
from typing import Any

import asyncpg

from listener import sql
from listener.adapter import install, rendering
from listener.adapter.description import students
from listener.adapter.mapping import Mapping
from listener.adapter.renaming import COLUMN
from listener.connection import Connection, reason, tune_transaction
from listener.errors import MayNot, NotAKey, UnknownProfile
from listener.monitor.explanation import Explanation, Noted, Pending, Seen
from listener.monitor.pairs import ByQuery, Enrollment, Made, Pair, pairs
from listener.patience import patiently

RENAMED = (
    "something was renamed and is not followed yet: a daemon does so within a heartbeat, `listener sync` if none runs"
)
BUSY = "a migration holds a table, so that it could not be seen if anything is gone"


async def explain(connection: Connection, profile: str) -> Explanation:
    """Look at one profile, in one snapshot. Changes nothing.

    Raises UnknownProfile, NotAKey, NotInstalled, WrongVersion, MayNot, Busy.
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
        is_to_follow = await connection.fetchval(sql.read("monitor/explained_binding"))
        found = await connection.fetchrow(sql.read("adapter/problems"))
    assert found is not None
    problems: list[dict[str, str]] = [] if is_to_follow else json.loads(found["problems"])
    doubts = [RENAMED] if is_to_follow else [] if found["complete"] or problems else [BUSY]
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await tune_transaction(connection)
        look = Look(connection, mapping, await _key(connection, mapping, profile))
        seen = await look.at_it()
    return Explanation(
        profile=look.profile,
        rule=students(mapping),
        actions=mapping.actions,
        seen=seen,
        problems=tuple(problems),
        doubts=tuple(doubts),
        by_query=ByQuery.of(mapping),
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
        by_query = ByQuery.of(self._mapping)
        found = await self._rows("explained_enrollments", "its enrollments", self.profile)
        enrollments = None if found is None else tuple(Enrollment(**dict(row)) for row in found)
        standing = None if by_query is None else await self._pairs(by_query, enrollments)
        if by_query is None:
            is_student = await self._value("explained_student", "whether it is a student")
        else:
            is_student = None if standing is None else any(each.wanted for each in standing)
        waiting = await self._connection.fetchrow(self._text("explained_waiting"), self.profile)
        assert waiting is not None
        what = "where a new student lands"
        courses = await self._rows("explained_course", what) if by_query is None else None
        course = courses[0][0] if courses else None
        return Seen(
            is_student=is_student,
            rule_rows=await self._rule_rows() if is_student is False and by_query is None else None,
            enrollments=enrollments,
            default_course=course,
            has_default_course=None if courses is None else course is not None,
            pending=_pending(waiting),
            notes=Noted(waiting["notes"], waiting["oldest_at"]),
            blind_notes=Noted(waiting["blind_notes"], waiting["oldest_blind_at"]),
            enrolling_paused=waiting["enrolling_paused"],
            unread=tuple(self._unread),
            pairs=standing,
            routed_notes=Noted(waiting["routed_notes"], waiting["oldest_routed_at"]),
        )

    async def _pairs(self, rule: ByQuery, enrollments: tuple[Enrollment, ...] | None) -> tuple[Pair, ...] | None:
        """How it stands with each course; None if something of it could not be read."""
        wanted = await self._rows("explained_wanted", "in which courses it should be", self.profile)
        made = await self._rows("explained_made", "what the listener made for it", self.profile)
        if wanted is None or made is None or enrollments is None:
            return None
        return pairs(rule, [row["course"] for row in wanted], enrollments, [Made(**dict(row)) for row in made])

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
