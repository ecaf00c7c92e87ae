"""Does what `diagnose` asks for, online: each step is short, waits for nobody long, and may be repeated."""

import random
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import anyio
import asyncpg

from listener import audit, rendering, sql, structure
from listener.connection import Connection, reason
from listener.consumers import COUNT, ENROLL
from listener.diagnosis import Diagnosis, Finding
from listener.errors import Busy, Fenced
from listener.feed import Consumer
from listener.install import BUSY_SECONDS, LOCK_MILLISECONDS
from listener.leadership import Leadership
from listener.mapping import CHANNEL, Mapping, column
from listener.reaction import Reaction
from listener.structure import Step

Answer = TypeVar("Answer")
Tell = Callable[[str], None]
Progress = Callable[[int, int, int], None]
"""Told how many students were looked at, of how many, and how many were enrolled, so far."""

QUARANTINE_ROWS = 1000
"""Rows moved in one transaction."""

PAGE = 2000
"""Students looked at in one transaction. Those who are missing are noted, and handled before the next page, so that who
signs up meanwhile waits behind no more than these."""

BATCH = 2000
POLL_SECONDS = 0.01
STALL_SECONDS = 10.0
"""How long nothing may be handled until it is given up to wait."""

WOULD = {
    "students_without_enrollment": "enroll {affected} students",
    "counts_off": "repair {affected} counts: {examples}",
    "enrollments_of_nobody": "move {affected} enrollments of nobody to listener.quarantine",
    "enrollments_of_no_course": "move {affected} enrollments of no course to listener.quarantine",
    "duplicate_enrollments": "move {affected} doubled enrollments to listener.quarantine, keeping one of each",
}
ASTRAY = {
    "enrollments_of_nobody": "refers to nobody",
    "enrollments_of_no_course": "refers to no course",
    "duplicate_enrollments": "another enrollment of the same profile in the same course was kept",
}
"""The rows that stand in a key's way, and why they are kept in quarantine."""

MOVED = {
    "enrollments_of_nobody": "of nobody",
    "enrollments_of_no_course": "of no course",
    "duplicate_enrollments": "that were doubled",
}


@dataclass(frozen=True)
class Todo:
    """Something that would be done, and the statements that do it, if people should see them."""

    what: str
    statements: tuple[str, ...] = ()


def would_do(diagnosis: Diagnosis, *, with_structure: bool) -> list[Todo]:
    """What `sync` would do, in its order: rows that stand in a key's way, keys and indexes, students, counts."""
    todos = would_change(diagnosis) if with_structure else []
    return todos + _said(diagnosis.findings, ("students_without_enrollment", "counts_off"))


def would_change(diagnosis: Diagnosis) -> list[Todo]:
    """What `--structure` would do, each thing with its statements."""
    todos: list[Todo] = []
    for step in structure.wanted(diagnosis.steps):
        todos += [each for each in _said(diagnosis.advice, step.rows) if each not in todos]
        todos.append(Todo(step.detail, tuple(each for stage in step.online for each in stage)))
    return todos


def _said(findings: Iterable[Finding], codes: Iterable[str]) -> list[Todo]:
    found = {finding.code: finding for finding in findings}
    return [
        Todo(WOULD[code].format(affected=found[code].affected, examples="; ".join(found[code].examples)))
        for code in codes
        if code in found
    ]


MIGRATION = """\
Keys and indexes of {table}, as `listener sync --structure --print` found them missing. They are made in one
transaction, as migration tools do it: meanwhile, writes to the table wait. `listener sync --structure` does the
same while others write.\
"""


def migration(diagnosis: Diagnosis, mapping: Mapping) -> str:
    """What `--structure` would do, as a migration for the LMS's own tool."""
    steps = structure.wanted(diagnosis.steps)
    table = mapping.enrollment_table.label
    if not steps:
        return _comment(f"{table} has all keys and indexes: nothing to do.") + "\n"
    parts = [_comment(MIGRATION.format(table=table))]
    rows = {finding.code: finding for finding in diagnosis.advice}
    for step in steps:
        for finding in [rows.pop(code) for code in step.rows if code in rows]:
            text = quarantine_statement(mapping, finding.code)
            what = f"{finding.affected} {finding.what}: kept in listener.quarantine, which `listener install` makes."
            parts.append(f"{_comment(what)}\n{text};")
        parts.append("\n".join([_comment(f"{step.detail}."), *(f"{statement};" for statement in step.migration)]))
    return "\n\n".join(parts) + "\n"


def _comment(text: str) -> str:
    """For SQL, whatever the text holds."""
    return "\n".join(f"-- {line}" for line in text.splitlines())


async def sync(connection: Connection, mapping: Mapping, tell: Tell, progress: Progress) -> bool:
    """Enroll who is missing, and move counts. `tell` gets a line for each thing done. False if something was noted and
    not handled in time, because whoever leads does not go on."""
    began = await snapshot(connection)
    await _set_lock_timeout(connection)
    handled = await until_handled(connection, began)
    if handled and mapping.enrolls and not mapping.observes:
        done = await enroll_missing(connection, mapping, progress)
        tell(f"enrolled {done.enrolled} students, {done.pending} wait")
        handled = done.handled and await until_handled(connection, await snapshot(connection))
    repairs = await patiently(lambda: audit.repair_counts(connection))
    for repair in repairs:
        was = "nothing" if repair.current is None else repair.current
        tell(f"course {repair.course_id}: {repair.count_column} was {was}, is {repair.expected}")
    handled = handled and await until_handled(connection, await snapshot(connection))
    if not handled:
        tell(f"nothing was handled for {STALL_SECONDS:g} s: what is noted waits for whoever leads")
    return handled


