"""Enrolls missing students, takes back unwanted enrollments, and repairs counts, while everything goes on."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import anyio
import asyncpg

from listener import sql
from listener.database.connection import Connection, tune_transaction
from listener.database.driver_errors import LOCKED
from listener.database.lock_watch import reading_whole_tables
from listener.database.locks import CHANNEL
from listener.database.patience import patiently, set_lock_timeout
from listener.database.rows import only_row
from listener.errors import Fenced
from listener.feed.consumer import Consumer
from listener.feed.leadership import Leadership
from listener.feed.registry import COUNT, ENROLL
from listener.inspection.rule_failure import answering
from listener.instruments import titles
from listener.instruments.sample import COUNTED
from listener.instruments.titles import named
from listener.mapping import brake, rendering
from listener.mapping.mapping import Mapping
from listener.numerals import counted
from listener.reactions.counting import RETRY_COUNTS
from listener.reactions.enrolling import RETRY_EACH
from listener.reactions.reaction import BuiltIn
from listener.repair import count_repair

Tell = Callable[[str], None]
Progress = Callable[[int, int], None]
"""Called with the students settled, and the students found, so far."""

PAGE = 2000
"""Students noted in a transaction, and handled before the next page: a sign-up waits for no more than a page."""

AT_A_LOOK = 100_000
"""Students that a look at whole tables finds, and keeps in memory."""

BATCH = 2000
RETRIED = 200
"""Students, or counts, tried again in a transaction, each separately."""
POLL_SECONDS = 0.01
STALL_SECONDS = 10.0
"""Waiting ends when nothing was handled for so long."""

DONE = ("enrolled", "returned", "suspended", "removed")

HELD = "select listener.count_held('leaving', $1) + listener.count_held('joining', $1)"


async def sync(connection: Connection, url: str | None, mapping: Mapping, tell: Tell, progress: Progress) -> bool:
    """Make all enrollments as the rule wants, and move counts. `tell` gets a line for each step. False if a leader did
    not handle the notes in time, or the brake holds enrollments. A waiting migration is seen over a second connection
    to `url`. Raises Busy, and WrongSetting if the query fails."""
    began = await snapshot(connection)
    await set_lock_timeout(connection)
    by_notes: Counter[str] = Counter()
    handled = await until_handled(connection, began, done=by_notes)
    if handled and mapping.enrolls and not mapping.observes:
        settled = await settle_astray(connection, url, mapping, progress)
        settled.done.update(by_notes)
        settled.done.update(await retry_set_aside(connection, RETRY_EACH))
        waiting = await connection.fetchval(sql.read("repair/sync", "waiting"))
        tell(settled.of_students(waiting) if mapping.one_course_each else settled.of_enrollments(waiting))
        handled = settled.handled and await until_handled(connection, await snapshot(connection))
    if handled:
        await retry_set_aside(connection, RETRY_COUNTS)
    repairs = await patiently(lambda: repair_counts(connection, url))
    known = await titles.look(connection, [each.course_id for each in repairs])
    for repair in repairs:
        was = "nothing" if repair.current is None else repair.current
        course = named(repair.course_id, known.get(repair.course_id))
        tell(f"course {course}: {repair.count_column} was {was}, is {repair.expected}")
    handled = handled and await until_handled(connection, await snapshot(connection))
    if brake.count_for(mapping):
        await patiently(lambda: count_made(connection, url))
    held = await connection.fetchval(HELD, COUNTED)
    if held:
        tell(f"{counted(held, 'enrollment is', 'enrollments are')} held by the brake: see `listener release --dry-run`")
    if not handled:
        tell(f"nothing was handled for {STALL_SECONDS:g} s: what is noted waits for the leader")
    return handled and not held


async def repair_counts(connection: Connection, url: str | None) -> list[count_repair.CountRepair]:
    """Raises InTheWay if another session waits for the repair."""
    async with reading_whole_tables(connection, url):
        return await count_repair.repair_counts(connection)


async def count_made(connection: Connection, url: str | None) -> None:
    """Bring up to date how much the brake allows. Raises InTheWay if another session waits for this."""
    async with reading_whole_tables(connection, url):
        await connection.execute("select listener.count_made()")


@dataclass(frozen=True)
class Settled:
    """Figures of settling."""

    done: Counter[str]
    handled: bool
    """Whether all notes were handled."""

    def of_enrollments(self, waiting: int) -> str:
        others = (f"{word} {self.done[word]:,}" for word in DONE[1:] if self.done[word])
        done = ", ".join([f"enrolled {self.done['enrolled']:,}", *others])
        return f"{done}; {counted(waiting, 'student waits', 'students wait')}"

    def of_students(self, waiting: int) -> str:
        """The same, where each student lands in a single course."""
        return f"enrolled {counted(self.done['enrolled'], 'student')}, {counted(waiting, 'waits', 'wait')}"


@dataclass(frozen=True)
class Group:
    """Profiles of a page that have the same work to be done."""

    page: int
    work: tuple[str, ...]
    """A word for each, and the course."""
    profiles: str
    """An array of the keys, in SQL: a school's missing students take a tenth of the memory of their rows."""
    students: int


