"""A reaction: a consumer of the feed, when due, and the size of batches."""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from listener import sql
from listener.database.driver_errors import CONNECTION_OVER, LOCKED, may_be_renamed
from listener.database.executors import Executors
from listener.database.patience import Trouble
from listener.database.rows import Executor
from listener.feed.consumer import Batch, Consumer
from listener.feed.lane import MOST_FRESH, Lane
from listener.instruments.log_report import Report
from listener.logs import Event, Logger
from listener.reactions.batch_size import FIRST_BATCH, BatchSize
from listener.reactions.retry import Retry
from listener.reasons import reason

if TYPE_CHECKING:  # a command has none, and its library takes 1.5 MiB
    from listener.instruments.instruments import Instruments

SHOWN = 20
"""Ids that a statement returns for the log."""

CAREFUL_SECONDS = 30.0
"""After a refusal each student or course is handled separately for so long: otherwise the server's log would fill."""

SHORTEST_BLOCKED_SECONDS = 0.1
LONGEST_BLOCKED_SECONDS = 5.0


@dataclass(frozen=True)
class Context:
    """Tools of a leader's reactions."""

    executors: Executors
    instruments: "Instruments"
    report: Report
    follow: Callable[[], Awaitable[bool]] | None = None
    """Follows renames. True if a name has changed, and a statement is worth another attempt."""

    async def after_renaming(self, react: Callable[[], Awaitable[Batch | None]]) -> Batch | None:
        """React; once more if a table or column was renamed meanwhile."""
        try:
            return await react()
        except CONNECTION_OVER:
            raise
        except asyncpg.PostgresError as error:
            if not may_be_renamed(error) or self.follow is None or not await self.follow():
                raise
        return await react()


class Reaction:
    """A consumer of the feed, and when the consumer is due."""

    severity = logging.WARNING
    """Of a log line about a blocked reaction."""

    def __init__(self, name: str, size: BatchSize | None = None, *, pause: float = 0.0) -> None:
        """`pause`: the least seconds from a batch that took all there was to the next."""
        self.name = name
        self.pause = pause
        self.size = size or BatchSize(FIRST_BATCH)
        self.due = True
        self.paused = False
        """By `listener pause`. (The reaction's statements look, too, and do nothing then.)"""
        self.notes_left = False
        """Whether the last batch was full, and more notes wait: then there is no pause."""
        self.blocked_pause = 0.0
        """Least seconds between two attempts while not even a batch can be read."""
        self.blocked_by: str | None = None
        """Why not even a batch can be handled, once that was logged."""
        self._trouble = Trouble()
        self.last_at = float("-inf")
        self.lane = Lane(name)
        self.lane_trouble = Trouble()
        self.fresh_size = BatchSize(min(MOST_FRESH, self.size.most), first=MOST_FRESH)

    def took(self, batch: Batch, seconds: float, *, hurried: bool = False) -> None:
        """Choose the size of the next batch, and the pause before it."""
        self.size.done(seconds, more=batch.notes_left, hurried=hurried, changes=batch.changes)

    def left(self, *, notes: bool) -> None:
        """A batch left `notes` to handle, or none."""
        self.due = self.notes_left = notes
        self.lane.is_behind(notes_left=notes)

    @property
    def lets_overtake(self) -> bool:
        """Whether to look for what is fresh, before the next batch."""
        return self.lane.is_open and not self.paused and not self.blocked_pause

    def wait(self, now: float) -> float:
        """Seconds until this reaction should run; infinite if nothing is to do."""
        if self.paused or not self.due:
            return float("inf")
        pause = 0.0 if self.notes_left else self.pause
        return max(0.0, self.last_at + max(pause, self.blocked_pause) - now)

    async def react(self, context: Context) -> Batch | None:
        """Handle the next batch; None if there was nothing to handle."""
        raise NotImplementedError

    async def react_to_fresh(self, context: Context) -> Batch | None:
        """Handle what is fresh and small ahead of its turn; None if there is nothing of that."""
        raise NotImplementedError

    def handled(self, result: dict[str, Any], context: Context) -> None:
        """Report a batch."""

    def blocked(self, error: asyncpg.PostgresError, log: Logger) -> None:
        """A batch failed as a whole: a table is locked, or the server is short of something. A reason to wait, not to
        reconnect."""
        if self._trouble.is_news(error):
            self.blocked_by = reason(error)
            log.log(self.severity, Event.REACTION_BLOCKED, consumer=self.name, error=reason(error))
        self.blocked_pause = min(LONGEST_BLOCKED_SECONDS, max(SHORTEST_BLOCKED_SECONDS, self.blocked_pause * 2))

    def works(self, log: Logger) -> None:
        self.blocked_pause = 0.0
        self.blocked_by = None
        if self._trouble.is_over():
            log.info(Event.REACTION_RECOVERED, consumer=self.name)


