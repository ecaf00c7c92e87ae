"""Handing off to a job queue: a job for each enrollment, made in the same transaction, by the how-to's own trigger."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support import hand_off
from tests.support.eventually import eventually
from tests.support.pgbouncer import PROGRAM, PgBouncer
from tests.support.process import DaemonProcess, listener
from tests.support.refusing import UNPAID, refuse

Start = Callable[..., DaemonProcess]
Reach = Callable[[Database], "Reached"]

needs_queue = pytest.mark.skipif(not hand_off.is_installed(), reason=hand_off.NOT_INSTALLED)

SIGN_UP = "insert into profiles (role) select 'student' from generate_series(1, $1::integer)"
APPS_OWN = """
with teacher as (insert into profiles (role) values ('teacher') returning id)
insert into enrollments (user_id, course_id) select teacher.id, courses.id from teacher, courses
"""
ENROLLED = "select count(*) from enrollments"
JOBS = "select count(*) from procrastinate_jobs"
UNEQUAL = """
select count(*)
from (
    select coalesce(job.profile, enrollments.user_id) as profile
    from enrollments
    full join (
        select (args ->> 'profile')::uuid as profile, (args ->> 'course')::uuid as course from procrastinate_jobs
    ) as job on job.profile = enrollments.user_id and job.course = enrollments.course_id
    group by coalesce(job.profile, enrollments.user_id)
    having count(*) <> 1 or count(job.profile) <> 1 or count(enrollments.user_id) <> 1
) as unequal
"""
"""Profiles whose jobs are not one for one enrollment."""

SEE = """
create table seen (synchronous_commit text);
create function see() returns trigger language plpgsql as $$
begin
    insert into seen values (current_setting('synchronous_commit'));
    return null;
end $$;
create trigger see after insert on enrollments execute function see();
"""
SEEN = "select array_agg(distinct synchronous_commit) from seen"


@dataclass(frozen=True)
class Reached:
    """A database as a daemon sees it on its way there."""

    url: str


@pytest.fixture(params=["direct", "transaction_pooler"])
def reach(request: pytest.FixtureRequest) -> Iterator[Reach]:
    """The ways to a server: with a session of the daemon's own, and with none."""
    started: list[PgBouncer] = []

    def way(database: Database) -> Reached:
        if request.param == "direct":
            return Reached(database.url)
        if PROGRAM is None:
            pytest.skip("PgBouncer is not installed")
        started.append(PgBouncer(database.server, "transaction").start())
        return Reached(started[-1].url(database.name))

    yield way
    for bouncer in started:
        bouncer.stop()


@pytest.fixture
def queue(database: Database) -> None:
    database.server.psql(database.name, hand_off.schema())
    database.server.psql(database.name, hand_off.trigger())


@needs_queue
async def test_the_listeners_enrollments_have_a_job_each_and_the_apps_own_have_none(
    database: Database, connection: Connection, course: None, queue: None, start_daemon: Start, reach: Reach
) -> None:
    daemon = start_daemon(reach(database), heartbeat_seconds=0.5).wait_ready("leading")
    for students in (1, 100, 3):
        await connection.execute(SIGN_UP, students)
        await connection.execute(APPS_OWN)
    await eventually(connection, ENROLLED, equals=107)
    welcomed = await connection.fetch("select args ->> 'profile' as id from procrastinate_jobs order by 1")
    assert welcomed == await connection.fetch("select id::text from profiles where role = 'student' order by 1")
    assert daemon.events("student_pending") == []


@needs_queue
async def test_whom_sync_or_a_new_rule_brings_into_a_course_is_not_welcomed(
    database: Database, connection: Connection, course: None, queue: None, start_daemon: Start
) -> None:
    start_daemon(database, heartbeat_seconds=0.5).wait_ready("leading")
    await connection.execute("set session_replication_role = replica")
    await connection.execute(SIGN_UP, 50)
    await connection.execute("reset session_replication_role")
    listener(database.url, "sync")
    await connection.execute("insert into courses (title, price) values ('b', 2)")
    query = "select profiles.id, courses.id from profiles cross join courses where profiles.role = 'student'"
    listener(database.url, "install", "--yes", wanted_query=query)
    await eventually(connection, ENROLLED, equals=100)
    assert await connection.fetchval(JOBS) == 0
    await connection.execute(SIGN_UP, 1)
    await eventually(connection, ENROLLED, equals=102)
    assert await connection.fetchval(JOBS) == 2