async def settle_astray(connection: Connection, url: str | None, mapping: Mapping, progress: Progress) -> Settled:
    """Settle all enrollments that are not as the rule wants, a page at a time, in key order; pending students are left
    to the daemon. Raises Busy, and WrongSetting if the query fails."""
    values = rendering.placeholders(mapping)
    following, still, note = (
        sql.render(sql.read("repair/sync", name), values) for name in ("astray_next", "astray_still", "note_profiles")
    )
    done: Counter[str] = Counter()
    seen = 0
    handled = True
    after: str | None = None
    while handled:
        async with answering(connection, mapping):
            groups, after = await _find_work(connection, url, following, after)
        found = sum(group.students for group in groups)
        settled = seen
        for _, page in groupby(groups, key=attrgetter("page")):
            of_page = list(page)
            await connection.execute(note, [group.profiles for group in of_page])
            handled = await until_handled(connection, await snapshot(connection), [ENROLL])
            if not handled:
                break
            settled += sum(group.students for group in of_page)
            progress(settled, seen + found)
        if groups:
            async with answering(connection, mapping):
                done.update(await _done(connection, url, still, groups))
        seen += found
        if found < AT_A_LOOK:
            break
        del groups  # before the next look, which takes as much memory
    progress(seen, seen)
    return Settled(done, handled)


async def retry_set_aside(connection: Connection, statement: str) -> Counter[str]:
    """Try again the students or counts that are due, as long as one succeeds, and return what was done: where a daemon
    leads, it does that itself. Those that are refused wait on."""
    done: Counter[str] = Counter()
    leadership = Leadership(connection)
    if not await leadership.acquire():
        return done
    try:
        again = True
        while again:
            async with connection.transaction():
                await tune_transaction(connection, durable=True)
                row = await only_row(connection, statement, RETRIED, 0)
            done.update({word: row[word] for word in DONE if row.get(word)})
            again = row["settled"] > 0
    except asyncpg.PostgresError:
        pass
    finally:
        await leadership.release()
    return done


async def _find_work(
    connection: Connection, url: str | None, query: str, after: str | None
) -> tuple[list[Group], str | None]:
    """Those who come next, by page; and the last of their keys."""

    async def attempt() -> tuple[list[Group], str | None]:
        shared: dict[tuple[str, ...], tuple[str, ...]] = {}
        async with reading_whole_tables(connection, url, readonly=True):
            rows = await connection.fetch(query, after, AT_A_LOOK, PAGE)
        groups = []
        for row in rows:
            work = tuple(row["work"])
            groups.append(Group(row["page"], shared.setdefault(work, work), row["profiles"], row["students"]))
        return groups, rows[-1]["last_id"] if rows else None

    return await patiently(attempt)


async def _done(connection: Connection, url: str | None, query: str, groups: list[Group]) -> Counter[str]:
    """How much of the work is done, by word."""

    async def attempt() -> dict[tuple[int, str], int]:
        async with reading_whole_tables(connection, url, readonly=True):
            rows = await connection.fetch(query, [group.profiles for group in groups])
        return {(row["number"], row["work"]): row["students"] for row in rows}

    left = await patiently(attempt)
    done: Counter[str] = Counter()
    for number, group in enumerate(groups, 1):
        for work in group.work:
            done[work.partition(" ")[0]] += group.students - left.get((number, work), 0)
    return done


async def snapshot(connection: Connection) -> str:
    """Of all that is committed now."""
    return str(await connection.fetchval("select pg_current_snapshot()::text"))


async def until_handled(
    connection: Connection,
    committed: str,
    consumers: Sequence[str] = (ENROLL, COUNT),
    stall_seconds: float = STALL_SECONDS,
    done: Counter[str] | None = None,
) -> bool:
    """Wait until the feed is handled up to a snapshot: by the daemon if a daemon leads, or else by this session as the
    leader, which adds to `done`. False if nothing was handled for `stall_seconds`."""
    leadership = Leadership(connection)
    progress: str | None = None
    rung = False
    give_up_at = anyio.current_time() + stall_seconds
    while True:
        row = await only_row(connection, sql.read("repair/handled"), list(consumers), committed)
        if row["done"]:
            return True
        if row["progress"] != progress:
            progress, give_up_at = row["progress"], anyio.current_time() + stall_seconds
        elif anyio.current_time() > give_up_at:
            return False
        if await leadership.acquire():
            try:
                await _react(connection, consumers, Counter() if done is None else done)
            finally:
                await leadership.release()
        else:
            if not rung:  # notes of commands ring no bell
                await connection.execute("select pg_notify($1, '')", CHANNEL)
                rung = True
            await anyio.sleep(POLL_SECONDS)


async def _react(connection: Connection, consumers: Sequence[str], done: Counter[str]) -> None:
    for name in consumers:
        reaction = BuiltIn(name)
        try:
            await _handle(connection, reaction.together, done)
        except Fenced:
            return
        except asyncpg.PostgresError:
            try:
                await _handle(connection, reaction.each, done)
            except LOCKED:
                await anyio.sleep(POLL_SECONDS)


async def _handle(connection: Connection, consumer: Consumer, done: Counter[str]) -> None:
    """A batch, planned by key, as in the daemon's session. The batch is on the disk before the command says so."""
    async with connection.transaction():
        await tune_transaction(connection, durable=True)
        batch = await consumer.react(connection, BATCH, 0)
    if batch is not None:
        done.update({word: batch.result[word] for word in DONE if batch.result.get(word)})
