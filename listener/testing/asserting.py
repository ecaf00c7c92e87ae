"""What a test says: do what the daemon would, and see who is where."""

from collections.abc import Mapping
from typing import Any

from listener.testing.drivers import Rows, ask, then

SETTLE = "select * from listener.settle_now()"
KEY_TYPE = "select installation.mapping ->> 'profile_key_type' as name from listener.installation"
COURSES = """
select enrollment.course_id::text as course, enrollment.status, enrollment.active
from listener.enrollments_of((%s::text)::{key_type}) as enrollment
order by 1
"""
PENDING = """
select concat_ws(': ', pending_enrollment.reason, pending_enrollment.error) as why
from listener.pending_enrollment
where pending_enrollment.profile_id::text = %s::text
"""


def settle(connection: Any) -> Any:
    """Do what the daemon would: in the transaction that this connection is in, and rolled back with it. How many were
    enrolled, wait, and so on, by these names; to be awaited on a connection that is."""
    return then(ask(connection, SETTLE), lambda rows: rows[0])


def assert_enrolled(connection: Any, profile: object, course: object) -> Any:
    """The profile has an active enrollment in the course; both are keys. To be awaited on a connection that is."""
    return _look(connection, profile, course, lambda courses, why: _is_in(profile, course, courses, why))


def assert_not_enrolled(connection: Any, profile: object, course: object) -> Any:
    """The opposite."""
    return _look(connection, profile, course, lambda courses, _why: _is_not_in(profile, course, courses))


def _is_in(profile: object, course: object, courses: Rows, why: Rows) -> None:
    active = [each["course"] for each in courses if each["active"]]
    waits = "".join(f"; set aside: {each['why']}" for each in why)
    others = ", ".join(f"{each['course']} ({each['status']})" for each in courses) or "no course"
    assert str(course) in active, f"profile {profile} is not in course {course}; it is in {others}{waits}"


def _is_not_in(profile: object, course: object, courses: Rows) -> None:
    active = [each["course"] for each in courses if each["active"]]
    assert str(course) not in active, f"profile {profile} is in course {course}"


def _look(connection: Any, profile: object, course: object, judge: Any) -> Any:
    for key in (profile, course):
        if key is None or isinstance(key, tuple | list | Mapping):
            raise TypeError(f"{key!r} is no key of a profile or a course: give the value of that column")

    def by_key(types: Rows) -> Any:
        courses = ask(connection, COURSES.format(key_type=types[0]["name"]), str(profile))
        return then(courses, lambda found: then(ask(connection, PENDING, str(profile)), lambda why: judge(found, why)))

    return then(ask(connection, KEY_TYPE), by_key)