@needs_queue
async def test_the_queue_is_closed_to_who_comes_by_the_api(database: Database, connection: Connection) -> None:
    database.server.psql(database.name, hand_off.schema())
    roles = ("anon", "authenticated")
    for role in roles:  # which other tests of this server may have made
        await connection.execute(
            f"do $$ begin create role {role}; exception when duplicate_object or unique_violation then null; end $$;"
            f"grant all on all tables in schema public to {role};"
            f"grant all on all sequences in schema public to {role}"
        )
    database.server.psql(database.name, hand_off.closing())
    tables = "select relname from pg_class where relname like 'procrastinate%' and relkind in ('r', 'v')"
    open_to = (
        f"select count(*) from ({tables}) as made, unnest($1::text[]) as role"
        " where has_table_privilege(role, relname::text, 'select, insert, update, delete')"
    )
    assert await connection.fetchval(f"select count(*) > 2 from ({tables}) as made")
    assert await connection.fetchval(open_to, list(roles)) == 0
    for role in roles:
        await connection.execute(f"drop owned by {role}")


@needs_queue
async def test_a_daemon_that_is_killed_again_and_again_leaves_one_job_for_each_enrollment(
    database: Database, connection: Connection, course: None, queue: None, start_daemon: Start
) -> None:
    """Some are refused in the middle of a batch, after others of it were enrolled and had their jobs."""
    await connection.execute(refuse(UNPAID))
    enrolled, in_the_middle = 0, False
    for round_ in range(5):
        daemon = start_daemon(database, batch_size=20, heartbeat_seconds=0.5)
        for _ in range(20):
            await connection.execute(SIGN_UP, 40)
        if round_ % 2:
            await connection.execute("insert into profiles (role, full_name) values ('student', 'unpaid')")
        await eventually(connection, f"select count(*) > {enrolled} from enrollments", equals=True)
        daemon.kill()
        enrolled = await connection.fetchval(ENROLLED)
        in_the_middle = in_the_middle or enrolled < 800 * (round_ + 1)
        assert await connection.fetchval(UNEQUAL) == 0
    assert in_the_middle
    await connection.execute("drop trigger refuse on enrollments")
    start_daemon(database)
    await eventually(connection, ENROLLED, equals=4002, seconds=30)
    assert await connection.fetchval(JOBS) == 4002
    assert await connection.fetchval(UNEQUAL) == 0


@needs_queue
async def test_while_the_queue_takes_no_job_students_wait_with_its_error_and_the_app_goes_on(
    database: Database, connection: Connection, course: None, queue: None, start_daemon: Start
) -> None:
    rename = "alter function {} rename to {}"
    await connection.execute(rename.format("procrastinate_defer_jobs_v1", "procrastinate_defer_jobs_v9"))
    start_daemon(database).wait_ready("leading")
    await connection.execute(SIGN_UP, 3)
    pending = "select count(*) from listener.pending_enrollment where error like '%procrastinate_defer_jobs_v1%'"
    await eventually(connection, pending, equals=3)
    assert await connection.fetchval(ENROLLED) == 0
    await connection.execute(APPS_OWN)
    assert await connection.fetchval(ENROLLED) == 1
    await connection.execute("delete from enrollments")
    await connection.execute(rename.format("procrastinate_defer_jobs_v9", "procrastinate_defer_jobs_v1"))
    listener(database.url, "pending", "retry")
    await eventually(connection, ENROLLED, equals=3)
    assert await connection.fetchval(UNEQUAL) == 0


@pytest.mark.parametrize("durable", [True, False])
async def test_a_batch_waits_for_the_disk_if_it_is_told_to_be_durable(
    database: Database, connection: Connection, course: None, start_daemon: Start, reach: Reach, durable: bool
) -> None:
    await connection.execute(SEE)
    start_daemon(reach(database), durable=durable, heartbeat_seconds=0.5).wait_ready("leading")
    for students in (1, 100):  # by the function for few, and by the statement
        await connection.execute(SIGN_UP, students)
    await eventually(connection, ENROLLED, equals=101)
    assert await connection.fetchval(SEEN) == ["on" if durable else "off"]


async def test_what_sync_enrolls_by_itself_is_on_the_disk(
    database: Database, connection: Connection, course: None
) -> None:
    await connection.execute(SEE)
    await connection.execute(SIGN_UP, 5)
    listener(database.url, "sync")
    assert await connection.fetchval(ENROLLED) == 5
    assert await connection.fetchval(SEEN) == ["on"]
