"""What the listener keeps its hands off: it knows what it has made, and takes back nothing else."""

import pytest

from tests.support.eventually import eventually
from tests.support.wanted import tables, verdict
from tests.support.wanted.school import ENROLLED, LEAVING, STATUS, Attend, School, leaving_only

pytestmark = pytest.mark.half


@leaving_only
async def test_who_was_removed_by_hand_is_not_put_back(school: School) -> None:
    profile, organisation, course = await school.member()
    await school.app.execute("delete from enrollments where profile_id = $1", profile)
    await school.joins(profile, organisation)
    await school.settled()
    assert await school.app.fetchval(STATUS, profile, course) is None


@pytest.mark.parametrize("status", ["completed", "inactive"])
async def test_what_somebody_has_decided_about_an_enrollment_stays(school: School, status: str) -> None:
    profile, organisation, course = await school.member()
    await school.app.execute("update enrollments set status = $2 where profile_id = $1", profile, status)
    await school.leaves(profile)
    await school.settled()
    await school.joins(profile, organisation)
    await school.settled()
    assert await school.app.fetchval(STATUS, profile, course) == status


async def test_what_the_application_enrolled_is_never_taken_back(school: School) -> None:
    profile, (organisation, course) = await school.profile(), await school.organisation()
    await school.app.execute("insert into enrollments (profile_id, course_id) values ($1, $2)", profile, course)
    await school.joins(profile, organisation)
    await school.settled()
    await school.leaves(profile)
    await school.settled()
    assert await school.app.fetchval(STATUS, profile, course) == "active"


@leaving_only
async def test_what_somebody_made_again_in_place_of_what_the_listener_had_made_is_theirs(school: School) -> None:
    profile, _, course = await school.member()
    async with school.app.transaction():
        await school.app.execute("delete from enrollments where profile_id = $1", profile)
        await school.app.execute("insert into enrollments (profile_id, course_id) values ($1, $2)", profile, course)
    await school.leaves(profile)
    await school.settled()
    assert await school.app.fetchval(STATUS, profile, course) == "active"


@leaving_only
async def test_of_two_enrollments_only_the_one_that_was_made_is_taken_back(school: School) -> None:
    profile, _, course = await school.member()
    await school.app.execute("insert into enrollments (profile_id, course_id) values ($1, $2)", profile, course)
    await school.leaves(profile)
    await school.settled()
    left = {"suspend": "inactive active", "remove": "active"}[school.on_leave]
    assert await school.app.fetchval(STATUS, profile, course) == left


@leaving_only
async def test_an_enrollment_that_was_suspended_by_hand_after_it_was_suspended_and_removed_is_theirs(
    school: School,
) -> None:
    profile, organisation, course = await school.member()
    await school.leaves(profile)
    await school.has_left(profile, course)
    await school.app.execute("delete from enrollments where profile_id = $1", profile)
    insert = "insert into enrollments (profile_id, course_id, status) values ($1, $2, 'inactive')"
    await school.app.execute(insert, profile, course)
    await school.joins(profile, organisation)
    await school.settled()
    assert await school.app.fetchval(STATUS, profile, course) == "inactive"


@leaving_only
async def test_somebody_else_under_the_key_of_a_profile_that_is_gone_is_enrolled(school: School) -> None:
    profile, organisation, course = await school.member()
    async with school.app.transaction():
        await school.app.execute("delete from profiles where id = $1", profile)
        await school.app.execute("insert into profiles (id) values ($1)", profile)
        await school.joins(profile, organisation)
    await school.has(profile, course, "active")
    await school.settled()


@leaving_only
async def test_another_course_under_the_key_of_one_that_is_gone_is_attended(school: School) -> None:
    profile, organisation, course = await school.member()
    async with school.app.transaction():
        await school.app.execute("delete from courses where id = $1", course)
        await school.app.execute("insert into courses (id) values ($1)", course)
        await school.app.execute("update organisations set course_id = $2 where id = $1", organisation, course)
    await school.has(profile, course, "active")
    await school.settled()


@leaving_only
async def test_what_was_made_is_known_under_the_other_keys_of_profile_and_course(school: School) -> None:
    profile, _, course = await school.member()
    await school.app.execute("update profiles set id = 1000000 + id where id = $1", profile)
    await school.app.execute("update courses set id = 1000000 + id where id = $1", course)
    await school.settled()
    await school.leaves(1000000 + profile)
    await school.has_left(1000000 + profile, 1000000 + course)
    await school.settled()


@pytest.mark.parametrize(
    ("migration", "left"),
    [("alter table enrollments rename id to number", 0), ("alter table enrollments drop column id", 1)],
)
async def test_what_was_made_is_known_after_the_rows_key_is_renamed_and_nobodys_once_it_is_gone(
    attend: Attend, migration: str, left: int
) -> None:
    school = await attend(tables.ORGANISATION, "remove")
    profile, organisation, course = await school.member()
    await school.app.execute(migration)
    other = await school.profile()
    await school.joins(other, organisation)
    await eventually(school.app, ENROLLED, other, equals=[course])
    await school.leaves(profile)
    await verdict.settled(school.app)
    assert await school.app.fetchval("select count(*) from enrollments where profile_id = $1", profile) == left
    assert await school.app.fetch("select * from listener.astray()") == []


@pytest.mark.parametrize("on_leave", LEAVING)
async def test_what_was_made_for_a_profile_that_is_gone_is_taken_back_where_no_foreign_key_does(
    attend: Attend, on_leave: str
) -> None:
    more = "alter table enrollments drop constraint enrollments_profile_id_fkey;"
    school = await attend(tables.ORGANISATION, on_leave, more=more)
    profile, organisation, course = await school.member()
    await school.app.execute("delete from profiles where id = $1", profile)
    await school.has_left(profile, course)
    await school.app.execute("insert into profiles (id) values ($1)", profile)
    await school.joins(profile, organisation)
    await school.has(profile, course, "active")
    await school.settled()
