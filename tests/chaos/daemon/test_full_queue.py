"""The server's queue of notifications is full: nobody can ring, and the work goes on."""

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.notify_queue import fill, small_queue
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess

ENROLLED = "select count(*) from enrollments"


@pytest.fixture
def small(postgres_version: int) -> Iterator[Database]:
    with small_queue(postgres_version) as database:
        yield database


async def test_while_the_queue_of_notifications_is_full_nobody_rings_and_the_work_goes_on(
    small: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    app, stuck = await connect(small.url), await connect(small.url)
    try:
        await app.execute("insert into courses (title, price) values ('a', 1)")
        daemon = start_daemon(small, heartbeat_seconds=0.5, sample_seconds=0.5).wait_ready("leading")
        standby = start_daemon(small, heartbeat_seconds=0.5).wait_ready("standing_by")
        await stuck.execute("listen other")
        await stuck.execute("begin; select 1")
        await fill(app)
        assert "queue of notifications is full" in daemon.told("polling")
        daemon.shows("listener_notify_queue_usage_ratio", 1.0)
        for students in range(1, 6):
            await app.execute("insert into profiles (role) values ('student')")
            await eventually(app, ENROLLED, equals=students)
        assert (daemon.role, standby.role) == ("leading", "standing_by")
        assert "queue of notifications is full" in daemon.get("/readyz")[1]
        assert daemon.events("connection_lost") == daemon.events("heartbeat_missed") == []
        await stuck.execute("rollback")
        daemon.told("ringing")
        wait_until(lambda: "full" not in daemon.get("/readyz")[1], "the port says so")
        await app.execute("insert into profiles (role) values ('student')")
        await eventually(app, ENROLLED, equals=6)
        assert standby.events("connection_lost") == standby.events("leader_deposed") == []
    finally:
        app.terminate()
        stuck.terminate()
