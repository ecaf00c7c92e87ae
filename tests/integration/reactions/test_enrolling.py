"""A profile that becomes a student, and has no enrollment, lands in the default course."""

from collections.abc import Callable
from datetime import UTC, datetime

import asyncpg
import pytest

from tests.conftest import Database
from tests.integration.conftest import School
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess


async def test_a_profile_inserted_as_student_is_enrolled(school: School) -> None:
    course = await school.course()
    await school.enrolled(await school.profile("student"), course)
    assert await school.app.fetchval("select status from enrollments") == "active"
    await school.counted(course, 1)
    await school.caught_up()


@pytest.mark.parametrize("role", [None, "admin", ""])
async def test_a_profile_whose_role_becomes_student_is_enrolled(school: School, role: str | None) -> None:
    course = await school.course()
    profile = await school.profile(role)
    await school.app.execute("update profiles set role = 'student' where id = $1", profile)
    await school.enrolled(profile, course)


@pytest.mark.parametrize("role", [None, "admin", "Student"])
async def test_others_are_not_enrolled(school: School, role: str | None) -> None:
    await school.course()
    profile = await school.profile(role)
    await school.app.execute("update profiles set full_name = 'A', role = 'teacher' where id = $1", profile)
    await school.caught_up()
    assert await school.courses_of(profile) == []


async def test_a_role_that_a_trigger_of_the_lms_changes_counts(school: School) -> None:
    course = await school.course()
    profile = await school.profile(None)
    await school.app.execute("""
        create function promote() returns trigger language plpgsql as
        $$ begin new.role = 'student'; return new; end $$;
        create trigger promote before update on profiles for each row execute function promote();
    """)
    try:
        await school.app.execute("update profiles set full_name = 'A' where id = $1", profile)
        await school.enrolled(profile, course)
    finally:
        await school.app.execute("drop function promote cascade")


async def test_a_role_that_a_trigger_of_the_lms_sets_at_insert_counts(school: School) -> None:
    course = await school.course()
    await school.app.execute("""
        create function promote() returns trigger language plpgsql as
        $$ begin new.role = 'student'; return new; end $$;
        create trigger promote before insert on profiles for each row execute function promote();
    """)
    try:
        await school.enrolled(await school.profile(None), course)
    finally:
        await school.app.execute("drop function promote cascade")


async def test_the_cheapest_course_is_the_default(school: School) -> None:
    await school.course("dear", 5)
    cheap = await school.course("cheap", 1)
    await school.course("middling", 3)
    await school.enrolled(await school.profile(), cheap)


async def test_a_course_without_a_price_comes_last(school: School) -> None:
    await school.course("unpriced", None)
    dear = await school.course("dear", 1000)
    await school.enrolled(await school.profile(), dear)


async def test_a_course_without_a_price_is_better_than_none(school: School) -> None:
    await school.enrolled(await school.profile(), await school.course("unpriced", None))


async def test_of_two_equally_cheap_courses_the_oldest_is_the_default(school: School) -> None:
    await school.course("younger", 1, created_at=datetime(2025, 1, 1, tzinfo=UTC))
    older = await school.course("older", 1, created_at=datetime(2024, 1, 1, tzinfo=UTC))
    await school.enrolled(await school.profile(), older)


async def test_of_two_equally_old_courses_the_lowest_key_is_the_default(school: School) -> None:
    created_at = datetime(2025, 1, 1, tzinfo=UTC)
    keys = [await school.course(title, 1, created_at=created_at) for title in "abcd"]
    await school.enrolled(await school.profile(), min(keys))


async def test_a_course_that_is_not_published_is_not_the_default(school: School) -> None:
    await school.course("draft", 0, status="draft")
    published = await school.course("published", 9)
    await school.enrolled(await school.profile(), published)


@pytest.mark.parametrize("status", ["active", "cancelled"])
async def test_a_student_with_an_enrollment_of_any_status_is_left_alone(school: School, status: str) -> None:
    await school.course("default", 0)
    other = await school.course("other", 5)
    profile = await school.profile("admin")
    await school.enroll(profile, other, status)
    await school.app.execute("update profiles set role = 'student' where id = $1", profile)
    await school.caught_up()
    assert await school.courses_of(profile) == [other]


async def test_a_student_enrolled_in_the_transaction_that_signs_up_is_left_alone(school: School) -> None:
    await school.course("default", 0)
    other = await school.course("other", 5)
    async with school.app.transaction():
        profile = await school.profile()
        await school.enroll(profile, other)
    await school.caught_up()
    assert await school.courses_of(profile) == [other]


async def test_a_student_who_left_is_not_enrolled_again_by_a_later_update(school: School) -> None:
    course = await school.course()
    profile = await school.profile()
    await school.enrolled(profile, course)
    await school.app.execute("delete from enrollments where user_id = $1", profile)
    await school.app.execute("update profiles set full_name = 'A', email = 'a@example.com' where id = $1", profile)
    await school.app.execute("update profiles set role = 'student' where id = $1", profile)
    await school.caught_up()
    assert await school.courses_of(profile) == []


async def test_a_student_who_cancelled_is_not_enrolled_again_by_a_change_of_role(school: School) -> None:
    course = await school.course()
    profile = await school.profile()
    await school.enrolled(profile, course)
    await school.app.execute("update enrollments set status = 'cancelled' where user_id = $1", profile)
    await school.app.execute("update profiles set role = 'admin' where id = $1", profile)
    await school.app.execute("update profiles set role = 'student' where id = $1", profile)
    await school.caught_up()
    assert await school.app.fetchval("select status from enrollments where user_id = $1", profile) == "cancelled"
    await school.counted(course, 0)


