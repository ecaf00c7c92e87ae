"""Values of the placeholders in SQL files, under a mapping."""

from collections.abc import Callable

from listener import sql
from listener.mapping import brake, forgetting, history, schools
from listener.mapping.mapping import Mapping, column
from listener.mapping.titles import title_column
from listener.row_text import ROW, columns_of, has_row, over
from listener.sql import identifier, literal

LEDGER = "listener.made_enrollment"

LEFT_WORDS = {"keep": "", "suspend": "suspended", "remove": "removed"}
"""Words for taking an enrollment back."""


def placeholders(mapping: Mapping, ledger: str = LEDGER, checks: dict[str, str] | None = None) -> dict[str, str]:
    """`mapping` may hold names or tokens; `ledger` is the relation of enrollments that the listener made; `checks` are
    the beginnings and ends of functions."""
    own_path = sql.read("mapping/checks", "own_path")
    values = {
        "profile_table": str(mapping.profile_table),
        "profile_key": column(mapping.profile_key),
        "profile_key_type": mapping.profile_key_type,
        "student_table": str(mapping.student_table),
        "student_key": column(mapping.student_key),
        "student_condition": _student_condition(mapping),
        "enrollment_table": str(mapping.enrollment_table),
        "enrollment_profile": column(mapping.enrollment_profile),
        "enrollment_profile_name": identifier(mapping.enrollment_profile),
        "enrollment_pair_labels": f"{literal(mapping.enrollment_profile)}, {literal(mapping.enrollment_course)}",
        "enrollment_course": column(mapping.enrollment_course),
        "enrollment_status": "null::text" if mapping.enrollment_status is None else column(mapping.enrollment_status),
        "enrollment_date": "null::timestamptz" if mapping.enrollment_date is None else column(mapping.enrollment_date),
        "row_key": "null::text" if mapping.enrollment_key is None else f"({column(mapping.enrollment_key)})::text",
        "enrollment_date_type": mapping.enrollment_date_type,
        "enrollment_columns": ", ".join(map(identifier, _enrollment_columns(mapping))),
        "enrollment_values": "".join(f", {value}" for value in _enrollment_values(mapping)),
        "enrolling_join": _enrolling_join(mapping),
        "is_active": mapping.is_active,
        "active_value": literal(mapping.active_values[0]) if mapping.active_values else "null",
        "inactive_value": literal(mapping.inactive_value or ""),
        "enrollment_status_name": identifier(mapping.enrollment_status or ""),
        "counts_in_courses": str(mapping.counts_in_courses).lower(),
        "has_status": str(mapping.enrollment_status is not None).lower(),
        "enrollment_status_label": literal(mapping.enrollment_status or ""),
        "course_key_label": literal(mapping.course_key),
        "left_word": literal(LEFT_WORDS[mapping.on_leave]),
        "course_seats": mapping.course_seats or "null",
        "has_seats": str(mapping.course_seats is not None).lower(),
        "has_lines": str(mapping.course_seats is not None or brake.on_joining(mapping)).lower(),
        "has_routes": str(any(route.hops for watched in mapping.noted for route in watched.routes)).lower(),
        "has_partitions": str(bool(mapping.partitioned)).lower(),
        "ledger": ledger,
        "enrolls": str(mapping.enrolls).lower(),
        "observes": str(mapping.observes).lower(),
        "suspends": str(mapping.on_leave == "suspend" and mapping.takes_back).lower(),
        "makes_enrollments": str(mapping.enrolls and not mapping.observes).lower(),
        "only_on_joining": str(mapping.only_on_joining).lower(),
        "one_course_each": str(mapping.one_course_each).lower(),
        "by_school": str(mapping.tenant is not None).lower(),
        "nestloop": _nestloop(mapping),
        "example_of_missing": (
            "missing.profile_id::text"
            if mapping.only_on_joining
            else "format('%s in %s', missing.profile_id, missing.course_id)"
        ),
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
        "own_path": own_path,
        "own_path_again": sql.render(sql.read("mapping/checks", "own_path_again"), {"own_path": own_path}),
        "lms_schema": identifier(mapping.enrollment_table.schema),
        "mapped_tables": ", ".join(f"{literal(str(table))}::regclass" for table in mapping.tables),
        "grantees": ", ".join(identifier(role) for role in mapping.runtime_roles),
        "now_grantees": ", ".join(identifier(role) for role in mapping.now_roles),
    }
    no_checks = {
        "enrollment_table_oid": "0",
        "course_table_oid": "0",
        "expect_profiles": "",
        "expect_enrollments": "",
        "expect_courses": "",
        "by_lms_path": by_lms_path(mapping),
    }
    values |= no_checks if checks is None else checks
    values |= brake.placeholders(mapping) | forgetting.placeholders(mapping)
    _render_parts(mapping, values)
    return values


