"""Settings that keep an installation's knowledge: given settings, and names that were changed since.

(The search would not find a role column that was renamed to `kind`.)
"""

from listener.mapping.binding import BoundMapping
from listener.mapping.lists import assigning, listing
from listener.mapping.mapping import Mapping, Table
from listener.mapping.tables import PLAIN
from listener.mapping.tenant import Tenant
from listener.row_text import over, without_row
from listener.sql import identifier

STUDENT = ("student_table", "student_key", "student_column", "student_values", "student_predicate")
RULE = (
    *STUDENT,
    "person_predicate",
    "tenant",
    "student_view",
    "publish_predicate",
    "course_order",
    "course_price",
    "default_course",
    "default_course_view",
)
"""Settings of the built-in rule."""
QUERY = ("wanted_query", "watch", "wanted_plan", "on_leave", "brake", "inactive_value", "course_seats")
"""Settings of a rule by query."""

NO_QUERY = "none"
NO_TENANT = "none"

ACTIVE = ("enrollment_status", "active_values", "active_predicate")
ENROLLMENT = ("enrollment_profile", "enrollment_course", *ACTIVE, "enrollment_values")
COURSE = ("course_key", "course_price", "publish_predicate", "course_order", "count_columns")


def tables_of(earlier: BoundMapping, given: dict[str, str]) -> dict[str, str]:
    """The tables of an earlier installation, as settings: tables that look more like an LMS's are no replacement."""
    mapping = earlier.mapping
    kept = {
        "profile_table": ("profiles", mapping.profile_table),
        "enrollment_table": ("enrollments", mapping.enrollment_table),
        "course_table": ("courses", mapping.course_table),
    }
    is_other = given.get("enrollment_table", "") not in ("", mapping.enrollment_table.setting)
    if is_other:
        return {}
    return {name: table.setting for name, (token, table) in kept.items() if token not in earlier.lost}


def pinned(earlier: BoundMapping, given: dict[str, str], *, found_too: bool = False) -> dict[str, str]:
    """The settings of an earlier installation, with current names. `given` wins, and drops dependent settings; settings
    about lost names are forgotten. With `found_too`, all that was found then becomes a setting."""
    kept = dict(earlier.mapping.settings)
    if earlier.changed or found_too:
        kept |= _found(earlier.mapping)
    if "wanted_query" in given:
        forgotten = QUERY if given["wanted_query"] == NO_QUERY else RULE
        kept = {name: value for name, value in kept.items() if name not in forgotten}
    for tokens, names in (
        (("profiles", "roles"), ("profile_table", "profile_key", *STUDENT)),
        (("enrollments",), ("enrollment_table", *ENROLLMENT)),
        (("courses",), ("course_table", *COURSE)),
    ):
        if any(token.startswith(tokens) for token in earlier.lost):
            kept = {name: value for name, value in kept.items() if name not in names}
    if any(token.startswith(("profiles", "roles", "courses", "members")) for token in earlier.lost):
        kept = {name: value for name, value in kept.items() if (name, value == NO_TENANT) != ("tenant", False)}
    if given.keys() & {*STUDENT, "profile_table"}:
        kept = {name: value for name, value in kept.items() if name not in STUDENT}
    if given.keys() & set(ACTIVE):
        kept = {name: value for name, value in kept.items() if name not in ACTIVE}
    for table, rest in (
        ("profile_table", ("profile_key",)),
        ("enrollment_table", ENROLLMENT),
        ("course_table", COURSE),
    ):
        if table in given and given[table] != kept.get(table):
            kept = {name: value for name, value in kept.items() if name not in (table, *rest)}
    return kept


def way(tenant: Tenant, profiles: Table, courses: Table) -> str:
    """LISTENER_TENANT, for the way from people and courses to a school."""
    names = (tenant.person, tenant.column, tenant.course_column)
    person, of_people, of_course = (name if PLAIN.fullmatch(name) else identifier(name) for name in names)
    said = "" if tenant.table == profiles else f"({person})"
    return f"{tenant.table.setting}{said}.{of_people}={courses.setting}.{of_course}"


def _found(mapping: Mapping) -> dict[str, str]:
    found = {
        "profile_table": mapping.profile_table.setting,
        "profile_key": mapping.profile_key,
        "student_predicate": without_row(mapping.is_student),
        "enrollment_table": mapping.enrollment_table.setting,
        "enrollment_profile": mapping.enrollment_profile,
        "enrollment_course": mapping.enrollment_course,
        "enrollment_status": mapping.enrollment_status or "none",
        "course_table": mapping.course_table.setting,
        "course_key": mapping.course_key,
        "publish_predicate": without_row(mapping.is_available),
        "count_columns": listing(mapping.count_columns) or "none",
    }
    if mapping.is_active != "true":
        found["active_predicate"] = without_row(mapping.is_active)
    if mapping.active_values:
        found["active_values"] = listing(mapping.active_values)
    if mapping.role_table is not None and mapping.role_key is not None:
        found |= {"student_table": mapping.role_table.setting, "student_key": mapping.role_key}
    if mapping.is_person != "true":
        found["person_predicate"] = without_row(mapping.is_person)
    if mapping.tenant is not None:
        found["tenant"] = way(mapping.tenant, mapping.profile_table, mapping.course_table)
    if mapping.course_order:
        found["course_order"] = without_row(mapping.course_order)
    if mapping.wanted_query is not None:
        found = {name: value for name, value in found.items() if name not in RULE}
    values = {name: without_row(value) for name, value in mapping.extra_values.items()}
    course = identifier(mapping.course_table.name)
    values |= {name: over(value, course) for name, value in mapping.course_values.items()}
    if values:
        found["enrollment_values"] = assigning(values)
    return found
