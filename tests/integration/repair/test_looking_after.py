"""Where the rule depends on time, or on tables that are not watched, the audit finds what no trigger can see."""

from collections.abc import Callable

from tests.conftest import Database
from tests.support.campus import BY_PLAN, FROM_A_DAY_ON, SUSPEND, course, rule, school
from tests.support.eventually import eventually
from tests.support.explaining import person
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess

StartDaemon = Callable[..., DaemonProcess]

ENROLLED = "select count(*) from enrollments where status = 'active'"
UNHANDLED = "select count(*) from listener.unhandled('enroll')"


async def test_a_course_that_begins_meanwhile_gets_its_students_by_the_next_audit(
    make_database: Callable[..., Database], start_daemon: StartDaemon
) -> None:
    database = make_database(installed=False)
    async with school(database, FROM_A_DAY_ON) as connection:
        await course(connection, starts="infinity")
        for _ in range(3):
            await person(connection)
        daemon = start_daemon(database, audit_seconds=0.3).wait_ready("leading")
        await eventually(connection, UNHANDLED, equals=0)
        await eventually(connection, "select count(*) from listener.blind_note", equals=0)
        assert await connection.fetchval(ENROLLED) == 0
        async with connection.transaction():  # no trigger sees when it begins, nor does one when the time has come
            await connection.execute("set local session_replication_role = replica")
            begins = await connection.fetchval(
                "update courses set starts_at = clock_timestamp() + interval '1 second' returning starts_at"
            )
        await eventually(connection, ENROLLED, equals=3, seconds=60)
        assert await connection.fetchval("select clock_timestamp()") > begins
        daemon.told("looked_after")
        (told,) = daemon.events("looked_after")
        assert told["students"] == 3
        audits = daemon.metric("listener_audits_total")
        wait_until(lambda: daemon.metric("listener_audits_total") >= audits + 2, "it audits again", seconds=60)
        assert len(daemon.events("looked_after")) == 1, "who is where they should be is noted no more"
        assert not daemon.events("students_missed")


async def test_who_is_pending_or_noted_already_is_not_noted_by_the_audit(
    make_database: Callable[..., Database], start_daemon: StartDaemon
) -> None:
    database = make_database(installed=False)
    async with school(database, FROM_A_DAY_ON) as connection:
        await course(connection)
        await connection.execute("alter table enrollments add constraint never check (false)")
        await person(connection)
        daemon = start_daemon(database, audit_seconds=0.3).wait_ready("leading")
        await eventually(connection, "select count(*) from listener.pending_enrollment", equals=1)
        await eventually(connection, "select count(*) from listener.blind_note", equals=0)
        await eventually(connection, UNHANDLED, equals=0)
        await connection.execute("insert into listener.pause (consumer) values ('enroll')")
        await connection.execute("update profiles set role = 'guest'")
        await connection.execute("update profiles set role = 'student'")
        await connection.execute("delete from listener.pending_enrollment")
        noted = await connection.fetchval(UNHANDLED)
        assert noted == 2, "two notes wait"
        audits = daemon.metric("listener_audits_total")
        wait_until(lambda: daemon.metric("listener_audits_total") >= audits + 2, "it audits on", seconds=60)
        assert await connection.fetchval(UNHANDLED) == noted
        assert not daemon.events("looked_after")


async def test_a_rule_that_is_changed_under_a_running_daemon_is_looked_after_from_then_on(
    make_database: Callable[..., Database], start_daemon: StartDaemon
) -> None:
    """A table that is read, and watched at first; then it is left to the audit, and somebody leaves by it."""
    database = make_database(installed=False)
    async with school(database, **SUSPEND) as connection:
        await course(connection, "gold")
        student = await person(connection, "guest")
        await connection.execute("insert into payments (profile_id, plan) values ($1, 'gold')", student)
        daemon = start_daemon(database, audit_seconds=0.3).wait_ready("leading")
        await eventually(connection, ENROLLED, equals=1)
        rule(database, BY_PLAN, watch="payments(audit)", **SUSPEND)
        await eventually(connection, "select count(*) from listener.blind_note", equals=0)
        await connection.execute("delete from payments")
        assert await connection.fetchval(UNHANDLED) == 0, "no trigger saw it"
        await eventually(connection, ENROLLED, equals=0, seconds=30)
        wait_until(lambda: bool(daemon.events("student_left")), "it is told")
        assert await connection.fetchval("select status from enrollments") == "inactive"


async def test_the_audit_heals_under_every_query_and_tells_by_which_table_it_may_have_come(
    make_database: Callable[..., Database], start_daemon: StartDaemon
) -> None:
    database = make_database(installed=False)
    async with school(database) as connection:
        await course(connection)
        daemon = start_daemon(database, audit_seconds=0.3).wait_ready("leading")
        await eventually(connection, "select count(*) from listener.blind_note", equals=0)
        async with connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            await person(connection)
        await eventually(connection, ENROLLED, equals=1)
        daemon.told("route_missed")
        (told,) = daemon.events("route_missed")
        assert (told["students"], "public.profiles" in told["tables"]) == (1, True)
        daemon.shows("listener_route_missed_total", 1)
        assert not daemon.events("looked_after")
        assert not daemon.events("students_missed")


async def test_a_route_that_is_broken_on_purpose_is_healed_and_told_until_an_audit_finds_no_more(
    make_database: Callable[..., Database], start_daemon: StartDaemon
) -> None:
    """An organisation leads to none of its people."""
    database = make_database(installed=False)
    async with school(database, **SUSPEND) as connection:
        await course(connection, "gold")
        student = await person(connection, "guest")
        await connection.execute("insert into organisations (id, plan) values (1, 'free')")
        await connection.execute("update profiles set organisation_id = 1 where id = $1", student)
        daemon = start_daemon(database, audit_seconds=0.3).wait_ready("leading")
        await eventually(connection, UNHANDLED, equals=0)
        await eventually(connection, "select count(*) from listener.blind_note", equals=0)
        await connection.execute(
            "create or replace function listener.routed(route text, keys text[]) returns setof uuid language sql"
            " as 'select null::uuid where false'"
        )
        await connection.execute("update organisations set plan = 'gold'")
        await eventually(connection, ENROLLED, equals=1, seconds=60)
        daemon.told("route_missed")
        assert "public.organisations" in daemon.events("route_missed")[0]["tables"]
        audits = daemon.metric("listener_audits_total")
        wait_until(lambda: daemon.metric("listener_audits_total") > audits + 1, "it audits again", seconds=60)
        await connection.execute("update organisations set plan = 'free'")
        await eventually(connection, ENROLLED, equals=0, seconds=60)
        wait_until(lambda: len(daemon.events("route_missed")) == 2, "who leaves is told, too")
        told = "select count(*) from listener.problem where code = 'route_missed'"
        await eventually(connection, told, equals=0, seconds=60)
