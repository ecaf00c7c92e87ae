"""Adds the keys and indexes that are missing, and moves rows in their way to quarantine, while others write: each step
is short, waits for nobody long, and may be repeated."""

from collections.abc import Callable, Collection, Sequence
from functools import partial

import asyncpg

from listener import sql
from listener.adapter import rendering
from listener.adapter.mapping import Mapping
from listener.connection import Connection, reason, tune_transaction
from listener.patience import patiently, set_lock_timeout
from listener.repair import keys, structure
from listener.repair.diagnosis import Diagnosis
from listener.repair.structure import Step
from listener.wording import counted

QUARANTINE_ROWS = 1000
"""Rows moved in one transaction."""

DUPLICATES = "duplicate_enrollments"

ASTRAY = {
    "enrollments_of_nobody": "refers to nobody",
    "enrollments_of_no_course": "refers to no course",
    DUPLICATES: "another enrollment of the same profile in the same course was kept",
}
"""The rows that stand in a key's way, and why they are kept in quarantine."""

MOVED = {
    "enrollments_of_nobody": ("enrollment of nobody", "enrollments of nobody"),
    "enrollments_of_no_course": ("enrollment of no course", "enrollments of no course"),
    DUPLICATES: ("doubled enrollment", "doubled enrollments"),
}
"""The same rows, once they are there: one of them, and several."""

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
            what = f"{finding}: kept in listener.quarantine, which `listener install` makes."
            parts.append(f"{_comment(what)}\n{text};")
        parts.append("\n".join([_comment(f"{step.detail}."), *(f"{statement};" for statement in step.migration)]))
    return "\n\n".join(parts) + "\n"


def _comment(text: str) -> str:
    """For SQL, whatever the text holds."""
    return "\n".join(f"-- {line}" for line in text.splitlines())


async def mend_structure(
    connection: Connection, mapping: Mapping, cascade: Collection[str], tell: Callable[[str], None]
) -> bool:
    """Do what could be done about keys and indexes, and look whether it is there afterwards. False if something is not.

    Raises Busy if a table stays locked by others.
    """
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
    """Run the statements of one step; what the server had against it, or None."""
    try:
        for statements in step.online:
            await _change(connection, statements)
    except asyncpg.InsufficientPrivilegeError:
        raise
    except asyncpg.PostgresError as error:
        for name in (await keys.look(connection, mapping)).invalid_indexes & {step.name}:
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
    kind = "duplicates" if code == DUPLICATES else "orphans"
    if kind == "orphans":
        values |= structure.reference(mapping, code)
    values["is_astray"] = sql.read("repair/is_astray_and_chosen" if chosen else "repair/is_astray")
    if chosen:
        values |= {each: sql.render(sql.read(f"repair/{each}"), values) for each in ("among", "among_profiles")}
    values["astray"] = sql.render(sql.read(f"repair/astray_{kind}"), values)
    return sql.render(sql.read(f"repair/{name}"), values)


async def _quarantine(connection: Connection, mapping: Mapping, code: str) -> int:
    """Some at a time, so that no transaction is long; the table is searched once."""
    text = quarantine_statement(mapping, code, chosen=True)

    async def move(places: list[str], table: int) -> int:
        async with connection.transaction():
            await tune_transaction(connection)  # few rows, by key
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
            await set_lock_timeout(connection)
        return

    async def together() -> None:
        async with connection.transaction():
            for statement in statements:
                await connection.execute(statement)

    await patiently(together)
