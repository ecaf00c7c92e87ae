"""A course that refuses keeps nobody out of the others; a place in line that cannot be told holds up no other line."""

import pytest

from listener.database.connection import Connection, tune
from listener.database.executors import Executors
from listener.instruments.instruments import Instruments
from listener.logs import configure
from listener.reactions.batch_size import BatchSizes
from listener.reactions.runner import Reactions
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.process import listener

SCHOOL = """
create table profiles (id bigint primary key, plan text not null default 'free');
create table courses (
    id bigint primary key, title text, plan text not null, seats text, enrollments integer not null default 0
);
create index on courses (plan);
create table enrollments (
    id bigint primary key generated always as identity,
    user_id bigint not null references profiles on delete cascade,
    course_id bigint not null references courses on delete cascade,
    status text not null default 'active' check (status in ('active', 'inactive')),
    unique (user_id, course_id)
);
create function refuse() returns trigger language plpgsql as $$
begin
    if new.course_id = 2 then
        raise exception 'closed';
    end if;
    return new;
end $$;
insert into courses (id, title, plan, seats) values (1, 'a', 'free', '9'), (2, 'b', 'free', '9'), (3, 'c', 'free', '9'),
(4, 'd', 'gold', '9');
"""
REFUSE = "create trigger refuse before insert or update on enrollments for each row execute function refuse()"

BY_PLAN = {"wanted_query": "select profiles.id, courses.id from profiles inner join courses using (plan)"}
SUSPEND = BY_PLAN | {"on_leave": "suspend", "inactive_value": "inactive"}
SEATS = SUSPEND | {"course_seats": "seats::int"}
RULES = {"keep": BY_PLAN, "suspend": SUSPEND, "seats": SEATS}

PLACES = """
select coalesce(array_agg(user_id || ' ' || course_id || ' ' || status order by user_id, course_id), '{}')
from enrollments
"""
PENDING = """
select array_agg(profile_id || ' ' || reason || ' ' || coalesce(error, '') order by profile_id)
from listener.pending_enrollment
"""


async def run(daemon: Connection) -> None:
    reactions = Reactions(
        Executors.alike(daemon), Instruments.of_daemon(1.0, configure("error", "json")), BatchSizes(2000)
    )
    for _ in range(8):
        reactions.news()
        reactions.try_again()
        await reactions.run_due()


async def ready(empty: Database, app: Connection, settings: dict[str, str]) -> Connection:
    """A session such as the daemon's, in an installed school."""
    await app.execute(SCHOOL)
    listener(empty.url, "install", check=True, **settings)
    await app.execute("delete from listener.blind_note")
    daemon: Connection = await connect(empty.url)
    await tune(daemon)
    return daemon


@pytest.mark.parametrize("settings", RULES.values(), ids=RULES)
async def test_a_course_that_refuses_keeps_nobody_out_of_the_others(
    empty: Database, app: Connection, settings: dict[str, str]
) -> None:
    daemon = await ready(empty, app, settings)
    await app.execute(REFUSE)
    await app.execute("insert into profiles (id) select generate_series(1, 3)")
    await run(daemon)
    others = [f"{student} {course} active" for student in (1, 2, 3) for course in (1, 3)]
    assert await app.fetchval(PLACES) == others
    assert await app.fetchval(PENDING) == [f"{student} failed P0001: closed" for student in (1, 2, 3)]
    await app.execute("drop trigger refuse on enrollments")
    await app.execute("update listener.pending_enrollment set next_attempt_at = now()")
    await run(daemon)
    assert await app.fetchval("select count(*) from enrollments") == 9
    assert await app.fetchval(PENDING) is None
    await daemon.close()


@pytest.mark.parametrize("settings", [SUSPEND, SEATS], ids=["suspend", "seats"])
async def test_a_course_that_does_not_let_go_keeps_nobody_in_the_others(
    empty: Database, app: Connection, settings: dict[str, str]
) -> None:
    daemon = await ready(empty, app, settings)
    await app.execute("insert into profiles (id) select generate_series(1, 2)")
    await run(daemon)
    await app.execute(REFUSE)
    await app.execute("update profiles set plan = 'gold' where id = 1")
    await run(daemon)
    assert await app.fetchval(PLACES) == [
        "1 1 inactive", "1 2 active", "1 3 inactive", "1 4 active", "2 1 active", "2 2 active", "2 3 active"
    ]  # fmt: skip
    assert await app.fetchval(PENDING) == ["1 failed P0001: closed"]
    await daemon.close()


