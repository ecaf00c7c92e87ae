"""The primary dies and its standby is promoted: nothing lost, and back within 5 s of the promotion."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import anyio
import anyio.to_thread
import asyncpg
import pytest

from tests.conftest import install_script
from tests.support import lms, workload
from tests.support.eventually import eventually
from tests.support.postgres import USER, Server, wait_until
from tests.support.process import DaemonProcess

Start = Callable[..., DaemonProcess]


@dataclass(frozen=True)
class Pair:
    """A primary and its synchronous standby."""

    primary: Server
    standby: Server

    @property
    def url(self) -> str:
        """Both of them, as a client of a pair is told."""
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        return f"postgresql://{USER}@{hosts}/lms?target_session_attrs=read-write"


@pytest.fixture
def pair(postgres_version: int) -> Iterator[Pair]:
    primary = Server(postgres_version)
    primary.create()
    primary.start()
    primary.psql("postgres", "create database lms")
    primary.psql("lms", lms.schema() + workload.SCHEMA)
    primary.psql("lms", install_script(primary.url("lms")))
    standby = primary.create_replica()
    standby.start()
    primary.psql("postgres", "alter system set synchronous_standby_names = 'replica'")
    primary.psql("postgres", "select pg_reload_conf()")
    synchronous = "select count(*) from pg_stat_replication where sync_state = 'sync'"
    wait_until(lambda: primary.psql("postgres", synchronous) == "1\n", "the standby is synchronous")
    yield Pair(primary, standby)
    primary.destroy()
    standby.destroy()


@pytest.mark.timeout(180)
async def test_a_failover_loses_nothing_and_is_over_within_5_s(pair: Pair, start_daemon: Start) -> None:
    daemon = start_daemon(pair, heartbeat_seconds=1).wait_ready("leading")
    promoted_at = 0.0

    async def fail_over() -> None:
        nonlocal promoted_at
        await anyio.sleep(1)
        await anyio.to_thread.run_sync(pair.primary.stop, "immediate")
        await anyio.sleep(3)  # a standby alone: it is looked at, and is read-only
        assert daemon.role is None
        await anyio.to_thread.run_sync(pair.standby.promote)
        promoted_at = time.monotonic()
        await anyio.to_thread.run_sync(daemon.wait_ready, "leading")
        assert time.monotonic() - promoted_at < 5
        await anyio.sleep(1)

    commits = await workload.during(pair.url, "failover", fail_over)
    assert commits > 100
    connection = await asyncpg.connect(pair.standby.url("lms"))
    try:
        await workload.settled(connection)
    finally:
        await connection.close()
    assert daemon.events("drift_repaired") == []
    assert daemon.events("database_restored") == []
    assert len(daemon.events("connection_lost")) == 1
    assert len([event for event in daemon.events("connected") if "outage_seconds" in event]) == 1


async def test_a_server_that_becomes_read_only_is_looked_at_not_spun_on(pair: Pair, start_daemon: Start) -> None:
    daemon = start_daemon(pair, heartbeat_seconds=1).wait_ready("leading")
    pair.primary.psql("postgres", "alter system set default_transaction_read_only = on")
    pair.primary.psql("postgres", "select pg_reload_conf()")
    errors = pair.primary.log().count("ERROR:")
    wait_until(lambda: daemon.role is None, "the daemon is not ready")
    attempts = daemon.metric("listener_connection_attempts_total")
    await anyio.sleep(5)  # what is bounded is what happens in a time
    assert daemon.metric("listener_connection_attempts_total") - attempts < 10
    assert pair.primary.log().count("ERROR:") - errors < 30
    assert len(daemon.text().splitlines()) < 10
    pair.primary.psql(
        "postgres", "set default_transaction_read_only = off; alter system reset default_transaction_read_only"
    )
    pair.primary.psql("postgres", "select pg_reload_conf()")
    connection = await asyncpg.connect(pair.primary.url("lms"))
    try:
        await connection.execute("insert into profiles (role) values ('student')")
        await eventually(connection, "select count(*) from enrollments", equals=1)
    finally:
        await connection.close()
