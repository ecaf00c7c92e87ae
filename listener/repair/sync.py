"""Enrolls who is missing, takes back what is not wanted any more, and repairs counts, while everything goes on."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import anyio
import asyncpg

from listener import sql
from listener.adapter import rendering
from listener.adapter.mapping import Mapping
from listener.adapter.preview import answering
from listener.connection import Connection, tune_transaction
from listener.errors import Fenced
from listener.feed.consumer import Consumer
from listener.feed.leadership import Leadership
from listener.feed.registry import COUNT, ENROLL
from listener.lock_watch import reading_whole_tables
from listener.locks import CHANNEL
from listener.patience import patiently, set_lock_timeout
from listener.reactions.reaction import Reaction
from listener.repair import count_repair
from listener.wording import counted

Tell = Callable[[str], None]
Progress = Callable[[int, int, int], None]
"""Told how many students were looked at, of how many, and how many were enrolled (under a query: noted), so far."""

PAGE = 2000
"""Students looked at in one transaction. Those who are missing are noted, and handled before the next page, so that who
signs up meanwhile waits behind no more than these."""

AT_A_LOOK = 100_000
"""Profiles that one look at whole tables finds for a query: so many are kept in memory."""

BATCH = 2000
POLL_SECONDS = 0.01
STALL_SECONDS = 10.0
"""How long nothing may be handled until it is given up to wait."""


async def sync(connection: Connection, url: str | None, mapping: Mapping, tell: Tell, progress: Progress) -> bool:
    """Enroll who is missing, settle all else that a query wants otherwise, and move counts. `tell` gets a line for each
    thing done. False if something was noted and not handled in time, because whoever leads does not go on. A migration
    that waits is seen over a second connection, to `url`. Raises Busy, and WrongSetting if the query fails."""
    began = await snapshot(connection)
    await set_lock_timeout(connection)
    handled = await until_handled(connection, began)
    if handled and mapping.enrolls and not mapping.observes:
        if mapping.wanted_query is None:
            done = await enroll_missing(connection, url, mapping, progress)
            tell(f"enrolled {counted(done.enrolled, 'student')}, {counted(done.pending, 'waits', 'wait')}")
            handled = done.handled
        else:
            settled = await settle_astray(connection, url, mapping, progress)
            tell(str(settled))
            handled = settled.handled
        handled = handled and await until_handled(connection, await snapshot(connection))
    repairs = await patiently(lambda: repair_counts(connection, url))
    for repair in repairs:
        was = "nothing" if repair.current is None else repair.current
        tell(f"course {repair.course_id}: {repair.count_column} was {was}, is {repair.expected}")
    handled = handled and await until_handled(connection, await snapshot(connection))
    if not handled:
        tell(f"nothing was handled for {STALL_SECONDS:g} s: what is noted waits for whoever leads")
    return handled


async def repair_counts(connection: Connection, url: str | None) -> list[count_repair.CountRepair]:
    """Repair all counts. Raises InTheWay if somebody waits for it."""
    async with reading_whole_tables(connection, url):
        return await count_repair.repair_counts(connection)


async def count_students(connection: Connection, url: str | None) -> int:
    """All students, enrolled or not. Raises InTheWay if somebody waits for it."""
    async with reading_whole_tables(connection, url, readonly=True):
        return int(await connection.fetchval("select count(*) from listener.student"))


@dataclass(frozen=True)
class Enrolled:
    """What a walk past all students did."""

    students: int
    enrolled: int
    pending: int
    handled: bool
    """Whether all that was noted was handled, too."""


async def enroll_missing(connection: Connection, url: str | None, mapping: Mapping, progress: Progress) -> Enrolled:
    """Have every student enrolled that has no enrollment, a page at a time, in key order."""
    values = rendering.placeholders(mapping)
    note, still = (sql.render(sql.read(f"repair/{name}"), values) for name in ("note_missing", "still_unenrolled"))
    total = await patiently(lambda: count_students(connection, url))
    seen = enrolled = pending = 0
    handled = True
    after: str | None = None
    while handled:
        row = await connection.fetchrow(note, after, PAGE)
        assert row is not None
        if row["noted"]:
            handled = await until_handled(connection, await snapshot(connection), [ENROLL])
            unenrolled = await connection.fetchval(still, row["noted_ids"])
            enrolled += row["noted"] - unenrolled
            pending += unenrolled
        seen += row["students"]
        # More may have signed up since they were counted.
        total = max(total, seen)
        if row["students"] < PAGE:
            total = seen
        progress(seen, total, enrolled)
        if row["students"] < PAGE:
            break
        after = row["last_id"]
    return Enrolled(seen, enrolled, pending, handled)


@dataclass(frozen=True)
class Settled:
    """What was done for everybody whose enrollments were not what a query wants."""

    done: Counter[str]
    """Enrollments, by what was done about them."""
    waiting: int
    """Profiles for which something is still to be done."""
    handled: bool
    """Whether all that was noted was handled, too."""

    def __str__(self) -> str:
        others = (f"{word} {self.done[word]:,}" for word in ("returned", "suspended", "removed") if self.done[word])
        done = ", ".join([f"enrolled {self.done['enrolled']:,}", *others])
        return f"{done}; {counted(self.waiting, 'student waits', 'students wait')}"


Work: TypeAlias = dict[str, set[str]]
"""What is to be done for each profile, and where."""


async def settle_astray(connection: Connection, url: str | None, mapping: Mapping, progress: Progress) -> Settled:
    """Have everybody's enrollments made what the query wants, a page at a time, in key order; but for those who are set
    aside, whom the daemon tries again. Raises Busy, and WrongSetting if the query fails."""
    values = rendering.placeholders(mapping)
    following, still, note = (
        sql.render(sql.read(f"repair/{name}"), values) for name in ("astray_next", "astray_still", "note_profiles")
    )
    done: Counter[str] = Counter()
    seen = waiting = 0
    handled = True
    after: str | None = None
    while handled:
        with answering(mapping):
            work = await _find_work(connection, url, following, after, AT_A_LOOK)
        profiles = list(work)
        for first in range(0, len(profiles), PAGE):
            page = profiles[first : first + PAGE]
            await connection.execute(note, page)
            handled = await until_handled(connection, await snapshot(connection), [ENROLL])
            if not handled:
                break
            progress(seen + first + len(page), seen + len(profiles), seen + first + len(page))
        with answering(mapping):
            left = await _find_work(connection, url, still, profiles) if profiles else {}
        for profile, wanted in work.items():
            undone = wanted & left.get(profile, set())
            done.update(each.partition(" ")[0] for each in wanted - undone)
            waiting += bool(undone)
        seen += len(profiles)
        if len(profiles) < AT_A_LOOK:
            break
        after = profiles[-1]
    progress(seen, seen, seen)
    return Settled(done, waiting, handled)


async def _find_work(connection: Connection, url: str | None, query: str, *arguments: object) -> Work:
    """What a look at whole tables finds to be done, in the query's order."""

    async def attempt() -> Work:
        async with reading_whole_tables(connection, url, readonly=True):
            return {row["profile_id"]: set(row["work"]) for row in await connection.fetch(query, *arguments)}

    return await patiently(attempt)


