"""What an installation knows that a new look at the database might not find again, as settings: those that were given,
and whatever was renamed since. (Nobody would take a column called `kind` for a role, had it not been one.)"""

from listener.adapter.binding import Now
from listener.adapter.mapping import Mapping

STUDENT = ("student_table", "student_key", "student_column", "student_values", "student_predicate")
RULE = (
    *STUDENT,
    "student_view",
    "publish_predicate",
    "course_order",
    "course_price",
    "default_course",
    "default_course_view",
)
"""What says who should be where, without a query."""
QUERY = ("wanted_query", "watch", "wanted_plan", "on_leave", "inactive_value", "course_seats")
"""What says it with one."""

NO_QUERY = "none"

ENROLLMENT = ("enrollment_profile", "enrollment_course", "enrollment_status", "active_values", "enrollment_values")
COURSE = ("course_key", "course_price", "publish_predicate", "course_order", "count_columns")


def pinned(earlier: Now, given: dict[str, str], *, found_too: bool = False) -> dict[str, str]:
    """The settings of an earlier installation, under the names of now. `given` wins, together with what goes with it;
    what is about something that is gone is forgotten. With `found_too`, what nobody set then is a setting now."""
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
    if given.keys() & {*STUDENT, "profile_table"}:
        kept = {name: value for name, value in kept.items() if name not in STUDENT}
    if given.keys() & {"enrollment_status", "active_values"}:
        kept = {name: value for name, value in kept.items() if name not in ("enrollment_status", "active_values")}
    for table, rest in (
        ("profile_table", ("profile_key",)),
        ("enrollment_table", ENROLLMENT),
        ("course_table", COURSE),
    ):
        if table in given and given[table] != kept.get(table):
            kept = {name: value for name, value in kept.items() if name not in (table, *rest)}
    return kept


def _found(mapping: Mapping) -> dict[str, str]:
    """All that was found, as settings that say so."""
    found = {
        "profile_table": mapping.profile_table.label,
        "profile_key": mapping.profile_key,
        "student_predicate": _plain(mapping.is_student),
        "enrollment_table": mapping.enrollment_table.label,
        "enrollment_profile": mapping.enrollment_profile,
        "enrollment_course": mapping.enrollment_course,
        "enrollment_status": mapping.enrollment_status or "none",
        "course_table": mapping.course_table.label,
        "course_key": mapping.course_key,
        "publish_predicate": _plain(mapping.is_available),
        "count_columns": ",".join(mapping.count_columns) or "none",
    }
    if mapping.active_values:
        found["active_values"] = ",".join(mapping.active_values)
    if mapping.role_table is not None and mapping.role_key is not None:
        found |= {"student_table": mapping.role_table.label, "student_key": mapping.role_key}
    if mapping.course_order:
        found["course_order"] = _plain(mapping.course_order)
    if mapping.wanted_query is not None:
        found = {name: value for name, value in found.items() if name not in RULE}
    if mapping.extra_values:
        found["enrollment_values"] = ";".join(f"{name}={_plain(value)}" for name, value in mapping.extra_values.items())
    return found


def _plain(expression: str) -> str:
    return expression.replace("{row}.", "")
