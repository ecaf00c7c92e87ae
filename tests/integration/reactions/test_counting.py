"""Both counts of a course follow its active enrollments, exactly, whatever moves them."""

from collections.abc import Callable

import asyncpg
import pytest

from tests.conftest import Database, install_script
from tests.integration.conftest import School
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess


async def test_an_enrollment_that_the_application_makes_is_counted(school: School) -> None:
    course = await school.course()
    for profile in await school.guests(3):
        await school.enroll(profile, course)
    await school.counted(course, 3)
    await school.caught_up()


async def test_an_enrollment_that_is_not_active_is_not_counted(school: School) -> None:
    course = await school.course()
    active, cancelled = await school.guests(2)
    await school.enroll(cancelled, course, "cancelled")
    await school.enroll(active, course)
    await school.caught_up()
    await school.counted(course, 1)


async def test_a_deleted_enrollment_is_counted_off(school: School) -> None:
    course = await school.course()
    profiles = await school.guests(3)
    for profile in profiles:
        await school.enroll(profile, course)
    await school.counted(course, 3)
    await school.app.execute("delete from enrollments where user_id = $1", profiles[0])
    await school.counted(course, 2)
    await school.caught_up()


async def test_a_deleted_profile_takes_its_enrollments_along(school: School) -> None:
    course, other = await school.course("a"), await school.course("b", 9)
    (profile,) = await school.guests(1)
    await school.enroll(profile, course)
    await school.enroll(profile, other)
    await school.counted(course, 1)
    await school.counted(other, 1)
    await school.app.execute("delete from profiles where id = $1", profile)
    await school.counted(course, 0)
    await school.counted(other, 0)
    await school.caught_up()


async def test_a_deleted_course_leaves_nothing_to_count(school: School) -> None:
    course, other = await school.course("a"), await school.course("b")
    for profile in await school.guests(2):
        await school.enroll(profile, course)
        await school.enroll(profile, other)
    await school.app.execute("delete from courses where id = $1", course)
    await school.counted(other, 2)
    await school.caught_up()


async def test_a_course_that_comes_back_with_a_claimed_count_is_counted_exactly(school: School) -> None:
    course = await school.course()
    first, second = await school.guests(2)
    await school.enroll(first, course)
    await school.counted(course, 1)
    await school.app.execute("delete from courses where id = $1", course)
    await school.course(id=course, enrollments=1587, students=1587)
    await school.enroll(second, course)
    await school.counted(course, 1)
    await school.caught_up()


async def test_a_course_that_comes_back_before_its_end_is_counted_is_counted_exactly(school: School) -> None:
    course = await school.course()
    first, second = await school.guests(2)
    async with school.app.transaction():
        await school.enroll(first, course)
        await school.app.execute("delete from courses where id = $1", course)
        await school.course(id=course)
        await school.enroll(second, course)
    await school.caught_up()
    await school.counted(course, 1)


async def test_a_course_whose_key_changes_keeps_its_count(school: School) -> None:
    course = await school.course()
    for profile in await school.guests(2):
        await school.enroll(profile, course)
    renamed = await school.app.fetchval("update courses set id = gen_random_uuid() where id = $1 returning id", course)
    await school.counted(renamed, 2)
    await school.caught_up()


async def test_status_counts_in_both_directions(school: School) -> None:
    course = await school.course()
    (profile,) = await school.guests(1)
    await school.enroll(profile, course)
    await school.counted(course, 1)
    await school.app.execute("update enrollments set status = 'cancelled'")
    await school.counted(course, 0)
    await school.app.execute("update enrollments set status = 'active'")
    await school.counted(course, 1)
    await school.app.execute("update enrollments set status = 'paused'; update enrollments set status = 'cancelled'")
    await school.counted(course, 0)
    await school.caught_up()


async def test_a_move_changes_both_courses(school: School) -> None:
    source, target = await school.course("source"), await school.course("target")
    for profile in await school.guests(2):
        await school.enroll(profile, source)
    await school.counted(source, 2)
    await school.app.execute("update enrollments set course_id = $1", target)
    await school.counted(source, 0)
    await school.counted(target, 2)
    await school.caught_up()


async def test_a_move_that_also_ends_the_enrollment_changes_the_old_course_only(school: School) -> None:
    source, target = await school.course("source"), await school.course("target")
    (profile,) = await school.guests(1)
    await school.enroll(profile, source)
    await school.counted(source, 1)
    await school.app.execute("update enrollments set course_id = $1, status = 'cancelled'", target)
    await school.counted(source, 0)
    await school.caught_up()
    await school.counted(target, 0)


async def test_a_count_that_was_null_starts_from_zero(school: School) -> None:
    await school.app.execute("alter table courses alter enrollments drop not null, alter students drop not null")
    course = await school.course(enrollments=None, students=None)
    (profile,) = await school.guests(1)
    await school.enroll(profile, course)
    await school.counted(course, 1)
    await school.app.execute(
        "update courses set enrollments = coalesce(enrollments, 0), students = coalesce(students, 0)"
    )
    await school.app.execute("alter table courses alter enrollments set not null, alter students set not null")
    await school.caught_up()


async def test_what_savepoints_took_back_is_not_counted(school: School) -> None:
    course = await school.course()
    first, second, third = await school.guests(3)
    async with school.app.transaction():
        await school.enroll(first, course)
        await school.app.execute("savepoint middle")
        await school.enroll(second, course)
        await school.app.execute("rollback to savepoint middle")
        await school.enroll(third, course)
    await school.counted(course, 2)
    await school.caught_up()


@pytest.fixture
def one_count_column(make_database: Callable[..., Database]) -> Database:
    """A database whose courses have only one count column."""
    database = make_database(installed=False)
    database.server.psql(database.name, "alter table courses drop column students")
    database.server.psql(database.name, install_script(database.url))
    return database


async def test_one_count_column_is_enough(
    one_count_column: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    app = await asyncpg.connect(one_count_column.url)
    start_daemon(one_count_column).wait_ready("leading")
    await app.execute("insert into courses (title) values ('a')")
    await app.execute("insert into profiles (role) values ('student')")
    await eventually(app, "select enrollments from courses", equals=1)
    await app.close()
