"""A worker of PgQue, and its ticker, as its docs advise where neither pg_cron nor pg_timetable is at hand.

The worker takes whole batches and is woken by the ticker's NOTIFY, as PgQue's own clients are.
"""

import asyncio
import logging
import sys
from contextlib import suppress
from pathlib import Path

import asyncpg

BATCH = (Path(__file__).parent / "pgque_batch.sql").read_text()
TICK_SECONDS = 0.1
"""How often its own scheduler would tick."""
MAINTENANCE_SECONDS = 30
MAINTENANCE = ("maint_retry_events", "maint", "maint_rotate_tables_step2")
POLL_SECONDS = 30
"""How long its clients wait for a NOTIFY before they look."""


async def repeat(url: str, seconds: float, *functions: str) -> None:
    """Call each, in a transaction of its own, again and again with a pause of so many seconds."""
    connection = await asyncpg.connect(url)
    while True:
        for function in functions:
            await connection.execute(f"select pgque.{function}()")
        await asyncio.sleep(seconds)


async def consume(url: str) -> None:
    """Take batches until there are no more, then wait for the next tick."""
    connection = await asyncpg.connect(url)
    ticked = asyncio.Event()
    await connection.add_listener("pgque_sign_ups", lambda *_: ticked.set())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        ticked.clear()
        while await connection.fetchval(BATCH):
            pass
        with suppress(TimeoutError):
            await asyncio.wait_for(ticked.wait(), POLL_SECONDS)


async def work(url: str) -> None:
    """All three side by side, each with a connection of its own; the first that fails ends them."""
    await asyncio.gather(
        consume(url), repeat(url, TICK_SECONDS, "ticker"), repeat(url, MAINTENANCE_SECONDS, *MAINTENANCE)
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    asyncio.run(work(sys.argv[1]))