async def test_seats_that_cannot_be_told_keep_nobody_out_of_other_courses(empty: Database, app: Connection) -> None:
    daemon = await ready(empty, app, SEATS)
    await app.execute("update courses set seats = '1' where id = 1; update courses set seats = 'many' where id = 2")
    await app.execute("insert into profiles (id) select generate_series(1, 2)")
    await run(daemon)
    assert await app.fetchval(PLACES) == ["1 1 active", "1 3 active", "2 3 active"]
    await app.execute("update courses set seats = '2' where id = 1")
    await app.execute("update listener.pending_enrollment set next_attempt_at = now()")
    await run(daemon)
    assert "2 1 active" in await app.fetchval(PLACES)
    await app.execute("update courses set seats = '5' where id = 2")
    await app.execute("update listener.pending_enrollment set next_attempt_at = now()")
    await run(daemon)
    assert await app.fetchval("select count(*) from enrollments") == 6
    await daemon.close()


async def test_a_line_whose_seats_cannot_be_told_holds_up_no_other(empty: Database, app: Connection) -> None:
    daemon = await ready(empty, app, SEATS)
    await app.execute("update courses set seats = '1' where id < 3")
    await app.execute("insert into profiles (id) select generate_series(1, 2)")
    await run(daemon)
    assert await app.fetchval("select count(*) from listener.waiting") == 2
    await app.execute("update courses set seats = 'many' where id = 2; update courses set seats = '2' where id = 1")
    await run(daemon)
    assert "2 1 active" in await app.fetchval(PLACES)
    await app.execute("update courses set seats = '2' where id = 2")
    await app.execute("update listener.pending_enrollment set next_attempt_at = now()")
    await run(daemon)
    assert await app.fetchval("select count(*) from enrollments") == 6
    await daemon.close()


NONE = "if new.user_id = 2 and new.course_id = 2 then return null; end if; return new;"
ANOTHER_COURSE = "if new.user_id = 2 and new.course_id = 2 then new.course_id := 4; end if; return new;"
ANOTHER_PROFILE = "if new.user_id = 2 and new.course_id = 2 then new.user_id := 9; end if; return new;"


@pytest.mark.parametrize("settings", [BY_PLAN, SUSPEND], ids=["keep", "suspend"])
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (NONE, "a trigger of the LMS's made no enrollment of it"),
        (ANOTHER_COURSE, "P0001: a trigger of the LMS's made another enrollment of it: of 2 in 4"),
        (ANOTHER_PROFILE, "P0001: a trigger of the LMS's made another enrollment of it: of 9 in 2"),
    ],
    ids=["none", "another course", "another profile"],
)
@pytest.mark.half
async def test_a_trigger_that_makes_something_else_of_an_enrollment_has_the_student_wait(
    empty: Database, app: Connection, settings: dict[str, str], body: str, error: str
) -> None:
    daemon = await ready(empty, app, settings)
    await app.execute(
        f"create function change() returns trigger language plpgsql as $$ begin {body} end $$;"
        "create trigger change before insert on enrollments for each row execute function change();"
        "insert into profiles (id, plan) values (9, 'none')"
    )
    await app.execute("insert into profiles (id) select generate_series(1, 2)")
    places = [f"{student} {course} active" for student in (1, 2) for course in (1, 2, 3)]
    places.remove("2 2 active")
    for _ in range(3):
        await run(daemon)
        assert await app.fetchval(PLACES) == places
        assert await app.fetchval(PENDING) == [f"2 failed {error}"]
        await app.execute("update profiles set plan = plan; update courses set title = 'again' where id = 2")
        await app.execute("update listener.pending_enrollment set next_attempt_at = now()")
    explained = listener(empty.url, "explain", "2").stdout
    assert "trigger of the LMS's" in explained
    await daemon.close()


async def test_a_trigger_that_makes_no_enrollment_of_a_new_student_has_the_student_wait(
    connection: Connection, database: Database
) -> None:
    await connection.execute("insert into courses (title, price) values ('a', 0)")
    await connection.execute(
        "create function skip() returns trigger language plpgsql as"
        " $$ begin if exists (select from profiles where id = new.user_id and full_name = 'x') then"
        " return null; end if; return new; end $$;"
        "create trigger skip before insert on enrollments for each row execute function skip()"
    )
    daemon: Connection = await connect(database.url)
    await tune(daemon)
    await connection.execute("insert into profiles (role, full_name) values ('student', 'x'), ('student', 'y')")
    await run(daemon)
    assert await connection.fetchval("select count(*) from enrollments") == 1
    assert await connection.fetchval("select reason || ' ' || error from listener.pending_enrollment") == (
        "failed a trigger of the LMS's made no enrollment of it"
    )
    await daemon.close()
