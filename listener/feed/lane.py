"""The express lane: while a consumer has a backlog, what is fresh and small is handled ahead of its turn.

What was handled so is remembered in the database, by the transaction that handles it. Only how far the last look went
is remembered here: without it a look begins at the checkpoint.
"""

import time
from collections.abc import Awaitable, Callable

from listener import sql
from listener.database.rows import Executor, only_row
from listener.feed.consumer import Batch

MOST_FRESH = 500
"""What the notes of one look weigh together, at most: the crowd waits no longer than for a batch."""

MOST_OF_EACH = 8
"""What a transaction weighs, at most, that is small (`listener.fresh`)."""


class Lane:
    def __init__(self, consumer: str) -> None:
        self._consumer = consumer
        self._looked: str | None = None
        self._latest: str | None = None
        self._backlog_since = float("inf")
        self._closed_until = float("-inf")

    @property
    def backlog_seconds(self) -> float:
        """For how long there has been a backlog without a break."""
        return max(0.0, time.monotonic() - self._backlog_since)

    @property
    def is_open(self) -> bool:
        now = time.monotonic()
        return self._backlog_since <= now and self._closed_until <= now

    def is_behind(self, *, notes_left: bool) -> None:
        """After a batch: whether there is a backlog."""
        if not notes_left:
            self._looked, self._backlog_since = None, float("inf")
        elif self._backlog_since == float("inf"):
            self._backlog_since = time.monotonic()

    def close(self, seconds: float) -> None:
        self._closed_until = time.monotonic() + seconds

    async def take(
        self, executor: Executor, most: int, react: Callable[[str | None], Awaitable[Batch | None]]
    ) -> Batch | None:
        """Look, and call `react` with the snapshot of the look before if something is fresh. Where that may be more
        than `most`, the next look begins there again."""
        row = await only_row(executor, sql.read("feed/lane"), self._consumer, self._looked, most)
        self._latest = row["looked"]
        batch = await react(self._looked) if row["is_fresh"] else None
        if batch is None or batch.changes < most / MOST_OF_EACH:
            self.leave_the_rest()
        return batch

    def leave_the_rest(self) -> None:
        """What the last look has left waits for its turn."""
        self._looked = self._latest
