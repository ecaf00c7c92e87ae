"""Several schools in one database: whether profiles and courses say which school they belong to."""

from listener.catalogue.catalogue import Relation
from listener.discovery import vocabulary

DECIDED = {"wanted_query", "default_course", "default_course_view", "publish_predicate", "student_view"}
"""Settings by which a person says where students land."""


def remark(profiles: Relation, courses: Relation, asked: dict[str, str]) -> str | None:
    """A line for people if a student may land in the course of another school."""
    if asked.keys() & DECIDED or asked.get("actions") == "count":
        return None
    for name in profiles.columns:
        other = _same(profiles, name, courses)
        if other is not None:
            return (
                f"{profiles.table.label}.{name} and {courses.table.label}.{other} say which school each belongs to, and"
                " students of all schools land in the same course: LISTENER_WANTED_QUERY can keep schools apart"
            )
    return None


def _same(profiles: Relation, name: str, courses: Relation) -> str | None:
    """The column of courses that leads to the same table, or has the same name, if that is a school's."""
    if not vocabulary.says(name, vocabulary.OF_ALL) or profiles.reference(name) == (courses.table, name):
        return None
    referred = profiles.reference(name)
    for other in courses.columns:
        if referred is not None and courses.reference(other) == referred:
            return other
        if other == name and courses.columns[other].family == profiles.columns[name].family:
            return other
    return None
