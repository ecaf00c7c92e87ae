"""`listener explain PROFILE` has a verdict for each way in which a profile may stand."""

from collections.abc import Callable

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.integration.schema.test_schemas import SCHEMAS
from tests.support.eventually import eventually
from tests.support.explaining import COURSE, ask, person, read, refused, unnoted, verdict
from tests.support.postgres import free_port
from tests.support.process import DaemonProcess, listener
from tests.support.refusing import refuse

NOBODY = "00000000-0000-4000-8000-000000000000"

StartDaemon = Callable[..., DaemonProcess]


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
    assert (answer["default_course"], answer["pending"], answer["rule_rows"]) == (str(course), [], None)
    text = read(database.url, student.upper())
    assert f"profile: {student}" in text
    assert f"in course {course} ('default'), active, since 2026-02-03 04:05:06 UTC" in text
    assert "a profile with any enrollment, of any status, is left alone" in text
    assert f"new students: land in course {course}" in text
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
    assert text.startswith("enrolled, but not in any active status: a profile with any enrollment, of any status, is")
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
    [pending] = answer["pending"]
    assert pending.pop("since").startswith("20")
    assert pending == {"course": None, "reason": "no_course", "error": None, "attempts": 1, "next_attempt_at": None}
    text = read(database.url, student)
    assert "waits: there is no course to be had; enrolled as soon as there is one" in text
    assert "new students: wait: there is no course to be had" in text
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
    [pending] = answer["pending"]
    assert pending["next_attempt_at"] > pending["since"]
    assert "somebody holds the row of the course (held by session " in answer["says"]
    assert "); tried again at 20" in answer["says"]
    await holder.close()


async def test_who_is_refused_is_told_the_error(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    await connection.execute(COURSE)
    await connection.execute(refuse())
    start_daemon(database).wait_ready("leading")
    student = await person(connection)
    await eventually(connection, "select max(attempts) >= 2 from listener.pending_enrollment", equals=True)
    answer = ask(database.url, student)
    assert (answer["verdict"], answer["reason"]) == ("waits", "failed")
    [pending] = answer["pending"]
    assert pending["error"] == "P0001: the fee is not paid"
    assert pending["attempts"] >= 2
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


async def test_who_signed_up_while_enrolling_is_paused_waits_for_that(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    await connection.execute(COURSE)
    start_daemon(database).wait_ready("leading")
    listener(database.url, "pause", "enroll")
    student, teacher = await person(connection), await person(connection, "teacher")
    assert verdict(database.url, student) == ("waits", "paused")
    assert "enrolling is paused, until `listener resume enroll`" in read(database.url, student)
    assert verdict(database.url, teacher) == ("not_a_student", None)
    listener(database.url, "resume", "enroll")
    await eventually(connection, "select count(*) from enrollments", equals=1)
    assert verdict(database.url, student) == ("enrolled", None)


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
@pytest.mark.half
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
@pytest.mark.half
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
