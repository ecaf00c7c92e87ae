"""The purge: deletes notes that all consumers have handled."""

from listener.database.rows import Executor, only_row

PURGE_ROWS = 1000
"""Rows deleted by a statement: a few milliseconds, in which reactions wait."""

NOTES = """
select notes, last_xid::text, next_pass_from::text, keeps_history from listener.purge(($1::text)::xid8, $2, $3)
"""
CHECKPOINTS = "select * from listener.purge_checkpoints($1, $2, $3, $4)"
HISTORY = "select * from listener.purge_history($1, $2)"


class Purge:
    """Deletes handled notes from the low end, a few rows at a time. A step begins where the last step stopped, so as
    not to walk dead rows. A pass ends with a step that leaves nothing to delete; the next begins at the first note that
    stayed, or may have been in flight."""

    def __init__(self, consumers: list[str], retention_seconds: float) -> None:
        self._consumers = consumers
        self._retention = retention_seconds
        self._xid = 0
        self._next_pass_from: int | None = None
        self._seq = dict.fromkeys(consumers, 0)
        self._history_id = 0

    async def step(self, executor: Executor) -> bool:
        """Delete up to PURGE_ROWS notes, and as many checkpoints of each consumer; then history beyond its days. False
        when none were left."""
        notes = await only_row(executor, NOTES, str(self._xid), PURGE_ROWS, self._retention)
        next_pass_from = int(notes["next_pass_from"])
        if self._next_pass_from is None or next_pass_from < self._next_pass_from:
            self._next_pass_from = next_pass_from
        more: bool = notes["notes"] == PURGE_ROWS
        if more:
            self._xid = int(notes["last_xid"])
        else:
            self._xid, self._next_pass_from = self._next_pass_from, None
        for consumer in self._consumers:
            row = await executor.fetchrow(CHECKPOINTS, consumer, self._seq[consumer], PURGE_ROWS, self._retention)
            if row is not None and row["last_seq"] is not None:
                self._seq[consumer] = row["last_seq"]
                more = more or row["checkpoints"] == PURGE_ROWS
        if notes["keeps_history"] and not more:
            history = await only_row(executor, HISTORY, self._history_id, PURGE_ROWS)
            self._history_id = history["last_id"] or self._history_id
            more = history["gone"] == PURGE_ROWS
        return more
