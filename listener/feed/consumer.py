"""A consumer of the change feed: it reads the next batch, and writes its checkpoint, in one statement.

Nothing here knows what the changes mean.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

import asyncpg

from listener import sql
from listener.errors import Fenced

FEW = 64
"""Changes in a batch that a function with plans of its own handles; more pay for one statement that is set up anew."""


FEED = "{{feed}}"
"""How a reaction's text begins: it stands for what reads the batch, and writes the checkpoint."""


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
        self._statement = statement(reaction)
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
            if (error.schema_name, error.constraint_name) == ("listener", "checkpoint_pkey"):
                raise Fenced from error
            raise
        self._expects_few = self._few is not None and (row is None or row["changes"] <= FEW)
        return batch_of(row) if row is not None and row["changes"] else None


def statement(reaction: str) -> str:
    """The statement that a reaction's text stands for."""
    return reaction.replace(FEED, sql.read("feed/batch_and_checkpoint"), 1)


def batch_of(row: asyncpg.Record) -> Batch:
    """What a consumer's statement returned."""
    values = dict(row)
    return Batch(changes=values.pop("changes"), notes_left=values.pop("notes_left"), result=values)
