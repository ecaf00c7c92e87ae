"""What the placeholders in the SQL files stand for under a mapping."""

from collections.abc import Callable

from listener import sql
from listener.adapter.mapping import Mapping, column
from listener.adapter.renaming import COLUMN
from listener.locks import BELL_LOCK, BIND_LOCK, CHANNEL, LOCK_CLASS
from listener.sql import identifier, literal

LEDGER = "listener.made_enrollment"

LEFT_WORDS = {"keep": "", "suspend": "suspended", "remove": "removed"}
"""What is said to have been done to the enrollment of somebody who left."""


def placeholders(mapping: Mapping, ledger: str = LEDGER) -> dict[str, str]:
    """What the SQL files' placeholders stand for. `mapping` may hold the LMS's names, or tokens for them; `ledger` is
    the relation that says which enrollments the listener made."""
    values = {
        "lock_class": str(LOCK_CLASS),
        "bell_lock": str(BELL_LOCK),
        "bind_lock": str(BIND_LOCK),
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
        "row_key": "null::text" if mapping.enrollment_key is None else f"({column(mapping.enrollment_key)})::text",
        "enrollment_date_type": mapping.enrollment_date_type,
        "enrollment_columns": ", ".join(map(identifier, _enrollment_columns(mapping))),
        "enrollment_values": "".join(f", {value}" for value in _enrollment_values(mapping)),
        "enrolling_join": _enrolling_join(mapping),
        "is_active": mapping.is_active,
        "wanted_query": mapping.wanted_query or "select null, null where false",
        "active_value": literal(mapping.active_values[0]) if mapping.active_values else "null",
        "inactive_value": literal(mapping.inactive_value or ""),
        "enrollment_status_name": identifier(mapping.enrollment_status or ""),
        "left_word": literal(LEFT_WORDS[mapping.on_leave]),
        "course_seats": mapping.course_seats or "null",
        "has_seats": str(mapping.course_seats is not None).lower(),
        "ledger": ledger,
        "enrolls": str(mapping.enrolls).lower(),
        "is_counted": mapping.is_counted,
        "course_table": str(mapping.course_table),
        "course_key": column(mapping.course_key),
        "course_key_type": mapping.course_key_type,
        "course_count": _course_count(mapping),
        "count_column_values": _count_column_values(mapping),
        "count_moves": ",\n        ".join(
            f"{identifier(name)} = coalesce(course.{identifier(name)}, 0) + move.delta"
            for name in mapping.count_columns
        ),
        "course_order": ", ".join(filter(None, (mapping.course_order, column(mapping.course_key)))),
        "is_available": mapping.is_available,
        "is_default_course": _is_default_course(mapping),
        "lms_search_path": _search_path(mapping),
        "lms_schema": identifier(mapping.enrollment_table.schema),
        "mapped_tables": ", ".join(f"{literal(str(table))}::regclass" for table in mapping.tables),
        "grantees": ", ".join(identifier(role) for role in mapping.runtime_roles),
    }
    _render_parts(mapping, values)
    return values


def _render_parts(mapping: Mapping, values: dict[str, str]) -> None:
    """Add what several of the SQL files are made of, or one of them in several ways."""

    def part(file: str, **more: str) -> str:
        return sql.render(sql.read(f"adapter/{file}"), values | more)

    values["ours"] = sql.read("adapter/install/ours")
    values["active_per_course"] = part("pieces/active_per_course")
    for name in ("ring", "record_database", "clear_statistics"):
        values[name] = part(f"install/{name}")
    values["count_repairs"] = "\n    ".join(
        part("pieces/count_repair", count_column=identifier(name), count_column_name=literal(name))
        for name in mapping.count_columns
    )
    values["enroll"] = part(f"pieces/enroll_{'observed' if mapping.observes else 'inserted'}")
    _render_rule(mapping, values, part)
    for name, by_hand in (("student_view", mapping.student_view), ("default_course_view", mapping.default_course_view)):
        values[name] = by_hand or part(f"pieces/{name}")
    for source in ("enrollments", "courses"):
        values[f"note_deltas_of_{source}"] = part("pieces/note_deltas", source=source)
    for rows, sign in (("inserted", ""), ("deleted", "-")):
        values[f"note_{rows}_enrollments"] = part("pieces/note_written_enrollments", rows=rows, sign=sign)
    for kind, columns in (
        ("student", _columns(mapping.student_key, mapping.is_student)),
        ("enrollment", _columns(mapping.enrollment_course, mapping.is_counted)),
        ("course", _columns(mapping.course_key, f"{_is_default_course(mapping)} {mapping.course_seats or ''}")),
    ):
        values[f"is_news_of_{kind}"] = part("pieces/is_news", kind=kind, columns=columns)


