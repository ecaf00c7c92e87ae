"""A rule that fails for one profile stops nobody else: that student is set aside with the error, all others are treated
as ever, audits go on, and each command names the profile in one line."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener

SCHOOL = """
create table profiles (id bigint primary key, role text not null default 'student', metadata jsonb not null);
create table courses (
    id bigint primary key, title text not null, published boolean not null, enrollments integer not null default 0
);
create table enrollments (
    id bigint primary key generated always as identity,
    user_id bigint not null references profiles on delete cascade,
    course_id bigint not null references courses on delete cascade,
    status text not null default 'active' check (status in ('active', 'inactive')),
    unique (user_id, course_id)
);
insert into courses (id, title, published) values (1, 'first', true);
"""

PREDICATE = {
    "student_predicate": "(metadata->>'age')::int >= 12", "publish_predicate": "published"
}  # fmt: skip
QUERY = {
    "wanted_query": """
        select profiles.id, courses.id
        from profiles
        cross join courses
        where courses.published and (profiles.metadata->>'age')::int >= 12
    """
}
LEAVING = QUERY | {"on_leave": "suspend", "inactive_value": "inactive"}
RULES = {"predicate": PREDICATE, "query": QUERY, "leaving": LEAVING}

SIGN_UP = """
insert into profiles (id, metadata)
select number, jsonb_build_object('age', case number when 7 then 'twelve' else '12' end)
from generate_series(1, 24) as number
"""
PAST_THE_TRIGGERS = f"set session_replication_role = replica; {SIGN_UP}; reset session_replication_role"

ENROLLED = "select count(*) from enrollments where status = 'active' and course_id = $1"
PENDING = "select array_agg(profile_id || ' ' || reason || ' ' || error) from listener.pending_enrollment"
THE_ERROR = '22P02: invalid input syntax for type integer: "twelve"'


@dataclass(frozen=True)
class School:
    """A school with a rule that fails for who has no number for an age."""

    database: Database
    app: Connection
    settings: dict[str, str]


@pytest.fixture(params=["predicate", "leaving", pytest.param("query", marks=pytest.mark.long)])
async def school(request: pytest.FixtureRequest, empty: Database, app: Connection) -> School:
    settings = RULES[request.param]
    await app.execute(SCHOOL)
    listener(empty.url, "install", check=True, **settings)
    return School(empty, app, settings)


async def test_others_of_the_same_statement_are_enrolled_and_the_student_waits_with_the_error(
    school: School, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(school.database, heartbeat_seconds=1).wait_ready("leading")
    await school.app.execute(SIGN_UP)
    await eventually(school.app, ENROLLED, 1, equals=23)
    await eventually(school.app, PENDING, equals=[f"7 failed {THE_ERROR}"])
    await eventually(school.app, "select count(*) from listener.blind_note", equals=0)
    await school.app.execute("""update profiles set metadata = '{"age": "13"}' where id = 7""")
    await eventually(school.app, ENROLLED, 1, equals=24)
    await eventually(school.app, PENDING, equals=None)
    assert daemon.events("audit_failed") == []


async def test_an_update_that_makes_the_rule_fail_sets_that_student_aside(
    school: School, start_daemon: Callable[..., DaemonProcess]
) -> None:
    start_daemon(school.database, heartbeat_seconds=1).wait_ready("leading")
    await school.app.execute('insert into profiles (id, metadata) values (1, \'{"age": "11"}\'), (2, \'{"age": 9}\')')
    await school.app.execute(
        "update profiles set metadata = jsonb_build_object('age', case id when 1 then 'x' else '20' end)"
    )
    await eventually(school.app, ENROLLED, 1, equals=1)
    await eventually(school.app, "select count(*) from listener.pending_enrollment where reason = 'failed'", equals=1)


async def test_a_new_students_rule_that_fails_for_somebody_enrolled_sets_nobody_aside(
    empty: Database, app: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    await app.execute(SCHOOL)
    listener(empty.url, "install", check=True, **PREDICATE)
    start_daemon(empty, heartbeat_seconds=1).wait_ready("leading")
    await app.execute("insert into profiles (id, metadata) values (1, '{\"age\": 12}')")
    await eventually(app, ENROLLED, 1, equals=1)
    await app.execute('update profiles set metadata = \'{"age": "x"}\'')
    await eventually(app, "select count(*) from listener.unhandled('enroll')", equals=0)
    assert await app.fetchval(PENDING) is None
    assert "in sync" in listener(empty.url, "diagnose").stdout
    assert "in sync" in listener(empty.url, "sync").stdout


async def test_audits_go_on_and_counts_are_repaired(school: School, start_daemon: Callable[..., DaemonProcess]) -> None:
    await school.app.execute(PAST_THE_TRIGGERS)
    await school.app.execute(
        "set session_replication_role = replica; update courses set enrollments = 5; reset session_replication_role"
    )
    daemon = start_daemon(school.database, heartbeat_seconds=1, audit_seconds=1).wait_ready("leading")
    await eventually(school.app, "select count(*) from listener.course_drift", equals=0)
    await eventually(school.app, "select count(*) from listener.unhandled('count')", equals=0)
    await eventually(school.app, "select enrollments - (select count(*) from enrollments) from courses", equals=0)
    daemon.shows("listener_students", 23)
    wait_until(lambda: daemon.metric("listener_last_audit_timestamp_seconds") > 0, "an audit is over")
    assert daemon.events("audit_failed") == []


async def test_what_was_noted_blindly_is_made_good_for_all_others(
    school: School, start_daemon: Callable[..., DaemonProcess]
) -> None:
    await school.app.execute(PAST_THE_TRIGGERS)
    await school.app.execute("select listener.note_blindly('profiles', 'truncate', '00000')")
    start_daemon(school.database, heartbeat_seconds=1).wait_ready("leading")
    await eventually(school.app, ENROLLED, 1, equals=23 if school.settings is not PREDICATE else 0)


@pytest.mark.parametrize("settings", [QUERY, LEAVING], ids=["keep", "leaving"])
@pytest.mark.half
async def test_a_course_published_for_all_reaches_everybody_else(
    empty: Database, app: Connection, settings: dict[str, str], start_daemon: Callable[..., DaemonProcess]
) -> None:
    await app.execute(SCHOOL)
    listener(empty.url, "install", check=True, **settings)
    start_daemon(empty, heartbeat_seconds=1).wait_ready("leading")
    await app.execute(SIGN_UP)
    await eventually(app, ENROLLED, 1, equals=23)
    await app.execute('update profiles set metadata = \'{"age": "thirteen"}\' where id = 8')
    await eventually(app, "select count(*) from listener.pending_enrollment where reason = 'failed'", equals=2)
    await app.execute("insert into courses (id, title, published) values (2, 'second', true)")
    await eventually(app, ENROLLED, 2, equals=22)
    # Nobody knows whether the one of the two who is enrolled is to leave.
    assert await app.fetchval(ENROLLED, 1) == 23


async def test_figures_for_the_lmss_own_scripts_go_on_past_that_profile(school: School) -> None:
    await school.app.execute(SIGN_UP)
    figures = await school.app.fetchrow("select * from get_enrollment_statistics()")
    assert figures is not None
    assert (figures["total_profiles"], figures["total_students"], figures["students_without_enrollments"]) == (
        24, 23, 23
    )  # fmt: skip
    status = await school.app.fetch(
        "select enrollment_status, count(*) from profile_enrollment_sync_status group by 1 order by 1"
    )
    assert [tuple(each) for each in status] == [("needs_enrollment", 23), ("not_student", 1)]


async def test_each_command_goes_on_and_names_the_profile(school: School) -> None:
    url = school.database.url
    await school.app.execute(PAST_THE_TRIGGERS)
    found = listener(url, "diagnose", "--json", check=False)
    assert (found.returncode, found.stderr) == (1, "")
    findings = {each["code"]: each for each in json.loads(found.stdout)["findings"]}
    assert findings["rule_fails"]["affected"] == 1
    assert findings["rule_fails"]["examples"] == [f"7: {THE_ERROR}"]
    (missing,) = (each for code, each in findings.items() if code in ("students_without_enrollment", "wanted_missing"))
    assert missing["affected"] == 23

    seen = listener(url, "status", "--full", "--json", check=False)
    assert seen.stderr == ""
    assert json.loads(seen.stdout)["statistics"]["students"] == 23

    foretold = listener(url, "sync", "--dry-run", check=False)
    assert (foretold.returncode, foretold.stderr) == (1, "")
    assert "23" in foretold.stdout

    synced = listener(url, "sync", check=False)
    assert synced.stderr == ""
    assert "7: " in synced.stdout
    assert synced.returncode == 1
    assert await school.app.fetchval(ENROLLED, 1) == 23
    assert await school.app.fetchval(PENDING) == [f"7 failed {THE_ERROR}"]

    explained = listener(url, "explain", "7", check=False)
    assert "Traceback" not in explained.stderr
    assert "twelve" in explained.stdout


@pytest.mark.parametrize("command", [("install", "--plan"), ("diagnose",), ("sync", "--dry-run")], ids=" ".join)
@pytest.mark.parametrize("settings", RULES.values(), ids=RULES)
@pytest.mark.half
async def test_before_anything_is_installed_each_command_names_the_profile_in_one_line(
    empty: Database, app: Connection, settings: dict[str, object], command: tuple[str, ...]
) -> None:
    await app.execute(SCHOOL)
    await app.execute(SIGN_UP)
    done = listener(empty.url, *command, check=False, **settings)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    setting = "LISTENER_STUDENT_PREDICATE" if settings is PREDICATE else "LISTENER_WANTED_QUERY"
    assert setting in line
    assert "profile 7" in line
    assert 'invalid input syntax for type integer: "twelve"' in line


async def test_a_rule_that_fails_for_everybody_ends_a_look_in_one_line(empty: Database, app: Connection) -> None:
    await app.execute(SCHOOL)
    listener(empty.url, "install", check=True, **QUERY)
    await app.execute(
        "set session_replication_role = replica;"
        'insert into profiles (id, metadata) select n, \'{"age": "x"}\' from generate_series(1, 1000) as n'
    )
    for command in ("diagnose", "sync"):
        done = listener(empty.url, command, check=False)
        assert "Traceback" not in done.stderr
        assert done.returncode in (1, 2)
    seen = listener(empty.url, "status", "--full", check=False)
    assert "cannot reach the database" not in seen.stderr


async def test_a_query_that_fails_for_a_courses_row_has_those_wait_whom_it_concerns(
    empty: Database, app: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    await app.execute(SCHOOL)
    await app.execute("alter table courses add level text; update courses set level = '12'")
    await app.execute("insert into courses (id, title, published, level) values (2, 'second', true, 'twenty')")
    by_course = "(profiles.metadata->>'course')::bigint = courses.id and courses.level::int <= 12"
    query = f"select profiles.id, courses.id from profiles inner join courses on {by_course}"
    listener(empty.url, "install", check=True, wanted_query=query)
    start_daemon(empty, heartbeat_seconds=1).wait_ready("leading")
    await app.execute(
        "insert into profiles (id, metadata)"
        " select n, jsonb_build_object('course', 1 + n % 2) from generate_series(1, 6) as n"
    )
    await eventually(app, ENROLLED, 1, equals=3)
    await eventually(app, "select count(*) from listener.pending_enrollment where reason = 'failed'", equals=3)
    await app.execute("update courses set level = '9' where id = 2")
    await eventually(app, ENROLLED, 2, equals=3)


async def test_a_course_that_the_rule_fails_for_keeps_nobody_out_of_the_next(
    empty: Database, app: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    await app.execute(SCHOOL)
    await app.execute("alter table courses add level text not null default '1'")
    listener(empty.url, "install", check=True, student_predicate="role = 'student'", publish_predicate="level::int = 1")
    await app.execute(
        "update courses set level = 'one'; insert into courses (id, title, published) values (2, 'b', true)"
    )
    await app.execute(PAST_THE_TRIGGERS.replace("1, 24", "30, 32"))
    start_daemon(empty, heartbeat_seconds=1, audit_seconds=1).wait_ready("leading")
    await app.execute(SIGN_UP)
    await eventually(app, ENROLLED, 2, equals=24)
    await eventually(app, "select enrollments from courses where id = 2", equals=24)
    done = listener(empty.url, "sync", check=False)
    assert done.stderr == ""
    assert await app.fetchval(ENROLLED, 2) == 27
    await app.execute(
        "update courses set level = '1' where id = 1; insert into profiles (id, metadata) values (99, '{}')"
    )
    await eventually(app, ENROLLED, 1, equals=1)
