"""Both counts of a course follow its active enrollments, exactly, whatever moves them."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from listener.connection import Connection
from tests.conftest import Database, install_script
from tests.integration.conftest import School
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess

MANY = 100_000


async def guests(school: School, count: int) -> list[Any]:
    """Profiles that nobody enrolls by itself."""
    rows = await school.app.fetch(
        "insert into profiles (role) select 'guest' from generate_series(1, $1) returning id", count
    )
    return [row["id"] for row in rows]


async def test_an_enrollment_that_the_application_makes_is_counted(school: School) -> None:
    course = await school.course()
    for profile in await guests(school, 3):
        await school.enroll(profile, course)
    await school.counted(course, 3)
    await school.caught_up()


async def test_an_enrollment_that_is_not_active_is_not_counted(school: School) -> None:
    course = await school.course()
    active, cancelled = await guests(school, 2)
    await school.enroll(cancelled, course, "cancelled")
    await school.enroll(active, course)
    await school.caught_up()
    await school.counted(course, 1)


async def test_a_deleted_enrollment_is_counted_off(school: School) -> None:
    course = await school.course()
    profiles = await guests(school, 3)
    for profile in profiles:
        await school.enroll(profile, course)
    await school.counted(course, 3)
    await school.app.execute("delete from enrollments where user_id = $1", profiles[0])
    await school.counted(course, 2)
    await school.caught_up()


async def test_a_deleted_profile_takes_its_enrollments_along(school: School) -> None:
    course, other = await school.course("a"), await school.course("b", 9)
    (profile,) = await guests(school, 1)
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
    for profile in await guests(school, 2):
        await school.enroll(profile, course)
        await school.enroll(profile, other)
    await school.app.execute("delete from courses where id = $1", course)
    await school.counted(other, 2)
    await school.caught_up()


async def test_a_course_that_comes_back_with_a_claimed_count_is_counted_exactly(school: School) -> None:
    course = await school.course()
    first, second = await guests(school, 2)
    await school.enroll(first, course)
    await school.counted(course, 1)
    await school.app.execute("delete from courses where id = $1", course)
    await school.course(id=course, enrollments=1587, students=1587)
    await school.enroll(second, course)
    await school.counted(course, 1)
    await school.caught_up()


async def test_a_course_that_comes_back_before_its_end_is_counted_is_counted_exactly(school: School) -> None:
    course = await school.course()
    first, second = await guests(school, 2)
    async with school.app.transaction():
        await school.enroll(first, course)
        await school.app.execute("delete from courses where id = $1", course)
        await school.course(id=course)
        await school.enroll(second, course)
    await school.caught_up()
    await school.counted(course, 1)


async def test_a_course_whose_key_changes_keeps_its_count(school: School) -> None:
    course = await school.course()
    for profile in await guests(school, 2):
        await school.enroll(profile, course)
    renamed = await school.app.fetchval("update courses set id = gen_random_uuid() where id = $1 returning id", course)
    await school.counted(renamed, 2)
    await school.caught_up()


async def test_status_counts_in_both_directions(school: School) -> None:
    course = await school.course()
    (profile,) = await guests(school, 1)
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
    for profile in await guests(school, 2):
        await school.enroll(profile, source)
    await school.counted(source, 2)
    await school.app.execute("update enrollments set course_id = $1", target)
    await school.counted(source, 0)
    await school.counted(target, 2)
    await school.caught_up()


async def test_a_move_that_also_ends_the_enrollment_changes_the_old_course_only(school: School) -> None:
    source, target = await school.course("source"), await school.course("target")
    (profile,) = await guests(school, 1)
    await school.enroll(profile, source)
    await school.counted(source, 1)
    await school.app.execute("update enrollments set course_id = $1, status = 'cancelled'", target)
    await school.counted(source, 0)
    await school.caught_up()
    await school.counted(target, 0)


async def test_truncating_the_enrollments_counts_them_off(school: School) -> None:
    course, other = await school.course("a"), await school.course("b")
    for profile in await guests(school, 3):
        await school.enroll(profile, course)
        await school.enroll(profile, other, "cancelled")
    await school.counted(course, 3)
    await school.app.execute("truncate enrollments")
    await school.counted(course, 0)
    await school.caught_up()


async def test_truncating_the_profiles_counts_their_enrollments_off(school: School) -> None:
    course = await school.course()
    for profile in await guests(school, 3):
        await school.enroll(profile, course)
    await school.counted(course, 3)
    await school.app.execute("truncate profiles cascade")
    await school.counted(course, 0)
    await school.caught_up()


async def test_truncating_the_courses_leaves_nothing_to_count(school: School) -> None:
    course = await school.course()
    profiles = await guests(school, 3)
    for profile in profiles:
        await school.enroll(profile, course)
    await school.app.execute("truncate courses cascade")
    await school.course(id=course)
    await school.enroll(profiles[0], course)
    await school.counted(course, 1)
    await school.caught_up()


async def test_a_truncation_that_is_rolled_back_changes_nothing(school: School) -> None:
    course = await school.course()
    (profile,) = await guests(school, 1)
    await school.enroll(profile, course)
    await school.app.execute("begin; truncate enrollments; rollback")
    await school.counted(course, 1)
    await school.caught_up()


async def test_a_hundred_thousand_enrollments_in_one_statement_are_one_note(school: School) -> None:
    course = await school.course()
    await guests(school, MANY)
    await school.caught_up()
    before = await school.now()
    await school.app.execute("insert into enrollments (user_id, course_id) select id, $1 from profiles", course)
    await school.counted(course, MANY)
    assert await school.notes_since(before) == 1
    await school.app.execute("delete from enrollments where course_id = $1", course)
    await school.counted(course, 0)
    assert await school.notes_since(before) == 2
    await school.caught_up()


async def test_enrollments_that_come_by_copy_are_counted(school: School) -> None:
    course, other = await school.course("a"), await school.course("b")
    records = [(profile, each) for profile in await guests(school, 200) for each in (course, other)]
    await school.app.copy_records_to_table("enrollments", records=records, columns=["user_id", "course_id"])
    await school.counted(course, 200)
    await school.counted(other, 200)
    await school.caught_up()


async def test_an_upsert_counts_what_it_does(school: School) -> None:
    course = await school.course()
    new, cancelled, active = await guests(school, 3)
    await school.enroll(cancelled, course, "cancelled")
    await school.enroll(active, course)
    await school.app.execute(
        """
        insert into enrollments (user_id, course_id)
        select profile, $2 from unnest($1::uuid[]) as profile
        on conflict (user_id, course_id) do update set status = 'active'
        """,
        [new, cancelled, active],
        course,
    )
    await school.counted(course, 3)
    await school.app.execute(
        "insert into enrollments (user_id, course_id) select $1, $2 on conflict do nothing", new, course
    )
    await school.caught_up()
    await school.counted(course, 3)


async def test_a_merge_counts_what_it_does(school: School) -> None:
    if school.version < 15:
        pytest.skip("MERGE came with Postgres 15")
    course = await school.course()
    new, cancelled, leaving = await guests(school, 3)
    await school.enroll(cancelled, course, "cancelled")
    await school.enroll(leaving, course)
    await school.counted(course, 1)
    await school.app.execute(f"""
        merge into enrollments
        using (values ('{new}'::uuid), ('{cancelled}'), ('{leaving}')) as source (id)
            on source.id = enrollments.user_id
        when matched and enrollments.status = 'active' then delete
        when matched then update set status = 'active'
        when not matched then insert (user_id, course_id) values (source.id, '{course}')
    """)
    await school.counted(course, 2)
    await school.caught_up()


async def test_a_count_that_was_null_starts_from_zero(school: School) -> None:
    await school.app.execute("alter table courses alter enrollments drop not null, alter students drop not null")
    course = await school.course(enrollments=None, students=None)
    (profile,) = await guests(school, 1)
    await school.enroll(profile, course)
    await school.counted(course, 1)
    await school.app.execute(
        "update courses set enrollments = coalesce(enrollments, 0), students = coalesce(students, 0)"
    )
    await school.app.execute("alter table courses alter enrollments set not null, alter students set not null")
    await school.caught_up()


async def test_what_savepoints_took_back_is_not_counted(school: School) -> None:
    course = await school.course()
    first, second, third = await guests(school, 3)
    async with school.app.transaction():
        await school.enroll(first, course)
        await school.app.execute("savepoint middle")
        await school.enroll(second, course)
        await school.app.execute("rollback to savepoint middle")
        await school.enroll(third, course)
    await school.counted(course, 2)
    await school.caught_up()


async def test_a_course_row_that_somebody_holds_is_counted_later_and_the_others_at_once(school: School) -> None:
    held, free = await school.course("held"), await school.course("free")
    somebody = await school.other()
    transaction = somebody.transaction()
    await transaction.start()
    await somebody.execute("update courses set title = 'being edited' where id = $1", held)
    for profile in await guests(school, 2):
        await school.enroll(profile, held)
        await school.enroll(profile, free)
    await school.counted(free, 2)
    live = "select active_enrollments from listener.course_live_count where id = $1"
    assert await school.app.fetchval(live, held) == 2
    await eventually(school.app, "select delta from listener.pending_count where course_id = $1", held, equals=2)
    assert await school.app.fetch("select * from listener.course_drift") == []
    await transaction.commit()
    await somebody.close()
    await school.counted(held, 2)
    await school.caught_up()


async def test_a_count_that_the_lms_refuses_is_kept_until_it_agrees(school: School) -> None:
    small, large = await school.course("small"), await school.course("large")
    await school.app.execute("alter table courses add constraint small check (title <> 'small' or enrollments < 2)")
    try:
        for profile in await guests(school, 3):
            await school.enroll(profile, large)
            await school.enroll(profile, small)
        await school.counted(large, 3)
        parked = "select error like '23514%' from listener.pending_count where course_id = $1"
        await eventually(school.app, parked, small, equals=True)
        live = "select active_enrollments from listener.course_live_count where id = $1"
        assert await school.app.fetchval(live, small) == 3
    finally:
        await school.app.execute("alter table courses drop constraint small")
    await school.counted(small, 3)
    await school.caught_up()


async def test_counts_are_exact_after_sign_ups_and_leaves_by_many_at_once(school: School) -> None:
    courses = [await school.course(str(price), price) for price in range(3)]
    work = """
    do $$
    declare
        profile uuid;
    begin
        for number in 1..150 loop
            insert into profiles (role) values ('student') returning id into profile;
            insert into enrollments (user_id, course_id) select profile, id from courses where price = number % 3;
            if number % 4 = 0 then
                delete from enrollments where user_id = profile;
            end if;
            if number % 5 = 0 then
                update enrollments set course_id = (select id from courses where price = 2)
                where user_id = profile;
            end if;
            commit;
        end loop;
    end $$;
    """
    clients = [await school.other() for _ in range(4)]
    await asyncio.gather(*(client.execute(work) for client in clients))
    await school.caught_up(60)
    for client in clients:
        await client.close()
    for course in courses:
        active = await school.app.fetchval(
            "select count(*) from enrollments where course_id = $1 and status = 'active'", course
        )
        await school.counted(course, active)


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


async def test_what_is_parked_for_a_course_that_is_gone_is_what_its_enrollments_and_the_feed_leave(
    connection: Connection,
) -> None:
    """It went while its notes were taken blindly. Of others nothing is touched."""
    gone, there = await connection.fetchrow("select gen_random_uuid(), gen_random_uuid()") or (None, None)
    await connection.execute("alter table enrollments drop constraint enrollments_course_id_fkey")
    await connection.execute("insert into courses (id, title) values ($1, 'there')", there)
    await connection.execute("insert into profiles (role) select 'guest' from generate_series(1, 3)")
    await connection.execute("insert into enrollments (user_id, course_id) select id, $1 from profiles", gone)
    await connection.execute("truncate listener.change")
    await connection.execute(
        "insert into listener.change (source, operation, course_id, delta) values ('enrollments', 'insert', $1, 1)",
        gone,
    )
    await connection.execute(
        "insert into listener.pending_count (course_id, delta, next_attempt_at) values ($1, 7, now()), ($2, 5, now())",
        gone,
        there,
    )
    await connection.execute("select listener.settle_abandoned_counts()")
    parked = await connection.fetch("select course_id, delta from listener.pending_count")
    assert dict(map(tuple, parked)) == {gone: 2, there: 5}
