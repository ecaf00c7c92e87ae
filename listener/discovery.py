"""Finds the LMS's tables and columns in the catalogue."""

import json
from dataclasses import dataclass

from listener import sql
from listener.connection import Connection
from listener.errors import ShapeNotUnderstood, TableNotFound
from listener.mapping import Mapping, Table, equals_one_of

COUNT_COLUMNS = ("enrollments", "students")
PUBLISHED_FLAGS = ("is_published", "published")
DATES = ("created_at",)


@dataclass(frozen=True)
class Found:
    """A table as the catalogue describes it."""

    table: Table
    columns: dict[str, str]
    primary_key: tuple[str, ...]


async def discover(connection: Connection) -> Mapping:
    """The mapping of the LMS in this database. Raises TableNotFound or ShapeNotUnderstood."""
    rows = await connection.fetch(sql.read("catalogue/tables"))
    found = [
        Found(
            Table(row["schema_name"], row["table_name"]),
            {column["name"]: column["type"] for column in json.loads(row["columns"])},
            tuple(row["primary_key"]),
        )
        for row in rows
    ]
    profiles, enrollments, courses = (pick(found, name) for name in ("profiles", "enrollments", "courses"))
    for table, column in ((profiles, "role"), (enrollments, "user_id"), (enrollments, "course_id")):
        if column not in table.columns:
            raise ShapeNotUnderstood(what=f"column {column}", table=table.table, reason="it is not there")
    student_key, course_key = key(profiles), key(courses)
    flag = next((name for name in PUBLISHED_FLAGS if courses.columns.get(name) == "boolean"), None)
    return Mapping(
        student_table=profiles.table,
        student_key=student_key,
        profile_key_type=profiles.columns[student_key],
        is_student=equals_one_of("role", ("student",)),
        enrollment_table=enrollments.table,
        enrollment_profile="user_id",
        enrollment_course="course_id",
        enrollment_status="status" if "status" in enrollments.columns else None,
        active_values=("active",),
        course_table=courses.table,
        course_key=course_key,
        course_key_type=courses.columns[course_key],
        course_price="price" if "price" in courses.columns else None,
        course_date=next((name for name in DATES if name in courses.columns), None),
        is_available=equals_one_of("status", ("published",))
        if "status" in courses.columns
        else f'{{row}}."{flag}"'
        if flag
        else "true",
        count_columns=tuple(name for name in COUNT_COLUMNS if name in courses.columns),
    )


def pick(found: list[Found], name: str) -> Found:
    """The table of that name."""
    for candidate in found:
        if candidate.table.name == name:
            return candidate
    raise TableNotFound(what=name, reason="no table has that name")


def key(found: Found) -> str:
    """The one column of the primary key."""
    if len(found.primary_key) != 1:
        raise ShapeNotUnderstood(what="the key", table=found.table, reason="it needs a primary key of one column")
    return found.primary_key[0]