def _render_rule(mapping: Mapping, values: dict[str, str], part: Callable[[str], str]) -> None:
    """Add what depends on who says who should be where, and on what becomes of those who leave."""
    takes_back = mapping.takes_back
    values["is_alone"] = "" if mapping.enrollment_key is not None else "\n            " + part("pieces/is_alone")
    values["enroll_wanted"] = part(f"pieces/enroll_wanted_{'observed' if mapping.observes else 'inserted'}")
    values["enrolled_word"] = part("pieces/enrolled_word") if takes_back else "'enrolled'"
    values["taken_back"] = values["taken_back_outcome"] = ""
    values["is_gone"] = part("pieces/ledger_is_gone")
    for name in ("deleted", "truncated", "updated"):
        follows = f"\n    {part(f'pieces/ledger_courses_{name}')}" if takes_back else ""
        values[f"ledger_follows_{name}_courses"] = follows
    if takes_back:
        values["returned"] = part(f"pieces/returned_{mapping.on_leave}")
        values["leave"] = part(f"pieces/leave_{mapping.on_leave}")
        values["taken_back"] = part("pieces/taken_back")
        values["taken_back_outcome"] = "\n        " + part("pieces/taken_back_outcome")
    values["query_settings"] = "" if mapping.wanted_query is None else "\n" + part("pieces/query_settings")
    values["free_seats"] = part("pieces/free_seats")
    has_seats = mapping.course_seats is not None and not mapping.observes
    values["asking"] = "candidate" if has_seats else "to_enroll"
    # Where nothing else is to be known of all of them before, one after the other is looked up and enrolled, while the
    # pages are at hand. Which courses are asked for is then what is wanted, if anybody is not there yet.
    at_once = not takes_back and not has_seats
    values["materialized"] = "not materialized" if at_once else "materialized"
    values["asked"] = (
        "wanted as asked\n        where exists (select from to_enroll)" if at_once else "to_enroll as asked"
    )
    values["who_asks"] = part(f"pieces/who_asks_{'leave' if takes_back else 'keep'}")
    values["seats"] = part("pieces/seats") if has_seats else ""
    values["seats_outcome"] = "\n        " + part("pieces/seats_outcome") if has_seats else ""
    pair = f"{column(mapping.enrollment_profile)}, {column(mapping.enrollment_course)}"
    values["is_single"] = "true" if mapping.enrollment_key else f"count(*) over (partition by {pair}) = 1"
    values["astray_ledger"] = part(f"pieces/astray_{'leave' if takes_back else 'keep'}")
    values["astray"] = part(f"pieces/astray_{'default' if mapping.wanted_query is None else 'wanted'}")


def _columns(key: str, condition: str) -> str:
    """A row's key and the columns that a condition reads."""
    return ", ".join(dict.fromkeys([column(key), *(match[0] for match in COLUMN.finditer(condition))]))


def _student_condition(mapping: Mapping) -> str:
    """For the WHERE of a query over profiles."""
    if mapping.wanted_query is not None:
        key = f"profile.{identifier(mapping.profile_key)}"
        return f"{key} in (select wanted.profile_id from (\n{mapping.wanted_query}\n) as wanted(profile_id, course_id))"
    if mapping.role_table is None or mapping.role_key is None:
        return f"({mapping.is_student.replace('{row}', 'profile')}) is true"
    rule = mapping.is_student.replace("{row}", "role")
    return (
        f"exists (\n    select from {mapping.role_table} as role\n    where role.{identifier(mapping.role_key)}"
        f" = profile.{identifier(mapping.profile_key)} and ({rule}) is true\n)"
    )


def _enrollment_columns(mapping: Mapping) -> list[str]:
    """The columns that a new enrollment is given, beginning with its profile and its course."""
    status = [] if mapping.enrollment_status is None else [mapping.enrollment_status]
    return [mapping.enrollment_profile, mapping.enrollment_course, *status, *mapping.extra_values]


def _enrollment_values(mapping: Mapping) -> list[str]:
    """The values of those columns, after profile and course."""
    status = [] if mapping.enrollment_status is None else [literal(mapping.active_values[0])]
    return [*status, *mapping.extra_values.values()]


def _enrolling_join(mapping: Mapping) -> str:
    """The profile's row, where other columns of an enrollment are computed from it."""
    if not any("{row}" in value for value in mapping.extra_values.values()):
        return ""
    key = f"profile.{identifier(mapping.profile_key)}"
    return f"\n            inner join {mapping.profile_table} as profile on {key} = student.id"


def _is_default_course(mapping: Mapping) -> str:
    if not mapping.enrolls or mapping.wanted_query is not None:
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
        return f"('active_enrollments', {_course_count(mapping).replace('{row}', 'course')})"
    return ",\n            ".join(
        f"({literal(name)}, course.{identifier(name)}::bigint)" for name in mapping.count_columns
    )


def _search_path(mapping: Mapping) -> str:
    schemas = (identifier(table.schema) for table in mapping.tables)
    return ", ".join(dict.fromkeys([*schemas, '"public"', '"extensions"', "pg_temp"]))
