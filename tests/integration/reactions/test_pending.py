"""A student who cannot be enrolled yet waits in a row of its own, holds up nobody, and is enrolled later."""

from collections.abc import Callable
from typing import Any

import asyncpg

from listener.database.connection import Connection
from tests.conftest import Database
from tests.integration.conftest import School
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener
from tests.support.refusing import UNPAID, refuse

REASON = "select reason from listener.pending_enrollment where profile_id = $1"
WAITING = "select count(*) from listener.pending_enrollment"
TRIED = """
select query like '%listener.retry_enroll(%'
from pg_stat_activity where application_name = 'listener' and datname = $1
"""


async def waits(school: School, profile: Any, reason: str) -> None:
    await eventually(school.app, REASON, profile, equals=reason)


async def test_a_student_waits_while_there_is_no_course_and_is_enrolled_when_one_appears(school: School) -> None:
    student = await school.profile()
    await waits(school, student, "no_course")
    course = await school.course()
    await school.enrolled(student, course)
    await school.counted(course, 1)
    await eventually(school.app, WAITING, equals=0)
    await school.caught_up()


async def test_a_waiting_student_is_enrolled_when_a_course_is_published(school: School) -> None:
    student = await school.profile()
    course = await school.course(status="draft")
    await waits(school, student, "no_course")
    await school.caught_up()
    assert await school.courses_of(student) == []
    await school.app.execute("update courses set status = 'published'")
    await school.enrolled(student, course)


async def test_more_students_than_one_attempt_takes_are_all_enrolled(school: School) -> None:
    await school.app.execute("insert into profiles (role) select 'student' from generate_series(1, 450)")
    await eventually(school.app, WAITING, equals=450)
    course = await school.course()
    await school.counted(course, 450)
    await eventually(school.app, WAITING, equals=0)
    await school.caught_up()


async def test_a_waiting_student_whom_the_application_enrolls_is_not_enrolled_twice(school: School) -> None:
    student = await school.profile()
    await waits(school, student, "no_course")
    draft = await school.course("draft", status="draft")
    await school.enroll(student, draft)
    await school.course("default")
    await eventually(school.app, WAITING, equals=0)
    assert await school.courses_of(student) == [draft]


async def test_a_waiting_student_who_is_gone_or_no_student_any_more_is_forgotten(school: School) -> None:
    gone, promoted, student = [await school.profile() for _ in range(3)]
    await eventually(school.app, WAITING, equals=3)
    await school.app.execute("delete from profiles where id = $1", gone)
    await school.app.execute("update profiles set role = 'admin' where id = $1", promoted)
    course = await school.course()
    await school.enrolled(student, course)
    await eventually(school.app, WAITING, equals=0)
    assert await school.courses_of(promoted) == []


async def test_while_the_default_course_is_locked_students_wait_for_it(school: School) -> None:
    course = await school.course()
    somebody = await school.other()
    transaction = somebody.transaction()
    await transaction.start()
    await somebody.execute("select from courses where id = $1 for update", course)
    student = await school.profile()
    await waits(school, student, "course_locked")
    await transaction.commit()
    await somebody.close()
    await school.enrolled(student, course)
    await eventually(school.app, WAITING, equals=0)
    await school.counted(course, 1)


async def test_a_course_row_that_is_being_updated_does_not_hold_up_enrolling(school: School) -> None:
    course = await school.course()
    somebody = await school.other()
    transaction = somebody.transaction()
    await transaction.start()
    await somebody.execute("update courses set title = 'being edited' where id = $1", course)
    await school.enrolled(await school.profile(), course)
    await transaction.rollback()
    await somebody.close()
    await school.counted(course, 1)


async def test_a_student_whom_the_lms_refuses_waits_with_the_error_and_the_others_are_enrolled(school: School) -> None:
    course = await school.course()
    await school.app.execute(refuse(UNPAID))
    try:
        rows = await school.app.fetch("""
            insert into profiles (role, full_name)
            select 'student', case when number = 7 then 'unpaid' end from generate_series(1, 20) as number
            returning id, full_name
        """)
        refused = next(row["id"] for row in rows if row["full_name"] == "unpaid")
        await school.counted(course, 19)
        await waits(school, refused, "failed")
        error = await school.app.fetchval("select error from listener.pending_enrollment")
        assert error == "P0001: the fee is not paid"
        await eventually(school.app, "select attempts >= 2 from listener.pending_enrollment", equals=True)
        await school.app.execute("update profiles set full_name = 'paid' where id = $1", refused)
        await school.enrolled(refused, course)
    finally:
        await school.app.execute("drop function refuse cascade")
    await school.caught_up()


async def test_a_student_whose_row_somebody_holds_waits_and_the_others_are_enrolled(school: School) -> None:
    course = await school.course()
    held = await school.profile("admin")
    somebody = await school.other()
    transaction = somebody.transaction()
    await transaction.start()
    await school.app.execute("update profiles set role = 'student' where id = $1", held)
    await somebody.execute("select from profiles where id = $1 for update", held)
    other = await school.profile()
    await school.enrolled(other, course)
    await transaction.commit()
    await somebody.close()
    await school.enrolled(held, course)
    await school.caught_up()


async def test_an_attempt_that_is_due_later_is_not_forgotten_when_a_new_course_wakes_others(
    database: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    app = await asyncpg.connect(database.url)
    await app.execute(refuse(UNPAID))
    start_daemon(database, sample_seconds=3000, heartbeat_seconds=300).wait_ready("leading")
    async with app.transaction():
        await app.execute("insert into profiles (role, full_name) values ('student', 'unpaid')")
        await app.execute("insert into courses (title) values ('a')")
    await eventually(app, "select error from listener.pending_enrollment", equals="P0001: the fee is not paid")
    await app.execute("update profiles set full_name = 'paid'")
    await eventually(app, "select enrollments from courses", equals=1)
    assert await app.fetchval(WAITING) == 0
    await app.close()


async def test_retried_by_hand_a_student_is_tried_at_once_though_the_daemon_expected_nothing_for_long(
    database: Database, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    await connection.execute(refuse(UNPAID))
    start_daemon(database, heartbeat_seconds=300, sample_seconds=3600).wait_ready("leading")
    await connection.execute("insert into profiles (role, full_name) values ('student', 'unpaid')")
    await eventually(connection, WAITING, equals=1)
    await connection.execute("update listener.pending_enrollment set next_attempt_at = now() + interval '1 hour'")
    tried = (
        "select query like '%listener.retry_enroll(%' from pg_stat_activity"
        " where application_name = 'listener' and datname = current_database()"
    )
    await eventually(connection, tried, equals=True)
    await connection.execute("drop trigger refuse on enrollments")
    listener(database.url, "pending", "retry")
    await eventually(connection, "select count(*) from enrollments", equals=1)
    await eventually(connection, WAITING, equals=0)
