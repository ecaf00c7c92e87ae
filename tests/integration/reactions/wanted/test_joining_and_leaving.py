"""A query says who should be where: who joins, leaves and comes back, whatever tables it reads."""

import asyncpg
import pytest

from tests.support.eventually import eventually
from tests.support.wanted import tables, verdict
from tests.support.wanted.school import ENROLLED, STATUS, Attend, School, leaving_only

pytestmark = pytest.mark.half


async def test_who_is_wanted_is_enrolled_once_and_counted(school: School) -> None:
    profile, organisation, course = await school.member()
    await school.joins(profile, organisation)
    await school.settled()
    assert await school.app.fetchval(STATUS, profile, course) == "active"
    assert await school.app.fetchval("select enrollments from courses where id = $1", course) == 1


async def test_who_is_wanted_no_more_stays_or_leaves_as_was_said(school: School) -> None:
    profile, _, course = await school.member()
    await school.leaves(profile)
    await school.settled()
    left = {"keep": "active", "suspend": "inactive", "remove": None}[school.on_leave]
    assert await school.app.fetchval(STATUS, profile, course) == left


async def test_who_comes_back_is_active_again(school: School) -> None:
    profile, organisation, course = await school.member()
    await school.leaves(profile)
    await school.settled()
    await school.joins(profile, organisation)
    await school.has(profile, course, "active")
    await school.settled()


@leaving_only
@pytest.mark.parametrize("table", ["memberships", "organisations cascade"])
async def test_when_a_table_is_emptied_all_leave(school: School, table: str) -> None:
    profile, _, course = await school.member()
    await school.app.execute(f"truncate {table}")
    await school.has_left(profile, course)
    await school.settled()


@leaving_only
async def test_profiles_that_are_read_in_again_as_a_whole_are_enrolled(school: School) -> None:
    profile, organisation, course = await school.member()
    async with school.app.transaction():
        await school.app.execute("truncate profiles cascade")
        await school.app.execute("insert into profiles (id) values ($1)", profile)
        await school.joins(profile, organisation)
    await school.has(profile, course, "active")
    await school.settled()


@pytest.mark.parametrize("first", ["the member", "the course"])
async def test_of_two_transactions_that_each_see_half_the_later_one_is_heeded(
    school: School, shared: str, first: str
) -> None:
    profile, (organisation, course) = await school.profile(), await school.organisation()
    await school.app.execute("update organisations set course_id = null where id = $1", organisation)
    one, other = await asyncpg.connect(shared), await asyncpg.connect(shared)
    try:
        await one.execute(
            f"begin; insert into memberships (profile_id, organisation_id) values ({profile}, {organisation})"
        )
        await other.execute(f"begin; update organisations set course_id = {course} where id = {organisation}")
        for session in (one, other) if first == "the member" else (other, one):
            await session.execute("commit")
            await verdict.settled(school.app)
    finally:
        one.terminate()
        other.terminate()
    assert await school.app.fetchval(STATUS, profile, course) == "active"
    await school.settled()


async def test_nothing_is_written_where_it_only_looks_on(attend: Attend) -> None:
    school = await attend(tables.ORGANISATION, "suspend", actions="observe")
    profile, (organisation, course) = await school.profile(), await school.organisation()
    await school.app.execute("insert into enrollments (profile_id, course_id) values ($1, $2)", profile, course)
    other, (elsewhere, _) = await school.profile(), await school.organisation()
    await school.joins(other, organisation)
    await school.joins(profile, elsewhere)
    await school.leaves(profile)
    await verdict.settled(school.app)
    assert await school.app.fetchval("select count(*) from enrollments where status = 'active'") == 1
    assert await school.app.fetchval("select count(*) from listener.made_enrollment") == 0


async def test_rows_that_lead_to_profiles_in_several_steps_are_heeded(attend: Attend) -> None:
    school = await attend(tables.COHORT, "remove")
    profile, course, other = await school.profile(), await school.course(), await school.course()
    await school.app.execute(
        "insert into cohorts (id, course_id, is_open) values (1, $1, false), (2, $2, true)", course, other
    )
    await school.app.execute("insert into groups (id, cohort_id) values (1, null)")
    await school.app.execute("insert into members (profile_id, group_id) values ($1, 1)", profile)
    for statement, courses in (
        ("update groups set cohort_id = 1", None),
        ("update cohorts set is_open = true where id = 1", [course]),
        ("update groups set cohort_id = 2", [other]),
        ("delete from cohorts where id = 2", None),
        ("insert into cohorts (id, course_id) values (3, {course}); update groups set cohort_id = 3", [course]),
        ("update cohorts set id = 4 where id = 3", [course]),
        ("update cohorts set course_id = {other}", [other]),
        ("delete from groups", None),
    ):
        await school.app.execute(statement.format(course=course, other=other))
        await eventually(school.app, ENROLLED, profile, equals=courses)
    await school.settled()


async def test_a_course_that_concerns_everyone_is_attended_by_everyone(attend: Attend) -> None:
    school = await attend(tables.EVERYONE, "suspend")
    await school.app.execute("insert into profiles (role) select 'student' from generate_series(1, 350)")
    first, second = await school.course("free"), await school.course("free")
    active = "select enrollments from courses where id = $1"
    for course in (first, second):
        await eventually(school.app, active, course, equals=350)
    await school.app.execute("update courses set published = false where id = $1", first)
    await eventually(school.app, active, first, equals=0)
    await school.app.execute("update courses set published = true where id = $1", first)
    await eventually(school.app, active, first, equals=350)
    await school.settled()


async def test_a_table_in_partitions_is_heeded(attend: Attend) -> None:
    more = """
    drop table payments;
    create table payments (profile_id bigint references profiles, plan text, paid boolean default true)
    partition by list (plan);
    create table gold_payments partition of payments for values in ('gold');
    create table other_payments partition of payments default;
    create index on payments (profile_id);
    """
    school = await attend(tables.PAID, "remove", more=more)
    profile, gold, silver = await school.profile(), await school.course("gold"), await school.course("silver")
    for statement, courses in (
        (f"insert into payments (profile_id, plan) values ({profile}, 'gold')", [gold]),
        ("update payments set plan = 'silver'", [silver]),
        ("update payments set paid = false", None),
        ("update payments set plan = 'gold', paid = true", [gold]),
        ("delete from payments", None),
        (f"insert into gold_payments (profile_id, plan) values ({profile}, 'gold')", [gold]),
        ("truncate payments", None),
    ):
        await school.app.execute(statement)
        await eventually(school.app, ENROLLED, profile, equals=courses)
    await school.settled()
