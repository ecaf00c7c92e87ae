"""Looks at a profile for `listener explain`, by key, and changes nothing."""

from dataclasses import replace
from typing import Any

import asyncpg

from listener import sql
from listener.catalogue import installation, rights
from listener.catalogue.expressions import undone
from listener.catalogue.problems import look as look_for_problems
from listener.database.connection import Connection, tune_transaction
from listener.database.driver_errors import LOCKED
from listener.database.limits import LOOK_SECONDS
from listener.database.patience import patiently
from listener.database.rows import only_row
from listener.errors import NotAKey, UnknownProfile
from listener.inspection.explanation import Explanation, Noted, Pending, ProfileFacts
from listener.inspection.pairs import Enrollment, Made, Pair, Rule, pairs
from listener.instruments import holders, titles
from listener.mapping import rendering
from listener.mapping.description import students
from listener.mapping.mapping import Mapping
from listener.reasons import reason
from listener.row_text import columns_of

RENAMED = (
    "something was renamed and is not followed yet: a daemon does so within a heartbeat, `listener sync` if none runs"
)
BUSY = "a migration holds a table, so that it could not be seen if anything is gone"


async def explain(connection: Connection, profile: str) -> Explanation:
    """In a single snapshot. Raises UnknownProfile, NotAKey, NotInstalled, WrongVersion, MayNot, Busy."""
    async with rights.looking_at_schema(connection):
        return await patiently(lambda: _explain(connection, profile), looks=True)


async def _explain(connection: Connection, profile: str) -> Explanation:
    installed = await installation.require(connection)
    mapping = installed.mapping
    async with undone(connection):
        await tune_transaction(connection, seconds=LOOK_SECONDS)
        is_to_follow = await connection.fetchval(sql.read("inspection/profile_look", "binding"))
        problems, is_complete = await look_for_problems(connection)
    problems = [] if is_to_follow else problems
    doubts = [RENAMED] if is_to_follow else [] if is_complete or problems else [BUSY]
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await tune_transaction(connection, seconds=LOOK_SECONDS)
        reader = ProfileReader(connection, mapping, await written_key(connection, mapping, profile))
        facts = await reader.read()
    return Explanation(
        profile=reader.profile,
        rule=students(mapping),
        actions=mapping.actions,
        seen=facts,
        problems=tuple(problems),
        doubts=tuple(doubts),
        means=Rule.of(mapping),
        titles=await titles.look(connection, _courses(facts)),
    )


async def written_key(connection: Connection, mapping: Mapping, profile: str) -> str:
    """The key in Postgres's form. Raises NotAKey."""
    try:
        async with connection.transaction():
            text = sql.render(
                sql.read("inspection/profile_look", "key"), {"profile_key_type": mapping.profile_key_type}
            )
            return str(await connection.fetchval(text, profile))
    except (asyncpg.DataError, UnicodeEncodeError) as error:
        raise NotAKey(
            profile=profile,
            key=mapping.profile_key,
            table=mapping.profile_table.label,
            type=mapping.profile_key_type,
        ) from error


