"""Mends what `diagnose` finds, online: each step is short, waits for nobody long, and may be repeated."""

import random
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import anyio
import asyncpg

from listener import audit, rendering, sql, structure
from listener.catalogue import Catalogue
from listener.connection import Connection
from listener.diagnosis import Finding
from listener.errors import Busy, Fenced
from listener.install import BUSY_SECONDS, LOCK_MILLISECONDS
from listener.leadership import Leadership
from listener.mapping import Mapping
from listener.reaction import Reaction

Answer = TypeVar("Answer")
Tell = Callable[[str], None]

QUARANTINE_ROWS = 1000
"""Rows moved in one transaction."""

BATCH = 2000
CATCH_UP_SECONDS = 10.0

WOULD = {
    "students_without_enrollment": "enroll {affected} students",
    "enrollments_of_nobody": "move {affected} enrollments of nobody to listener.quarantine",
    "enrollments_of_no_course": "move {affected} enrollments of no course to listener.quarantine",
    "duplicate_enrollments": "move {affected} doubled enrollments to listener.quarantine, keeping one of each",
    "counts_off": "repair {affected} counts: {examples}",
}


def would_do(catalogue: Catalogue, mapping: Mapping, findings: Iterable[Finding]) -> list[str]:
    """What `sync` would do about these findings, in its order: rows first, then structure, then students and counts."""
    found = {finding.code: finding for finding in findings}

    def said(*codes: str) -> list[str]:
        return [
            WOULD[code].format(affected=found[code].affected, examples="; ".join(found[code].examples))
            for code in codes
            if code in found
        ]

    return [
        *said("enrollments_of_nobody", "enrollments_of_no_course", "duplicate_enrollments"),
        *(statement for step in structure.missing(catalogue, mapping) for statement in step.statements),
        *said("students_without_enrollment", "counts_off"),
    ]


async def sync(connection: Connection, mapping: Mapping, tell: Tell, progress: Callable[[int, int], None]) -> None:
    """Do it all. `tell` gets a line for each thing done, `progress` students looked at and enrolled so far.

    Raises Busy if a table stays locked by others.
    """
    await connection.execute(f"set lock_timeout = '{LOCK_MILLISECONDS}ms'")
    for name in ("nobody", "duplicates"):
        moved = await _quarantine(connection, mapping, name)
        if moved:
            tell(f"moved {moved} enrollments to listener.quarantine ({name})")
    for step in structure.missing(await Catalogue.load(connection), mapping):
        for statement in step.statements:
            await _change(connection, statement)
        tell(f"{step.detail}: mended")
    await catch_up(connection)
    if mapping.enrolls and not mapping.observes:
        done = await patiently(lambda: audit.enroll_missing(connection, mapping, progress))
        tell(f"enrolled {done.enrolled} students, {done.pending} wait")
    await catch_up(connection)
    repairs = await patiently(lambda: audit.repair_counts(connection))
    for repair in repairs:
        was = "nothing" if repair.current is None else repair.current
        tell(f"course {repair.course_id}: {repair.count_column} was {was}, is {repair.expected}")
    await catch_up(connection)


async def _quarantine(connection: Connection, mapping: Mapping, name: str) -> int:
    text = sql.render(sql.read(f"audit/quarantine_{name}"), rendering.placeholders(mapping))
    moved = 0
    while True:
        rows: int = await patiently(lambda: connection.fetchval(text, QUARANTINE_ROWS))
        moved += rows
        if rows < QUARANTINE_ROWS:
            return moved


async def _change(connection: Connection, statement: str) -> None:
    """Run one statement that changes the structure. A concurrent one blocks nobody, and may wait."""
    if " concurrently " in statement:
        await connection.execute("set lock_timeout = 0")
        try:
            await connection.execute(statement)
        finally:
            await connection.execute(f"set lock_timeout = '{LOCK_MILLISECONDS}ms'")
    else:
        await patiently(lambda: connection.execute(statement))


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


async def catch_up(connection: Connection) -> None:
    """Let the feed be handled as far as it has come: by the daemon if one leads, or else here, as the leader."""
    leadership = Leadership(connection)
    give_up_at = anyio.current_time() + CATCH_UP_SECONDS
    while anyio.current_time() < give_up_at:
        if await leadership.acquire():
            try:
                await _react(connection)
            finally:
                await leadership.release()
            return
        if not await connection.fetchval(sql.read("audit/backlog")):
            return
        await anyio.sleep(0.05)


async def _react(connection: Connection) -> None:
    for name in ("enroll", "count"):
        reaction = Reaction.load(name)
        while True:
            try:
                batch = await reaction.together.react(connection, BATCH, 0)
            except Fenced:
                return
            except asyncpg.PostgresError:
                batch = await reaction.each.react(connection, BATCH, 0)
            if batch is None or not batch.notes_left:
                break
