"""`listener forget`: no key of a profile is left in schema `listener`, while everything goes on."""

import asyncio
import json
from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.dumping import dump
from tests.support.eventually import eventually
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
