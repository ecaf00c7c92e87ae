"""`listener forget`: no key of a profile is left in schema `listener`, while everything goes on."""

import asyncio
import json
from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support import remembering
from tests.support.dumping import dump
from tests.support.eventually import AUDITED_SECONDS, eventually
from tests.support.process import DaemonProcess, listener
from tests.support.refusing import refuse

Start = Callable[..., DaemonProcess]

SIGN_UP = "insert into profiles (role) values ('student') returning id"
NOTED = "select count(*) from listener.change where profile_ids @> array[$1::uuid]"


def forget(database: Database, profile: object, *more: str, status: int = 0) -> dict[str, object]:
    done = listener(database.url, "forget", str(profile), "--json", *more, check=False)
    assert done.returncode == status, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("deleted", [True, False])
async def test_a_dump_of_our_schema_does_not_have_the_key_while_everything_runs(
    database: Database, connection: Connection, course: None, start_daemon: Start, deleted: bool
) -> None:
    start_daemon(database).wait_ready("leading")
    profile = await connection.fetchval(SIGN_UP)
    others = [await connection.fetchval(SIGN_UP) for _ in range(3)]
    together = "insert into profiles (id, role) values (gen_random_uuid(), 'student'), (gen_random_uuid(), 'student')"
    await connection.execute(f"{together}; update profiles set role = role")
    await eventually(connection, "select count(*) from enrollments", equals=6)
    await connection.execute(
        "insert into listener.made_enrollment (profile_id, course_id) select $1, id from courses", profile
    )
    await connection.execute("insert into listener.waiting (profile_id, course_id) select $1, id from courses", profile)
    await connection.execute(
        """insert into listener.quarantine (source, reason, content)
           select 'enrollments', 'a test', to_jsonb(enrollments) from enrollments where user_id = any($1::uuid[])""",
        [profile, others[0]],
    )
    await connection.execute("insert into listener.problem values ('a test', now(), 1, array[$1, 'x'])", str(profile))
    if deleted:
        await connection.execute("delete from enrollments where user_id = $1", profile)
        await connection.execute("delete from profiles where id = $1", profile)
    found = await asyncio.to_thread(forget, database, profile)
    assert found["made"] == found["waiting"] == found["quarantined"] == 1
    assert isinstance(found["notes"], int)
    assert found["notes"] > 0
    assert found["is_there"] is not deleted
    text = dump(database, "--data-only", "-n", "listener")
    assert str(profile) not in text
    assert str(others[0]) in text, "what is about others stays"
    left = 5 if deleted else 6
    await eventually(connection, "select enrollments from courses", equals=left)
    again = await asyncio.to_thread(forget, database, profile)
    assert {again[name] for name in ("made", "waiting", "pending", "quarantined", "notes", "unhandled")} == {0}


async def test_a_student_who_is_refused_is_forgotten_too(
    database: Database, connection: Connection, course: None, start_daemon: Start
) -> None:
    start_daemon(database).wait_ready("leading")
    await connection.execute(refuse())
    profile = await connection.fetchval(SIGN_UP)
    await eventually(connection, "select count(*) from listener.pending_enrollment", equals=1)
    await connection.execute("delete from profiles where id = $1", profile)
    assert (await asyncio.to_thread(forget, database, profile))["unhandled"] == 0
    assert str(profile) not in dump(database, "--data-only", "-n", "listener")


async def test_a_note_that_is_still_to_be_handled_stays_and_is_said(
    database: Database, connection: Connection, course: None, start_daemon: Start
) -> None:
    profile = await connection.fetchval(SIGN_UP)
    assert forget(database, profile, "--timeout", "0", status=1)["unhandled"] == 1
    said = listener(database.url, "forget", str(profile), "--timeout", "0", check=False)
    assert said.stdout.splitlines() == [
        "schema listener holds nothing about this profile that can go now",
        "1 note about it is still to be handled: do this again once `listener status` shows no backlog",
        "the LMS still has this profile: what happens to it there is noted again",
    ]
    assert await connection.fetchval(NOTED, profile) == 1
    waiting = asyncio.create_task(asyncio.to_thread(forget, database, profile, "--timeout", "30"))
    start_daemon(database).wait_ready("leading")
    assert (await waiting)["unhandled"] == 0
    await eventually(connection, "select count(*) from enrollments", equals=1)
    await asyncio.to_thread(forget, database, profile)
    assert await connection.fetchval(NOTED, profile) == 0


def test_what_is_no_key_is_told_in_a_line(database: Database) -> None:
    done = listener(database.url, "forget", "nobody", check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("listener: 'nobody' is no key of a profile")


KNOWN = """
select array_agg(distinct profile_id order by profile_id)
from (
    select profile_id from listener.history
    union all
    select profile_id from listener.made_enrollment
    union all
    select profile_id from listener.gone
) as known
"""
FORGET = "select listener.forget_deleted()"


async def test_who_is_deleted_is_forgotten_by_the_setting_if_two_looks_miss_it(empty: Database) -> None:
    """And not who is there again, as after a table was emptied and filled again; nor whose enrollments are there."""
    app = await remembering.school(empty.url, 4, forget_days="0")
    assert await app.fetchval(FORGET) == 0
    await app.execute("create table copy as select * from profiles where id <= 2; delete from profiles where id <= 3")
    await app.execute("set session_replication_role = replica; delete from profiles where id = 4")
    assert await app.fetchval(FORGET) == 0
    assert await app.fetchval(KNOWN) == [1, 2, 3, 4], "a mistake may be put right"
    await app.execute("insert into profiles select * from copy where id = 2; reset session_replication_role")
    assert await app.fetchval(FORGET) == 2
    assert await app.fetchval(KNOWN) == [2, 4]
    await app.execute("delete from enrollments")
    assert [await app.fetchval(FORGET) for _ in range(3)] == [0, 1, 0]
    assert await app.fetchval(KNOWN) == [2]
    app.terminate()


@pytest.mark.parametrize("days", ["30", "none"])
async def test_it_is_not_forgotten_before_its_time(empty: Database, days: str) -> None:
    app = await remembering.school(empty.url, 2, forget_days=days)
    await app.execute("delete from profiles where id = 1")
    assert [await app.fetchval(FORGET) for _ in range(2)] == [0, 0]
    await app.execute("update listener.gone set since = since - interval '29 days'")
    assert await app.fetchval(FORGET) == 0
    await app.execute("update listener.gone set since = since - interval '1 day'")
    assert await app.fetchval(FORGET) == (days == "30")
    assert await app.fetchval(KNOWN) == ([2] if days == "30" else [1, 2])
    app.terminate()


async def test_the_audit_forgets_and_the_log_says_so(empty: Database, start_daemon: Start) -> None:
    app = await remembering.school(empty.url, 2, forget_days="0")
    daemon = start_daemon(empty, audit_seconds=0.2).wait_ready("leading")
    await app.execute("delete from profiles where id = 1")
    await eventually(app, KNOWN, equals=[2], seconds=AUDITED_SECONDS)
    daemon.told("forgotten")
    assert [line["students"] for line in daemon.events("forgotten")] == [1]
    app.terminate()
