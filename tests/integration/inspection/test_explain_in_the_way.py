"""`listener explain PROFILE` answers everybody, whatever stands in the way, and stands in nobody's."""

from collections.abc import Callable

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.explaining import COURSE, MADE_GOOD, ask, explaining, person, read, refused, unnoted, verdict
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener

NOBODY = "00000000-0000-4000-8000-000000000000"

StartDaemon = Callable[..., DaemonProcess]


async def test_a_mapping_that_is_broken_is_told_and_what_can_still_be_said_is_said(
    connection: Connection, database: Database
) -> None:
    course = await connection.fetchval(COURSE)
    student, enrolled = await person(connection), await person(connection)
    await connection.execute("insert into enrollments (user_id, course_id) values ($1, $2)", enrolled, course)
    await connection.execute("alter table profiles drop column role")
    answer = ask(database.url, student, status=2)
    assert (answer["verdict"], answer["is_student"], answer["complete"]) == ("unknown", None, False)
    assert "column role of public.profiles is gone: run `listener install`" in answer["mapping_broken"]
    assert answer["mapping_broken"] in answer["incomplete_because"][0]
    assert any("whether it is a student could not be read" in each for each in answer["incomplete_because"])
    text = read(database.url, student, status=2)
    assert text.startswith("cannot tell: see what could not be read")
    assert "may be incomplete: the mapping is broken: column role of public.profiles is gone" in text
    assert verdict(database.url, enrolled) == ("enrolled", None)


async def test_a_student_who_cannot_be_enrolled_under_a_broken_mapping_waits_for_it(
    connection: Connection, database: Database
) -> None:
    await connection.execute(COURSE)
    student = await person(connection)
    assert verdict(database.url, student) == ("on_its_way", None)
    await connection.execute("alter table courses drop column enrollments")  # what counting needs, enrolling does not
    answer = ask(database.url, student)
    assert (answer["verdict"], answer["complete"]) == ("on_its_way", False)
    await connection.execute("alter table courses drop column status")
    await connection.execute("alter table courses drop column students")
    answer = ask(database.url, student)
    assert (answer["verdict"], answer["reason"]) == ("waits", "mapping_broken")
    assert "column status of public.courses is gone: run `listener install`" in answer["says"]
    assert "new students: could not be read" in read(database.url, student)


async def test_a_student_whom_a_disabled_trigger_did_not_note_waits_for_it_and_is_not_told_to_sync(
    connection: Connection, database: Database
) -> None:
    await connection.execute(COURSE)
    noted = await person(connection)
    await connection.execute("alter table profiles disable trigger listener_insert")
    student = await person(connection)
    answer = ask(database.url, student)
    assert (answer["verdict"], answer["reason"]) == ("waits", "mapping_broken")
    assert "trigger listener_insert on public.profiles is missing or disabled: run `listener install`" in answer["says"]
    assert verdict(database.url, noted) == ("on_its_way", None)


