"""A worker of procrastinate: asynchronous tasks side by side, finished jobs deleted, stalled ones tried again."""

import asyncio
import logging
import sys
from pathlib import Path

import asyncpg
from procrastinate import App, PsycopgConnector

ENROLL = (Path(__file__).parent / "enroll.sql").read_text()
CONCURRENCY = 10


async def run(url: str, *, install: bool) -> None:
    """Make its tables, or work until killed."""
    app = App(connector=PsycopgConnector(conninfo=url, max_size=CONCURRENCY + 2))
    async with app.open_async():
        if install:
            await app.schema_manager.apply_schema_async()
            return
        pool = await asyncpg.create_pool(url, min_size=CONCURRENCY, max_size=CONCURRENCY)

        async def enroll(student: str) -> None:
            await pool.execute(ENROLL, [student])

        async def retry_stalled_jobs(timestamp: int) -> None:
            del timestamp
            for job in await app.job_manager.get_stalled_jobs():
                await app.job_manager.retry_job(job)

        app.task(name="enroll", queue="default")(enroll)
        retry = app.task(name="retry", queueing_lock="retry")(retry_stalled_jobs)
        app.periodic(cron="*/10 * * * *")(retry)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await app.run_worker_async(concurrency=CONCURRENCY, delete_jobs="successful")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    asyncio.run(run(sys.argv[1], install="install" in sys.argv))
