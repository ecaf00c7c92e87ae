"""A mapping under other names: tokens, or current names."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from listener.mapping.mapping import Hop, Mapping, Match, Route, Table, TakenOver, Value, Watched
from listener.row_text import IDENTIFIER, ROW, STRING, unquoted
from listener.sql import identifier, literal

VALUE = r" ?E?'(?:[^']|'')*'"
"""A literal in the form of `listener.sql.literal`."""
PARTS = re.compile(
    rf"(?P<one_of>\{{row\}}\.(?P<of>{IDENTIFIER}) in \((?P<values>{VALUE}(?:, {VALUE})*)\))"
    rf"|\{{row\}}\.(?P<column>{IDENTIFIER})|\{{row\}}"
    rf"""|(?P<other>{STRING}|"(?:[^"]|"")*"|[^{{'"]+|.)""",
    re.DOTALL,
)
"""The parts of an expression: columns, values of a column, and all else."""
ONE_VALUE = re.compile(VALUE)


class Names(Protocol):
    """The new name of each name in a mapping."""

    def table(self, table: Table) -> Table: ...

    def column(self, table: Table, name: str) -> str: ...

    def label(self, table: Table, column: str, value: str) -> str:
        """The new name of an enum's value."""
        ...

    def text(self, text: str) -> str:
        """SQL without names to change."""
        ...


def renamed(mapping: Mapping, names: Names) -> Mapping:
    """`mapping` with the names that `names` gives."""
    profiles, enrollments, courses = mapping.profile_table, mapping.enrollment_table, mapping.course_table

    def column(table: Table, name: str | None) -> str | None:
        return None if name is None else names.column(table, name)

    def expression(text: str, table: Table) -> str:
        def part(match: re.Match[str]) -> str:
            if match["other"] is not None:
                return names.text(match["other"])
            name = match["of"] or match["column"]
            if name is None:
                return match[0]
            now = f"{ROW}.{identifier(names.column(table, unquoted(name)))}"
            if match["one_of"] is None:
                return now
            values = ONE_VALUE.findall(match["values"])
            if (table, unquoted(name)) in mapping.enums:
                labels = (names.label(table, unquoted(name), value_of(each)) for each in values)
                return f"{now} in ({', '.join(map(literal, labels))})"
            return f"{now} in ({', '.join(map(names.text, values))})"

        return PARTS.sub(part, text)

    def text(sql: str | None) -> str | None:
        return None if sql is None else names.text(sql)

    def active(value: str) -> str:
        status = mapping.enrollment_status
        is_enum = status is not None and (enrollments, status) in mapping.enums
        return names.label(enrollments, status, value) if is_enum and status is not None else names.text(value)

    tenant = None
    if mapping.tenant is not None:
        tenant = replace(
            mapping.tenant,
            table=names.table(mapping.tenant.table),
            person=names.column(mapping.tenant.table, mapping.tenant.person),
            column=names.column(mapping.tenant.table, mapping.tenant.column),
            course_column=names.column(courses, mapping.tenant.course_column),
            type=names.text(mapping.tenant.type),
            own_type=names.text(mapping.tenant.own_type),
            condition=expression(mapping.tenant.condition, mapping.tenant.table),
        )
    return replace(
        mapping,
        profile_table=names.table(profiles),
        role_table=None if mapping.role_table is None else names.table(mapping.role_table),
        enrollment_table=names.table(enrollments),
        course_table=names.table(courses),
        profile_key=names.column(profiles, mapping.profile_key),
        profile_key_type=names.text(mapping.profile_key_type),
        course_key_type=names.text(mapping.course_key_type),
        enrollment_date_type=names.text(mapping.enrollment_date_type),
        student_view=text(mapping.student_view),
        default_course=text(mapping.default_course),
        default_course_view=text(mapping.default_course_view),
        wanted_query=text(mapping.wanted_query),
        role_key=column(mapping.student_table, mapping.role_key),
        is_student=expression(mapping.is_student, mapping.student_table),
        enrollment_profile=names.column(enrollments, mapping.enrollment_profile),
        enrollment_course=names.column(enrollments, mapping.enrollment_course),
        enrollment_status=column(enrollments, mapping.enrollment_status),
        enrollment_date=column(enrollments, mapping.enrollment_date),
        enrollment_key=column(enrollments, mapping.enrollment_key),
        is_active=expression(mapping.is_active, enrollments),
        active_values=tuple(map(active, mapping.active_values)),
        inactive_value=None if mapping.inactive_value is None else active(mapping.inactive_value),
        extra_values={
            names.column(enrollments, name): expression(value, profiles) for name, value in mapping.extra_values.items()
        },
        course_values={
            names.column(enrollments, name): expression(value, courses) for name, value in mapping.course_values.items()
        },
        is_person=expression(mapping.is_person, profiles),
        tenant=tenant,
        course_key=names.column(courses, mapping.course_key),
        course_price=column(courses, mapping.course_price),
        is_available=expression(mapping.is_available, courses),
        course_seats=None if mapping.course_seats is None else expression(mapping.course_seats, courses),
        course_order=expression(mapping.course_order, courses),
        count_columns=tuple(names.column(courses, name) for name in mapping.count_columns),
        partitioned=tuple(map(names.table, mapping.partitioned)),
        taken_over=tuple(TakenOver(names.table(each.table), each.trigger, each.enabled) for each in mapping.taken_over),
        watched=tuple(_watched(each, names, expression) for each in mapping.watched),
        enums=tuple((names.table(table), names.column(table, name)) for table, name in mapping.enums),
    )


def _watched(watched: Watched, names: Names, expression: Callable[[str, Table], str]) -> Watched:
    """Only routes are renamed: the query keeps the original names."""

    def value(found: Value, table: Table) -> Value:
        return replace(found, text=expression(found.text, table), type=names.text(found.type))

    def route(found: Route) -> Route:
        hops, here = [], watched.table
        for hop in found.hops:
            matches = (
                Match(value(each.here, here), expression(each.there, hop.table), names.text(each.operator))
                for each in hop.matches
            )
            hops.append(Hop(names.table(hop.table), tuple(matches)))
            here = hop.table
        return Route(value(found.key, here), tuple(hops))

    return replace(watched, table=names.table(watched.table), routes=tuple(map(route, watched.routes)))


def value_of(written: str) -> str:
    """The opposite of `listener.sql.literal`."""
    plain = written.strip()
    value = plain[plain.index("'") + 1 : -1].replace("''", "'")
    return value.replace("\\\\", "\\") if plain.startswith("E") else value
