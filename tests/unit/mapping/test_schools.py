"""What schools need of the rule is there where there are schools, and nowhere else."""

import json
from dataclasses import replace

from listener.mapping.mapping import Mapping, Table
from listener.mapping.pinning import way
from listener.mapping.tenant import Tenant
from listener.schema import pieces

PLAIN = Mapping(
    profile_table=Table("public", "profiles"),
    profile_key="id",
    profile_key_type="uuid",
    is_student="{row}.\"role\" in ('student')",
    enrollment_table=Table("public", "enrollments"),
    enrollment_profile="user_id",
    enrollment_course="course_id",
    course_table=Table("public", "courses"),
    course_key="id",
    course_key_type="uuid",
)
MEMBERS = Table("public", "Members")
OF_SCHOOLS = Tenant(MEMBERS, "user_id", "org id", "org_id", "integer", "bigint", may_be_none=True)


def recorded(mapping: Mapping) -> Mapping:
    """As another program reads it."""
    return Mapping.from_json(json.loads(mapping.to_json()))


def test_one_school_pays_for_none_of_it() -> None:
    assert len(PLAIN.noted) == 1
    assert PLAIN.one_course_each
    text = pieces.code(PLAIN)
    for part in ("still_wanted", "of_school", "{members", "student.school", "LISTENER_TENANT"):
        assert part not in text


def test_schools_are_recorded_and_noted() -> None:
    mapping = recorded(replace(PLAIN, tenant=OF_SCHOOLS))
    assert mapping.tenant == OF_SCHOOLS
    assert [(each.table.name, each.triggers) for each in mapping.noted] == [
        ("profiles", ("insert", "update")),
        ("Members", ("insert", "update")),
        ("courses", ("watch_update",)),
    ]
    assert MEMBERS in mapping.tables
    text = pieces.code(mapping)
    assert "listener.default_course_id(of_school bigint)" in text
    assert way(OF_SCHOOLS, mapping.profile_table, mapping.course_table) == (
        'public.Members(user_id)."org id"=public.courses.org_id'
    )
