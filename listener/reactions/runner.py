"""Runs the reactions of one leader when they are due, and copes with what is refused.

Each reaction is a consumer of the feed. Enrolling and counting have two statements: one that treats a batch as a
whole, and one that treats each student or course on its own, for when something in a batch is refused. A reaction that
was installed has one; when it is refused, or takes long, that reaction alone waits and tries again.
"""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping

import asyncpg

from listener.feed.consumer import Batch, Executor
from listener.logs import Event, Logger
from listener.monitor.activity import Activity
from listener.monitor.log_report import Report
from listener.monitor.metrics import Metrics
from listener.reactions.counting import Counting
from listener.reactions.enrolling import Enrolling
from listener.reactions.reaction import FIRST_BATCH, Reaction
from listener.reactions.refusals import ENDED, may_be_renamed

CAREFUL_SECONDS = 30.0
"""How long each student is enrolled on its own after one was refused, so that the server's log is not filled too."""

SHORTEST_BLOCKED_SECONDS = 0.1
LONGEST_BLOCKED_SECONDS = 5.0

INSTALLED_SECONDS = 1.0
"""What a batch of a reaction that somebody installed may take: no other runs meanwhile."""
INSTALLED_PAUSE = 20 * INSTALLED_SECONDS
"""Least seconds from one that took longer to the next attempt, with half as many changes."""


