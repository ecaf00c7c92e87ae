"""`listener.settled()` on a replica says what is true of what the replica has by then."""

import asyncio

from tests.conftest import install_script, skip_if_missing
from tests.support import lms
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.postgres import Server

SETTLED = "select listener.settled($1)"
STEP = "select * from listener.step()"


async def test_a_profile_is_unknown_then_unsettled_then_settled_there(postgres_version: int) -> None:
    skip_if_missing(postgres_version)
    primary = Server(postgres_version)
    replica = None
    primary.create()
    try:
        primary.start()
        primary.psql("postgres", lms.schema())
        primary.psql("postgres", await asyncio.to_thread(install_script, primary.url()))
        replica = primary.create_replica()
        replica.start()
        on_primary = await connect(primary.url())
        on_replica = await connect(replica.url())
        await on_primary.execute("insert into courses (title, price) values ('a', 1)")
        await eventually(on_replica, "select count(*) from courses", equals=1)
        await on_replica.execute("select pg_wal_replay_pause()")
        profile = await on_primary.fetchval("insert into profiles (role) values ('student') returning id")
        assert await on_primary.fetchval(SETTLED, profile) is False
        assert await on_replica.fetchval(SETTLED, profile) is None
        await on_replica.execute("select pg_wal_replay_resume()")
        await eventually(on_replica, SETTLED, profile, equals=False)
        await on_replica.execute("select pg_wal_replay_pause()")
        await on_primary.fetchrow(STEP)
        assert await on_primary.fetchval(SETTLED, profile) is True
        assert await on_replica.fetchval(SETTLED, profile) is False
        await on_replica.execute("select pg_wal_replay_resume()")
        await eventually(on_replica, SETTLED, profile, equals=True)
        assert await on_replica.fetchval("select count(*) from enrollments where user_id = $1", profile) == 1
        await on_replica.close()
        await on_primary.close()
    finally:
        if replica is not None:
            replica.destroy()
        primary.destroy()
