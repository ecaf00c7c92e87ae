"""A consumer of the change feed: reads the next batch, and writes the checkpoint, in a single statement.

Nothing here knows the meaning of the changes.
"""

from dataclasses import dataclass, field
from typing import Any

import asyncpg

from listener import sql
from listener.database.driver_errors import is_checkpoint_taken
from listener.database.rows import Executor
from listener.errors import Fenced

FEED = "{{feed}}"
"""The beginning of an installed reaction's text: stands for SQL that reads the batch and writes the checkpoint."""

MOST_PASSED_OVER = 1_000_000
"""Notes of no concern that a consumer passes over at once, in a fifth of a second."""


@dataclass(frozen=True)
class Batch:
    changes: int
    notes_left: bool
    result: dict[str, Any] = field(default_factory=dict)
    passed_over: bool = False
    """Whether the batch only passed over notes that do not concern the consumer."""


class Consumer:
    """A name, and the statement that reads, reacts and writes the next checkpoint."""

    def __init__(
        self, name: str, statement: str, arguments: tuple[object, ...] = (), *, passing: str | None = None
    ) -> None:
        """`statement` takes `arguments`, then the batch size, then the arguments of `react`. `passing` is SQL that
        passes over up to $1 notes that do not concern the consumer; run after a batch without the `concerned` mark.
        """
        self.name = name
        self._statement = statement
        self._arguments = arguments
        self._passing = passing
        self._passes_over = False
        self._passing_failed = False
        """In the present backlog; batches get through as well."""

    async def react(self, executor: Executor, batch_size: int, *args: object) -> Batch | None:
        """Handle the next batch; None if there was nothing to handle. Raises Fenced if another daemon was first."""
        try:
            batch = await self._react(executor, batch_size, *args)
        except asyncpg.UniqueViolationError as error:
            if is_checkpoint_taken(error):
                raise Fenced from error
            raise
        if batch is None or not batch.notes_left:
            self._passing_failed = False
        return batch

    async def _react(self, executor: Executor, batch_size: int, *args: object) -> Batch | None:
        passed = await self._pass_over(executor) if self._passes_over else None
        if passed is not None:
            return passed
        row = await executor.fetchrow(self._statement, *self._arguments, batch_size, *args)
        if row is None or not row["changes"]:
            return None
        batch = batch_of(row)
        may_pass_over = self._passing is not None and not self._passing_failed
        self._passes_over = may_pass_over and batch.notes_left and not row["concerned"]
        return batch

    async def _pass_over(self, executor: Executor) -> Batch | None:
        """To the first note that concerns the consumer, however far: no other reaction waits long."""
        self._passes_over, self._passing_failed = False, True
        changes, notes_left = 0, True
        while notes_left:
            row = await executor.fetchrow(self._passing or "", MOST_PASSED_OVER)
            if row is None:
                break
            changes += row["changes"]
            notes_left = row["notes_left"]
        self._passing_failed = False
        return Batch(changes, notes_left, passed_over=True) if changes else None


class InstalledConsumer(Consumer):
    def __init__(self, name: str, text: str, *, fresh: bool = False) -> None:
        """`text` begins with `{{feed}}`; $1 is the consumer, $2 the batch size. With `fresh`, it handles what is ahead
        of its turn, and $3 is the snapshot of the last look."""
        super().__init__(name, statement(text, fresh=fresh), (name,))


def statement(reaction: str, *, fresh: bool = False) -> str:
    return reaction.replace(FEED, sql.read("feed/fresh_batch" if fresh else "feed/batch"), 1)


def batch_of(row: asyncpg.Record) -> Batch:
    values = dict(row)
    return Batch(changes=values.pop("changes"), notes_left=values.pop("notes_left"), result=values)
