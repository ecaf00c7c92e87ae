"""Crowds, and others who come meanwhile, with leaders that are killed, doubled and paused: whatever is handled ahead of
its turn is handled once, and nobody is left behind."""

import random
from collections.abc import Awaitable, Callable

import anyio
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support import workload
from tests.support.eventually import eventually
from tests.support.feed_history import REACTION, TABLE
from tests.support.process import DaemonProcess

StartDaemon = Callable[..., DaemonProcess]

IMPORT = "insert into profiles (role, full_name) select 'student', 'crowd' from generate_series(1, 600)"
LEFT_OF_THE_CROWD = """
select count(*)
from profiles
where
    full_name = 'crowd' and role = 'student' and not exists (select from seen where seen.user_id = profiles.id)
"""
OWN = f"""
{TABLE}
update listener.reaction set text = $text${REACTION}$text$, hash = 'known';
create table before_it as select id from listener.change;
insert into listener.checkpoint (consumer, seq, handled) values ('test', 0, pg_current_snapshot());
"""
SEEN = "select array(select note from applied order by note)"
NOTED = "select array(select id from listener.change where id not in (select id from before_it) order by id)"
AHEAD = "select coalesce(sum(changes), 0) > 0 from listener.checkpoint where consumer = $1 and first_ahead is not null"
SETTINGS = {"batch_size": 100, "heartbeat_seconds": 0.5}


class Leaders:
    """Two daemons, and what may become of them."""

    def __init__(self, start: Callable[[], DaemonProcess], connection: Connection, seed: int) -> None:
        self._start = start
        self._connection = connection
        self._dice = random.Random(seed)
        self._daemons = [start(), start()]
        self._faults: list[Callable[[], Awaitable[None]]] = [self._kill, self._stop, self._pause, self._wait]

    async def suffer(self) -> None:
        await self._dice.choice(self._faults)()

    async def _wait(self) -> None:
        await anyio.sleep(self._dice.uniform(0.1, 0.6))

    async def _kill(self) -> None:
        await self._wait()
        self._daemons.pop(0).kill()
        self._daemons.append(self._start())

    async def _stop(self) -> None:
        await self._wait()
        gone = self._daemons.pop(0)
        self._daemons.append(self._start())
        await anyio.to_thread.run_sync(gone.stop)

    async def _pause(self) -> None:
        consumer = self._dice.choice(["enroll", "count", "test"])
        await self._connection.execute("select listener.pause($1, null)", consumer)
        await self._wait()
        await self._connection.execute("select listener.resume($1)", consumer)


@pytest.mark.timeout(3600)
async def test_nothing_is_lost_nothing_is_done_twice_and_nobody_is_left_behind(
    database: Database, connection: Connection, start_daemon: StartDaemon, request: pytest.FixtureRequest
) -> None:
    await connection.execute(workload.SCHEMA)
    await connection.execute(OWN)
    rounds = 200 if request.config.getoption("--long") else 5

    async def crowds() -> None:
        leaders = Leaders(lambda: start_daemon(database, **SETTINGS), connection, seed=rounds)
        for _ in range(rounds):
            await connection.execute(IMPORT)
            await leaders.suffer()
        await eventually(connection, LEFT_OF_THE_CROWD, equals=0, seconds=120)

    await workload.during(database.url, "lane", crowds)
    await workload.settled(connection, seconds=120)
    await eventually(connection, "select count(*) from listener.unhandled('test')", equals=0, seconds=60)
    assert await connection.fetchval(SEEN) == await connection.fetchval(NOTED)
    for consumer in ("enroll", "test"):
        assert await connection.fetchval(AHEAD, consumer), "somebody was ahead of a crowd"
    await eventually(connection, "select count(*) from listener.ahead", equals=0)
