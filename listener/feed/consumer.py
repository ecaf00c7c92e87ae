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


MOST_PASSED_OVER = 1_000_000
"""Notes that a consumer passes over at once, if they do not concern it: a fifth of a second's work."""


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
    passed_over: bool = False
    """Whether it did nothing but pass over what does not concern it."""


class Consumer:
    """One consumer of the feed: a name, and the statement that reads, reacts and writes the next checkpoint."""

    def __init__(self, name: str, reaction: str, few: str | None = None, concerned: str | None = None) -> None:
        """`reaction` is SQL that begins with `{{feed}}`; $1 is the consumer, $2 the batch size. `few` calls a function
        that does the same where there are few notes, and says with no `changes` where it does not; $1 is the most.
        `concerned` is what is true of each `change` that concerns it, in SQL: the others are passed over, after a batch
        of which the reaction says that none was `concerned`."""
        self.name = name
        self._statement = statement(reaction)
        self._few = few
        self._expects_few = few is not None
        self._passing = None if concerned is None else pass_over(concerned)
        self._passes_over = False

    async def react(self, executor: Executor, batch_size: int, *args: object) -> Batch | None:
        """Handle the next batch; None if there was nothing to handle. Raises Fenced if another daemon did it first."""
        try:
            return await self._react(executor, batch_size, *args)
        except asyncpg.UniqueViolationError as error:
            if (error.schema_name, error.constraint_name) == ("listener", "checkpoint_pkey"):
                raise Fenced from error
            raise

    async def _react(self, executor: Executor, batch_size: int, *args: object) -> Batch | None:
        passed = await self._pass_over(executor) if self._passes_over else None
        if passed is not None:
            return passed
        if self._expects_few:
            row = await executor.fetchrow(self._few or "", min(FEW, batch_size), *args)
            if row is not None and row["changes"] is not None:
                return batch_of(row) if row["changes"] else None
        row = await executor.fetchrow(self._statement, self.name, batch_size, *args)
        self._expects_few = self._few is not None and (row is None or row["changes"] <= FEW)
        if row is None or not row["changes"]:
            return None
        batch = batch_of(row)
        self._passes_over = self._passing is not None and batch.notes_left and not row["concerned"]
        return batch

    async def _pass_over(self, executor: Executor) -> Batch | None:
        """To the first note that concerns it, however far that is: no other reaction has to wait for long."""
        changes, notes_left = 0, True
        while notes_left:
            row = await executor.fetchrow(self._passing or "", self.name, MOST_PASSED_OVER)
            if row is None:
                break
            changes += row["changes"]
            notes_left = row["notes_left"]
        self._passes_over = False
        return Batch(changes, notes_left, passed_over=True) if changes else None


def statement(reaction: str) -> str:
    """The statement that a reaction's text stands for."""
    return reaction.replace(FEED, sql.read("feed/batch_and_checkpoint"), 1)


def pass_over(concerned: str) -> str:
    """The statement that takes a consumer's checkpoint ($1) past notes ($2 at most) that are not `concerned`."""
    return sql.render(sql.read("feed/pass_over"), {"concerned": concerned})


def batch_of(row: asyncpg.Record) -> Batch:
    """What a consumer's statement returned."""
    values = dict(row)
    return Batch(changes=values.pop("changes"), notes_left=values.pop("notes_left"), result=values)
