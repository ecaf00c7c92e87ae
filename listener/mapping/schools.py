"""Parts of the rule where several schools share a database: a student lands in a course of the same school."""

from collections.abc import Callable

from listener.mapping.mapping import Mapping, Table, column
from listener.row_text import ROW, over

Part = Callable[..., str]
"""A section of a file of parts, rendered."""


def placeholders(mapping: Mapping, part: Part) -> dict[str, str]:
    """Parts that differ with several schools; without schools, no text mentions schools."""
    tenant = mapping.tenant
    if tenant is None:
        return {
            "is_of_these": "wanted.profile_id = any (profile_ids)",
            "or_other_school": "",
        }
    school = column(tenant.course_column)
    new, old = (over(school, row) for row in ("new", "old"))
    of_people = {
        "tenant_table": str(tenant.table),
        "tenant_column": column(tenant.column),
        "tenant_person": column(tenant.person),
        "tenant_condition": mapping.is_student if tenant.table == mapping.role_table else tenant.condition,
        "tenant_course": school,
        "tenant_type": tenant.own_type,
        "and_school": f", {ROW}.school" if tenant.may_be_none else "",
        "of_a_school": "" if tenant.may_be_none else f"and {column(tenant.column)} is not null",
    }
    of_people["same_school"] = part("schools", f"same_school{'_or_none' if tenant.may_be_none else ''}", **of_people)
    its_courses = part("schools", "courses_of_school", **of_people)
    kind = "profile" if by_profile(mapping) else "membership"
    return of_people | {
        "students_by_school": part("schools", f"students_by_{kind}", **of_people),
        "first_of_its_courses": part("rules", "first_course_past_errors", courses=its_courses),
        "is_of_these": "true",
        "or_other_school": f"or {new} is distinct from {old}",
    }


def by_profile(mapping: Mapping) -> bool:
    """Whether the profile's own row says the school: each person is in one."""
    is_own = mapping.tenant is not None and mapping.tenant.table == mapping.profile_table
    return is_own and mapping.student_view is None


def queries(mapping: Mapping, part: Part) -> dict[str, str]:
    """The rule's query: unchanged; by the function that goes on past courses with a failing rule; for some profiles, in
    `only_course`."""
    assert mapping.tenant is not None
    or_none = "_or_none" if mapping.tenant.may_be_none else ""
    of_school = part("schools", f"course_of_school{or_none}")
    said = part("schools", f"course_of_school{or_none}", is_default_course=part("schools", "may_be_landed_in"))
    new, new_by_key = part("schools", "is_new_in_school"), part("schools", "is_new_in_school_by_key")
    of_these = f"student.id = any (profile_ids)\nand {new_by_key}"
    by_function = "select listener.default_course_id(student.school)"
    found = {
        "wanted_query": part("schools", "generated_by_school", course_of_school=of_school, is_new_in_school=new),
        "wanted_query_by_function": part(
            "schools", "generated_by_key", course_of_school=by_function, is_new_in_school=new_by_key
        ),
        "settled_query": part("schools", "settled_by_school", course_of_school=said, is_new_in_school=of_these),
    }
    if mapping.tenant.may_be_none:
        found = {name: part("schools", "no_course_of_none", generated=text) for name, text in found.items()}
    return found | {"course_of_school": of_school}


def written(mapping: Mapping) -> list[tuple[Table, str]]:
    """(table, column of the profile) of all rows that decide a profile's courses."""
    found = [(mapping.student_table, mapping.student_key)]
    if mapping.tenant is not None:
        found.append((mapping.tenant.table, mapping.tenant.person))
    if mapping.role_table is not None and mapping.is_person != "true":
        found.append((mapping.profile_table, mapping.profile_key))
    return list(dict.fromkeys(found))
