"""A worker of pgqueuer, set up as its guides on performance and on shared resources advise."""

import asyncio
import logging
import sys
from pathlib import Path

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

ENROLL = (Path(__file__).parent / "enroll.sql").read_text()


async def install(url: str) -> None:
    """Its tables, and the storage settings it recommends for them."""
    connection = await asyncpg.connect(url)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    await queries.optimize_autovacuum()
    await connection.close()


async def work(url: str) -> None:
    """One connection for the queue, a pool for the handlers, and large batches, as jobs are short."""
    pool = await asyncpg.create_pool(url, min_size=10, max_size=10)
    queue = PgQueuer(AsyncpgDriver(await asyncpg.connect(url)))

    async def enroll(job: Job) -> None:
        assert job.payload is not None
        await pool.execute(ENROLL, [job.payload.decode()])

    queue.entrypoint("enroll")(enroll)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await queue.run(batch_size=100, max_concurrent_tasks=200)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    asyncio.run(install(sys.argv[1]) if "install" in sys.argv else work(sys.argv[1]))