async def snapshot(connection: Connection) -> str:
    """All that is committed now."""
    return str(await connection.fetchval("select pg_current_snapshot()::text"))


async def until_handled(
    connection: Connection,
    committed: str,
    consumers: Sequence[str] = (ENROLL, COUNT),
    stall_seconds: float = STALL_SECONDS,
) -> bool:
    """Let the feed be handled as far as a snapshot sees it: by the daemon if one leads, or else here, as the leader.

    What is noted later is not waited for. False if nothing was handled for `stall_seconds`.
    """
    leadership = Leadership(connection)
    progress: int | None = None
    rung = False
    give_up_at = anyio.current_time() + stall_seconds
    while True:
        row = await connection.fetchrow(sql.read("repair/handled"), list(consumers), committed)
        assert row is not None
        if row["done"]:
            return True
        if row["progress"] != progress:
            progress, give_up_at = row["progress"], anyio.current_time() + stall_seconds
        elif anyio.current_time() > give_up_at:
            return False
        if await leadership.acquire():
            try:
                await _react(connection, consumers)
            finally:
                await leadership.release()
        else:
            if not rung:  # what is noted by the commands themselves rings no bell
                await connection.execute("select pg_notify($1, '')", CHANNEL)
                rung = True
            await anyio.sleep(POLL_SECONDS)


async def _react(connection: Connection, consumers: Sequence[str]) -> None:
    for name in consumers:
        reaction = Reaction.load(name)
        try:
            await _handle(connection, reaction.together)
        except Fenced:
            return
        except asyncpg.PostgresError:
            try:
                await _handle(connection, reaction.each)
            except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
                await anyio.sleep(POLL_SECONDS)


async def _handle(connection: Connection, consumer: Consumer) -> None:
    """One batch, planned as the daemon's session would: by key, whatever is known of the tables. It is on the disk
    before the command says so."""
    async with connection.transaction():
        await tune_transaction(connection, durable=True)
        await consumer.react(connection, BATCH, 0)
