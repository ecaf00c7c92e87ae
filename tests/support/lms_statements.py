"""What an LMS of any shape says to its tables: sign-ups, enrollments, courses. Written from the catalogue as it is at
the moment, so that the statements fit whatever a migration has made of the tables."""

import re
from dataclasses import dataclass
from functools import cached_property

from listener.mapping.mapping import Mapping, Table
from listener.sql import literal
from tests.support.catalogue import Column, LmsTable

ONE_OF = re.compile(r"\{row\}\.\"([^\"]+)\" in \('([^']*)'")
IS = re.compile(r"\{row\}\.\"([^\"]+)\" is (not )?(true|false|null)")

PROFILES, ROLES, ENROLLMENTS, COURSES = "profiles", "roles", "enrollments", "courses"


@dataclass(frozen=True)
class Lms:
    """An LMS as it was when the listener was installed."""

    mapping: Mapping
    tables: tuple[LmsTable, ...]

    @cached_property
    def named(self) -> dict[str, Table]:
        """The mapped tables, by the part that each has."""
        found = {
            PROFILES: self.mapping.profile_table,
            ENROLLMENTS: self.mapping.enrollment_table,
            COURSES: self.mapping.course_table,
        }
        return found if self.mapping.role_table is None else found | {ROLES: self.mapping.role_table}

    def original(self, part: str) -> LmsTable:
        """A mapped table, as it was."""
        wanted = self.named[part]
        return next(table for table in self.tables if (table.schema, table.name) == (wanted.schema, wanted.name))

    @property
    def students(self) -> str:
        """The part whose rows say who is a student."""
        return PROFILES if self.mapping.role_table is None else ROLES

    @cached_property
    def values(self) -> dict[tuple[str, str], tuple[str | None, str | None]]:
        """(part, column): the value that the rule asks for, and one that it does not."""
        rules = (
            (self.students, self.mapping.is_student),
            (ENROLLMENTS, self.mapping.is_active),
            (COURSES, self.mapping.is_available),
        )
        found: dict[tuple[str, str], tuple[str | None, str | None]] = {}
        for part, rule in rules:
            for name, value in ONE_OF.findall(rule):
                column = self.original(part).by_name(name)
                assert column is not None
                others = [label for _, label in column.labels] or list(column.allowed) or ["other"]
                found[part, name] = (value, next((other for other in others if other != value), value))
            for name, negated, value in IS.findall(rule):
                truth = value if not negated else {"true": "false", "false": "true", "null": "now"}[value]
                opposite = {"true": "false", "false": "true", "null": "now"}[truth]
                found[part, name] = (None, opposite) if truth == "null" else (truth, opposite)
        return found

    def key(self, part: str, number: int) -> str:
        """The key that statements give the row of that number, as a literal that fits any type that it may get."""
        names = {PROFILES: self.mapping.profile_key, COURSES: self.mapping.course_key}
        column = self.original(part).by_name(names[part])
        assert column is not None
        return plain_value(column, number)


def plain_value(column: Column, number: int) -> str:
    """Some value that fits the column's type."""
    if column.labels:
        return literal(column.labels[0][1])
    if column.base == "uuid":
        return f"'00000000-0000-4000-8000-{number:012}'"
    values = {"B": "'true'", "N": f"'{1000 + number}'", "D": "'2026-01-01'", "A": "'{}'", "S": f"'x{number}'"}
    return "'{}'" if column.base in ("json", "jsonb") else values.get(column.category, "null")