async def test_updates_that_do_not_matter_take_no_note(school: School) -> None:
    course = await school.course()
    profile = await school.profile()
    await school.enrolled(profile, course)
    await school.counted(course, 1)
    before = await school.now()
    await school.app.execute("update profiles set full_name = 'B', email = 'b@example.com', role = role")
    await school.app.execute("update enrollments set status = status, course_id = course_id")
    await school.app.execute("update courses set title = 'renamed', price = 3")
    await school.app.execute("update courses set status = 'draft'")
    await school.app.execute("insert into profiles (role) values ('admin')")
    await school.app.execute("update profiles set role = 'admin'")
    assert await school.notes_since(before) == 0


async def test_a_sign_up_that_is_rolled_back_leaves_nothing(school: School) -> None:
    course = await school.course()
    transaction = school.app.transaction()
    await transaction.start()
    await school.profile()
    await transaction.rollback()
    await school.caught_up()
    assert await school.app.fetchval("select count(*) from enrollments") == 0
    await school.counted(course, 0)


async def test_of_a_sign_up_with_savepoints_only_what_stayed_is_enrolled(school: School) -> None:
    course = await school.course()
    async with school.app.transaction():
        kept = await school.profile()
        await school.app.execute("savepoint middle")
        await school.profile()
        await school.app.execute("rollback to savepoint middle")
        also_kept = await school.profile()
    await school.enrolled(kept, course)
    await school.enrolled(also_kept, course)
    await school.counted(course, 2)


async def test_a_sign_up_in_a_long_transaction_is_enrolled_when_it_commits(school: School) -> None:
    course = await school.course()
    slow = await school.other()
    transaction = slow.transaction()
    await transaction.start()
    late = await slow.fetchval("insert into profiles (role) values ('student') returning id")
    for _ in range(3):
        await school.enrolled(await school.profile(), course)
    assert await school.courses_of(late) == []
    await transaction.commit()
    await school.enrolled(late, course)
    await school.counted(course, 4)
    await slow.close()


async def test_a_profile_deleted_at_once_does_no_harm(school: School) -> None:
    course = await school.course()
    async with school.app.transaction():
        profile = await school.profile()
        await school.app.execute("delete from profiles where id = $1", profile)
    await school.enrolled(await school.profile(), course)
    await school.caught_up()
    await school.counted(course, 1)


async def test_many_students_inserted_by_one_statement_are_few_notes(school: School) -> None:
    course = await school.course()
    await school.caught_up()
    before = await school.now()
    await school.app.execute("begin; insert into profiles (role) select 'student' from generate_series(1, 10000)")
    notes = await school.notes_since(before)
    await school.app.execute("commit")
    assert notes == 100
    await school.counted(course, 10_000)
    await school.caught_up()


async def test_students_that_come_by_copy_are_enrolled(school: School) -> None:
    course = await school.course()
    await school.app.copy_records_to_table("profiles", records=[("student",)] * 500 + [("admin",)], columns=["role"])
    await school.counted(course, 500)
    await school.caught_up()


async def test_a_student_that_comes_by_upsert_is_enrolled(school: School) -> None:
    course = await school.course()
    profile = await school.profile("admin")
    upsert = """
        insert into profiles (id, role) values ($1, 'student')
        on conflict (id) do update set role = excluded.role
    """
    await school.app.execute(upsert, profile)
    await school.enrolled(profile, course)


async def test_students_that_come_by_merge_are_enrolled(school: School) -> None:
    if school.version < 15:
        pytest.skip("MERGE came with Postgres 15")
    course = await school.course()
    known = await school.profile("admin")
    await school.app.execute(f"""
        merge into profiles
        using (values ('{known}'::uuid), (gen_random_uuid())) as source (id) on source.id = profiles.id
        when matched then update set role = 'student'
        when not matched then insert (id, role) values (source.id, 'student')
    """)
    await school.enrolled(known, course)
    await school.counted(course, 2)


async def test_a_batch_cut_in_the_middle_of_a_transaction_leaves_nobody_waiting(
    database: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    """What lies behind a transaction that takes several batches is not left to the next ring or heartbeat."""
    app = await asyncpg.connect(database.url)
    async with app.transaction():
        await app.execute("insert into courses (title) values ('a')")
        for _ in range(5):
            await app.execute("insert into profiles (role) values ('student')")
    await app.execute("insert into profiles (role) values ('student')")
    start_daemon(database, batch_size=2, heartbeat_seconds=300).wait_ready("leading")
    await eventually(app, "select enrollments from courses", equals=6)
    await app.close()


@pytest.fixture(params=["uuid", "bigint", "integer", "text"])
def keyed(request: pytest.FixtureRequest, make_database: Callable[..., Database]) -> Database:
    """A database with this type of keys."""
    return make_database(request.param)


async def test_any_type_of_key_will_do(keyed: Database, start_daemon: Callable[..., DaemonProcess]) -> None:
    daemon = start_daemon(keyed)
    app = await asyncpg.connect(keyed.url)
    course = await app.fetchval("insert into courses (title) values ('a') returning id")
    daemon.wait_ready("leading")
    student = await app.fetchval("insert into profiles (role) values ('student') returning id")
    await eventually(app, "select course_id from enrollments where user_id = $1", student, equals=course)
    await eventually(app, "select enrollments from courses where id = $1", course, equals=1)
    await app.execute("delete from profiles where id = $1", student)
    await eventually(app, "select enrollments from courses where id = $1", course, equals=0)
    await app.close()
