"""Looks at the database on a daemon's timer: for the figures, and for problems."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import anyio
import asyncpg

from listener.database.connection import Connection
from listener.database.driver_errors import CONNECTION_OVER
from listener.database.patience import Trouble
from listener.database.rows import Executor
from listener.instruments import problems
from listener.instruments.look import Look, look
from listener.instruments.problems import Problem
from listener.instruments.sample import Sample
from listener.logs import Event, Logger
from listener.reasons import reason

SAMPLE_SECONDS = 2.0
"""Longest time for a sample: reactions wait meanwhile."""

Answer = TypeVar("Answer")


class Sampler:
    """Failures are logged once an outage."""

    def __init__(self, executor: Executor, connection: Connection, consumers: list[str], log: Logger) -> None:
        """`executor` runs statements on `connection`."""
        self._executor = executor
        self._connection = connection
        self.consumers = consumers
        self._log = log
        self._trouble = Trouble()
        self._hidden_xid: str | None = None
        self._hidden_since = 0.0

    async def take(self) -> Look | None:
        """A look, or None after a failure. Raises the errors of a lost connection."""
        taken = await self._guarded(self._take)
        if taken is not None and self._trouble.is_over():
            self._log.info(Event.SAMPLE_RECOVERED)
        return taken

    async def tell(self, known: list[Problem]) -> bool:
        """Write the problems into the database. False after a failure. Raises the errors of a lost connection."""

        async def tell() -> bool:
            await problems.tell(self._executor, known)
            return True

        return await self._guarded(tell) or False

    async def _take(self) -> Look:
        taken = await look(self._executor, self.consumers)
        return replace(taken, sample=self._with_hidden(taken.sample, taken.hidden_xid))

    async def _guarded(self, work: Callable[[], Awaitable[Answer]]) -> Answer | None:
        try:
            with anyio.fail_after(SAMPLE_SECONDS):
                return await work()
        except CONNECTION_OVER:
            raise
        except (asyncpg.PostgresError, TimeoutError) as error:
            if self._connection.is_in_transaction():
                raise
            if self._trouble.is_news(error):
                self._log.warning(Event.SAMPLE_FAILED, error=reason(error))
            return None

    def _with_hidden(self, sample: Sample, xid: str | None) -> Sample:
        """A transaction with a hidden start counts from the first look that showed the transaction as the oldest."""
        if xid != self._hidden_xid:
            self._hidden_xid = xid
            self._hidden_since = sample.sampled_at
        if xid is None:
            return sample
        return replace(
            sample, oldest_transaction_at=min(sample.oldest_transaction_at or self._hidden_since, self._hidden_since)
        )
