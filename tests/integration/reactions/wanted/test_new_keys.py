"""A profile or a course that gets another key takes along what is kept of it, whether its enrollments come by a
foreign key or by the app, and also to another partition."""

from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener

PLAIN = "create table profiles (id bigint primary key);"
OF_FAMILIES = PLAIN.replace(");", ", parent bigint references profiles on update cascade);")
PARTITIONED = """
create table profiles (id bigint primary key) partition by range (id);
create table profiles_low partition of profiles for values from (minvalue) to (1000);
create table profiles_high partition of profiles for values from (1000) to (maxvalue);
"""
KEY, NONE = " references profiles on update cascade on delete cascade", ""
COURSES = " references courses on update cascade"
PLAIN_COURSES = "create table courses (id bigint primary key, seats integer, enrollments integer not null default 0);"
PARTITIONED_COURSES = f"""
{PLAIN_COURSES.removesuffix(";")} partition by range (id);
create table courses_low partition of courses for values from (minvalue) to (1000);
create table courses_high partition of courses for values from (1000) to (maxvalue);
"""
SCHEMA = """
create table enrollments (
    id bigint generated always as identity primary key,
    profile_id bigint not null{profiles},
    course_id bigint not null{courses},
    status text not null default 'active' check (status in ('active', 'inactive')),
    unique (profile_id, course_id)
);
create table places (profile_id bigint not null{profiles}, course_id bigint not null{courses});
create index on places (profile_id);
create index on places (course_id);
insert into courses values (1, 1), (2, null);
insert into profiles select generate_series(1, 9);
"""
SHAPES = [
    pytest.param(PLAIN, KEY, id="cascade"),
    pytest.param(PLAIN, NONE, id="no_key"),
    pytest.param(PARTITIONED, KEY, id="partitioned-cascade"),
    pytest.param(PARTITIONED, NONE, id="partitioned-no_key"),
]
STATUS = "select string_agg(status, ' ') from enrollments where profile_id = $1 and course_id = $2"
WAITING = """
select coalesce(array_agg(concat_ws(' ', profile_id, course_id, reason) order by profile_id), '{}')
from listener.pending_enrollment
"""
NOTHING_WAITS = "select not exists (select from listener.unhandled('enroll'))"

School = Callable[..., "tuple[Database, DaemonProcess]"]

FIRST_TO_MOVE = 15
"""The first version in which a move to another partition is an update for foreign keys. Before, ON DELETE of the LMS's
own keys takes away the rows that refer to the moved one."""


@pytest.fixture
def school(make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess]) -> School:
    def make(profiles: str, key: str, tables: str = PLAIN_COURSES) -> tuple[Database, DaemonProcess]:
        database = make_database(empty=True)
        if (profiles == PARTITIONED or tables != PLAIN_COURSES) and key and database.server.version < FIRST_TO_MOVE:
            pytest.skip(
                f"Postgres {database.server.version} deletes what refers to a row that moves to another partition"
            )
        courses = COURSES if key else ""
        database.server.psql(
            database.name, profiles + tables + SCHEMA.replace("{profiles}", key).replace("{courses}", courses)
        )
        listener(
            database.url,
            "install",
            wanted_query="select profile_id, course_id from places",
            course_seats="seats",
            on_leave="suspend",
            inactive_value="inactive",
            history_days="9",
        )
        return database, start_daemon(database, audit_seconds=3600).wait_ready("leading")

    return make


async def renamed(app: Connection, what: str, old: int, new: int, *, by_app: bool, before: bool = False) -> None:
    """In one transaction: the key, and what refers to it, if no foreign key does so."""
    key = [f"update {what}s set id = {new} where id = {old}"]
    others = [f"update {table} set {what}_id = {new} where {what}_id = {old}" for table in ("enrollments", "places")]
    async with app.transaction():
        for text in (*others, *key) if by_app and before else (*key, *(others if by_app else ())):
            await app.execute(text)


@pytest.mark.parametrize(("profiles", "key"), SHAPES)
@pytest.mark.parametrize("before", [False, True], ids=["key_first", "key_last"])
@pytest.mark.half
async def test_a_profile_takes_along_what_was_made_for_it(
    school: School, profiles: str, key: str, before: bool
) -> None:
    database, _ = school(profiles, key)
    app = await connect(database.url)
    await app.execute("insert into places values (1, 2)")
    await eventually(app, STATUS, 1, 2, equals="active")
    await renamed(app, "profile", 1, 1501, by_app=not key, before=before)
    await eventually(app, NOTHING_WAITS, equals=True)
    await app.execute("delete from places where profile_id = 1501")
    await eventually(app, STATUS, 1501, 2, equals="inactive")
    await app.execute("insert into profiles values (1); insert into places values (1, 2)")
    await eventually(app, STATUS, 1, 2, equals="active")
    assert "returned" not in listener(database.url, "history", "1").stdout
    told = listener(database.url, "history", "1501").stdout
    assert "enrolled" in told
    assert "suspended" in told
    app.terminate()


