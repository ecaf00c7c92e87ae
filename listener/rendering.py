"""The adapter's SQL: what the placeholders in the SQL files stand for under a mapping, and which files it needs."""

import hashlib

from listener import sql
from listener.mapping import BELL_LOCK, CHANNEL, LOCK_CLASS, Mapping, Table, column
from listener.sql import identifier, literal


def placeholders(mapping: Mapping) -> dict[str, str]:
    """What the SQL files' placeholders stand for."""
    values = {
        "lock_class": str(LOCK_CLASS),
        "bell_lock": str(BELL_LOCK),
        "channel": CHANNEL,
        "profile_table": str(mapping.profile_table),
        "profile_key": column(mapping.profile_key),
        "profile_key_type": mapping.profile_key_type,
        "student_table": str(mapping.student_table),
        "student_key": column(mapping.student_key),
        "is_student": mapping.is_student,
        "student_condition": _student_condition(mapping),
        "enrollment_table": str(mapping.enrollment_table),
        "enrollment_profile": column(mapping.enrollment_profile),
        "enrollment_profile_name": identifier(mapping.enrollment_profile),
        "enrollment_course": column(mapping.enrollment_course),
        "enrollment_status": "null::text" if mapping.enrollment_status is None else column(mapping.enrollment_status),
        "enrollment_date": "null::timestamptz" if mapping.enrollment_date is None else column(mapping.enrollment_date),
        "enrollment_extra_columns": "".join(
            f",\n    enrollment.{identifier(name)} as {_extra(name)}" for name in mapping.extra_values
        ),
        "enrollment_default": _enrollment_default(mapping),
        "extra_names": "".join(f", {_extra(name)}" for name in mapping.extra_values),
        "extra_values": "".join(f", {value}" for value in mapping.extra_values.values()),
        "enrolling_join": _enrolling_join(mapping),
        "is_active": mapping.is_active,
        "is_counted": mapping.is_counted,
        "course_table": str(mapping.course_table),
        "course_key": column(mapping.course_key),
        "course_key_type": mapping.course_key_type,
        "course_price": "null::numeric" if mapping.course_price is None else column(mapping.course_price),
        "course_count": _course_count(mapping),
        "count_column_values": _count_column_values(mapping),
        "count_column_names": ", ".join(literal(name) for name in mapping.count_columns),
        "count_moves": ",\n        ".join(
            f"{identifier(name)} = coalesce(course.{identifier(name)}, 0) + move_count.delta"
            for name in mapping.count_columns
        ),
        "course_order": ", ".join(filter(None, (mapping.course_order, column(mapping.course_key)))),
        "is_available": mapping.is_available,
        "is_default_course": _is_default_course(mapping),
        "lms_search_path": _search_path(mapping),
        "clear_statistics": sql.read("install/clear_statistics"),
        "lms_schema": identifier(mapping.enrollment_table.schema),
        "runtime_roles": ", ".join(literal(role) for role in mapping.runtime_roles),
        "grantees": ", ".join(identifier(role) for role in mapping.runtime_roles),
    }
    values["enroll"] = sql.render(sql.read(f"install/enroll_{'observed' if mapping.observes else 'inserted'}"), values)
    for name, by_hand in (("student_view", mapping.student_view), ("default_course_view", mapping.default_course_view)):
        values[name] = by_hand or sql.render(sql.read(f"install/{name}"), values)
    values["ring"] = sql.render(sql.read("install/ring"), values)
    return values


def code(mapping: Mapping) -> str:
    """The SQL of everything that can be made anew at any time: functions, views, triggers, rights."""
    values = placeholders(mapping)
    return "\n\n".join(sql.render(sql.read(name), values) for name in _files(mapping))


def fingerprint(mapping: Mapping) -> str:
    """Changes whenever the installed code would."""
    return hashlib.sha256(f"{code(mapping)}{mapping.taken_over}".encode()).hexdigest()


def _student_condition(mapping: Mapping) -> str:
    """For the WHERE of a query over profiles."""
    if mapping.role_table is None or mapping.role_key is None:
        return f"({mapping.is_student.replace('{row}', 'profile')}) is true"
    rule = mapping.is_student.replace("{row}", "role")
    return (
        f"exists (\n    select from {mapping.role_table} as role\n    where role.{identifier(mapping.role_key)}"
        f" = profile.{identifier(mapping.profile_key)} and ({rule}) is true\n)"
    )


def _enrolling_join(mapping: Mapping) -> str:
    """The profile's row, where other columns of an enrollment are computed from it."""
    if not any("{row}" in value for value in mapping.extra_values.values()):
        return ""
    key = f"profile.{identifier(mapping.profile_key)}"
    return f"\n    inner join {mapping.profile_table} as profile on {key} = student.id"


def _is_default_course(mapping: Mapping) -> str:
    if not mapping.enrolls:
        return "false"
    if mapping.default_course is not None:
        return f"{column(mapping.course_key)} = {mapping.default_course}"
    return mapping.is_available


def _course_count(mapping: Mapping) -> str:
    if mapping.counts_in_courses:
        return f"coalesce({column(mapping.count_columns[0])}, 0)"
    if mapping.counts:
        return (
            "coalesce((select course_count.active_enrollments from listener.course_count"
            f" where course_count.course_id = {column(mapping.course_key)}), 0)"
        )
    return "0"


def _count_column_values(mapping: Mapping) -> str:
    if not mapping.counts_in_courses:
        return "('active_enrollments', expected_count.active_enrollments)"
    return ",\n        ".join(f"({literal(name)}, course.{identifier(name)}::bigint)" for name in mapping.count_columns)


def _search_path(mapping: Mapping) -> str:
    schemas = (identifier(table.schema) for table in mapping.tables)
    return ", ".join(dict.fromkeys([*schemas, '"public"', '"extensions"', "pg_temp"]))


def _enrollment_default(mapping: Mapping) -> str:
    if mapping.enrollment_status is None:
        return ""
    return f"alter view listener.enrollment alter column status set default {literal(mapping.active_values[0])};"


def _files(mapping: Mapping) -> list[str]:
    """The files of the code that this mapping needs, in order."""
    names = ["feed", "views"]
    names += (
        ["count_on_its_way", "live_count", "course_drift"] if mapping.counts else ["live_count_counted", "no_drift"]
    )
    names += ["functions", "counting_columns" if mapping.counts_in_courses else "counting_table"]
    if mapping.enrolls:
        names += [f"triggers_students_{_manner(mapping, mapping.student_table)}"]
    if mapping.counts:
        names += [f"triggers_enrollments_{_manner(mapping, mapping.enrollment_table)}"]
    names += ["triggers_courses", *(f"statistics_{each}" for each in mapping.statistics), "rights"]
    if mapping.runtime_roles:
        names += ["grants"]
    if mapping.missing_index == "small":
        names += ["index"]
    return [f"install/{name}" for name in names]


def _manner(mapping: Mapping, table: Table) -> str:
    return "rows" if table in mapping.partitioned else "statements"


def _extra(name: str) -> str:
    """What `listener.enrollment` calls a column that enrollments need beside the usual ones."""
    return identifier(f"extra_{name}")
