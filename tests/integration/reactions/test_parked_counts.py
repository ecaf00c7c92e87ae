"""A count that cannot be moved yet is parked, holds up no other, and is moved later."""

import json
import re
from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.integration.conftest import School
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener


async def test_a_course_row_that_somebody_holds_is_counted_later_and_the_others_at_once(school: School) -> None:
    held, free = await school.course("held"), await school.course("free")
    somebody = await school.other()
    transaction = somebody.transaction()
    await transaction.start()
    await somebody.execute("update courses set title = 'being edited' where id = $1", held)
    for profile in await school.guests(2):
        await school.enroll(profile, held)
        await school.enroll(profile, free)
    await school.counted(free, 2)
    live = "select active_enrollments from listener.course_live_count where id = $1"
    assert await school.app.fetchval(live, held) == 2
    await eventually(school.app, "select delta from listener.pending_count where course_id = $1", held, equals=2)
    assert await school.app.fetch("select * from listener.course_drift") == []
    await school.app.execute("update listener.pending_count set since = since - interval '1 minute'")
    said = listener(school.database.url, "status", check=False).stdout
    pid = await somebody.fetchval("select pg_backend_pid()")
    assert re.search(rf"{held}: held by session {pid} of role postgres: ", said), said
    await transaction.commit()
    await somebody.close()
    await school.counted(held, 2)
    await school.caught_up()


BY_CONSTRAINT = "alter table courses add constraint small check (title <> 'small' or enrollments < 2)"
BY_ASSERTION = """
create function small() returns trigger language plpgsql as
$$ begin assert new.title <> 'small' or new.enrollments < 2; return new; end $$;
create trigger small before update on courses for each row execute function small()
"""
IN_SILENCE = """
create function small() returns trigger language plpgsql as
$$ begin return case when new.title <> 'small' then new end; end $$;
create trigger small before update on courses for each row execute function small()
"""


@pytest.mark.parametrize(
    ("refusal", "code", "consent"),
    [
        (BY_CONSTRAINT, "23514", "alter table courses drop constraint small"),
        (BY_ASSERTION, "P0004", "drop function small cascade"),
        (IN_SILENCE, "P0001", "drop function small cascade"),
    ],
    ids=["by a constraint", "by an assertion", "by a trigger that returns null"],
)
async def test_a_count_that_the_lms_refuses_is_kept_until_it_agrees(
    school: School, refusal: str, code: str, consent: str
) -> None:
    small, large = await school.course("small"), await school.course("large")
    await school.app.execute(refusal)
    try:
        for profile in await school.guests(3):
            await school.enroll(profile, large)
            await school.enroll(profile, small)
        await school.counted(large, 3)
        parked = "select left(error, 5) from listener.pending_count where course_id = $1"
        await eventually(school.app, parked, small, equals=code)
        live = "select active_enrollments from listener.course_live_count where id = $1"
        assert await school.app.fetchval(live, small) == 3
    finally:
        await school.app.execute(consent)
    await school.counted(small, 3)
    await school.caught_up()


async def test_what_is_parked_for_a_course_that_is_gone_is_what_its_enrollments_and_the_feed_leave(
    connection: Connection,
) -> None:
    """It went while its notes were taken blindly. Of others nothing is touched."""
    gone, there = await connection.fetchrow("select gen_random_uuid(), gen_random_uuid()") or (None, None)
    await connection.execute("alter table enrollments drop constraint enrollments_course_id_fkey")
    await connection.execute("insert into courses (id, title) values ($1, 'there')", there)
    await connection.execute("insert into profiles (role) select 'guest' from generate_series(1, 3)")
    await connection.execute("insert into enrollments (user_id, course_id) select id, $1 from profiles", gone)
    await connection.execute("truncate listener.change")
    await connection.execute(
        "insert into listener.change (source, operation, course_id, delta) values ('enrollments', 'insert', $1, 1)",
        gone,
    )
    await connection.execute(
        "insert into listener.pending_count (course_id, delta, next_attempt_at) values ($1, 7, now()), ($2, 5, now())",
        gone,
        there,
    )
    await connection.execute("select listener.settle_abandoned_counts()")
    parked = await connection.fetch("select course_id, delta from listener.pending_count")
    assert dict(map(tuple, parked)) == {gone: 2, there: 5}


async def test_counts_whose_repair_is_refused_are_a_problem_after_two_audits(
    database: Database, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    """By a check, and by a trigger in silence: neither is said to be repaired."""
    await connection.execute(f"""
        set session_replication_role = replica;
        insert into courses (title, enrollments) values ('small', 5), ('checked', 5);
        reset session_replication_role;
        {IN_SILENCE};
        alter table courses add constraint checked check (title <> 'checked' or enrollments = 5)
    """)
    daemon = start_daemon(database, audit_seconds=1, heartbeat_seconds=1, sample_seconds=0.5)
    wait_until(lambda: refused(daemon) == 2, "both are told")
    assert daemon.events("drift_repaired") == []
    await connection.execute("drop function small cascade; alter table courses drop constraint checked")
    wait_until(lambda: refused(daemon) == 0, "it is over")
    assert await connection.fetchval("select sum(enrollments) from courses") == 0


def refused(daemon: DaemonProcess) -> int:
    """Counts that are off at each audit, as the daemon says."""
    status, body = daemon.get("/readyz")
    problems = json.loads(body).get("problems", []) if status else []
    return sum(each["affected"] for each in problems if each["code"] == "drift_returns")
