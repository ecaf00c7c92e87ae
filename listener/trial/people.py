"""Courses and people in another party's schema, made as the app would."""

from dataclasses import dataclass

from listener import sql
from listener.catalogue.catalogue import Catalogue
from listener.database.connection import Connection
from listener.mapping.mapping import Mapping
from listener.sql import literal
from listener.trial.rows import Maker, Row


@dataclass(frozen=True)
class School:
    """The course and the school of the trial's people."""

    course: str
    """The course's key."""
    key: str | None
    """The school's, where several share the database."""


@dataclass(frozen=True)
class Visitors:
    """Makes the course and the people."""

    maker: Maker
    mapping: Mapping

    @classmethod
    async def of(cls, connection: Connection, asking: Connection, mapping: Mapping) -> "Visitors":
        """`connection` is like the app's; `asking` is ours."""
        return cls(Maker(connection, await Catalogue.load(asking)), mapping)

    async def course(self) -> School:
        """An open course: an existing course, or else a new one. Raises RowNotMade."""
        mapping, tenant = self.mapping, self.mapping.tenant
        given = {} if mapping.default_course is None else {mapping.course_key: mapping.default_course}
        wanted = [mapping.is_available]
        if tenant is not None:
            wanted.append(f"{{row}}.{sql.identifier(tenant.course_column)} is not null")
        row = await self.maker.find(mapping.course_table, wanted, given)
        if row is None:
            row = await self.maker.make(mapping.course_table, wanted, given)
        key = row[mapping.course_key]
        assert key is not None
        return School(key, None if tenant is None else row[tenant.course_column])

    async def sign_up(self, school: School) -> str:
        """The key of a new student. Raises RowNotMade."""
        mapping, tenant = self.mapping, self.mapping.tenant
        of_school = {} if tenant is None or school.key is None else {tenant.column: literal(school.key)}
        tables = {} if tenant is None else {tenant.table: of_school}
        is_student = mapping.is_student if mapping.wanted_query is None else "true"
        wanted = [mapping.is_person] if mapping.role_table is not None else [is_student]
        person = await self.maker.make(mapping.profile_table, wanted, tables.pop(mapping.profile_table, {}))
        key = person[mapping.profile_key]
        assert key is not None
        if mapping.role_table is not None:
            row = {mapping.student_key: literal(key), **tables.pop(mapping.role_table, {})}
            await self._unless_there([is_student], row)
        if tenant is not None and tables:
            await self.maker.make(tenant.table, [tenant.condition], {tenant.person: literal(key), **of_school})
        return key

    async def _unless_there(self, wanted: list[str], row: Row | dict[str, str]) -> None:
        """A trigger may have made the row."""
        given = {name: value for name, value in row.items() if value is not None}
        if await self.maker.find(self.mapping.student_table, wanted, given) is None:
            await self.maker.make(self.mapping.student_table, wanted, given)
