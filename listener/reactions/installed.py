"""Reactions installed from a folder: text in the database, with a single way to treat a batch.

A refused or slow reaction waits and tries again alone.
"""

import logging
from collections.abc import Awaitable, Callable

import asyncpg

from listener.database.driver_errors import CONNECTION_OVER, was_raised
from listener.feed.consumer import Batch, InstalledConsumer
from listener.logs import Logger
from listener.reactions.batch_size import BatchSizes
from listener.reactions.reaction import Context, Reaction
from listener.reasons import reason

INSTALLED_SECONDS = 1.0
"""Longest time for a batch: no other reaction runs meanwhile."""
INSTALLED_PAUSE = 20 * INSTALLED_SECONDS
"""Least seconds from a batch that took longer to the next attempt, with half as many changes."""


class InstalledReaction(Reaction):
    severity = logging.ERROR

    def __init__(self, name: str, text: str, sizes: BatchSizes) -> None:
        super().__init__(name, sizes.of(name, text))
        self.text = text
        self._consumer = InstalledConsumer(name, text)
        self._fresh = InstalledConsumer(name, text, fresh=True)

    async def react(self, context: Context) -> Batch | None:
        return await self._react(
            lambda: context.after_renaming(lambda: self._consumer.react(context.executors.installed, self.size.size))
        )

    async def react_to_fresh(self, context: Context) -> Batch | None:
        executor, most = context.executors.installed, self.fresh_size.size
        return await self._react(
            lambda: self.lane.take(executor, most, lambda looked: self._fresh.react(executor, most, looked))
        )

    async def _react(self, react: Callable[[], Awaitable[Batch | None]]) -> Batch | None:
        try:
            return await react()
        except CONNECTION_OVER as error:
            if not was_raised(error):
                raise
            raise asyncpg.RaiseError(f"{error.sqlstate}: {reason(error)}") from error

    def blocked(self, error: asyncpg.PostgresError, log: Logger) -> None:
        """Wait longer after a batch that the server ended for taking too long."""
        super().blocked(error, log)
        if isinstance(error, asyncpg.QueryCanceledError):
            self.blocked_pause = INSTALLED_PAUSE
            self.size.cut()