async def mend_structure(connection: Connection, mapping: Mapping, cascade: Collection[str], tell: Tell) -> bool:
    """Do what could be done about keys and indexes, and look whether it is there afterwards. False if something is not.

    Raises Busy if a table stays locked by others.
    """
    await _set_lock_timeout(connection)
    steps = structure.wanted(structure.missing(await structure.look(connection, mapping), cascade))
    moved: set[str] = set()
    complete = True
    for step in steps:
        for code in step.rows:
            if code not in moved:
                rows = await _quarantine(connection, mapping, code)
                if rows:
                    tell(f"moved {rows} enrollments {MOVED[code]} to listener.quarantine")
            moved.add(code)
        error = await _try(connection, mapping, step)
        left = structure.missing(await structure.look(connection, mapping), cascade)
        if step.subject in {each.subject for each in structure.wanted(left)}:
            complete = False
            tell(f"{step.detail}: not done" + (f", for {error}" if error else ""))
        else:
            tell(f"{step.detail}: done, {step.name} is there")
    return complete


async def _try(connection: Connection, mapping: Mapping, step: Step) -> str | None:
    """Run the statements of one step; what the server had against it, or None."""
    try:
        for statements in step.online:
            await _change(connection, statements)
    except asyncpg.InsufficientPrivilegeError:
        raise
    except asyncpg.PostgresError as error:
        for name in (await structure.look(connection, mapping)).invalid_indexes & {step.name}:
            await _change(connection, (structure.drop_index(mapping.enrollment_table, name),))
        return reason(error)
    return None


def quarantine_statement(mapping: Mapping, code: str, *, chosen: bool = False) -> str:
    """Moves rows of this kind: all, or those that are `chosen` by places ($1) in a table ($2), if they still are."""
    return _about(mapping, code, "quarantine", chosen=chosen)


def astray_statement(mapping: Mapping, code: str) -> str:
    """Finds the places of all rows of this kind."""
    return _about(mapping, code, "astray")


def _about(mapping: Mapping, code: str, name: str, *, chosen: bool = False) -> str:
    values = rendering.placeholders(mapping) | {"reason": ASTRAY[code], "among": "true", "among_profiles": "true"}
    kind = "duplicates" if code == "duplicate_enrollments" else "orphans"
    if kind == "orphans":
        reference, table, key = {
            "enrollments_of_nobody": (mapping.enrollment_profile, mapping.profile_table, mapping.profile_key),
            "enrollments_of_no_course": (mapping.enrollment_course, mapping.course_table, mapping.course_key),
        }[code]
        values |= {"reference": column(reference), "referred_table": str(table), "referred_key": column(key)}
    values["is_astray"] = sql.read("audit/is_astray_and_chosen" if chosen else "audit/is_astray")
    if chosen:
        values |= {each: sql.render(sql.read(f"audit/{each}"), values) for each in ("among", "among_profiles")}
    values["astray"] = sql.render(sql.read(f"audit/astray_{kind}"), values)
    return sql.render(sql.read(f"audit/{name}"), values)


async def _quarantine(connection: Connection, mapping: Mapping, code: str) -> int:
    """Some at a time, so that no transaction is long; the table is searched once."""
    text = quarantine_statement(mapping, code, chosen=True)

    async def move(places: list[str], table: int) -> int:
        async with connection.transaction():
            await connection.execute(sql.read("daemon/transaction"))  # few rows, by key
            return int(await connection.fetchval(text, places, table))

    moved = 0
    for row in await connection.fetch(astray_statement(mapping, code)):
        for first in range(0, len(row["places"]), QUARANTINE_ROWS):
            places = row["places"][first : first + QUARANTINE_ROWS]
            moved += await patiently(partial(move, places, row["table_oid"]))
    return moved


async def _change(connection: Connection, statements: Sequence[str]) -> None:
    """Run statements that change the structure in one transaction. A concurrent one runs alone: it blocks nobody, and
    may wait."""
    if len(statements) == 1 and " concurrently " in statements[0]:
        await connection.execute("set lock_timeout = 0")
        try:
            await connection.execute(statements[0])
        finally:
            await _set_lock_timeout(connection)
        return

    async def together() -> None:
        async with connection.transaction():
            for statement in statements:
                await connection.execute(statement)

    await patiently(together)


async def _set_lock_timeout(connection: Connection) -> None:
    await connection.execute(f"set lock_timeout = '{LOCK_MILLISECONDS}ms'")


async def patiently(work: Callable[[], Awaitable[Answer]]) -> Answer:
    """Do `work` again and again until it gets its locks. Raises Busy after BUSY_SECONDS."""
    give_up_at = anyio.current_time() + BUSY_SECONDS
    while True:
        try:
            return await work()
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            if anyio.current_time() > give_up_at:
                raise Busy(seconds=BUSY_SECONDS) from error
        await anyio.sleep(random.uniform(0.1, 0.5))  # noqa: S311


@dataclass(frozen=True)
class Enrolled:
    """What a walk past all students did."""

    students: int
    enrolled: int
    pending: int
    handled: bool
    """Whether all that was noted was handled, too."""


async def enroll_missing(connection: Connection, mapping: Mapping, progress: Progress) -> Enrolled:
    """Have every student enrolled that has no enrollment, a page at a time, in key order."""
    values = rendering.placeholders(mapping)
    note, still = (sql.render(sql.read(f"audit/{name}"), values) for name in ("note_missing", "still_unenrolled"))
    total: int = await connection.fetchval("select count(*) from listener.student")
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
        row = await connection.fetchrow(sql.read("audit/handled"), list(consumers), committed)
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
    """One batch, planned as the daemon's session would: by key, whatever is known of the tables."""
    async with connection.transaction():
        await connection.execute(sql.read("daemon/transaction"))
        await consumer.react(connection, BATCH, 0)
