"""What a statement costs, counted in pages."""

from dataclasses import dataclass

import asyncpg

from listener.database.connection import Connection, tune
from tests.conftest import Database
from tests.support.connecting import parsed

SCANS = "select relname, seq_scan from pg_stat_xact_all_tables where schemaname in ('public', 'listener')"

WARMING = 2
MEASURED = 3


@dataclass(frozen=True)
class Cost:
    """Of one statement."""

    rows: int
    """That it returned."""
    pages: int
    """That it touched."""
    scans: dict[str, int]
    """How often it read each table as a whole."""


async def measure(database: Database, statement: str, before: str, *first: str) -> Cost:
    """What a statement costs in the daemon's own session once it is warm, each time after `before`, and each time taken
    back: the least of three, for a session that was told to forget the catalogue (by an autovacuum, or by a queue of
    such news that ran over) reads it again meanwhile. `first` is run once."""
    connection: Connection = await asyncpg.connect(database.url)
    try:
        await tune(connection)
        await connection.execute("set search_path = public, pg_catalog")
        await connection.execute("set lock_timeout = 0")  # an autovacuum may be at the tables that are to be vacuumed
        for each in first:
            await connection.execute(each)
        await tune(connection)
        await connection.execute("set search_path = public, pg_catalog")
        costs = list[Cost]()
        for _run in range(WARMING + MEASURED):
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(before)
            earlier = {row["relname"]: row["seq_scan"] for row in await connection.fetch(SCANS)}
            answer = await connection.fetchval(f"explain (analyze, buffers, timing off, format json) {statement}")
            later = {row["relname"]: row["seq_scan"] for row in await connection.fetch(SCANS)}
            await transaction.rollback()
            plan = parsed(answer)[0]["Plan"]
            pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            costs.append(Cost(plan["Actual Rows"], pages, {name: later[name] - earlier[name] for name in later}))
        return min(costs[WARMING:], key=lambda cost: cost.pages)
    finally:
        await connection.close()
