"""A migration beside a command that looks at whole tables."""

import subprocess
from collections.abc import Callable

import anyio
import anyio.to_thread

from listener.database.connection import Connection
from tests.support.eventually import eventually

# Its rule sleeps: a lock alone is also held in passing, before the look, and the look that comes after the migration
# may have its snapshot from before and see the profiles that are gone.
LOOKING = """
select count(*) > 0
from pg_locks
inner join pg_stat_activity using (pid)
where
    datname = current_database() and relation = 'profiles'::regclass and granted
    and application_name = 'listener-command' and wait_event = 'PgSleep'
"""


async def migrate_beside(
    connection: Connection, command: Callable[[], subprocess.CompletedProcess[str]], looking: str = LOOKING
) -> subprocess.CompletedProcess[str]:
    """Run a command, and a migration once the command looks at the profiles; what the command came to. The migration
    deletes all profiles, and fails if it must wait for more than 10 s."""
    ended: list[subprocess.CompletedProcess[str]] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, lambda: ended.append(command()))
        await eventually(connection, looking, equals=True)
        async with connection.transaction():
            await connection.execute("set local lock_timeout = '10s'")
            await connection.execute("alter table profiles add column phone text; delete from profiles")
    (done,) = ended
    return done
