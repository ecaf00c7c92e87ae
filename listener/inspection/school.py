"""The school in a person's words, in some ten lines with numbers: said after `install`, with the plan, and by `try`.
The reasons are the discovery's."""

from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg

from listener import sql
from listener.database.connection import Connection
from listener.database.patience import LOCK_MILLISECONDS
from listener.database.rows import only_row
from listener.inspection.titles import titles
from listener.mapping import rendering
from listener.mapping.description import described, students
from listener.mapping.mapping import Mapping, readable
from listener.numerals import counted

MOST_ROWS = 100_000
"""Read of each table."""
MOST_MILLISECONDS = 2_000
SAID_BY_NUMBERS = ("profiles", "students", "enrollments", "active", "courses", "published", "default course", "counts")
"""Parts of a mapping's description that the lines with numbers say."""
UNSAID = {"given": "nothing", "actions": "both"}
"""The usual values, left unsaid."""


@dataclass(frozen=True)
class Figures:
    people: int
    students: int
    enrollments: int
    active: int
    courses: int
    open_courses: int
    destination: str | None
    """The key of new students' course now; None without a course, or with a course for each school."""
    title: str | None
    off: int
    """Counts that are off."""


async def look(connection: Connection, mapping: Mapping, *, same_counts: bool) -> Figures | None:
    """None if the numbers cannot be had in a moment. With `same_counts` the installed functions know which counts are
    off."""
    values = rendering.placeholders(mapping) | {"most": str(MOST_ROWS)}
    try:
        async with connection.transaction(readonly=True):
            await connection.execute(
                f"set local statement_timeout = {MOST_MILLISECONDS}; set local lock_timeout = {LOCK_MILLISECONDS};"
                f" {rendering.joins(mapping)}"
            )
            row = await only_row(connection, sql.render(sql.read("inspection/school", "figures"), values))
            destination, title, off = None, None, 0
            if mapping.one_course_each:
                text = sql.subquery(sql.render(sql.read("inspection/school", "destination"), values))
                destination = await connection.fetchval(text)
            if destination is not None:
                title = (await titles(connection, mapping, [destination])).get(destination)
            if mapping.counts_in_courses:
                name = "drifted" if same_counts else "miscounted"
                rows = await connection.fetch(sql.render(sql.read("inspection/preview", name), values), 1)
                off = rows[0]["total"] if rows else 0
    except asyncpg.PostgresError:
        return None
    return Figures(**dict(row), destination=destination, title=title, off=off)


def lines(mapping: Mapping, figures: Figures | None) -> Iterator[str]:
    """For people."""
    yield _people(mapping, figures)
    if mapping.enrolls and mapping.wanted_query is None:
        yield _destination(mapping, figures)
    yield _enrollments(mapping, figures)
    yield _courses(mapping, figures)
    yield _counts(mapping, figures)
    for what, found in described(mapping):
        if what not in SAID_BY_NUMBERS and UNSAID.get(what) != found:
            yield f"{what}: {found}"


def _people(mapping: Mapping, figures: Figures | None) -> str:
    people = mapping.profile_table.label
    rule = students(mapping)
    if figures is not None and not figures.people:
        return f"students: {rule}; nobody is in {people} yet"
    if mapping.wanted_query is not None:
        many = "" if figures is None else f", of {_up_to(figures.people, 'person', 'people')} in {people}"
        return f"students: {rule}{many}"
    if figures is None:
        return f"students: {rule}, of {people}"
    if rule == "everyone":
        return f"everyone in {people} is a student: {_up_to(figures.people, 'person', 'people')}"
    are = "is a student" if figures.students == 1 else "are students"
    return f"{figures.students:,} of {_up_to(figures.people, 'person', 'people')} in {people} {are}: {rule}"


def _destination(mapping: Mapping, figures: Figures | None) -> str:
    where = dict(described(mapping))["default course"]
    if mapping.tenant is not None:
        return f"each lands in a course of their own school, {where}"
    if figures is None or not figures.courses:
        return f"they land in one course, {where}"
    if figures.destination is None:
        return f"no course is open to them now: they wait for one, {where}"
    named = (
        f"course {figures.destination}"
        if figures.title is None
        else f"'{figures.title}' (course {figures.destination})"
    )
    return f"they land in {named}, {where}"


def _enrollments(mapping: Mapping, figures: Figures | None) -> str:
    table = f"{mapping.enrollment_table.label} ({mapping.enrollment_profile}, {mapping.enrollment_course})"
    rule = "all of them count" if mapping.is_active == "true" else f"count if {readable(mapping.is_active)}"
    if figures is None or not figures.enrollments:
        return f"enrollments in {table}: {rule}"
    many = _up_to(figures.enrollments, "enrollment")
    if mapping.is_active == "true":
        return f"{many} in {table}: {rule}"
    return f"{many} in {table}, of which {counted(figures.active, 'counts', 'count')}: {readable(mapping.is_active)}"


def _courses(mapping: Mapping, figures: Figures | None) -> str:
    table, rule = mapping.course_table.label, readable(mapping.is_available)
    if mapping.is_available == "true" or mapping.wanted_query is not None:
        return f"{_up_to(figures.courses, 'course')} in {table}" if figures and figures.courses else f"courses: {table}"
    if figures is None or not figures.courses:
        return f"courses in {table} are open if {rule}"
    are = "is" if figures.open_courses == 1 else "are"
    return f"{figures.open_courses:,} of {_up_to(figures.courses, 'course')} in {table} {are} open: {rule}"


def _counts(mapping: Mapping, figures: Figures | None) -> str:
    if not mapping.counts:
        return "nothing is counted"
    if not mapping.counts_in_courses:
        return "courses carry no count: listener.course_live_count says it"
    where = f"{mapping.course_table.label} ({', '.join(mapping.count_columns)})"
    what = "all enrollments" if mapping.count_rows == "all" else "active enrollments"
    if figures is None or not figures.courses:
        return f"{what} are counted in {where}"
    are = (
        "none of them is off"
        if not figures.off
        else f"{figures.off:,} of these counts are off, which the daemon corrects"
    )
    if figures.off == 1:
        are = "one of these counts is off, which the daemon corrects"
    return f"{_up_to(figures.courses, 'course')} with a count of {what} in {where}: {are}"


def _up_to(number: int, one: str, many: str | None = None) -> str:
    return counted(number, one, many) if number < MOST_ROWS else f"the first {counted(number, one, many)}"
