"""Alerts of too much, or too slow: each fires in a real Prometheus with shortened windows, and ends once the commands
of its section in the runbook were followed, word for word."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.conftest import Database
from tests.support import runbook
from tests.support.connecting import connect
from tests.support.notify_queue import fill, small_queue
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener
from tests.support.prometheus import PROGRAM, Prometheus

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="prometheus is not installed (Debian: prometheus)"),
    pytest.mark.timeout(300),
]

SECONDS = 60.0

QUEUE = {"ListenerNotifyQueueFilling"}
SLOW = {"ListenerFeedGrowing", "ListenerReactionsSlow", "ListenerReactionBudget"}

OLDEST = (
    "select pid, datname, application_name, xact_start from pg_stat_activity"
    " where xact_start is not null order by xact_start"
)
TRIGGERS = (
    "select tgrelid::regclass as table, tgname from pg_trigger"
    " where tgrelid in ('enrollments'::regclass, 'courses'::regclass)"
    " and not tgisinternal and tgenabled <> 'D' and tgname not like 'listener%'"
)

SLOW_TRIGGER = """
create function take_long() returns trigger language plpgsql as $$ begin perform pg_sleep(0.02); return new; end $$;
create trigger take_long before insert on enrollments for each row execute function take_long();
"""


@pytest.fixture
def small(postgres_version: int) -> Iterator[Database]:
    with small_queue(postgres_version) as database:
        yield database


async def sign_up(url: str) -> None:
    """More of them than a slow trigger lets in."""
    app = await connect(url)
    try:
        while True:
            await app.execute("insert into profiles (role) select 'student' from generate_series(1, 20)")
            await asyncio.sleep(0.05)
    finally:
        app.terminate()


async def test_what_fills_up_or_becomes_slow_fires_and_ends_by_what_the_runbook_says(small: Database) -> None:
    app = await connect(small.url)
    await app.execute("insert into courses (title, price) values ('a', 1)")
    settings: dict[str, object] = {"heartbeat_seconds": 1, "sample_seconds": 0.2}
    daemon = DaemonProcess(small.url, settings, cold=False).wait_ready("leading")
    prometheus = Prometheus(f"127.0.0.1:{daemon.port}", hurried=True)

    async def fire(alerts: set[str]) -> None:
        await asyncio.to_thread(wait_until, lambda: alerts <= prometheus.firing(), f"{alerts} fire", SECONDS)

    async def end(alerts: set[str]) -> None:
        await asyncio.to_thread(wait_until, lambda: not alerts & prometheus.firing(), f"{alerts} end", SECONDS)

    try:
        await asyncio.to_thread(prometheus.wait_scraped)
        await end(QUEUE | SLOW)

        stuck = await connect(small.url)
        await stuck.execute("listen other")
        await stuck.execute("begin; select 1")
        await fill(app)
        await fire(QUEUE)
        oldest = await app.fetchval(runbook.command("ListenerNotifyQueueFilling", OLDEST))
        assert oldest == stuck.get_server_pid()
        await runbook.follow(
            small.url, app, "ListenerNotifyQueueFilling", "select pg_terminate_backend(PID)", PID=oldest
        )
        await end(QUEUE)
        stuck.terminate()

        await app.execute(SLOW_TRIGGER)
        await app.execute("insert into profiles (role) select 'student' from generate_series(1, 600)")
        signing_up = asyncio.create_task(sign_up(small.url))
        await fire(SLOW)
        (trigger,) = await app.fetch(runbook.command("ListenerFeedGrowing", TRIGGERS))
        disable = "alter table TABLE disable trigger NAME"
        await runbook.follow(
            small.url, app, "ListenerFeedGrowing", disable, TABLE=trigger["table"], NAME=trigger["tgname"]
        )
        signing_up.cancel()
        await end(SLOW)
        assert listener(small.url, "diagnose", check=False).returncode == 0
    finally:
        app.terminate()
        prometheus.clean_up()
        daemon.clean_up()