@pytest.mark.parametrize(("profiles", "key"), SHAPES)
async def test_a_profile_keeps_its_place_in_line(school: School, profiles: str, key: str) -> None:
    database, _ = school(profiles, key)
    app = await connect(database.url)
    for profile in (1, 2, 3):
        await app.execute("insert into places values ($1, 1)", profile)
        await eventually(app, "select count(*) from listener.history", equals=1)
        await eventually(app, NOTHING_WAITS, equals=True)
    await eventually(app, WAITING, equals=["2 1 full", "3 1 full"])
    since = await app.fetchval("select since from listener.pending_enrollment where profile_id = 2")
    await renamed(app, "profile", 2, 1502, by_app=not key)
    await eventually(app, NOTHING_WAITS, equals=True)
    assert await app.fetchval(WAITING) == ["3 1 full", "1502 1 full"]
    assert await app.fetchval("select since from listener.pending_enrollment where profile_id = 1502") == since
    await app.execute("delete from places where profile_id = 1")
    await eventually(app, STATUS, 1502, 1, equals="active")
    await eventually(app, WAITING, equals=["3 1 full"])
    app.terminate()


@pytest.mark.parametrize(("profiles", "key"), SHAPES)
@pytest.mark.half
async def test_what_was_removed_by_hand_stays_so_under_a_new_key(school: School, profiles: str, key: str) -> None:
    database, _ = school(profiles, key)
    app = await connect(database.url)
    await app.execute("insert into places values (1, 2)")
    await eventually(app, STATUS, 1, 2, equals="active")
    await app.execute("delete from enrollments")
    await renamed(app, "profile", 1, 1501, by_app=not key)
    await app.execute("insert into places values (2, 2)")
    await eventually(app, STATUS, 2, 2, equals="active")
    await eventually(app, NOTHING_WAITS, equals=True)
    assert await app.fetchval(STATUS, 1501, 2) is None
    app.terminate()


async def test_who_is_deleted_and_another_who_is_new_in_the_same_transaction_are_two(school: School) -> None:
    database, _ = school(PARTITIONED, KEY)
    app = await connect(database.url)
    await app.execute("insert into places values (1, 2)")
    await eventually(app, STATUS, 1, 2, equals="active")
    await app.execute("delete from enrollments")
    await app.execute("delete from profiles where id = 1; insert into profiles values (1501)")
    await app.execute("update profiles set id = id where id = 2")
    await app.execute("insert into profiles values (1); insert into places values (1501, 2), (1, 2)")
    await eventually(app, STATUS, 1501, 2, equals="active")
    await eventually(app, STATUS, 1, 2, equals="active")
    app.terminate()


@pytest.mark.parametrize(("tables", "new"), [(PLAIN_COURSES, 7), (PARTITIONED_COURSES, 7), (PARTITIONED_COURSES, 1501)])
@pytest.mark.parametrize("key", [KEY, NONE], ids=["cascade", "no_key"])
@pytest.mark.half
async def test_a_course_takes_along_what_was_made_in_it_and_who_waits_for_it(
    school: School, key: str, tables: str, new: int
) -> None:
    database, _ = school(PLAIN, key, tables)
    app = await connect(database.url)
    await app.execute("insert into places values (1, 1)")
    await eventually(app, STATUS, 1, 1, equals="active")
    await app.execute("insert into places values (2, 1)")
    await eventually(app, WAITING, equals=["2 1 full"])
    await renamed(app, "course", 1, new, by_app=not key)
    await eventually(app, NOTHING_WAITS, equals=True)
    await eventually(app, WAITING, equals=[f"2 {new} full"])
    await eventually(app, "select enrollments from courses where id = $1", new, equals=1)
    assert await app.fetch("select * from listener.course_drift") == []
    assert await app.fetchval("select array_agg(course_id) from listener.history") == [new]
    await app.execute("delete from places where profile_id = 1")
    await eventually(app, STATUS, 1, new, equals="inactive")
    await eventually(app, STATUS, 2, new, equals="active")
    app.terminate()


