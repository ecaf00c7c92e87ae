"""Who comes back, and who leaves, is told and counted like who is enrolled."""

from collections.abc import Callable

from tests.conftest import Database
from tests.support.campus import SUSPEND, course, school
from tests.support.eventually import eventually
from tests.support.explaining import person
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess

StartDaemon = Callable[..., DaemonProcess]

ACTIVE = "select count(*) from enrollments where status = 'active'"


async def test_leaving_and_returning_are_a_line_and_a_count_each(
    make_database: Callable[..., Database], start_daemon: StartDaemon
) -> None:
    database = make_database(installed=False)
    async with school(database, **SUSPEND) as connection:
        daemon = start_daemon(database).wait_ready("leading")
        gold, student = await course(connection, "gold"), await person(connection, "guest")
        await connection.execute("insert into payments (profile_id, plan) values ($1, 'gold')", student)
        await eventually(connection, ACTIVE, equals=1)
        await connection.execute("update payments set plan = 'none'")
        await eventually(connection, ACTIVE, equals=0)
        await connection.execute("update payments set plan = 'gold'")
        await eventually(connection, ACTIVE, equals=1)
        wait_until(lambda: bool(daemon.events("student_returned")), "the return is told")
        who = {"profile_id": student, "course_id": gold}
        of_every_line = {"event", "level", "timestamp", "database", "instance"}
        for event, more in (("student_enrolled", {}), ("student_left", {"how": "suspended"}), ("student_returned", {})):
            (told,) = daemon.events(event)
            assert {name: told[name] for name in told.keys() - of_every_line - {"course"}} == who | more
        daemon.shows("listener_enrollments_created_total", 1)
        daemon.shows('listener_enrollments_taken_back_total{how="suspended"}', 1)
        daemon.shows('listener_enrollments_taken_back_total{how="removed"}', 0)
        daemon.shows("listener_enrollments_returned_total", 1)


async def test_a_student_who_leaves_only_at_a_second_attempt_is_told_as_well(
    make_database: Callable[..., Database], start_daemon: StartDaemon
) -> None:
    """A trigger of the LMS's refused it at first: it was set aside, and tried again."""
    database = make_database(installed=False)
    async with school(database, on_leave="remove") as connection:
        daemon = start_daemon(database).wait_ready("leading")
        await course(connection, "gold")
        student = await person(connection, "guest")
        await connection.execute("insert into payments (profile_id, plan) values ($1, 'gold')", student)
        await eventually(connection, ACTIVE, equals=1)
        await connection.execute(
            "create function refuse() returns trigger language plpgsql as $$begin raise exception 'stays'; end$$;"
            "create trigger refuse before delete on enrollments for each row execute function refuse()"
        )
        await connection.execute("delete from payments")
        await eventually(connection, "select error from listener.pending_enrollment", equals="P0001: stays")
        await connection.execute("drop trigger refuse on enrollments")
        await eventually(connection, ACTIVE, equals=0, seconds=20)
        daemon.told("student_left")
        (told,) = daemon.events("student_left")
        assert (told["profile_id"], told["how"]) == (student, "removed")
        daemon.shows('listener_enrollments_taken_back_total{how="removed"}', 1)
