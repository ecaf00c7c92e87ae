"""Who is wanted in a course and cannot be enrolled there waits, says why, and holds up nobody."""

import asyncpg
import pytest

from tests.support.eventually import eventually
from tests.support.wanted.school import (
    WAITING,
    Attend,
    School,
)


@pytest.mark.half
async def test_one_whom_the_lms_refuses_waits_and_the_others_go_on(school: School) -> None:
    refused, other, (organisation, course) = (
        await school.profile(),
        await school.profile(),
        await school.organisation(),
    )
    await school.app.execute(
        f"create function refuse_{refused}() returns trigger language plpgsql as $$ begin"
        f" if new.profile_id = {refused} then raise 'not this one'; end if; return new; end $$;"
        f" create trigger refuse_{refused} before insert on enrollments"
        f" for each row execute function refuse_{refused}()"
    )
    insert = "insert into memberships (profile_id, organisation_id) select unnest($1::bigint[]), $2"
    await school.app.execute(insert, [refused, other], organisation)
    await school.has(other, course, "active")
    await eventually(school.app, WAITING, refused, equals="failed")
    assert "not this one" in await school.app.fetchval("select error from listener.pending_enrollment")
    await school.app.execute(f"drop trigger refuse_{refused} on enrollments")
    await school.has(refused, course, "active")
    await school.settled()


async def test_who_is_wanted_in_a_course_that_somebody_holds_waits_and_is_enrolled_in_others(
    school: School, shared: str
) -> None:
    profile, (held, held_course), (free, free_course) = (
        await school.profile(),
        await school.organisation(),
        await school.organisation(),
    )
    holder = await asyncpg.connect(shared)
    try:
        await holder.execute(f"begin; select from courses where id = {held_course} for update")
        insert = "insert into memberships (profile_id, organisation_id) select $1, unnest($2::bigint[])"
        await school.app.execute(insert, profile, [held, free])
        await school.has(profile, free_course, "active")
        await eventually(school.app, WAITING, profile, equals="course_locked")
    finally:
        holder.terminate()
    await school.has(profile, held_course, "active")
    await school.settled()


async def test_who_is_wanted_in_a_course_that_is_not_there_waits_for_it_and_says_so(attend: Attend) -> None:
    more = """
    create table seats (profile_id bigint references profiles, course_no bigint);
    create index on seats (profile_id);
    """
    school = await attend("select profile_id, course_no from seats", more=more)
    profile, course = await school.profile(), await school.course()
    insert = "insert into seats (profile_id, course_no) values ($1, $2)"
    await school.app.execute(insert, profile, 999)
    await eventually(school.app, WAITING, profile, equals="failed")
    assert await school.app.fetchval("select error from listener.pending_enrollment") == "there is no course 999"
    await school.app.execute(insert, profile, course)
    await school.has(profile, course, "active")
    await school.app.execute(insert, profile, 1999)
    await eventually(school.app, "select count(*) from listener.pending_enrollment", equals=2)
    appear = "insert into courses (id) values (999), (998); update courses set id = 1999 where id = 998"
    await school.app.execute(f"update listener.pending_enrollment set next_attempt_at = now() + '1 hour'; {appear}")
    for each in (999, 1999):
        await school.has(profile, each, "active")
    assert not await school.app.fetchval("select exists (select from listener.change where operation = 'audit')")
    await school.settled()
