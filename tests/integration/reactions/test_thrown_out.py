"""A trigger of the LMS's takes an enrollment away as soon as it is made: the student waits, with that for a reason."""

from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener

PENDING = """
select array_agg(full_name || ': ' || reason || ' ' || error)
from listener.pending_enrollment
inner join profiles on profiles.id = profile_id
"""

TRIGGER = """
create function throw_out() returns trigger language plpgsql as $$
begin
    delete from enrollments where user_id in (select id from profiles where full_name = 'unwelcome');
    return null;
end $$;
create {kind} throw_out after insert on enrollments {when} for each {level} execute function throw_out();
"""
KINDS = {
    "row": ("trigger", "", "row"),
    "statement": ("trigger", "", "statement"),
    "deferred": ("constraint trigger", "deferrable initially deferred", "row"),
}


@pytest.mark.parametrize("name", KINDS)
async def test_whose_enrollment_is_taken_away_again_waits_and_is_not_added_with_each_note(
    database: Database, connection: Connection, course: None, name: str, start_daemon: Callable[..., DaemonProcess]
) -> None:
    kind, when, level = KINDS[name]
    await connection.execute(TRIGGER.format(kind=kind, when=when, level=level))
    start_daemon(database, heartbeat_seconds=1)
    await connection.execute(
        "insert into profiles (role, full_name)"
        " values ('student', 'fine'), ('student', 'unwelcome'), ('student', 'too')"
    )
    await eventually(connection, "select count(*) from enrollments", equals=2)
    await eventually(connection, "select enrollments from courses", equals=2)
    await eventually(connection, "select count(*) from listener.pending_enrollment", equals=1)
    told = await connection.fetchval(PENDING)
    assert told[0].startswith("unwelcome: failed P0001: a trigger of the LMS's took the enrollment away again: of ")
    student = await connection.fetchval("select id::text from profiles where full_name = 'unwelcome'")
    said = " ".join(listener(database.url, "explain", student, check=False).stdout.split())
    assert "took the enrollment away again" in said
    await connection.execute("update profiles set full_name = 'welcome' where full_name = 'unwelcome'")
    listener(database.url, "pending", "retry")
    await eventually(connection, "select count(*) from enrollments", equals=3)
    await eventually(connection, "select enrollments from courses", equals=3)