def joins(mapping: Mapping) -> str:
    """The setting of a transaction that asks the rule's query about all profiles."""
    return f"set local enable_nestloop = {_nestloop(mapping)};"


def _nestloop(mapping: Mapping) -> str:
    """A query by hand may look something up for each profile, which only a nested loop does by an index."""
    return "off" if mapping.wanted_query is None else "on"


def _render_parts(mapping: Mapping, values: dict[str, str]) -> None:
    """Add parts that several SQL files share, or a file has in several forms."""

    def part(file: str, section: str | None = None, **more: str) -> str:
        return sql.render(sql.read(f"mapping/{file}", section), values | more)

    values["ours"] = sql.read("mapping/ours")
    values["title_column"] = title_column(f"{values['course_table_oid']}::oid")
    for name in ("active_per_course", "able_to_forget_counts", "note_forgotten_counts"):
        values[name] = part("counts", name)
    for name in ("ring", "clear_statistics", "student_ids", "is_set_aside"):
        values[name] = part(name)
    for name in ("cause_of_note", "able"):
        values[name] = part("notes", name)
    for source in ("profiles", "enrollments", "courses"):
        values[f"blindly_{source}"] = part("notes", "blindly", noted_source=f"'{source}'", noted_state="sqlstate")
    values["note_everyone"] = part("notes", "blindly", noted_source="'profiles'", noted_state="'00000'")
    values["note_unreadable"] = part("notes", "note_unreadable")
    values["follows_updated_course"] = part("new_keys", "of_course")
    values["count_repairs"] = "\n".join(
        part("counts", "count_repair", count_column=identifier(name), count_column_name=literal(name))
        for name in mapping.count_columns
    )
    for name, by_hand in (("student_view", mapping.student_view), ("default_course_view", mapping.default_course_view)):
        values[name] = by_hand or part("rules", name)
    every_course = f"{mapping.course_table} as course"
    values["first_of_all_courses"] = part("rules", "first_course_past_errors", courses=every_course)
    values |= schools.placeholders(mapping, part)
    is_once = mapping.one_course_each or schools.by_profile(mapping)
    values["select_once"] = "select" if is_once else "select distinct"  # a history with reasons says which of several
    values |= history.placeholders(mapping)
    # The rule's query: unchanged; by the function that goes on past a course with a failing rule; in `only_course`.
    if mapping.tenant is not None:
        values |= schools.queries(mapping, part)
    else:
        by_function = "select listener.default_course_id()"
        said = part("rules", "in_only_course")
        for name, view in (
            ("wanted_query", values["default_course_view"]),
            ("wanted_query_by_function", by_function),
            ("settled_query", said),
        ):
            values[name] = mapping.wanted_query or part("rules", "generated_query", default_course_view=view)
    values["course_by_hand"] = str(mapping.default_course_view is not None or mapping.wanted_query is not None).lower()
    _render_rule(mapping, values, part)
    for kind, columns in (
        ("enrollment", _columns(mapping.enrollment_course, mapping.is_counted)),
        ("course", _columns(mapping.course_key, f"{_is_default_course(mapping)} {_others_of_course(mapping)}")),
    ):
        values[f"untouched_{kind}"] = part("untouched", columns=columns).strip()


