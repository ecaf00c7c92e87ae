"""The change feed: consumers, their checkpoints, and the purge of what everyone has handled.

Nothing here knows what the changes mean.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

import asyncpg

from listener import sql
from listener.errors import Fenced

PURGE_ROWS = 1000
"""Rows deleted by one purge statement: a few milliseconds, in which reactions wait."""


FEW = 64
"""Changes in a batch that a function with plans of its own handles; more pay for one statement that is set up anew."""


class Executor(Protocol):
    """What runs a statement and returns its row: a connection, with a time limit around it."""

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """The first row of the result, or None."""
        ...


@dataclass(frozen=True)
class Batch:
    """What one statement of a consumer read and did."""

    changes: int
    notes_left: bool
    result: dict[str, Any] = field(default_factory=dict)
    """The reaction's own columns."""


class Consumer:
    """One consumer of the feed: a name, and the statement that reads, reacts and writes the next checkpoint."""

    def __init__(self, name: str, reaction: str, few: str | None = None) -> None:
        """`reaction` is SQL that begins with `{{feed}}`; $1 is the consumer, $2 the batch size. `few` calls a function
        that does the same where there are few notes, and says with no `changes` where it does not; $1 is the most."""
        self.name = name
        self._statement = sql.render(reaction, {"feed": sql.read("daemon/feed")})
        self._few = few
        self._expects_few = few is not None

    async def react(self, executor: Executor, batch_size: int, *args: object) -> Batch | None:
        """Handle the next batch; None if there was nothing to handle. Raises Fenced if another daemon did it first."""
        try:
            if self._expects_few:
                row = await executor.fetchrow(self._few or "", min(FEW, batch_size), *args)
                if row is not None and row["changes"] is not None:
                    return batch_of(row) if row["changes"] else None
            row = await executor.fetchrow(self._statement, self.name, batch_size, *args)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == "checkpoint_pkey":
                raise Fenced from error
            raise
        self._expects_few = self._few is not None and (row is None or row["changes"] <= FEW)
        return batch_of(row) if row is not None else None


def batch_of(row: asyncpg.Record) -> Batch:
    """What a consumer's statement returned."""
    values = dict(row)
    return Batch(changes=values.pop("changes"), notes_left=values.pop("notes_left"), result=values)


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
            sql.read("daemon/purge"), self._consumers, str(self._xid), PURGE_ROWS, self._retention
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
                sql.read("daemon/purge_checkpoints"),
                consumer,
                self._seq[consumer],
                PURGE_ROWS,
                self._retention,
            )
            if row is not None and row["last_seq"] is not None:
                self._seq[consumer] = row["last_seq"]
                more = more or row["checkpoints"] == PURGE_ROWS
        return more