class Statements:
    """Writes statements for the tables as they are now."""

    def __init__(self, lms: Lms, tables: tuple[LmsTable, ...]) -> None:
        self._lms = lms
        self._tables = tables

    def table(self, part: str) -> LmsTable | None:
        """A mapped table under its name of now; or one that was made again under the old name."""
        if part not in self._lms.named:
            return None
        original = self._lms.original(part)
        by_number = [table for table in self._tables if table.oid == original.oid]
        by_name = [table for table in self._tables if (table.schema, table.name) == (original.schema, original.name)]
        return next(iter(by_number + by_name), None)

    def column(self, part: str, name: str | None) -> Column | None:
        """A column that was called `name` when the listener was installed."""
        table = self.table(part)
        if table is None or name is None:
            return None
        original = self._lms.original(part)
        if table.oid != original.oid:
            return table.by_name(name)
        column = original.by_name(name)
        assert column is not None
        return table.by_number(column.attnum) or table.by_name(name)

    def sign_up(self, number: int) -> list[str]:
        """A new student."""
        mapping = self._lms.mapping
        key = self._lms.key(PROFILES, number)
        found = self._insert(PROFILES, number, {mapping.profile_key: key})
        if mapping.role_key is not None:
            found += self._insert(ROLES, number, {mapping.role_key: key})
        return found

    def course(self, number: int) -> list[str]:
        """A new course that is available."""
        return self._insert(COURSES, number, {self._lms.mapping.course_key: self._lms.key(COURSES, number)})

    def enroll(self, number: int, row: int) -> list[str]:
        """The profile of that number joins some course."""
        mapping = self._lms.mapping
        course = self._some(COURSES, mapping.course_key)
        given = {mapping.enrollment_profile: self._lms.key(PROFILES, number), mapping.enrollment_course: course}
        return self._insert(ENROLLMENTS, row, given)

    def everyday(self) -> list[str]:
        """What is said all day long."""
        mapping = self._lms.mapping
        found = [*self.sign_up(101), *self.sign_up(102), *self.sign_up(103), *self.sign_up(104), *self.sign_up(105)]
        found += self._several()
        found += self._updates(PROFILES, mapping.profile_key, self._lms.key(PROFILES, 101))
        found += self._updates(self._lms.students, mapping.student_key, self._lms.key(PROFILES, 102))
        found += self._moved_key()
        found += self.course(150)
        found += self._updates(COURSES, mapping.course_key, self._lms.key(COURSES, 150))
        found += [*self.enroll(101, 161), *self.enroll(103, 163), *self.enroll(105, 165)]
        found += self._updates(ENROLLMENTS, mapping.enrollment_profile, self._lms.key(PROFILES, 101))
        found += self._delete(ENROLLMENTS, mapping.enrollment_profile, self._lms.key(PROFILES, 105))
        found += self._delete(ENROLLMENTS, mapping.enrollment_profile, self._lms.key(PROFILES, 103))
        for part in (ROLES, PROFILES):
            name = mapping.role_key if part == ROLES else mapping.profile_key
            found += self._delete(part, name, self._lms.key(PROFILES, 103))
        found += self._delete(COURSES, mapping.course_key, self._lms.key(COURSES, 150))
        return found

    def truncations(self) -> list[str]:
        """Profiles and courses emptied, with all that hangs on them."""
        found = [self.table(part) for part in (PROFILES, COURSES)]
        return [f"truncate {table.quoted} cascade" for table in found if table is not None]

    SIGNED_UP = (101, 102, 104, 199, 201)
    """Who must be enrolled in the end, if they are there. (105 has left, 103 is deleted.)"""

    def _several(self) -> list[str]:
        """Two rows in one statement, and none."""
        found = []
        table = self.table(PROFILES)
        if table is not None:
            columns = ", ".join(column.quoted for column in table.columns if not column.generated)
            found.append(
                f"insert into {table.quoted} ({columns}) overriding system value"
                f" select {columns} from {table.quoted} where false"
            )
        enrollments = self.table(ENROLLMENTS)
        profile = self.column(ENROLLMENTS, self._lms.mapping.enrollment_profile)
        if enrollments is not None and profile is not None:
            keys = ", ".join(self._lms.key(PROFILES, number) for number in (104, 105))
            found.append(f"delete from {enrollments.quoted} where {profile.quoted}::text in ({keys})")
        return found

    def _moved_key(self) -> list[str]:
        table, key = self.table(PROFILES), self.column(PROFILES, self._lms.mapping.profile_key)
        if table is None or key is None or key.generated or key.always:
            return []
        was, becomes = self._lms.key(PROFILES, 104), self._lms.key(PROFILES, 199)
        before = self._parent(PROFILES, key, 199, becomes)
        return [*before, f"update {table.quoted} set {key.quoted} = {becomes} where {key.quoted} = {was}"]

    def _updates(self, part: str, key_name: str, key: str) -> list[str]:
        """Each column of one row is written: to what it is, to another value, and to the one that the rule asks for."""
        table, key_column = self.table(part), self.column(part, key_name)
        if table is None or key_column is None:
            return []
        where = f"where {key_column.quoted} = {key}"
        written = [column for column in table.columns if not column.generated and not column.always]
        unchanged = ", ".join(f"{column.quoted} = {column.quoted}" for column in written)
        found = [f"update {table.quoted} set {unchanged} {where}"]
        for column in written:
            ruled = self._ruled(part, column)
            for value in reversed(ruled or ()):
                new = "null" if value is None else literal(value)
                found.append(f"update {table.quoted} set {column.quoted} = {new} {where}")
        return found

    def _delete(self, part: str, key_name: str | None, key: str) -> list[str]:
        table, column = self.table(part), self.column(part, key_name)
        if table is None or column is None:
            return []
        return [f"delete from {table.quoted} where {column.quoted} = {key}"]

    def _some(self, part: str, name: str) -> str:
        table, column = self.table(part), self.column(part, name)
        if table is None or column is None:
            return "null"
        school, among = self._school(part), ""
        if school is not None and (references := self._references(part, school)) is not None:
            among = f" where {school.quoted}::text = {self._first_of(*references)}::text"
        return f"(select {column.quoted} from {table.quoted}{among} order by {column.quoted} limit 1)"

    def _school(self, part: str | None) -> Column | None:
        """The column that says which school a row is of. All are of the first one."""
        tenant = self._lms.mapping.tenant
        if tenant is None or part is None:
            return None
        names = {self._lms.mapping.course_table: tenant.course_column, tenant.table: tenant.column}
        return self.column(part, names.get(self._lms.named[part]))

    def _ruled(self, part: str, column: Column) -> tuple[str | None, str | None] | None:
        """The value of a column that a rule reads, and another, under the labels of now."""
        original = self._lms.original(part)
        for (of_part, name), values in self._lms.values.items():
            if of_part != part or self.column(part, name) != column:
                continue
            was = original.by_name(name)
            assert was is not None
            numbers = {label: number for number, label in was.labels}
            labels = dict(column.labels)
            then, other = (labels.get(numbers.get(value or "", 0), value) for value in values)
            return then, other
        return None

    def _insert(self, part: str, number: int, named: dict[str, str]) -> list[str]:
        table = self.table(part)
        if table is None:
            return []
        given = {}
        for name, value in named.items():
            column = self.column(part, name)
            if column is not None and not column.generated:
                given[column.attnum] = value
        return self._row(table, part, number, given)

    def _row(self, table: LmsTable, part: str | None, number: int, given: dict[int, str]) -> list[str]:
        before: list[str] = []
        written: dict[str, str] = {}
        for column in table.columns:
            ruled = None if part is None else self._ruled(part, column)
            if column.generated:
                continue
            if column.attnum in given:
                value = given[column.attnum]
                if part in (PROFILES, ROLES):
                    before += self._parent(part, column, number, value)
                written[column.quoted] = value
            elif ruled is not None:
                if ruled[0] is not None:
                    written[column.quoted] = literal(ruled[0])
            elif column.filled or not (column.not_null or column == self._school(part)):
                continue
            elif (references := self._references(part, column)) is not None:
                written[column.quoted] = self._first_of(*references)
            else:
                written[column.quoted] = plain_value(column, number)
        if not written:
            return [*before, f"insert into {table.quoted} default values"]
        names, values = ", ".join(written), ", ".join(written.values())
        return [*before, f"insert into {table.quoted} ({names}) overriding system value values ({values})"]

    def _parent(self, part: str, column: Column, number: int, value: str) -> list[str]:
        """The row that a key refers to, or referred to, where that table is none of the mapped ones."""
        references = self._references(part, column)
        if references is None:
            return []
        mapped = [self.table(part) for part in self._lms.named]
        parent = next((table for table in self._tables if table.oid == references[0]), None)
        if parent is None or parent in mapped:
            return []
        return self._row(parent, None, number, {references[1]: value})

    def _references(self, part: str | None, column: Column) -> tuple[int, int] | None:
        """The table and column that a column refers to; or did, before a migration lost the foreign key."""
        if part is None or column.references is not None:
            return column.references
        original = self._lms.original(part)
        was = original.by_number(column.attnum) or original.by_name(column.name)
        found = None if was is None else was.references
        return found if found is not None and any(table.oid == found[0] for table in self._tables) else None

    def _first_of(self, oid: int, attnum: int) -> str:
        table = next(table for table in self._tables if table.oid == oid)
        column = table.by_number(attnum)
        assert column is not None
        return f"(select {column.quoted} from {table.quoted} order by {column.quoted} limit 1)"
