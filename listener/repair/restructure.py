"""Adds missing keys and indexes, and moves rows in the way to quarantine, while other sessions write: each step is
short, keeps no session waiting long, and may be repeated."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter

import asyncpg

from listener import sql
from listener.catalogue import keys
from listener.database.connection import Connection, tune_transaction
from listener.database.patience import patiently, set_lock_timeout
from listener.database.session import by_own_path
from listener.inspection import structure
from listener.inspection.diagnosis import Diagnosis
from listener.inspection.structure import Step
from listener.mapping import rendering
from listener.mapping.mapping import Mapping
from listener.numerals import counted
from listener.reasons import reason

QUARANTINE_ROWS = 1000

DUPLICATES = "duplicate_enrollments"

ASTRAY = {
    "enrollments_of_nobody": "refers to nobody",
    "enrollments_of_no_course": "refers to no course",
    DUPLICATES: "another enrollment of the same profile in the same course was kept",
}
"""Rows in a key's way, and the reason in quarantine."""

MOVED = {
    "enrollments_of_nobody": ("enrollment of nobody", "enrollments of nobody"),
    "enrollments_of_no_course": ("enrollment of no course", "enrollments of no course"),
    DUPLICATES: ("doubled enrollment", "doubled enrollments"),
}
"""The same rows in quarantine, in the singular and in the plural."""

MIGRATION = """\
Keys and indexes of {table}, as `listener sync --structure --print` found them missing. They are made in one
transaction, as migration tools do it: meanwhile, writes to the table wait. `listener sync --structure` does the
same while others write.\
"""


def migration(diagnosis: Diagnosis, mapping: Mapping) -> str:
    """The steps of `--structure`, as a migration for the LMS's own tool."""
    steps = structure.wanted(diagnosis.steps)
    table = mapping.enrollment_table.label
    if not steps:
        return _comment(f"{table} has all keys and indexes: nothing to do.") + "\n"
    parts = [_comment(MIGRATION.format(table=table))]
    rows = {finding.code: finding for finding in diagnosis.advice}
    for step in steps:
        for finding in [rows.pop(code) for code in step.rows if code in rows]:
            text = quarantine_migration(mapping, finding.code)
            what = f"{finding}: kept in listener.quarantine, which `listener install` makes."
            parts.append(f"{_comment(what)}\n{text}")
        parts.append("\n".join([_comment(f"{step.detail}."), *(f"{statement};" for statement in step.migration)]))
    return "\n\n".join(parts) + "\n"


def _comment(text: str) -> str:
    return "\n".join(f"-- {line}" for line in text.splitlines())


async def mend_structure(
    connection: Connection, mapping: Mapping, cascade: Collection[str], tell: Callable[[str], None]
) -> bool:
    """Add keys and indexes, and check afterwards. False if any is missing. Raises Busy if a table stays locked."""
    await set_lock_timeout(connection)
    steps = structure.wanted(structure.missing(await keys.look(connection, mapping), cascade))
    moved: set[str] = set()
    complete = True
    for step in steps:
        for code in step.rows:
            if code not in moved:
                rows = await _quarantine(connection, mapping, code)
                if rows:
                    tell(f"moved {counted(rows, *MOVED[code])} to listener.quarantine")
            moved.add(code)
        error = await _try(connection, mapping, step)
        left = structure.missing(await keys.look(connection, mapping), cascade)
        if step.subject in {each.subject for each in structure.wanted(left)}:
            complete = False
            tell(f"{step.detail}: not done" + (f", for {error}" if error else ""))
        else:
            tell(f"{step.detail}: done, {step.name} is there")
    return complete


async def _try(connection: Connection, mapping: Mapping, step: Step) -> str | None:
    """Run the statements of a step; returns the server's objection, or None."""
    try:
        for statements in step.online:
            await _change(connection, mapping, statements)
    except asyncpg.InsufficientPrivilegeError:
        raise
    except asyncpg.PostgresError as error:
        for name in (await keys.look(connection, mapping)).invalid_indexes & {step.name}:
            await _change(connection, mapping, (structure.drop_index(mapping.enrollment_table, name),))
        return reason(error)
    return None


def rows_statement(mapping: Mapping, code: str) -> str:
    """Finds the places of all rows of a kind."""
    return sql.render(sql.read("repair/restructure", _kind(code)), _values(mapping, code))


def quarantine_statement(mapping: Mapping, code: str) -> str:
    """Moves rows of a kind at some places ($1) in a table ($2), if still of that kind."""
    return sql.render(sql.read("repair/restructure", f"quarantine_{_kind(code)}"), _values(mapping, code))


def quarantine_migration(mapping: Mapping, code: str) -> str:
    """Moves all rows of a kind. (A migration of the LMS's has the LMS's path, and keeps the path.)"""
    values = _values(mapping, code) | {"rows": sql.subquery(rows_statement(mapping, code))}
    return sql.render(sql.read("repair/restructure", "quarantine_all"), values)


def _kind(code: str) -> str:
    return "duplicates" if code == DUPLICATES else "orphans"


def _values(mapping: Mapping, code: str) -> dict[str, str]:
    reference = {} if code == DUPLICATES else structure.reference(mapping, code)
    return rendering.placeholders(mapping) | reference | {"reason": ASTRAY[code]}


async def _quarantine(connection: Connection, mapping: Mapping, code: str) -> int:
    """In small transactions; the table is searched once."""
    text = quarantine_statement(mapping, code)

    async def move(places: list[str], table: int) -> int:
        async with connection.transaction():
            await tune_transaction(connection)  # few rows, by key
            return int(await connection.fetchval(text, places, table))

    moved = 0
    rows = await connection.fetch(rows_statement(mapping, code))
    for table, found in groupby(rows, key=itemgetter("table_oid")):
        places = [row["place"] for row in found]
        for first in range(0, len(places), QUARANTINE_ROWS):
            moved += await patiently(partial(move, places[first : first + QUARANTINE_ROWS], table))
    return moved


async def _change(connection: Connection, mapping: Mapping, statements: Sequence[str]) -> None:
    """Run statements in one transaction. A concurrent statement runs alone, blocks no session, and may wait."""
    if len(statements) == 1 and " concurrently " in statements[0]:
        await connection.execute("set lock_timeout = 0")
        try:
            async with by_own_path(connection):
                await connection.execute(statements[0])
        finally:
            await set_lock_timeout(connection)
        return

    async def together() -> None:
        async with connection.transaction():
            # The statements' names are qualified. The path is for event triggers of the LMS's.
            await connection.execute(f"select {rendering.by_lms_path(mapping)}")
            for statement in statements:
                await connection.execute(statement)

    await patiently(together)