class Reactions:
    """All reactions of one leader, run when they are due."""

    def __init__(
        self,
        executor: Executor,
        metrics: Metrics,
        log: Logger,
        batch_size: int,
        activity: Activity | None = None,
        follow: Callable[[], Awaitable[bool]] | None = None,
        limited: Executor | None = None,
    ) -> None:
        """`follow` is asked when names may have changed: True if they had, and a statement is worth another try.
        `limited` runs the reactions that were installed, where it is another; it has the server end what takes longer
        than INSTALLED_SECONDS."""
        self._follow = follow
        self._executor = executor
        self._limited = limited or executor
        self._metrics = metrics
        self._log = log
        self._batch_size = batch_size
        self.round_trip = 0.0
        """Seconds of the last look that found nothing, which is hardly more than the way there and back."""
        activity = activity or Activity()
        self.report = Report(log, activity)
        self._enrolling = Enrolling(executor, metrics, self.report, activity)
        self._counting = Counting(executor, metrics, self.report)
        self._reactions: tuple[Reaction, ...] = (self._enrolling.reaction, self._counting.reaction)
        for reaction in self._reactions:
            reaction.batch_size = min(FIRST_BATCH, batch_size)

    @property
    def consumers(self) -> list[str]:
        """Names of the feed's consumers."""
        return [reaction.name for reaction in self._reactions]

    @property
    def waited(self) -> float:
        """Seconds from the first note of the last batch to the reaction."""
        return self._enrolling.waited

    def take_courses_changed(self) -> bool:
        """Whether a batch, since this was last asked, told of a change of courses."""
        changed, self._enrolling.courses_changed = self._enrolling.courses_changed, False
        return changed

    def learn(self, texts: Mapping[str, str]) -> None:
        """These are the reactions that somebody installed, by name: no others. One that is what it was goes on as it
        is."""
        known = {reaction.name: reaction for reaction in self._reactions[2:]}
        installed = []
        for name, text in sorted(texts.items()):
            reaction = known.get(name)
            if reaction is None or reaction.text != text:
                reaction = Reaction.installed(name, text)
                reaction.batch_size = min(reaction.batch_size, self._batch_size)
            reaction.due = True
            installed.append(reaction)
        self._reactions = (*self._reactions[:2], *installed)

    def behind(self, names: Collection[str]) -> None:
        """For these there is something in the feed, whatever the others found."""
        for reaction in self._reactions:
            reaction.due = reaction.due or reaction.name in names

    def news(self) -> None:
        """There may be something in the feed. Enrolling looks at once; if it finds anything, or does not look,
        so do the others."""
        self._enrolling.reaction.due = True
        if self._enrolling.reaction.blocked_pause or self._enrolling.reaction.paused:
            self._others_due()

    def pause(self, consumers: Collection[str]) -> None:
        """Leave these alone, and what they have set aside, until told otherwise. What was paused and is not among them
        goes on at once."""
        for reaction in self._reactions:
            was_paused, reaction.paused = reaction.paused, reaction.name in consumers
            if was_paused and not reaction.paused:
                reaction.due = True
                for each in (self._enrolling, self._counting):
                    if each.reaction is reaction:
                        each.retry.not_later_than(time.monotonic())

    def _others_due(self) -> None:
        for other in self._reactions[1:]:
            other.due = True

    def wait(self) -> float:
        """Seconds until something is due; infinite if nothing is."""
        now = time.monotonic()
        return min(
            *(reaction.wait(now) for reaction in self._reactions),
            *(each.retry.wait(now) for each in (self._enrolling, self._counting) if not each.reaction.paused),
            self.report.wait(),
        )

    async def run_due(self) -> bool:
        """Run what is due, once. True if a batch was handled. Raises Fenced, or what the connection raises."""
        handled = False
        for reaction in self._reactions:
            if reaction.wait(time.monotonic()) <= 0:
                handled = await self._run(reaction) or handled
        if await self._attempt(self._enrolling, self._enrolling.retry_pending):
            self._counting.reaction.due = True
        await self._attempt(self._counting, self._counting.retry_parked)
        self.report.flush()
        return handled

    def attempts_due(self, students_in: float | None, counts_in: float | None) -> None:
        """What a sample found: seconds until the next pending student, and the next parked count, is due."""
        now = time.monotonic()
        for retry, seconds in ((self._enrolling.retry, students_in), (self._counting.retry, counts_in)):
            if seconds is not None:
                retry.not_later_than(now + max(seconds, retry.pause))

    def try_again(self) -> None:
        """Somebody may have made due what is set aside: see to it at once, however often it went wrong."""
        for each in (self._enrolling, self._counting):
            each.retry.hurry()

    def transaction_is_open(self, seconds: float) -> None:
        """What a sample found: the oldest transaction of somebody's has been open for so long; 0 if there is none."""
        self._counting.transaction_is_open(seconds)

    async def _run(self, reaction: Reaction) -> bool:
        started = time.monotonic()
        reaction.last_at = started
        try:
            batch = await self._react(reaction)
        except ENDED:
            raise
        except asyncpg.PostgresError as error:
            self._blocked(reaction, error)
            return False
        if reaction.blocked_pause:
            reaction.blocked_pause = 0.0
            self._log.info(Event.REACTION_RECOVERED, consumer=reaction.name)
        seconds = time.monotonic() - started
        if batch is None:
            reaction.due = reaction.notes_left = False
            self.round_trip = seconds
            return False
        reaction.due = reaction.notes_left = batch.notes_left
        self._measure(reaction, batch, seconds)
        if batch.passed_over:
            return True
        reaction.resize(batch, seconds, self._batch_size)
        if reaction is self._enrolling.reaction:
            self._others_due()
            self._enrolling.handled(batch.result)
        elif reaction is self._counting.reaction:
            self._counting.handled(batch.result, seconds)
        return True

    def _blocked(self, reaction: Reaction, error: Exception) -> None:
        """Somebody holds a whole table, or the server is short of something: a reason to wait, not to reconnect."""
        self._metrics.errors.labels("reaction").inc()
        if not reaction.blocked_pause:
            tell = self._log.warning if reaction.text is None else self._log.error
            tell(Event.REACTION_BLOCKED, consumer=reaction.name, error=str(error))
        reaction.blocked_pause = min(LONGEST_BLOCKED_SECONDS, max(SHORTEST_BLOCKED_SECONDS, reaction.blocked_pause * 2))
        if reaction.text is not None and isinstance(error, asyncpg.QueryCanceledError):
            reaction.blocked_pause = INSTALLED_PAUSE
            reaction.batch_size = max(1, reaction.batch_size // 2)
        if reaction is self._enrolling.reaction:
            self._others_due()

    async def _react(self, reaction: Reaction) -> Batch | None:
        if reaction.text is not None:
            return await self._react_as_installed(reaction)
        if time.monotonic() >= reaction.careful_until:
            try:
                return await reaction.together.react(self._executor, reaction.batch_size, *reaction.arguments)
            except ENDED:
                raise
            except asyncpg.PostgresError as error:
                if may_be_renamed(error) and self._follow is not None and await self._follow():
                    return await reaction.together.react(self._executor, reaction.batch_size, *reaction.arguments)
                self._metrics.errors.labels("reaction").inc()
                self._log.warning(Event.REACTION_FAILED, consumer=reaction.name, error=str(error))
                reaction.careful_until = time.monotonic() + CAREFUL_SECONDS
        return await reaction.each.react(self._executor, reaction.batch_size, *reaction.arguments)

    async def _react_as_installed(self, reaction: Reaction) -> Batch | None:
        try:
            return await reaction.together.react(self._limited, reaction.batch_size)
        except ENDED:
            raise
        except asyncpg.PostgresError as error:
            if not may_be_renamed(error) or self._follow is None or not await self._follow():
                raise
        return await reaction.together.react(self._limited, reaction.batch_size)

    def _measure(self, reaction: Reaction, batch: Batch, seconds: float) -> None:
        self._metrics.batch_seconds.labels(reaction.name).observe(seconds)
        self._metrics.batch_changes.labels(reaction.name).observe(batch.changes)
        self._metrics.last_reaction.set_to_current_time()
        self._log.debug(
            Event.BATCH_APPLIED,
            consumer=reaction.name,
            changes=batch.changes,
            milliseconds=round(seconds * 1000, 1),
        )

    async def _attempt(self, of: Enrolling | Counting, attempt: Callable[[], Awaitable[bool]]) -> bool:
        """Try again what was set aside, if that is due. True if something of it was settled."""
        if of.reaction.paused or of.retry.wait(time.monotonic()) > 0:
            return False
        try:
            return await attempt()
        except ENDED:
            raise
        except asyncpg.PostgresError:
            self._metrics.errors.labels("reaction").inc()
            of.retry.done(tried=1, settled=0, more=True, next_in=None)
            return False
