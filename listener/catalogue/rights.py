"""Rights of a role, checked before use: with hidden rows all would seem in order."""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import cache

import asyncpg

from listener import sql
from listener.database.connection import Connection
from listener.database.rows import only_row
from listener.errors import Blinded, Forced, MayNot
from listener.mapping.mapping import Mapping, Table
from listener.reasons import reason

DOOR = re.compile(r"\blistener\.(\w+)\(")


@asynccontextmanager
async def looking_at_schema(connection: Connection) -> AsyncIterator[None]:
    """Raises MayNot where a right is missing."""
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise MayNot(
            role=await connection.fetchval("select session_user"),
            action=f"look at schema listener ({reason(error)})",
            mend=await mend_of_lacking(
                connection, "connect as the role that installed it, or as one of `listener install --grant-to`"
            ),
        ) from error


async def mend_of_lacking(connection: Connection, as_another: str) -> str:
    """What helps a role that lacks a right: to connect as another role (`as_another`), unless it owns schema
    `listener`."""
    owns = await connection.fetchval(sql.read("catalogue/rights", "owns_schema"))
    return "it owns schema listener, so give it that right back" if owns else as_another


async def check_installer(connection: Connection, tables: Iterable[Table]) -> None:
    """Raise Blinded if row-level security would hide rows of these tables from functions that this role owns; MayNot if
    it lacks rights."""
    blind = [
        table
        for table in tables
        if await connection.fetchval("select pg_catalog.row_security_active($1::text::regclass::oid)", str(table))
    ]
    hidden, hidden_names = [table.label for table in blind], [str(table) for table in blind]
    if hidden:
        role = await connection.fetchval("select current_user")
        forced = await connection.fetch(sql.read("catalogue/rights", "forced"), hidden_names)
        if len(forced) == len(hidden):
            mend = "; ".join(f"alter table {row['name']} no force row level security" for row in forced)
            raise Forced(tables=", ".join(hidden), role=role, mend=mend)
        raise Blinded(tables=", ".join(hidden), role=role, does="would own the functions")


@cache
def doors() -> tuple[str, ...]:
    """Names of the functions open to a role of `--grant-to`."""
    return tuple(dict.fromkeys(DOOR.findall(sql.read("catalogue/doors"))))


async def check_runtime(connection: Connection) -> None:
    """Raise MayNot if the daemon could not work under the session's role."""
    row = await only_row(connection, sql.read("catalogue/rights", "lacking"), doors())
    if row["lacking"]:
        raise MayNot(
            role=row["role"],
            action=f"run the daemon: it lacks {row['lacking'][0]}",
            mend=f"run `listener install --grant-to {row['role']}` as the owner",
        )


async def check_views(connection: Connection, mapping: Mapping) -> None:
    """Raise Blinded if row-level security hides rows from the owner of the views."""
    schemas, names = zip(*((table.schema, table.name) for table in mapping.tables), strict=True)
    rows = await connection.fetch(sql.read("catalogue/rights", "hidden"), schemas, names)
    if rows:
        tables = ", ".join(row["hidden"] for row in rows)
        raise Blinded(tables=tables, role=rows[0]["owner"], does="owns the functions of schema listener")
