"""A mapping under other names: tokens in place of the LMS's, or the names that everything has now."""

import re
from dataclasses import replace
from typing import Protocol

from listener.adapter.mapping import Hop, Mapping, Route, Table, TakenOver, Watched
from listener.sql import identifier, literal

IDENTIFIER = r'"(?:[^"]|"")+"|[^\W\d][\w$]*'
COLUMN = re.compile(rf"\{{row\}}\.({IDENTIFIER})")
ONE_OF = re.compile(rf"\{{row\}}\.({IDENTIFIER}) in \(((?:'(?:[^']|'')*'(?:, )?)+)\)")
LITERAL = re.compile(r"'((?:[^']|'')*)'")


class Names(Protocol):
    """Says what each name of a mapping becomes."""

    def table(self, table: Table) -> Table:
        """A table."""
        ...

    def column(self, table: Table, name: str) -> str:
        """A column of `table`."""
        ...

    def label(self, table: Table, column: str, value: str) -> str:
        """A value of an enum column of `table`."""
        ...


def renamed(mapping: Mapping, names: Names) -> Mapping:
    """`mapping` with every table, column and enum value called as `names` says."""
    profiles, enrollments, courses = mapping.profile_table, mapping.enrollment_table, mapping.course_table

    def column(table: Table, name: str | None) -> str | None:
        return None if name is None else names.column(table, name)

    def expression(text: str, table: Table) -> str:
        def labels(match: re.Match[str]) -> str:
            plain = unquoted(match[1])
            if (table, plain) not in mapping.enums:
                return match[0]
            values = [names.label(table, plain, value.replace("''", "'")) for value in LITERAL.findall(match[2])]
            return f"{{row}}.{match[1]} in ({', '.join(map(literal, values))})"

        with_labels = ONE_OF.sub(labels, text)
        return COLUMN.sub(lambda match: f"{{row}}.{identifier(names.column(table, unquoted(match[1])))}", with_labels)

    def active(value: str) -> str:
        status = mapping.enrollment_status
        is_enum = status is not None and (enrollments, status) in mapping.enums
        return names.label(enrollments, status, value) if is_enum and status is not None else value

    return replace(
        mapping,
        profile_table=names.table(profiles),
        role_table=None if mapping.role_table is None else names.table(mapping.role_table),
        enrollment_table=names.table(enrollments),
        course_table=names.table(courses),
        profile_key=names.column(profiles, mapping.profile_key),
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
        course_key=names.column(courses, mapping.course_key),
        course_price=column(courses, mapping.course_price),
        is_available=expression(mapping.is_available, courses),
        course_seats=None if mapping.course_seats is None else expression(mapping.course_seats, courses),
        course_order=expression(mapping.course_order, courses),
        count_columns=tuple(names.column(courses, name) for name in mapping.count_columns),
        partitioned=tuple(map(names.table, mapping.partitioned)),
        taken_over=tuple(TakenOver(names.table(each.table), each.trigger, each.enabled) for each in mapping.taken_over),
        watched=tuple(_watched(each, names) for each in mapping.watched),
        enums=tuple((names.table(table), names.column(table, name)) for table, name in mapping.enums),
    )


def _watched(watched: Watched, names: Names) -> Watched:
    """Only its ways have other names: what the query reads, it reads under the names that it was written with."""
    return replace(
        watched,
        table=names.table(watched.table),
        routes=tuple(
            Route(
                names.column(watched.table, route.column),
                tuple(
                    Hop(
                        names.table(hop.table),
                        names.column(hop.table, hop.key),
                        hop.key_type,
                        names.column(hop.table, hop.onward),
                    )
                    for hop in route.hops
                ),
            )
            for route in watched.routes
        ),
    )


def unquoted(name: str) -> str:
    """A column's name as the catalogue has it."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
