"""Values of a new enrollment beside profile, course and status."""

import re

from listener.catalogue import expressions
from listener.catalogue.catalogue import Relation
from listener.catalogue.columns import find_column
from listener.database.connection import Connection
from listener.discovery import states, vocabulary
from listener.discovery.tenants import School
from listener.errors import Undecided, WrongSetting
from listener.mapping.lists import assignments
from listener.mapping.mapping import Table, column
from listener.row_text import STRING

SETTING = "LISTENER_ENROLLMENT_VALUES"
MADE_KEYS = ("uuid", "text")
MADE_KEY = re.compile(r"\(*(pg_catalog\.)?gen_random_uuid\(\)\)*(::text)?\)*")
"""The value for a key of `MADE_KEYS` without a default, as Postgres writes the call."""


async def values_of(
    connection: Connection,
    relation: Relation,
    profiles: Table,
    courses: Table,
    usual: set[str | None],
    asked: dict[str, str],
    school: School | None,
) -> tuple[dict[str, str], dict[str, str]]:
    """Expressions for the other columns, in canonical form: over the profile's row, and over the course's. Raises
    Undecided, WrongSetting."""
    wanted: dict[str, str] = {}
    of_course: dict[str, str] = {}
    if school is not None and school.of_enrollments is not None:
        of_course[school.of_enrollments] = column(school.way.course_column)
    for part, name, expression in assignments(asked.get("enrollment_values") or ""):
        if not expression:
            raise WrongSetting(name=SETTING, problem=f"{part!r} is not column=expression")
        found = find_column(relation, name, "enrollment_values")
        if found.generated or found.name in usual:
            raise WrongSetting(name=SETTING, problem=f"{found.name} cannot be set")
        of_course.pop(found.name, None)
        if _reads(courses, expression):
            of_course[found.name] = await expressions.value(
                connection, courses, found.name, found.type, expression, SETTING, named=True
            )
            continue
        if MADE_KEY.fullmatch(expression) and found.family not in MADE_KEYS:
            continue  # generated once, for a key of another type
        wanted[found.name] = expression
    given = usual | {*wanted, *of_course}
    ended = states.ranked(relation, vocabulary.GONE_FLAGS + vocabulary.DROPPED_FLAGS)
    missing = []
    for each in relation.columns.values():
        if each.name in given or each.generated or each.default is not None:
            continue
        if each in ended and each.is_boolean:
            wanted[each.name] = "false"  # an app that asks for `= false` does not see null
        elif not each.not_null:
            continue
        elif each.is_time:
            wanted[each.name] = "now()"
        elif each == relation.key and relation.reference(each.name) is None and each.family in MADE_KEYS:
            wanted[each.name] = "gen_random_uuid()" + ("::text" if each.family == "text" else "")
        else:
            missing.append(each.name)
    if missing:
        raise Undecided(
            what=f"what to put into {relation.table.label} ({', '.join(missing)})",
            reason="these columns need a value and have no default",
            setting="LISTENER_ENROLLMENT_VALUES='" + "; ".join(f"{name}=…" for name in missing) + "'",
        )
    of_profile = {
        name: await expressions.value(connection, profiles, name, relation.columns[name].type, expression, SETTING)
        for name, expression in wanted.items()
    }
    return of_profile, of_course


def _reads(courses: Table, expression: str) -> bool:
    """Whether an expression names the table of courses: `courses.teacher_id`."""
    plain = re.sub(STRING, "''", expression)
    return any(re.search(rf"(?<![\w.\"]){re.escape(name)}\s*\.", plain) for name in (courses.name, f'"{courses.name}"'))