async def test_a_course_that_says_it_was_moved_takes_nothing_from_one_that_is_there(school: School) -> None:
    """The settings by which a move is told are anybody's to set."""
    database, _ = school(PLAIN, NONE, PARTITIONED_COURSES)
    app = await connect(database.url)
    await app.execute("insert into places values (1, 1)")
    await eventually(app, STATUS, 1, 1, equals="active")
    await eventually(app, "select enrollments from courses where id = 1", equals=1)
    async with app.transaction():
        await app.execute("select set_config('listener.moving', 'on', true)")
        await app.execute("""select set_config('listener.moved_from', '["1", 100]', true)""")
        await app.execute("insert into courses (id) values (1700)")
    await eventually(app, NOTHING_WAITS, equals=True)
    assert await app.fetchval("select array_agg(course_id) from listener.made_enrollment") == [1]
    counts = "select array_agg(enrollments order by id) from courses where id in (1, 1700)"
    assert await app.fetchval(counts) == [1, 0]
    app.terminate()


@pytest.mark.parametrize(("profiles", "key"), [*SHAPES, pytest.param(OF_FAMILIES, KEY, id="families")])
@pytest.mark.half
async def test_keys_that_all_move_by_one_take_along_what_is_their_own(school: School, profiles: str, key: str) -> None:
    """In one statement, each to the key that another one has left; the one in the middle was removed by hand."""
    database, _ = school(profiles, key)
    app = await connect(database.url)
    await app.execute("delete from profiles")
    for profile in (999, 1000, 1001):
        await app.execute(f"insert into profiles values ({profile}); insert into places values ({profile}, 2)")
        await eventually(app, STATUS, profile, 2, equals="active")
    await app.execute("delete from enrollments where profile_id = 1000")
    if profiles == OF_FAMILIES:  # the cascade updates rows again that have moved already
        await app.execute("update profiles set parent = nullif(1000, id)")
    shift = "set {0} = {0} - 1".format
    async with app.transaction():
        await app.execute(f"update profiles {shift('id')}")
        for table in () if key else ("enrollments", "places"):
            await app.execute(f"update {table} {shift('profile_id')}")
    await eventually(app, NOTHING_WAITS, equals=True)
    assert await app.fetchval("select array_agg(profile_id order by 1) from enrollments") == [998, 1000]
    assert await app.fetchval("select array_agg(profile_id order by 1) from listener.made_enrollment") == [
        998,
        999,
        1000,
    ]
    assert await app.fetchval("select array_agg(profile_id order by id) from listener.history") == [998, 999, 1000]
    await app.execute("delete from places where profile_id <> 999")
    await eventually(app, STATUS, 998, 2, equals="inactive")
    await eventually(app, STATUS, 1000, 2, equals="inactive")
    assert await app.fetchval(STATUS, 999, 2) is None
    # Who comes to the key that nobody has any more begins from nothing.
    await app.execute("insert into profiles values (1001); insert into places values (1001, 2)")
    await eventually(app, STATUS, 1001, 2, equals="active")
    app.terminate()


async def test_nobody_gets_the_ledger_of_another_under_a_key_that_may_be_taken_twice_for_a_moment(
    school: School,
) -> None:
    """A deferrable key: which row left which key cannot be told; enrollments are left alone as if made by hand."""
    database, _ = school(PLAIN.replace("key)", "key deferrable)"), NONE)
    app = await connect(database.url)
    await app.execute("insert into places values (1, 2), (3, 2)")
    for profile in (1, 3):
        await eventually(app, STATUS, profile, 2, equals="active")
    async with app.transaction():
        await app.execute("update profiles set id = id + 1")
        for table in ("enrollments", "places"):
            await app.execute(f"update {table} set profile_id = profile_id + 1 where profile_id = 3")
            await app.execute(f"update {table} set profile_id = profile_id + 1 where profile_id = 1")
    # The second is at 3 by now, and was in no course.
    await app.execute("delete from places where profile_id = 4; insert into places values (3, 2)")
    await eventually(app, STATUS, 3, 2, equals="active")
    await eventually(app, NOTHING_WAITS, equals=True)
    assert await app.fetchval(STATUS, 4, 2) == "active"
    # Where it is sure, the key takes its ledger along.
    async with app.transaction():
        await app.execute(
            "update profiles set id = 30 where id = 3; update enrollments set profile_id = 30 where profile_id = 3"
        )
        await app.execute("delete from places where profile_id = 3")
    await eventually(app, STATUS, 30, 2, equals="inactive")
    app.terminate()