def _render_rule(mapping: Mapping, values: dict[str, str], part: Callable[..., str]) -> None:
    """Add parts that depend on the rule, and on leaving."""
    # By CASE: the planner's estimates are the same, with a course asked for or without.
    one_course = (
        f"case when only_course is null then true else {ROW}.course_id::{mapping.course_key_type} = only_course end"
    )
    values["in_only_course"] = "" if mapping.one_course_each else f"and {one_course}"
    takes_back = mapping.takes_back
    gives_seats = mapping.course_seats is not None and not mapping.observes
    values["gives_seats"] = str(gives_seats).lower()
    values["asking"] = "candidate" if gives_seats else values["asking_to_join"]
    values["is_alone"] = "" if mapping.enrollment_key is not None else part("leaving", "is_alone")
    values["is_that_row"] = part("leaving", "is_that_row")
    values["free_seats"] = part("seats", "free_seats")
    for file, names, applies in (
        ("seats", ("seats",), gives_seats),
        ("joining", ("joining_brake", "joined"), brake.on_joining(mapping)),
        ("leaving", ("standing", "leaving"), takes_back),
        ("history", ("history",), history.is_kept(mapping)),
    ):
        values |= {name: part(file, name) if applies else "" for name in names}
    pair = "enrolled.profile_id = asked.id and enrolled.course_id = asked.course_id"
    values["is_made_of_it"] = "enrolled.profile_id = asked.id" if mapping.one_course_each else pair
    values["ledger_of_written_courses"] = part("ledger", "of_courses") if takes_back else ""
    values["query_settings"] = "" if mapping.wanted_query is None else part("checks", "query_settings")
    # With a single reader, `wanted` is planned as a part of the reader.
    has_one_reader = not takes_back and not gives_seats and mapping.wanted_query is None
    values["wanted_once"] = "not materialized" if has_one_reader else "materialized"
    how = "by_school" if mapping.tenant is not None else "leave" if takes_back else "keep"
    pair = f"{column(mapping.enrollment_profile)}, {column(mapping.enrollment_course)}"
    values["is_single"] = "true" if mapping.enrollment_key else f"count(*) over (partition by {pair}) = 1"
    who_is_astray = "joining" if mapping.one_course_each else how
    values["astray"] = part("rules", f"astray_{who_is_astray}")
    values["wanted_past_errors"] = part("rules", "wanted_past_errors")
    either = part("rules", "wanted_at_once_or_past_errors")
    values["astray_at_once_or_past_errors"] = part("rules", f"astray_{who_is_astray}", wanted_query=either)
    values["figures"] = part("rules", "figures", wanted_query=either)
    values["written_since_each"] = "\nunion all\n".join(
        part("rules", "written_since_each", written_table=str(table), written_key=identifier(key))
        for table, key in schools.written(mapping)
    )
    values["written_since"] = part("rules", "written_since") if mapping.only_on_joining else ""


def _columns(key: str, condition: str) -> str:
    """A row's key, and the columns in a condition."""
    return ", ".join(dict.fromkeys([column(key), *(f"{ROW}.{name}" for name in columns_of(condition))]))


def _others_of_course(mapping: Mapping) -> str:
    """Further columns of a course that matter: seats and school."""
    school = "" if mapping.tenant is None else column(mapping.tenant.course_column)
    return f"{mapping.course_seats or ''} {school}"


def _student_condition(mapping: Mapping) -> str:
    """For the WHERE of a query over profiles."""
    if mapping.wanted_query is not None:
        key = f"profile.{identifier(mapping.profile_key)}"
        return f"{key} in (select wanted.profile_id from (\n{mapping.wanted_query}\n) as wanted(profile_id, course_id))"
    if mapping.role_table is None or mapping.role_key is None:
        return f"({over(mapping.is_student, 'profile')}) is true"
    rule = over(mapping.is_student, "role")
    counts = "" if mapping.is_person == "true" else f" and ({over(mapping.is_person, 'profile')}) is true"
    return (
        f"exists (\n    select from {mapping.role_table} as role\n    where role.{identifier(mapping.role_key)}"
        f" = profile.{identifier(mapping.profile_key)} and ({rule}) is true\n){counts}"
    )


def _enrollment_columns(mapping: Mapping) -> list[str]:
    """Columns of a new enrollment, profile and course first."""
    status = [] if mapping.enrollment_status is None else [mapping.enrollment_status]
    return [
        mapping.enrollment_profile,
        mapping.enrollment_course,
        *status,
        *mapping.extra_values,
        *mapping.course_values,
    ]


def _enrollment_values(mapping: Mapping) -> list[str]:
    """Values of `_enrollment_columns`, without profile and course."""
    status = [] if mapping.enrollment_status is None else [literal(mapping.active_values[0])]
    of_course = (over(value, "course") for value in mapping.course_values.values())
    return [*status, *mapping.extra_values.values(), *of_course]


def _enrolling_join(mapping: Mapping) -> str:
    """Joins the profile's row, and the course's, if columns of an enrollment are computed from the row."""
    joins = []
    if any(map(has_row, mapping.extra_values.values())):
        key = f"profile.{identifier(mapping.profile_key)}"
        joins.append(f"inner join {mapping.profile_table} as profile on {key} = student.id")
    if any(map(has_row, mapping.course_values.values())):
        key = f"course.{identifier(mapping.course_key)}"
        joins.append(f"inner join {mapping.course_table} as course on {key} = student.course_id")
    return "\n".join(joins)


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
        return f"('active_enrollments', {over(_course_count(mapping), 'course')})"
    return ",\n            ".join(
        f"({literal(name)}, course.{identifier(name)}::bigint)" for name in mapping.count_columns
    )


def by_lms_path(mapping: Mapping) -> str:
    """A condition that holds, and sets the LMS's search_path for a statement planned under another path."""
    named = dict.fromkeys([*(table.schema for table in mapping.tables), *mapping.further_schemas])
    path = ", ".join([*map(identifier, named), "pg_temp"])
    return sql.render(sql.read("mapping/checks", "by_lms_path"), {"path": literal(path)})