class BuiltIn(Reaction):
    """The function `listener.NAME`, for a batch as a whole, or, after a refusal, for each student or course separately;
    refused students and courses are set aside and tried again."""

    def __init__(
        self, name: str, size: BatchSize | None = None, *, pause: float = 0.0, passing: str | None = None
    ) -> None:
        """`passing` is SQL that passes over notes that do not concern the reaction."""
        super().__init__(name, size, pause=pause)
        self.together = Consumer(name, call(name, singly=False), passing=passing)
        self.each = Consumer(name, call(name, singly=True))
        self._put_off = Consumer(name, put_off(name))
        self._fresh = Consumer(name, call(name, singly=False, fresh=True))
        self._each_fresh = Consumer(name, call(name, singly=True, fresh=True))
        self.retry = Retry()
        self.retried = BatchSize(FIRST_BATCH)
        """How much set-aside work is tried again at once."""
        self._careful_until = float("-inf")

    @property
    def _is_careful(self) -> bool:
        return time.monotonic() < self._careful_until or (self.size.was_cut and self.size.size == 1)

    async def react_to_fresh(self, context: Context) -> Batch | None:
        """Each on its own while the batches are careful, or where one of them is refused."""
        batches = context.executors.batches

        most = self.fresh_size.size

        async def react(looked: str | None) -> Batch | None:
            try:
                if not self._is_careful:
                    return await self._fresh.react(batches, most, SHOWN, looked)
            except CONNECTION_OVER:
                raise
            except asyncpg.PostgresError as error:
                if await _is_about_a_table(context.executors.patient, error):
                    raise
            return await self._each_fresh.react(context.executors.single, most, SHOWN, looked)

        return await self.lane.take(batches, most, react)

    async def react(self, context: Context) -> Batch | None:
        if self._is_careful:
            return await self._react_to_each(context)
        try:
            return await context.after_renaming(lambda: self._react(self.together, context.executors.batches))
        except CONNECTION_OVER:
            raise
        except asyncpg.PostgresError as error:
            if isinstance(error, asyncpg.QueryCanceledError) and self.size.size > 1:
                raise
            if await _is_about_a_table(context.executors.patient, error):
                raise
            context.instruments.metrics.errors.labels("reaction").inc()
            if not isinstance(error, LOCKED):
                self._be_careful(error, context)
                return await self._react_to_each(context)
            batch = await self._react_to_each(context)
            if batch is not None and (batch.result.get("pending") or batch.result.get("parked")):
                self._be_careful(error, context)  # a row is locked: not a table, released at this very moment
            return batch

    async def _react(self, consumer: Consumer, executor: Executor) -> Batch | None:
        return await consumer.react(executor, self.size.size, SHOWN)

    async def _react_to_each(self, context: Context) -> Batch | None:
        """The statement itself sets aside the students who are left after a second."""
        if self.size.gives_up:
            self.retried.distrust()
            return await self._react(self._put_off, context.executors.single)
        return await self._react(self.each, context.executors.single)

    def blocked(self, error: asyncpg.PostgresError, log: Logger) -> None:
        """A batch that took too long is tried again at once, with fewer changes. What a single change leads to is set
        aside in the end, as where the session ends with it."""
        if not isinstance(error, asyncpg.QueryCanceledError):
            super().blocked(error, log)
            return
        if self.size.size == 1:
            super().blocked(error, log)
        elif not self.size.was_cut:
            log.warning(Event.BATCH_CUT, consumer=self.name, changes=self.size.size, error=reason(error))
        self.size.cut()
        if self.size.size == 1:
            self._careful_until = time.monotonic() + CAREFUL_SECONDS

    def _be_careful(self, error: Exception, context: Context) -> None:
        context.instruments.log.warning(Event.REACTION_FAILED, consumer=self.name, error=reason(error))
        self._careful_until = time.monotonic() + CAREFUL_SECONDS

    async def retry_set_aside(self, context: Context) -> bool:
        """Try set-aside work again. True if an attempt succeeded."""
        raise NotImplementedError


def call(function: str, *, singly: bool, fresh: bool = False) -> str:
    """SQL that calls a function of schema `listener`: it treats up to $1 students or courses, each on its own if
    `singly`, and returns up to $2 of their ids for the log; those that are `fresh` since a look, $3, ahead of their
    turn."""
    ahead = ", fresh => true, looked => $3" if fresh else ""
    return f"select * from listener.{function}($1, singly => {str(singly).lower()}, most_shown => $2{ahead})"


def put_off(function: str, *, waiting: str | None = None, singly: str = "singly => true, ") -> str:
    """The same for students or courses of whom one may end each session: all are set aside, and none is tried. In the
    table `waiting` of those set aside before, what became due less than $3 seconds ago was not tried: it is tried."""
    text = sql.read("reactions/put_off", "noted" if waiting is None else "waiting")
    return sql.render(text, {"function": function, "singly": singly, "waiting": waiting or ""})


async def _is_about_a_table(executor: Executor, error: asyncpg.PostgresError) -> bool:
    """Whether a statement failed because another session has locked a whole table, not a row."""
    if not isinstance(error, LOCKED):
        return False
    try:
        row = await executor.fetchrow(sql.read("reactions/table_held"))
    except LOCKED:  # by a table of ours
        return True
    return row is not None and bool(row["is_held"])
