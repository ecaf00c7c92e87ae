"""Both counts of a course are exact after statements that touch many rows, and after many clients at once."""

import asyncio

import pytest

from tests.integration.conftest import School

MANY = 100_000


async def test_truncating_the_enrollments_counts_them_off(school: School) -> None:
    course, other = await school.course("a"), await school.course("b")
    for profile in await school.guests(3):
        await school.enroll(profile, course)
        await school.enroll(profile, other, "cancelled")
    await school.counted(course, 3)
    await school.app.execute("truncate enrollments")
    await school.counted(course, 0)
    await school.caught_up()


async def test_truncating_the_profiles_counts_their_enrollments_off(school: School) -> None:
    course = await school.course()
    for profile in await school.guests(3):
        await school.enroll(profile, course)
    await school.counted(course, 3)
    await school.app.execute("truncate profiles cascade")
    await school.counted(course, 0)
    await school.caught_up()


async def test_truncating_the_courses_leaves_nothing_to_count(school: School) -> None:
    course = await school.course()
    profiles = await school.guests(3)
    for profile in profiles:
        await school.enroll(profile, course)
    await school.app.execute("truncate courses cascade")
    await school.course(id=course)
    await school.enroll(profiles[0], course)
    await school.counted(course, 1)
    await school.caught_up()


async def test_a_truncation_that_is_rolled_back_changes_nothing(school: School) -> None:
    course = await school.course()
    (profile,) = await school.guests(1)
    await school.enroll(profile, course)
    await school.app.execute("begin; truncate enrollments; rollback")
    await school.counted(course, 1)
    await school.caught_up()


async def test_a_hundred_thousand_enrollments_in_one_statement_are_one_note(school: School) -> None:
    course = await school.course()
    await school.guests(MANY)
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
    records = [(profile, each) for profile in await school.guests(200) for each in (course, other)]
    await school.app.copy_records_to_table("enrollments", records=records, columns=["user_id", "course_id"])
    await school.counted(course, 200)
    await school.counted(other, 200)
    await school.caught_up()


async def test_an_upsert_counts_what_it_does(school: School) -> None:
    course = await school.course()
    new, cancelled, active = await school.guests(3)
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
    new, cancelled, leaving = await school.guests(3)
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
