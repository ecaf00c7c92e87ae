"""A mapping in words, for people to check."""

from dataclasses import asdict

from listener.mapping import forgetting
from listener.mapping.history import days_of, is_kept
from listener.mapping.mapping import Mapping, Route, Watched, readable
from listener.mapping.tenant import Tenant


def described(mapping: Mapping) -> list[tuple[str, str]]:
    """(part of the mapping, description), in reading order."""
    plain = {name: readable(text) for name, text in asdict(mapping).items() if isinstance(text, str)}
    values = {**mapping.extra_values, **mapping.course_values}
    days, forgets = days_of(mapping.settings), forgetting.days_of(mapping)
    given = ", ".join(f"{name} = {value}" for name, value in values.items())
    enrollments = f"{mapping.enrollment_table.label} ({mapping.enrollment_profile}, {mapping.enrollment_course})"
    by_rule = [
        ("published", "every course" if mapping.is_available == "true" else plain["is_available"]),
        ("default course", _default_course(mapping, plain["course_order"])),
    ]
    return [
        ("profiles", f"{mapping.profile_table.label}, key {mapping.profile_key} ({mapping.profile_key_type})"),
        ("students", students(mapping)),
        ("enrollments", enrollments),
        ("active", "every enrollment" if mapping.is_active == "true" else plain["is_active"]),
        ("given", readable(given) or "nothing"),
        ("courses", f"{mapping.course_table.label}, key {mapping.course_key} ({mapping.course_key_type})"),
        *(by_rule if mapping.wanted_query is None else []),
        *([] if mapping.tenant is None else [("school", _school(mapping, mapping.tenant))]),
        ("counts", _counts(mapping)),
        ("actions", mapping.actions),
        *([] if mapping.wanted_query is None else [("leaving", _leaving(mapping))]),
        *([] if mapping.course_seats is None else [("seats", f"{plain['course_seats']}; the rest wait")]),
        *([("history", f"kept for {days:,} days")] if is_kept(mapping) else []),
        *([] if forgets is None else [("forgotten", f"profiles that were deleted {forgets:,} days ago")]),
        *((f"reads {each.table.label}", _watched(each)) for each in mapping.watched),
        *([("time", _time(mapping))] if mapping.wanted_query is not None and mapping.depends_on_time else []),
    ]


def students(mapping: Mapping) -> str:
    """The rule for students."""
    if mapping.wanted_query is not None:
        return "who is in the query of LISTENER_WANTED_QUERY"
    rule = "everyone" if mapping.is_student == "true" else readable(mapping.is_student)
    if mapping.student_view is not None:
        rule += ", if in the query of LISTENER_STUDENT_VIEW"
    if mapping.role_table is not None:
        rule = f"who has a row in {mapping.role_table.label} ({mapping.role_key}) with {rule}"
        rule += "" if mapping.is_person == "true" else f", and {readable(mapping.is_person)}"
    return rule


def _school(mapping: Mapping, tenant: Tenant) -> str:
    """How people and courses lead to the same school."""
    of_people = f"{tenant.table.label}.{tenant.column}"
    counts = "" if tenant.condition == "true" else f", if {readable(tenant.condition)}"
    of_course = f"{mapping.course_table.label}.{tenant.course_column}"
    return f"each lands in a course of their own: {of_people} = {of_course}{counts}"


def _leaving(mapping: Mapping) -> str:
    return {
        "keep": "a student who is not wanted any more stays enrolled",
        "suspend": f"what was made is set to {mapping.inactive_value}",
        "remove": "what was made is deleted",
    }[mapping.on_leave]


def _default_course(mapping: Mapping, order: str) -> str:
    if mapping.default_course_view is not None:
        return "the query of LISTENER_DEFAULT_COURSE_VIEW"
    return mapping.default_course or f"first by {order or mapping.course_key}"


def _counts(mapping: Mapping) -> str:
    if not mapping.counts:
        return "none"
    where = ", ".join(mapping.count_columns) if mapping.counts_in_courses else "listener.course_count"
    return f"{where}: {mapping.count_rows} enrollments"


def _watched(watched: Watched) -> str:
    """The effect of a changed row in a watched table."""
    if watched.audited:
        return "not watched: found by the audit"
    if not watched.routes:
        return "everyone is looked at"
    return "; ".join(map(_route, watched.routes))


def _time(mapping: Mapping) -> str:
    """When a change that the time alone makes is seen."""
    met = dict.fromkeys(f"{each.table.label}.{moment.column}" for each in mapping.watched for moment in each.moments)
    if not met:
        return "found by the audit: no column that an index begins with is compared with the time"
    return f"what {', '.join(met)} says is met at that moment, anything else by the audit"


def _route(route: Route) -> str:
    steps = (f"{table.label} ({compared} → {onward})" for table, compared, onward in route.steps)
    return " → ".join([", ".join(each.label for each in route.start), *steps, "profile"])