async def test_who_signed_up_between_a_rename_and_its_being_followed_is_looked_for(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    await connection.execute(COURSE)
    await connection.execute("alter table profiles rename column role to kind")
    student = str(await connection.fetchval("insert into profiles (kind) values ('student') returning id"))
    answer = ask(database.url, student, status=2)
    assert (answer["verdict"], answer["mapping_broken"], answer["complete"]) == ("unknown", None, False)
    assert "something was renamed and is not followed yet" in read(database.url, student, status=2)
    await connection.execute("alter table profiles rename column kind to role")
    answer = ask(database.url, student)
    assert (answer["verdict"], answer["reason"], answer["complete"]) == ("on_its_way", "noted_blindly", False)
    assert answer["blind_notes"]["waiting"] == 1
    assert "notes taken blindly, which name nobody, wait to be made good" in read(database.url, student)
    await connection.execute("alter table profiles rename column role to kind")
    start_daemon(database, heartbeat_seconds=0.3).wait_ready("leading")
    await eventually(connection, "select count(*) from enrollments", equals=1)
    await eventually(connection, MADE_GOOD, equals=True)
    assert verdict(database.url, student) == ("enrolled", None)
    teacher = str(await connection.fetchval("insert into profiles (kind) values ('teacher') returning id"))
    assert ask(database.url, teacher)["rule_rows"] == [{"kind": "teacher"}]


async def test_the_daemon_s_own_role_gets_the_answer_but_not_what_it_has_no_right_to_read(
    make_database: Callable[..., Database],
) -> None:
    database = make_database(installed=False)
    role = f"small_{database.name}"
    database.server.psql("postgres", f"create role {role} login")
    connection = await asyncpg.connect(database.url)
    try:
        listener(database.url, "install", "--grant-to", role)
        course = await connection.fetchval(COURSE)
        small = database.server.url(database.name, user=role)
        noted, missed = await person(connection), await unnoted(connection)
        teacher, enrolled = await person(connection, "teacher"), await person(connection)
        await connection.execute("insert into enrollments (user_id, course_id) values ($1, $2)", enrolled, course)
        assert verdict(small, noted) == ("on_its_way", None)
        assert verdict(small, missed) == ("missed", None)
        answer = ask(small, enrolled)
        assert (answer["verdict"], answer["enrollments"][0]["course"]) == ("enrolled", str(course))
        assert answer["complete"]
        assert "there is no profile" in refused(small, NOBODY)
        answer = ask(small, teacher)
        assert (answer["verdict"], answer["is_student"], answer["rule_rows"]) == ("not_a_student", False, None)
        unread = "what the columns that the rule reads hold could not be read"
        assert answer["incomplete_because"] == [f"{unread}: permission denied for table profiles"]
        await connection.execute(f"grant select on profiles to {role}; alter table profiles enable row level security")
        answer = ask(small, teacher)
        assert answer["rule_rows"] is None
        assert answer["incomplete_because"] == [f"{unread}: row-level security hides rows from this role"]
        await connection.execute(f"drop owned by {role}")
        assert f"the role {role} may not look at schema listener" in refused(small, teacher)
    finally:
        await connection.close()
        database.server.psql(database.name, f"drop owned by {role}")
        database.server.psql("postgres", f"drop role {role}")


async def test_it_stands_in_no_migration_s_way_and_answers_when_the_migration_is_done(
    connection: Connection, database: Database
) -> None:
    teacher = await person(connection, "teacher")
    migration = await asyncpg.connect(database.url)
    await migration.execute("begin; lock table profiles in access exclusive mode")
    process = explaining(database.url, teacher)
    waits = """
        select exists (
            select
            from pg_locks
            inner join pg_stat_activity using (pid)
            where application_name = 'listener-command' and relation = 'profiles'::regclass and not granted
            and datname = current_database()
        )
    """
    for state in 2 * (True, False):  # it gives up each time, so that nobody stands in line behind it; and begins again
        await eventually(connection, waits, equals=state)
    await migration.execute("commit")
    wait_until(lambda: process.poll() is not None, "it has answered")
    assert process.stdout is not None
    with process.stdout as output:
        text = output.read()
    assert "not a student" in text
    assert "could not be read" not in text
    assert process.returncode == 0
    await migration.close()


FILL = """
set session_replication_role = replica;
insert into courses (title, price) values ('default', 0);
insert into profiles (role) select 'student' from generate_series(1, 100000);
insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles cross join courses;
insert into listener.change (source, operation, profile_ids) select 'profiles', 'insert', array[id] from profiles;
insert into listener.checkpoint (consumer, seq, handled)
select name, 1, pg_current_snapshot() from unnest(array['enroll', 'count']) as name;
reset session_replication_role;
vacuum analyze;
"""

COST = """
select
    sum(seq_tup_read + idx_tup_fetch)::bigint as read,
    sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint as written
from pg_stat_user_tables
where relname in ('profiles', 'enrollments', 'change', 'pending_enrollment', 'blind_note')
"""


@pytest.mark.parametrize("role", ["student", "teacher"])
@pytest.mark.half
async def test_it_reads_by_key_however_large_the_tables_and_the_history_are_and_writes_nothing(
    connection: Connection, database: Database, role: str
) -> None:
    """Figures of the server's own, over all that the command does."""
    if database.server.version < 15:
        pytest.skip("statistics cannot be flushed at will before Postgres 15")
    database.server.psql(database.name, FILL)
    others = (
        "select count(*) from pg_stat_activity"
        " where datname = $1 and pid <> pg_backend_pid() and backend_type = 'client backend'"
    )
    await eventually(connection, others, database.name, equals=0)  # a session tells its figures when it ends
    somebody = str(await connection.fetchval("select id from profiles limit 1"))
    newcomer = await person(connection, role)
    await connection.execute("select pg_stat_force_next_flush()")

    async def cost() -> tuple[int, int]:
        await connection.execute("select pg_stat_clear_snapshot()")
        read_, written = await connection.fetchrow(COST) or (0, 0)
        return read_, written

    before = await cost()
    assert ask(database.url, somebody)["verdict"] == "enrolled"
    assert verdict(database.url, newcomer)[0] == ("on_its_way" if role == "student" else "not_a_student")
    ended = "select count(*) from pg_stat_activity where application_name = 'listener-command' and datname = $1"
    await eventually(connection, ended, database.name, equals=0)  # a session tells its figures when it ends
    after = await cost()
    assert 2 <= after[0] - before[0] < 60
    assert after[1] == before[1]
