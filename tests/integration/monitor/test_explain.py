"""`listener explain PROFILE`: why somebody is, or is not, enrolled; whoever asks, whatever stands in the way."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from listener.connection import Connection
from tests.conftest import Database
from tests.integration.adapter.test_schemas import SCHEMAS
from tests.support.eventually import eventually
from tests.support.postgres import free_port, wait_until
from tests.support.process import DaemonProcess, environment, listener

NOBODY = "00000000-0000-4000-8000-000000000000"

StartDaemon = Callable[..., DaemonProcess]

COURSE = "insert into courses (title, price) values ('default', 0) returning id"
MADE_GOOD = "select not exists (select from listener.blind_note where horizon is null)"


async def person(connection: Connection, role: str = "student") -> str:
    """The key of a new profile."""
    return str(await connection.fetchval("insert into profiles (role) values ($1) returning id", role))


async def unnoted(connection: Connection, role: str = "student") -> str:
    """The key of a new profile, written while triggers are switched off."""
    async with connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        return await person(connection, role)


def ask(url: str, profile: str, status: int = 0) -> dict[str, Any]:
    """What `--json` says of a profile."""
    done = listener(url, "explain", profile, "--json", check=False)
    assert done.returncode == status, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def read(url: str, profile: str, status: int = 0) -> str:
    """What a person reads of a profile: the verdict in one line, and the rest without the table's white space."""
    done = listener(url, "explain", profile, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    assert done.stdout.splitlines()[0] == ask(url, profile, status)["says"]
    return " ".join(done.stdout.split())


def verdict(url: str, profile: str, status: int = 0) -> tuple[str, str | None]:
    """The verdict and the word that says what for."""
    answer = ask(url, profile, status)
    return answer["verdict"], answer["reason"]


def refused(url: str, profile: str) -> str:
    """The one line that says why there is no answer."""
    done = listener(url, "explain", profile, "--json", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def explaining(url: str, profile: str) -> "subprocess.Popen[str]":
    """The command, while it is at work."""
    return subprocess.Popen(
        [sys.executable, "-m", "listener", "explain", profile],
        env=environment(url),
        stdout=subprocess.PIPE,
        text=True,
    )


async def test_who_was_enrolled_is_told_where_in_which_status_and_since_when(
    make_database: Callable[..., Database], start_daemon: StartDaemon
) -> None:
    database = make_database(installed=False)
    connection = await asyncpg.connect(database.url)
    await connection.execute("alter table enrollments add enrolled_at timestamptz default '2026-02-03 04:05:06+00'")
    listener(database.url, "install")
    course = await connection.fetchval(COURSE)
    start_daemon(database).wait_ready("leading")
    student = await person(connection)
    await eventually(connection, "select count(*) from enrollments", equals=1)
    answer = ask(database.url, student)
    assert (answer["verdict"], answer["reason"], answer["complete"]) == ("enrolled", None, True)
    assert (answer["says"], answer["profile"], answer["is_student"]) == ("enrolled", student, True)
    since = answer["enrollments"][0].pop("since")
    assert since.startswith("2026-02-0")
    assert answer["enrollments"] == [{"course": str(course), "status": "active", "active": True}]
    assert (answer["default_course"], answer["pending"], answer["rule_rows"]) == (str(course), None, None)
    text = read(database.url, student.upper())
    assert f"profile {student}" in text
    assert f"in course {course}, active, since {since}" in text
    assert "who has any enrollment, of any status, is left alone" in text
    assert f"new students land in course {course}" in text
    await connection.close()


async def test_who_left_or_is_a_student_no_more_is_enrolled_and_it_says_what_is_odd_about_it(
    connection: Connection, database: Database
) -> None:
    course = await connection.fetchval(COURSE)
    left, teacher = await person(connection), await person(connection, "teacher")
    for key, status in ((left, "cancelled"), (teacher, "active")):
        await connection.execute(
            "insert into enrollments (user_id, course_id, status) values ($1, $2, $3)", key, course, status
        )
    text = read(database.url, left)
    assert text.startswith("enrolled, but not in any active status: who has any enrollment, of any status, is left")
    assert "cancelled (not active)" in text
    text = read(database.url, teacher)
    assert text.startswith("enrolled, though not a student now: no enrollment is ever taken back")


async def test_who_is_no_student_is_told_the_rule_and_what_the_columns_that_it_reads_hold(
    connection: Connection, database: Database
) -> None:
    teacher = await person(connection, "teacher")
    await connection.execute("update profiles set full_name = 'Ada', email = 'ada@example.com'")
    answer = ask(database.url, teacher)
    assert (answer["verdict"], answer["reason"], answer["is_student"]) == ("not_a_student", None, False)
    assert answer["rule_rows"] == [{"role": "teacher"}]
    assert answer["enrollments"] == []
    text = read(database.url, teacher)
    assert text.startswith("not a student")
    assert "the rule: " + answer["rule"] in text
    assert "role" in answer["rule"]
    assert 'its row has role = "teacher"' in text
    assert "Ada" not in text
    assert "ada@" not in text


async def test_where_roles_have_a_table_of_their_own_each_row_of_the_profile_is_shown(
    make_database: Callable[..., Database],
) -> None:
    database = make_database(empty=True)
    database.server.psql(database.name, (SCHEMAS / "role_table.sql").read_text())
    listener(database.url, "install")
    connection = await asyncpg.connect(database.url)
    nobody = str(await connection.fetchval("insert into profiles default values returning user_id"))
    teacher = await connection.fetchval("insert into profiles default values returning user_id")
    await connection.execute("insert into user_roles values ($1, 'teacher'), ($1, 'admin')", teacher)
    assert "it has no row there" in read(database.url, nobody)
    rows = ask(database.url, str(teacher))["rule_rows"]
    assert sorted(value for row in rows for value in row.values()) == ["admin", "teacher"]
    await connection.close()


def test_where_a_query_says_who_is_a_student_it_is_named_and_no_columns_are(
    make_database: Callable[..., Database],
) -> None:
    database = make_database("bigint", installed=False)
    database.server.psql(database.name, "insert into profiles (id, role) values (7, 'teacher'), (8, 'student')")
    query = "select id from public.profiles where role = 'student'"
    listener(database.url, "install", student_view=query, student_predicate="true")
    answer = ask(database.url, "7")
    assert (answer["verdict"], answer["rule_rows"], answer["complete"]) == ("not_a_student", None, True)
    assert "if in the query of LISTENER_STUDENT_VIEW" in read(database.url, "7")
    assert verdict(database.url, "8") == ("missed", None)


async def test_who_waits_for_a_course_is_told_so(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    start_daemon(database).wait_ready("leading")
    student = await person(connection)
    await eventually(connection, "select reason from listener.pending_enrollment", equals="no_course")
    answer = ask(database.url, student)
    assert (answer["verdict"], answer["reason"], answer["complete"]) == ("waits", "no_course", True)
    assert (answer["default_course"], answer["has_default_course"]) == (None, False)
    assert answer["pending"].pop("since").startswith("20")
    assert answer["pending"] == {"reason": "no_course", "error": None, "attempts": 1, "next_attempt_at": None}
    text = read(database.url, student)
    assert "waits: there is no course to be had; enrolled as soon as there is one" in text
    assert "new students wait: there is no course to be had" in text
    assert "no_course, 1 attempt since 20" in text
    assert "the next with a course" in text


async def test_who_waits_for_a_course_that_somebody_holds_is_told_when_it_is_tried_again(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    await connection.execute(COURSE)
    start_daemon(database).wait_ready("leading")
    holder = await asyncpg.connect(database.url)
    await holder.execute("begin; select from courses for update")
    student = await person(connection)
    await eventually(connection, "select reason from listener.pending_enrollment", equals="course_locked")
    answer = ask(database.url, student)
    assert (answer["verdict"], answer["reason"]) == ("waits", "course_locked")
    assert answer["pending"]["next_attempt_at"] > answer["pending"]["since"]
    assert "somebody holds the row of the course; tried again at 20" in answer["says"]
    await holder.close()


async def test_who_is_refused_is_told_the_error(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    await connection.execute(COURSE)
    await connection.execute(
        """
        create function refuse() returns trigger language plpgsql as $$
        begin raise exception 'the fee is not paid'; end $$;
        create trigger refuse before insert on enrollments for each row execute function refuse();
        """
    )
    start_daemon(database).wait_ready("leading")
    student = await person(connection)
    await eventually(connection, "select max(attempts) >= 2 from listener.pending_enrollment", equals=True)
    answer = ask(database.url, student)
    assert (answer["verdict"], answer["reason"]) == ("waits", "failed")
    assert answer["pending"]["error"] == "P0001: the fee is not paid"
    assert answer["pending"]["attempts"] >= 2
    text = read(database.url, student)
    assert "it was refused; tried again at 20" in text
    assert "listener pending retry" in text
    assert "failed (P0001: the fee is not paid)" in text


async def test_who_is_noted_and_not_yet_handled_is_on_its_way(connection: Connection, database: Database) -> None:
    await connection.execute(COURSE)
    student, other = await person(connection), await person(connection)
    await connection.execute("update profiles set role = 'teacher' where id = $1", student)
    await connection.execute("update profiles set role = 'student' where id = $1", student)
    oldest = await connection.fetchval("select min(at) from listener.change where $1::uuid = any(profile_ids)", student)
    answer = ask(database.url, student)
    assert (answer["verdict"], answer["reason"], answer["complete"]) == ("on_its_way", None, True)
    assert answer["notes"] == {"waiting": 2, "oldest_at": oldest.isoformat()}
    assert "2 notes not yet handled, the oldest since 20" in read(database.url, student)
    assert ask(database.url, other)["notes"]["waiting"] == 1


async def test_a_note_that_is_handled_is_none_that_waits(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    start_daemon(database).wait_ready("leading")
    student = await person(connection)
    await eventually(connection, "select count(*) from listener.pending_enrollment", equals=1)
    listener(database.url, "pending", "drop")
    assert await connection.fetchval("select count(*) from listener.change where $1::uuid = any(profile_ids)", student)
    assert verdict(database.url, student) == ("missed", None)


async def test_a_student_of_whom_nothing_knows_is_missed_until_sync_enrolls(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    await connection.execute(COURSE)
    student, teacher = await unnoted(connection), await unnoted(connection, "teacher")
    answer = ask(database.url, student)
    assert (answer["verdict"], answer["reason"], answer["complete"]) == ("missed", None, True)
    assert "`listener sync` enrolls" in read(database.url, student)
    assert verdict(database.url, teacher) == ("not_a_student", None)
    start_daemon(database).wait_ready("leading")
    listener(database.url, "sync")
    assert verdict(database.url, student) == ("enrolled", None)


@pytest.mark.parametrize(
    ("actions", "word", "says"),
    [
        ("count", "enrolling_not_done_here", "enrolling is not done here"),
        ("observe", "only_observed", "only observed"),
    ],
)
async def test_where_nobody_is_enrolled_by_the_listener_it_says_so(
    make_database: Callable[..., Database], actions: str, word: str, says: str
) -> None:
    database = make_database(installed=False)
    listener(database.url, "install", actions=actions)
    connection = await asyncpg.connect(database.url)
    course = await connection.fetchval(COURSE)
    student, enrolled = await person(connection), await person(connection)
    await connection.execute("insert into enrollments (user_id, course_id) values ($1, $2)", enrolled, course)
    assert verdict(database.url, student) == (word, None)
    assert read(database.url, student).startswith(says)
    assert verdict(database.url, enrolled) == ("enrolled", None)
    await connection.close()


@pytest.mark.parametrize(
    ("key", "not_there", "no_key", "kind"),
    [
        ("uuid", NOBODY, "4711", "uuid"),
        ("bigint", "4711", "99999999999999999999", "bigint"),
    ],
)
def test_a_key_of_nobody_and_what_is_no_key_are_one_line_and_2(
    make_database: Callable[..., Database], key: str, not_there: str, no_key: str, kind: str
) -> None:
    database = make_database(key)
    assert refused(database.url, not_there) == (
        f"listener: there is no profile '{not_there}': nothing in column id of public.profiles is that.\n"
    )
    for wrong in (no_key, "", "x'; drop table profiles", "two\nlines"):
        assert f"is no key of a profile: give a value of column id of public.profiles, which is of type {kind}" in (
            refused(database.url, wrong)
        )


def test_a_key_of_text_is_taken_as_it_is(make_database: Callable[..., Database]) -> None:
    database = make_database("text")
    database.server.psql(database.name, "insert into profiles (id, role) values ('O''Hara [bold]', 'teacher')")
    assert verdict(database.url, "O'Hara [bold]") == ("not_a_student", None)
    assert "O'Hara [bold]" in read(database.url, "O'Hara [bold]")
    assert "there is no profile" in refused(database.url, "two\nlines")


def test_unreachable_and_not_installed_are_2_in_one_line(make_database: Callable[..., Database]) -> None:
    nowhere = f"postgresql://me:hush-hush@127.0.0.1:{free_port()}/lms"
    assert "cannot reach" in refused(nowhere, "1")
    assert "listener install" in refused(make_database(installed=False).url, "1")


async def test_an_installation_of_an_earlier_program_is_2_and_says_what_to_do(
    connection: Connection, database: Database
) -> None:
    await connection.execute("drop function listener.enrollments_of")
    assert "run `listener install` again" in refused(database.url, NOBODY)


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
    assert "may be incomplete the mapping is broken: column role of public.profiles is gone" in text
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
    assert "new students could not be read" in read(database.url, student)


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
        )
    """
    for state in 5 * (True, False):  # it gives up each time, so that nobody stands in line behind it; and begins anew
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
