"""Whatever of the LMS's refuses one student, or one course's count: all others are enrolled and counted."""

import pytest

from listener.database.connection import Connection
from tests.integration.reactions.test_one_row import run

ONE = "00000000-0000-0000-0000-000000000007"
"""A student, or a course, for whom something fails."""

SOUND = f"""
create function sound(key uuid) returns integer language plpgsql immutable as $$
begin
    if key = '{ONE}' then
        raise exception 'not sound';
    end if;
    return 1;
end $$;
create function sound(key uuid, count integer) returns integer language plpgsql immutable as $$
begin
    if key = '{ONE}' and count <> 0 then
        raise exception 'not sound';
    end if;
    return 1;
end $$;
create domain sound_key as uuid check (value <> '{ONE}');
create domain small as integer check (value < 100);
"""

STATEMENT_TRIGGER = """
create function refuse() returns trigger language plpgsql as $$
begin
    perform sound({given}) from written;
    return null;
end $$;
create trigger refuse after {when} on {table} referencing new table as written
for each statement execute function refuse()
"""

OF_STUDENTS = {
    "a generated column": "alter table enrollments add sound integer generated always as (sound(user_id)) stored",
    "an index": "create index on enrollments (sound(user_id))",
    "a check": "alter table enrollments add check (sound(user_id) = 1)",
    "a check that is not valid": f"alter table enrollments add check (user_id <> '{ONE}') not valid",
    "a domain": "alter table enrollments alter user_id type sound_key",
    "a trigger for each statement": STATEMENT_TRIGGER.format(given="user_id", when="insert", table="enrollments"),
    "a foreign key at commit": """
        create table members (id uuid primary key);
        create function join_in() returns trigger language plpgsql as
        'begin insert into members select new.id where sound(new.id) = 1; return null;
         exception when others then return null; end';
        create trigger join_in after insert on profiles for each row execute function join_in();
        alter table enrollments add foreign key (user_id) references members deferrable initially deferred
    """,
}

OF_COUNTS = {
    "a generated column": "alter table courses add sound integer generated always as (sound(id, enrollments)) stored",
    "an index": "create index on courses (sound(id, enrollments))",
    "a check": "alter table courses add check (sound(id, enrollments) = 1)",
    "a domain": f"""
        alter table courses alter enrollments type small;
        set session_replication_role = replica;
        update courses set enrollments = 99 where id = '{ONE}';
        reset session_replication_role
    """,
    "a trigger for each statement": STATEMENT_TRIGGER.format(given="id, enrollments", when="update", table="courses"),
}


@pytest.mark.parametrize("what", OF_STUDENTS)
async def test_one_student_whom_anything_refuses_stops_no_other(
    connection: Connection, daemon: Connection, course: None, what: str
) -> None:
    await connection.execute(SOUND)
    await connection.execute(OF_STUDENTS[what])
    await connection.execute(
        f"insert into profiles (id, role) values (gen_random_uuid(), 'student'), ('{ONE}', 'student'),"
        " (gen_random_uuid(), 'student')"
    )
    await run(daemon)
    assert await connection.fetchval("select count(*) from enrollments") == 2
    assert await connection.fetchval("select array_agg(profile_id::text) from listener.pending_enrollment") == [ONE]
    assert await connection.fetchval("select enrollments from courses") == 2


@pytest.mark.parametrize("what", OF_COUNTS)
async def test_one_course_whose_count_anything_refuses_stops_no_other(
    connection: Connection, daemon: Connection, what: str
) -> None:
    await connection.execute(SOUND)
    await connection.execute(
        f"insert into courses (id, title, price) values ('{ONE}', 'one', 1), (gen_random_uuid(), 'two', 2)"
    )
    await connection.execute(OF_COUNTS[what])
    await connection.execute("insert into profiles (role) values ('teacher')")
    await run(daemon)
    await connection.execute(
        "insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles, courses"
        " where courses.title in ('one', 'two')"
    )
    await run(daemon)
    assert await connection.fetchval("select enrollments from courses where title = 'two'") == 1
    assert await connection.fetchval("select array_agg(course_id::text) from listener.pending_count") == [ONE]