class ProfileReader:
    """A look at a profile, in an open transaction. Unreadable parts are left out, and named."""

    def __init__(self, connection: Connection, mapping: Mapping, profile: str) -> None:
        self.profile = profile
        self._connection = connection
        self._mapping = mapping
        self._values = rendering.placeholders(mapping) | {"rule_columns": _rule_columns(mapping)}
        self._unread: list[str] = []

    async def read(self) -> ProfileFacts:
        """Raises UnknownProfile."""
        is_there = await self._value("presence", "whether the profile is there")
        if is_there is False:
            table = self._mapping.profile_table.label
            raise UnknownProfile(profile=self.profile, key=self._mapping.profile_key, table=table)
        rule = Rule.of(self._mapping)
        found = await self._rows("enrollments", "its enrollments", self.profile)
        enrollments = None if found is None else tuple(Enrollment(**dict(row)) for row in found)
        is_student: bool | None = None
        courses: list[asyncpg.Record] | None = None
        if rule.only_on_joining:
            is_student = await self._value("student", "whether it is a student")
            lands = ("wanted", self.profile) if rule.by_school else ("course",)
            courses = await self._rows(lands[0], "where a new student lands", *lands[1:])
        course = courses[0][0] if courses and not rule.by_school else None
        to_do = [row[0] for row in courses or ()] if rule.by_school else [course]
        standing = await self._pairs(rule, is_student, to_do, enrollments)
        waiting = await only_row(self._connection, self._text("waiting"), self.profile)
        return ProfileFacts(
            is_student=is_student
            if rule.only_on_joining or standing is None
            else any(each.wanted for each in standing),
            rule_rows=await self._rule_rows() if rule.only_on_joining and is_student is False else None,
            enrollments=enrollments,
            default_course=course,
            has_default_course=None if courses is None else course is not None,
            pending=await self._held_by(_pending(waiting)),
            notes=Noted(waiting["notes"], waiting["oldest_at"]),
            blind_notes=Noted(waiting["blind_notes"], waiting["oldest_blind_at"]),
            enrolling_paused=waiting["enrolling_paused"],
            unread=tuple(self._unread),
            pairs=standing,
            routed_notes=Noted(waiting["routed_notes"], waiting["oldest_routed_at"]),
        )

    async def _held_by(self, pending: Pending | None) -> Pending | None:
        """With who holds the course, if it waits for that."""
        if pending is None or pending.reason != "course_locked":
            return pending
        found = await holders.look(self._connection, [self.profile])
        return replace(pending, error="; ".join(map(str, found)) or pending.error)

    async def _pairs(
        self,
        rule: Rule,
        is_student: bool | None,
        courses: list[str | None],
        enrollments: tuple[Enrollment, ...] | None,
    ) -> tuple[Pair, ...] | None:
        """None if a part could not be read."""
        if rule.only_on_joining:
            if is_student is False:
                return ()
            return None if is_student is None or enrollments is None else pairs(rule, courses, enrollments, [])
        wanted = await self._rows("wanted", "in which courses it should be", self.profile)
        made = await self._rows("made", "what the listener made for it", self.profile)
        if wanted is None or made is None or enrollments is None:
            return None
        return pairs(rule, [row["course"] for row in wanted], enrollments, [Made(**dict(row)) for row in made])

    async def _rule_rows(self) -> tuple[dict[str, Any], ...] | None:
        """Columns that the rule reads, with the rights of the caller. The daemon's role has no rights on the LMS's
        tables, and needs none here: the rule may read an address, or other personal data. None if a person's query
        alone is the rule."""
        if not self._values["rule_columns"] and self._mapping.role_table is None:
            return None
        what = "what the columns that the rule reads hold"
        hidden = await self._rows("hidden", what, str(self._mapping.student_table))
        if hidden is None:
            return None
        if hidden[0][0]:
            self._unread.append(f"{what} could not be read: row-level security hides rows from this role")
            return None
        rows = await self._rows("rule", what, self.profile)
        return None if rows is None else tuple(row["columns"] for row in rows)

    async def _value(self, name: str, what: str) -> bool | None:
        rows = await self._rows(name, what, self.profile)
        return None if rows is None else rows[0][0]

    async def _rows(self, name: str, what: str, *args: object) -> list[asyncpg.Record] | None:
        """A query's rows; None, and a remark, after a failure."""
        try:
            async with self._connection.transaction():
                return await self._connection.fetch(self._text(name), *args)
        except LOCKED:
            raise
        except asyncpg.PostgresError as error:  # a name that is gone, a right that is missing, a rule that fails
            self._unread.append(f"{what} could not be read: {reason(error)}")
            return None

    def _text(self, name: str) -> str:
        return sql.render(sql.read("inspection/profile_look", name), self._values)


def _courses(facts: ProfileFacts) -> list[str]:
    pairs = [each.course for each in facts.pairs or ()]
    named = [facts.default_course, *(each.course for each in facts.enrollments or ()), *pairs]
    return [each for each in named if each is not None]


def _pending(row: asyncpg.Record) -> Pending | None:
    if row["reason"] is None:
        return None
    return Pending(**{name: row[name] for name in ("reason", "error", "attempts", "since", "next_attempt_at")})


def _rule_columns(mapping: Mapping) -> str:
    """None, if the rule only asks for a row."""
    return ", ".join(dict.fromkeys(f"student.{name}" for name in columns_of(mapping.is_student)))
