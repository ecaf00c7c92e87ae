"""Checks that a table and columns are the bound table and columns, and of the same owner, before each use: a stranger's
view, policies or triggers would run functions with the rights of our functions' owner; and another column may have
taken the name, which fails nowhere else."""

from collections.abc import Iterator

from listener import sql
from listener.mapping.binding import Tokens
from listener.mapping.mapping import Mapping, Table
from listener.row_text import columns_of, has_row, unquoted
from listener.sql import literal

Read = tuple[Table, list[str]]
"""A table, and the columns to read."""


class TableChecks:
    """Renders the checks for a mapping."""

    def __init__(self, mapping: Mapping, tokens: Tokens) -> None:
        self._mapping = mapping
        self._tokens = tokens

    def values(self) -> dict[str, str]:
        """Placeholders of the pieces."""
        mapping = self._mapping
        rule = _columns(mapping.is_student) if mapping.student_view is None else []
        order = f"{mapping.is_available} {mapping.course_order}" if mapping.default_course_view is None else ""
        pair = [mapping.enrollment_profile, mapping.enrollment_course]
        profiles = mapping.profile_table, [mapping.profile_key]
        person = mapping.profile_table, [mapping.profile_key, *_columns(mapping.is_person)]
        students: tuple[Read, ...] = person, (mapping.student_table, [mapping.student_key, *rule])
        enrollments = mapping.enrollment_table, pair
        counted = mapping.enrollment_table, [*pair, *_columns(mapping.is_counted)]
        course = mapping.course_table, [mapping.course_key]
        school = course
        if mapping.tenant is not None:
            tenant = mapping.tenant
            members = tenant.table, [tenant.person, tenant.column, *_columns(tenant.condition)]
            school = mapping.course_table, [mapping.course_key, tenant.course_column]
            students = *students, members
        default_course = mapping.course_table, [*school[1], *_columns(order)]
        counts = mapping.course_table, [mapping.course_key, *mapping.count_columns]
        by_hand = self.as_bound(*((each.table, []) for each in mapping.watched), late_bound=False)
        by_query = mapping.wanted_query is not None
        written = [profiles] if any(map(has_row, mapping.extra_values.values())) else []
        written += [course] if any(map(has_row, mapping.course_values.values())) else []
        rule_read = [*(() if by_query else (*students, default_course)), course, enrollments, *written]
        return {
            "students_as_bound": by_hand or "true" if by_query else self.as_bound(*students),
            "rule_as_bound": "\nand ".join(filter(None, (by_hand, self.as_bound(*rule_read)))),
            "default_course_as_bound": self.as_bound(default_course),
            "course_as_bound": self.as_bound(course),
            "counts_as_bound": self.as_bound(counts),
            "enrollment_table_oid": self._known(mapping.enrollment_table)[1],
            "course_table_oid": self._known(mapping.course_table)[1],
            "expect_profiles": self.expect(profiles),
            "expect_enrollments": self.expect(enrollments),
            "expect_courses": self.expect(course),
            "expect_school": self.expect(school),
            "expect_enrolling": self.expect(enrollments, *written),
            "expect_count_columns": self.expect(counts),
            "expect_counted_columns": self.expect(counts, counted),
            "hold_courses": sql.render(
                sql.read("mapping/checks", "hold_table"), {"table": str(self._tokens.mapping.course_table)}
            ),
            "by_lms_path": self._by_lms_path(),
            "enrollments_owner": self._known(mapping.enrollment_table)[2],
            "courses_owner": self._known(mapping.course_table)[2],
            "expect_for_anybody": self._for_anybody(),
        }

    def as_bound(self, *read: Read, late_bound: bool = True) -> str:
        """The check as a condition, for the first part of a statement. Without `late_bound`, with the names that are
        written in a query. Empty if nothing is read."""
        return "\nand ".join(f"listener.as_bound({each})" for each in self._each(read, late_bound))

    def expect(self, *read: Read) -> str:
        """As statements."""
        return "\n".join(f"perform listener.expect({each});" for each in self._each(read, late_bound=True))

    def _each(self, read: tuple[Read, ...], late_bound: bool) -> Iterator[str]:
        """The arguments of both functions."""
        columns: dict[Table, dict[str, None]] = {}
        for table, names in read:
            columns.setdefault(table, {}).update(dict.fromkeys(names))
        for table, named in columns.items():
            numbered = [each for name in named if (each := self._tokens.numbered(table, name)) is not None]
            numbers = ", ".join(number for number, _ in numbered)
            identities = ", ".join(identity for _, identity in numbered)
            known = ", ".join(self._known(table, late_bound))
            yield f"{known}, array[{numbers}]::smallint[], array[{identities}]::text[]"

    def _for_anybody(self) -> str:
        """For callers that may not call functions of ours."""
        mapping = self._mapping
        members = [] if mapping.tenant is None else [mapping.tenant.table]
        tables = dict.fromkeys([mapping.profile_table, mapping.student_table, *members, mapping.enrollment_table])
        known = [self._known(table) for table in tables]
        if mapping.wanted_query is not None:
            known += [self._known(each.table, late_bound=False) for each in mapping.watched]
        rows = ",\n".join(f"({name}, {oid}::oid, {owner}::oid)" for name, oid, owner in known)
        return sql.render(sql.read("mapping/checks", "expect_for_anybody"), {"tables": rows})

    def _by_lms_path(self) -> str:
        """With current names of schemas: tables of a schema may move apart."""
        of_tables = [f"'{{{self._tokens.of(table)}:schema}}'" for table in self._mapping.tables]
        further = [literal(schema) for schema in self._tokens.mapping.further_schemas]
        schemas = ", ".join(dict.fromkeys([*of_tables, *further]))
        return sql.render(sql.read("mapping/checks", "by_lms_path"), {"path": f"listener.lms_path({schemas})"})

    def _known(self, table: Table, late_bound: bool = True) -> tuple[str, str, str]:
        token = self._tokens.of(table)
        name = f"'{{{token}:name}}'" if late_bound else self._tokens.text(literal(str(table)))
        return name, f"{{{token}:oid}}", f"{{{token}:owner}}"


def _columns(expression: str) -> list[str]:
    return [unquoted(name) for name in columns_of(expression)]
