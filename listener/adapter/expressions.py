"""SQL for a mapping, tried first in a transaction that is rolled back.

What users give as settings is understood by Postgres, and written down as Postgres writes it: so nothing but one
expression gets through, names are qualified, and columns can be told from all else. What we form ourselves needs none
of that, and stays as it is.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from listener import sql
from listener.adapter.mapping import Table, readable
from listener.connection import Connection, reason
from listener.errors import MayNot, WrongSetting

ROW = "listener_row"
NOTHING = "listener_nothing"

# Whatever else a query can have, beside a WHERE or an ORDER BY, shows in its parse tree.
MORE_THAN_ONE_CLAUSE = re.compile(
    r":(?:hasSubLinks|hasAggs|hasWindowFuncs|hasTargetSRFs|hasModifyingCTE) true"
    r"|:(?:groupClause|groupingSets|havingQual|windowClause|distinctClause|setOperations|limitOffset|limitCount"
    r"|rowMarks|cteList) [^<]"
)
SORTED = re.compile(r":sortClause (.)")
CLAUSE = re.compile(r"\n  (?:WHERE|ORDER BY)\s+")


async def predicate(connection: Connection, table: Table, text: str, setting: str) -> str:
    """A condition on a row of `table`, canonical, with the row written `{row}`. Raises WrongSetting."""
    return await _understood(connection, table, "where ({text}\n)", text, setting)


async def checked(connection: Connection, table: Table, condition: str, setting: str) -> str:
    """A condition of our own over `{row}`, unchanged, once Postgres has taken it. Raises WrongSetting, MayNot."""
    statement = f"select from {table} as {ROW} where ({condition.replace('{row}', ROW)}) is true limit 0"
    async with undone(connection):
        await _tried(connection, statement, readable(condition), setting)
    return condition


async def order(connection: Connection, table: Table, text: str, setting: str) -> str:
    """What to order rows of `table` by, in the same form. Raises WrongSetting."""
    return await _understood(connection, table, "order by {text}\n", text, setting)


async def value(connection: Connection, table: Table, column: str, kind: str, text: str, setting: str) -> str:
    """What a column of this type is given, computed from a row of `table`. Raises WrongSetting."""
    clause = f"where (({{text}}\n)::{kind}) is not null"
    understood = await _understood(connection, table, clause, text, f"{setting}, {column}")
    found = re.fullmatch(r"\((.*) IS NOT NULL\)", understood, re.DOTALL)
    if found is None:
        raise WrongSetting(name=setting, problem=f"{short(text)} is not an expression")
    return found[1]


async def checked_value(connection: Connection, table: Table, expression: str, kind: str, setting: str) -> str:
    """An expression of our own over `{row}`, unchanged, once Postgres has taken it for `kind`. Raises WrongSetting,
    MayNot."""
    statement = f"select ({expression.replace('{row}', ROW)})::{kind} from {table} as {ROW} limit 0"
    async with undone(connection):
        await _tried(connection, statement, readable(expression), setting)
    return expression


async def query(connection: Connection, text: str, kind: str, setting: str) -> str:
    """A query of one column of type `kind`, canonical, its names qualified. Raises WrongSetting."""
    async with undone(connection):
        await _make_view(connection, text, text, setting)
        await connection.execute("set local search_path = ''")
        row = await connection.fetchrow(sql.read("adapter/catalogue/view_columns"))
    assert row is not None
    if row["types"] != [kind]:
        raise WrongSetting(
            name=setting, problem=f"{short(text)} must have one column of type {kind}, not {', '.join(row['types'])}"
        )
    definition: str = row["definition"]
    return definition.strip().rstrip(";")


async def _make_view(connection: Connection, select: str, text: str, setting: str) -> None:
    """Let Postgres understand what a user wrote."""
    await _tried(connection, f"create temporary view listener_expression as {select}", text, setting)


async def _tried(connection: Connection, statement: str, text: str, setting: str) -> None:
    """Run what was made of `text`. One statement only: the extended protocol."""
    try:
        await connection.fetch(statement)
    except asyncpg.InsufficientPrivilegeError as error:
        raise may_not(await connection.fetchval("select session_user"), setting, error) from error
    except asyncpg.PostgresError as error:
        raise not_understood(text, setting, error) from error


def may_not(role: str, setting: str, error: Exception) -> MayNot:
    """What is told of a right that is missing to try a setting."""
    return MayNot(role=role, action=f"try {setting} ({reason(error)})", mend="install as the owner of the tables")


def not_understood(text: str, setting: str, error: Exception) -> WrongSetting:
    """What is told of SQL that Postgres does not take."""
    return WrongSetting(name=setting, problem=f"{short(text)} is not understood: {reason(error)}")


async def _understood(connection: Connection, table: Table, clause: str, text: str, setting: str) -> str:
    if ROW in text or NOTHING in text or "{row}" in text:
        raise WrongSetting(name=setting, problem=f"may not speak of {ROW}, {NOTHING} or {{row}}")
    async with undone(connection):
        # A second relation makes Postgres qualify every column.
        select = f"select 1 as one from {table} as {ROW} cross join (select 1 as one) as {NOTHING}"
        await _make_view(connection, f"{select}\n{clause.replace('{text}', text)}", text, setting)
        await connection.execute("set local search_path = ''")
        row = await connection.fetchrow(sql.read("adapter/catalogue/view_shape"))
    assert row is not None
    more = MORE_THAN_ONE_CLAUSE.search(row["tree"]) or f"{NOTHING}." in row["definition"]
    if more or SORTED.findall(row["tree"]).count("(") != clause.startswith("order"):
        raise WrongSetting(
            name=setting, problem=f"{short(text)} is more than an expression over one row of {table.label}"
        )
    where_or_order: str = CLAUSE.split(row["definition"], maxsplit=1)[1]
    return where_or_order.rstrip("; \n").replace(f"{ROW}.", "{row}.")


@asynccontextmanager
async def undone(connection: Connection) -> AsyncIterator[None]:
    """A transaction, or a savepoint, that is rolled back whatever happens."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    finally:
        await transaction.rollback()


async def literal(connection: Connection, text: str, kind: str, setting: str) -> str:
    """A constant of a type. Raises WrongSetting if `text` is none."""
    constant = f"{sql.literal(text)}::{kind}"
    async with undone(connection):
        try:
            await connection.fetch(f"select {constant}")
        except asyncpg.PostgresError as error:
            raise WrongSetting(name=setting, problem=f"{short(text)} is no {kind}: {reason(error)}") from error
    return constant


def short(text: str) -> str:
    """SQL that a user wrote, as a line."""
    line = " ".join(text.split())
    return repr(line if len(line) <= 80 else line[:77] + "...")
