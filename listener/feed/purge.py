"""The purge: deletes from the feed what all consumers have handled."""

from listener import sql
from listener.feed.consumer import Executor

PURGE_ROWS = 1000
"""Rows deleted by one purge statement: a few milliseconds, in which reactions wait."""


class Purge:
    """Deletes what all consumers have handled, from the low end, a few rows at a time.

    A step begins where the last one stopped, so that it does not walk the dead rows that were left behind. A pass
    ends when a step leaves nothing to delete; the next begins at the first note that stayed, or that may have been
    in flight.
    """

    def __init__(self, consumers: list[str], retention_seconds: float) -> None:
        self._consumers = consumers
        self._retention = retention_seconds
        self._xid = 0
        self._next_pass_from: int | None = None
        self._seq = dict.fromkeys(consumers, 0)

    async def step(self, executor: Executor) -> bool:
        """Delete at most PURGE_ROWS notes, and as many checkpoints of each consumer; False when none were left."""
        notes = await executor.fetchrow(
            sql.read("feed/purge"), self._consumers, str(self._xid), PURGE_ROWS, self._retention
        )
        assert notes is not None
        next_pass_from = int(notes["next_pass_from"])
        if self._next_pass_from is None or next_pass_from < self._next_pass_from:
            self._next_pass_from = next_pass_from
        more: bool = notes["notes"] == PURGE_ROWS
        if more:
            self._xid = int(notes["last_xid"])
        else:
            self._xid, self._next_pass_from = self._next_pass_from, None
        for consumer in self._consumers:
            row = await executor.fetchrow(
                sql.read("feed/purge_checkpoints"),
                consumer,
                self._seq[consumer],
                PURGE_ROWS,
                self._retention,
            )
            if row is not None and row["last_seq"] is not None:
                self._seq[consumer] = row["last_seq"]
                more = more or row["checkpoints"] == PURGE_ROWS
        return more
