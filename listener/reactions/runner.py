"""Runs a leader's reactions when due, and waits after refusals."""

import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

import asyncpg

from listener.database.driver_errors import CONNECTION_OVER
from listener.database.executors import Executors
from listener.errors import ListenerError
from listener.feed.consumer import Batch
from listener.instruments.instruments import Instruments
from listener.instruments.log_report import Report
from listener.logs import Event
from listener.reactions.batch_size import BatchSize, BatchSizes
from listener.reactions.counting import Counting
from listener.reactions.enrolling import Enrolling, waited
from listener.reactions.installed import InstalledReaction
from listener.reactions.reaction import BuiltIn, Context, Reaction
from listener.reasons import reason

CROWD_SECONDS = 0.1
"""A backlog that lasts for so long is a crowd's."""

CLOSED_SECONDS = 1.0
"""For so long nobody overtakes after an attempt that failed."""

FRESH_SECONDS = 1.0
"""For so long after somebody fresh, another one is expected."""

LONG_CHORE_SECONDS = 0.01
"""After chores that took longer, the next batch is not begun before another look for what is fresh."""


class Reactions:
    def __init__(
        self,
        executors: Executors,
        instruments: Instruments,
        sizes: BatchSizes,
        follow: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """`follow` follows renames."""
        self._instruments = instruments
        self.report = Report(instruments.log, instruments.activity, instruments.state.titles)
        self._context = Context(executors, instruments, self.report, follow)
        self._sizes = sizes
        self.round_trip = 0.0
        """Seconds of the last look that found nothing: hardly more than the network's."""
        self._enrolling = Enrolling(sizes)
        self._counting = Counting(sizes)
        self._built_in: tuple[BuiltIn, ...] = (self._enrolling, self._counting)
        self._installed: tuple[InstalledReaction, ...] = ()
        self._fresh_until = self._overtaken_at = float("-inf")

    @property
    def _reactions(self) -> tuple[Reaction, ...]:
        return (*self._built_in, *self._installed)

    @property
    def consumers(self) -> list[str]:
        return [reaction.name for reaction in self._reactions]

    @property
    def waited(self) -> float:
        return self._enrolling.waited

    def take_courses_changed(self) -> bool:
        return self._enrolling.take_courses_changed()

    def learn(self, texts: Mapping[str, str]) -> None:
        """Run the installed reactions in `texts`, by name, and no more. A reaction with the same text goes on as
        before."""
        known = {reaction.name: reaction for reaction in self._installed}
        installed = []
        for name, text in sorted(texts.items()):
            reaction = known.get(name)
            if reaction is None or reaction.text != text:
                reaction = InstalledReaction(name, text, self._sizes)
            reaction.due = True
            installed.append(reaction)
        self._installed = tuple(installed)
        self._sizes.forget_all_but(set(texts.items()))

    def behind(self, names: Collection[str]) -> None:
        """The feed holds notes for `names`."""
        for reaction in self._reactions:
            reaction.due = reaction.due or reaction.name in names

    def news(self) -> None:
        """The feed may hold notes. Enrolling looks at once; the other reactions follow if enrolling finds notes, or
        cannot look."""
        self._enrolling.due = True
        if self._enrolling.blocked_pause or self._enrolling.paused:
            self._others_due()

    def pause(self, consumers: Collection[str]) -> None:
        """Let `consumers` wait, with their set-aside work; the rest go on at once."""
        for reaction in self._reactions:
            was_paused, reaction.paused = reaction.paused, reaction.name in consumers
            if was_paused and not reaction.paused:
                reaction.due = True
                if isinstance(reaction, BuiltIn):
                    reaction.retry.not_later_than(time.monotonic())

    def _others_due(self) -> None:
        for other in self._reactions:
            if other is not self._enrolling:
                other.due = True

    def wait(self) -> float:
        """Seconds until something is due; infinite if nothing is."""
        now = time.monotonic()
        return min(
            *(reaction.wait(now) for reaction in self._reactions),
            *(each.retry.wait(now) for each in self._built_in if not each.paused),
            self.report.wait(),
        )

    async def run_due(self) -> bool:
        """Run due reactions, once. True if a batch was handled. Raises Fenced, or the connection's errors."""
        handled = False
        if time.monotonic() - self._overtaken_at > LONG_CHORE_SECONDS:
            await self._let_overtake()
        for reaction in self._reactions:
            if reaction.wait(time.monotonic()) <= 0:
                handled = await self._run(reaction) or handled
                await self._let_overtake()
                await self._let_built_in_before(reaction)
        if await self._retry(self._enrolling):
            self._counting.due = True
        await self._retry(self._counting)
        self.report.flush()
        return handled

    def attempts_due(self, students_in: float | None, counts_in: float | None) -> None:
        """A sample's figures: seconds until the next pending student, and the next parked count, is due."""
        now = time.monotonic()
        for retry, seconds in ((self._enrolling.retry, students_in), (self._counting.retry, counts_in)):
            if seconds is not None:
                retry.not_later_than(now + max(seconds, retry.pause))

    def blocked(self) -> dict[str, str]:
        """Reactions whose batches fail as a whole, and why."""
        return {each.name: each.blocked_by for each in self._reactions if each.blocked_by is not None}

    def try_again(self) -> None:
        """Try set-aside work at once, after any number of failures."""
        for each in self._built_in:
            each.retry.hurry()

    def transaction_is_open(self, seconds: float) -> None:
        self._counting.transaction_is_open(seconds)

    async def _run(self, reaction: Reaction) -> bool:
        started = reaction.last_at = time.monotonic()
        try:
            with answered_or_cut(reaction.size):
                batch = await reaction.react(self._context)
        except CONNECTION_OVER:
            raise
        except asyncpg.PostgresError as error:
            self._instruments.metrics.errors.labels("reaction").inc()
            reaction.blocked(error, self._instruments.log)
            self._span("batch", reaction, started, error=reason(error))
            if reaction is self._enrolling:
                self._others_due()
            return False
        reaction.works(self._instruments.log)
        seconds = time.monotonic() - started
        if batch is None:
            reaction.left(notes=False)
            self.round_trip = seconds
            self._span("look", reaction, started)
            return False
        reaction.left(notes=batch.notes_left)
        self._measure(reaction, batch, seconds)
        self._span("batch", reaction, started, batch)
        if batch.passed_over:
            return True
        if reaction is self._enrolling and not batch.notes_left:
            self._found_fresh()
        reaction.took(batch, seconds, hurried=time.monotonic() < self._fresh_until)
        if reaction is self._enrolling:
            self._others_due()
        reaction.handled(batch.result, self._context)
        return True

    async def _let_overtake(self) -> None:
        """While there is a backlog: between two batches, whatever is fresh is handled ahead of it."""
        for reaction in self._reactions:
            if reaction.lets_overtake:
                await self._overtake(reaction)
        self._overtaken_at = time.monotonic()

    async def _let_built_in_before(self, before: Reaction) -> None:
        """An installed reaction with a backlog does not keep enrolling and counting waiting."""
        if before in self._installed and before.notes_left and not self._enrolling.notes_left:
            self._enrolling.due = True
            for built_in in self._built_in:
                if built_in.wait(time.monotonic()) <= 0:
                    await self._run(built_in)

    async def _overtake(self, reaction: Reaction) -> None:
        started = time.monotonic()
        try:
            with answered_or_cut(reaction.fresh_size):
                batch = await reaction.react_to_fresh(self._context)
        except CONNECTION_OVER:
            raise
        except asyncpg.PostgresError as error:
            self._instruments.metrics.errors.labels("reaction").inc()
            if isinstance(error, asyncpg.QueryCanceledError):
                reaction.fresh_size.cut()
            reaction.lane.close(CLOSED_SECONDS)
            if reaction.lane_trouble.is_news(error):
                self._instruments.log.warning(Event.LANE_CLOSED, consumer=reaction.name, error=reason(error))
            return
        reaction.lane_trouble.is_over()
        if batch is None:
            return
        self._span("batch ahead", reaction, started, batch)
        reaction.fresh_size.done(time.monotonic() - started, more=True)
        self._instruments.metrics.changes_ahead.labels(reaction.name).inc(batch.changes)
        if reaction is self._enrolling:
            # Behind an outage the newest of the crowd are found, too, who have waited long: nobody is fresh for them.
            if min(waited(batch.result), default=0.0) < FRESH_SECONDS:
                self._found_fresh()
            self._others_due()
        reaction.handled(batch.result, self._context)

    def _found_fresh(self) -> None:
        """Somebody came while others wait: with smaller batches, the next one waits for less."""
        if max(each.lane.backlog_seconds for each in self._reactions) > CROWD_SECONDS:
            self._fresh_until = time.monotonic() + FRESH_SECONDS

    def _measure(self, reaction: Reaction, batch: Batch, seconds: float) -> None:
        metrics = self._instruments.metrics
        metrics.batch_seconds.labels(reaction.name).observe(seconds)
        metrics.batch_changes.labels(reaction.name).observe(batch.changes)
        metrics.last_reaction.set_to_current_time()
        milliseconds = round(seconds * 1000, 1)
        self._instruments.log.debug(
            Event.BATCH_APPLIED, consumer=reaction.name, changes=batch.changes, milliseconds=milliseconds
        )

    def _span(
        self, name: str, reaction: Reaction, started: float, batch: Batch | None = None, error: str | None = None
    ) -> None:
        figures = {} if batch is None else {**batch.result, "changes": batch.changes}
        self._instruments.spans.record(name, time.monotonic() - started, figures, error=error, consumer=reaction.name)

    async def _retry(self, reaction: BuiltIn) -> bool:
        """Try set-aside work again, if that is due. True if an attempt succeeded."""
        if reaction.paused or reaction.retry.wait(time.monotonic()) > 0:
            return False
        try:
            with answered_or_cut(reaction.retried):
                return await reaction.retry_set_aside(self._context)
        except CONNECTION_OVER:
            raise
        except asyncpg.PostgresError as error:
            if isinstance(error, asyncpg.QueryCanceledError):
                reaction.retried.cut()
            self._instruments.metrics.errors.labels("reaction").inc()
            reaction.retry.done(tried=1, settled=0, more=True, next_in=None)
            return False


@contextmanager
def answered_or_cut(size: BatchSize) -> Iterator[None]:
    """The size is smaller next time if the connection ends before the server answers: the batch's length may be the
    cause, whichever limit was hit."""
    started = time.monotonic()
    try:
        yield
    except CONNECTION_OVER:
        size.cut(started)
        raise
    except (asyncpg.PostgresError, ListenerError):
        raise
    except BaseException:
        size.cut(started)
        raise
